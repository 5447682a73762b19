"""The demo's runs from what the package ships: small sheets of pictures to SimpleTuner's folders.

Invariant: no pixel of a picture is made here. A sheet holds what the generator drew at its own
size; laying it out repeats each pixel and adds what the trainer draws around it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipstore.demo.composite import stitch_base_and_checkpoint

PIXELS_PER_PIXEL = 4
"""How large a native pixel is drawn: labels must not cover what there is to see."""
PROMPT_LIBRARY = "user_prompt_library.json"


def lay_out_run(sheets: Path, folder: Path) -> int:
    """Write one run folder from `sheets`; returns the number of composites.

    `sheets` holds step_<step>_<index>.webp, each (n_prompts * side, side) pixels with one picture
    per prompt in the order of its user_prompt_library.json; step 0 is the base model. Its
    config.json and TensorBoard events, where it has them, are copied.
    """
    prompts: dict[str, str] = json.loads((sheets / PROMPT_LIBRARY).read_text("utf-8"))
    by_place = {_sheet_to_place(path): path for path in sorted(sheets.glob("step_*.webp"))}
    # The trainer keeps one base picture per prompt: of several, the last written stays.
    base_place = max(place for place in by_place if place[0] == 0)
    base = _sheet_to_panels(by_place[base_place])
    size = f"{base[0].width}x{base[0].height}"
    pictures, benchmark = folder / "validation_images", folder / "benchmarks" / "base_model"
    for new in (pictures, benchmark):
        new.mkdir(parents=True, exist_ok=True)
    for name, panel in zip(prompts, base, strict=True):
        panel.save(benchmark / f"{name}_{size}.png", compress_level=1)
    n_composites = 0
    for (step, index), path in by_place.items():
        if step == 0:
            continue
        panels = _sheet_to_panels(path)
        for (name, text), left, right in zip(prompts.items(), base, panels, strict=True):
            drawn = stitch_base_and_checkpoint(left, right, step, text)
            drawn.save(pictures / f"step_{step}_{name}_{index}_{size}.png", compress_level=1)
            n_composites += 1
    for name in (PROMPT_LIBRARY, "config.json"):
        shutil.copyfile(sheets / name, folder / name)
    for events in sheets.glob("events.out.tfevents.*"):
        logs = folder / "logs" / "clipstore-demo"
        logs.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(events, logs / events.name)
    return n_composites


def _sheet_to_place(path: Path) -> tuple[int, int]:
    """(step, image index) of a sheet's name."""
    _, step, index = path.stem.split("_")
    return int(step), int(index)


def _sheet_to_panels(path: Path) -> list[Image.Image]:
    """The panels of a sheet, one per prompt, enlarged."""
    with Image.open(path) as sheet:
        pixels: NDArray[np.uint8] = np.asarray(sheet.convert("RGB"))
    side = pixels.shape[1]
    panel_size = (side * PIXELS_PER_PIXEL, side * PIXELS_PER_PIXEL)
    return [
        Image.fromarray(picture).resize(panel_size, Image.Resampling.NEAREST)
        for picture in pixels.reshape(-1, side, side, 3)
    ]
