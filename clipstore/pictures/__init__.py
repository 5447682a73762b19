"""Files to pixels, and composites to the panels in them."""
