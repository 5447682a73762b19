"""From folders to scores: discover, read, score, keep."""
