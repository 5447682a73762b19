"""Draws true pairs for `clipstore calibrate`: held-out scenes as panels, each with its caption.

Prompts of validations leave nothing out, so these captions do not either; pictures are enlarged
as a trainer's panels are, because the band must speak of the same pixel path.

    python -m benchmarks.demo.draw_pairs --out DIR [--count N] [--seed N]
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.demo.wear import enlarge_picture
from benchmarks.demo.world import caption_scene, draw_picture, draw_scene


def draw_pairs(folder: Path, count: int, seed: int) -> None:
    """Writes `count` pairs of NNNN.png and NNNN.txt."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        scene = draw_scene(rng, held_out=True)
        enlarge_picture(draw_picture(scene, rng)).save(folder / f"{number:04d}.png")
        (folder / f"{number:04d}.txt").write_text(caption_scene(scene) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=30)
    options = parser.parse_args()
    draw_pairs(options.out, options.count, options.seed)


if __name__ == "__main__":
    main()
