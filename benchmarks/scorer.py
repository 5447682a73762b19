"""How fast and how exact the scorer is, beside its peers: one command, any machine.

    python -m benchmarks.scorer [--make-environments] [--fetch-pictures] [--out FILE.md]
    python -m benchmarks.scorer --models ViT-B-32 --formats png-1024 --pictures 32 --parts speed

`python benchmarks/scorer.py`, from any folder, is the same. What it is made of, what each peer does
and what was learned is in scorer_parts/README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run by its file name: Python then looks in this folder, and our parts are named from above it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.scorer_parts.command import main

if __name__ == "__main__":
    main()
