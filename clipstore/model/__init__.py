"""CLIP: its files, its pixel path, its vectors. Only `embed` imports torch."""
