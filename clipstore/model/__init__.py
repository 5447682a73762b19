"""CLIP and SigLIP: files, pixel path, vectors. pyproject.toml says which modules import torch."""
