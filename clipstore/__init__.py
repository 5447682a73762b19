"""clipstore: CLIP scores of a fine-tuning run's validation pictures, and what they say.

Importing the package loads neither torch nor duckdb nor plotly; the modules are the interface.
"""

__version__ = "0.1.0"
