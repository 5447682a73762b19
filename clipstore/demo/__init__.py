"""The demo: real runs of a small model, drawn out as their trainer would have saved them."""
