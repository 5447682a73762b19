"""Small run folders as trainers write them, drawn in plain colours."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests import drawn_composites

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
SIDE_PX = 64


def panel(colour: str, side_px: int = SIDE_PX) -> np.ndarray:
    """A plain square (side, side, 3)."""
    return np.full((side_px, side_px, 3), COLOURS[colour], dtype=np.uint8)


def composite(base: np.ndarray, checkpoint: np.ndarray, prompt: str) -> Image.Image:
    """[base | checkpoint] over a footer with the prompt, as SimpleTuner 4 saves it, without the
    labels: they would change the panels' mean colour."""
    left = drawn_composites.panel("base", Image.fromarray(base))
    right = drawn_composites.panel("checkpoint", Image.fromarray(checkpoint))
    joined = drawn_composites.beside(left, right, padded=True)
    return drawn_composites.with_footer(joined, prompt).image


def write_simpletuner_run(
    root: Path,
    prompts: Mapping[str, str],
    colours_by_step: Mapping[int, Sequence[str]],
    *,
    base_colour: str = "green",
    config: Mapping[str, object] | None = None,
) -> Path:
    """A run with benchmark pictures and, per step, one colour per prompt in the prompts' order."""
    pictures, base = root / "validation_images", root / "benchmarks" / "base_model"
    pictures.mkdir(parents=True, exist_ok=True)
    base.mkdir(parents=True, exist_ok=True)
    library = root / "user_prompt_library.json"
    library.write_text(json.dumps(dict(prompts)))
    settings = {"--user_prompt_library": str(library), "--max_train_steps": "1000"}
    (root / "config.json").write_text(json.dumps({**settings, **(config or {})}))
    size = f"{SIDE_PX}x{SIDE_PX}"
    for name in prompts:
        Image.fromarray(panel(base_colour)).save(base / f"{name}_{size}.png")
    for step, colours in colours_by_step.items():
        for (name, text), colour in zip(prompts.items(), colours, strict=True):
            drawn = composite(panel(base_colour), panel(colour), text)
            drawn.save(pictures / f"step_{step}_{name}_0_{size}.png")
    return made_old(root)


def write_folder_run(
    root: Path, prompts: Mapping[str, str], colours_by_step: Mapping[int, Sequence[str]]
) -> Path:
    """The smallest layout: step_000500/name.png with the prompt in name.txt."""
    for step, colours in colours_by_step.items():
        folder = root / f"step_{step:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        for (name, text), colour in zip(prompts.items(), colours, strict=True):
            Image.fromarray(panel(colour)).save(folder / f"{name}.png")
            (folder / f"{name}.txt").write_text(text)
    return made_old(root)


def made_old(root: Path) -> Path:
    """All files as if written an hour ago: not racy, and not half-written."""
    an_hour_ago = time.time() - 3600
    for path in root.rglob("*"):
        os.utime(path, (an_hour_ago, an_hour_ago))
    return root
