"""The panels that SimpleTuner draws now."""

from __future__ import annotations

import json
import logging
import types
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.layout_examples.simpletuner import COMMIT
from tests.layout_examples.taking import FOX, Truth, fresh, keep_truth, taken_from, textured

BASE, INPUT = textured("base", 0), textured("input", 0)


def simpletuner_now(checkout: Path) -> None:
    """The current version's stitching: control, input and base pictures, with and without EMA."""
    code, trainer = _stitching(checkout)
    panel = 256
    left = {"control": 261, "input": 261, "three-way": 522, "base": 261}
    for kind, at in left.items():
        for with_ema in (False, True):
            name = f"simpletuner--v4.8-{kind}{'-ema' if with_ema else ''}"
            folder = fresh(name)
            (folder / "validation_images").mkdir()
            truth: list[Truth] = []
            if kind in ("base", "three-way"):
                clean = folder / "benchmarks" / "base_model" / "fox_256x256.png"
                clean.parent.mkdir(parents=True)
                BASE.save(clean)
                row = {"path": clean.relative_to(folder).as_posix(), "step": 0, "prompt": FOX}
                truth.append(row)
            for step in (100, 200):
                trainer.step = step
                shown, has_label = _stitched(code, trainer, kind, textured(FOX, step))
                if with_ema:
                    labels = code["_ema_comparison_labels"](trainer, has_label)
                    ema = textured(FOX, step + 1)
                    shown = trainer.stitch_benchmark_image(ema, shown, labels=labels)
                font = code["get_font_for_labels"]()
                shown = code["draw_text_on_image"](shown, f"Prompt: {FOX}", font=font)
                file = f"validation_images/step_{step}_fox_0_256x256.png"
                shown.save(folder / file)
                box = [at, 0, at + panel, panel]
                truth.append({"path": file, "step": step, "prompt": FOX, "box": box})
            (folder / "user_prompt_library.json").write_text(json.dumps({"fox": FOX}))
            settings = {
                **{"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200},
                **({"--use_ema": True, "--ema_validation": "comparison"} if with_ema else {}),
                **({"--disable_benchmark": True} if kind in ("control", "input") else {}),
            }
            (folder / "config.json").write_text(json.dumps(settings))
            keep_truth(name, truth)


def _stitching(checkout: Path) -> tuple[dict[str, Any], types.SimpleNamespace]:
    """The trainer's functions, and what stands in for the trainer itself."""
    revision, path = COMMIT, "simpletuner/helpers/training/validation.py"
    code = taken_from(
        checkout,
        revision,
        path,
        [
            *("get_font_for_labels", "draw_text_on_image", "_stitch_single_pair"),
            *("stitch_benchmark_image", "_stitch_single_images", "stitch_three_images"),
            *("stitch_conditioning_images", "stitch_validation_input_image"),
            *("_ema_comparison_labels", "stitch_images_or_videos"),
        ],
        {
            "Image": Image,
            "ImageDraw": ImageDraw,
            "ImageFont": ImageFont,
            "logger": logging.getLogger(),
        },
    )
    trainer = types.SimpleNamespace(_validation_step_label=lambda: f"step {trainer.step}")
    for method in ("_stitch_single_images", "stitch_benchmark_image"):
        setattr(trainer, method, partial(code[method], trainer))
    return code, trainer


def simpletuner_videos(checkout: Path) -> None:
    """The same of videos: every frame is stitched and gets its footer, then diffusers' export
    writes them with imageio, which stretches them to multiples of 16."""
    code, trainer = _stitching(checkout)
    folder = fresh("simpletuner--v4.8-video")
    (folder / "validation_images").mkdir()
    clean = folder / "benchmarks" / "base_model" / "fox_256x256_0.mp4"
    clean.parent.mkdir(parents=True)
    _export(clean, [BASE] * 3)
    truth: list[Truth] = [
        {"path": clean.relative_to(folder).as_posix(), "step": 0, "prompt": FOX, "box": None}
    ]
    for step, with_ema, box in ((100, False, [267, 0, 526, 256]), (200, True, [263, 0, 519, 256])):
        trainer.step = step
        frames = []
        for number in range(3):
            own = textured(FOX, step + number)
            shown, has_label = _stitched(code, trainer, "base", own)
            if with_ema:
                labels = code["_ema_comparison_labels"](trainer, has_label)
                shown = trainer.stitch_benchmark_image(
                    textured("ema", number), shown, labels=labels
                )
            font = code["get_font_for_labels"]()
            frames.append(code["draw_text_on_image"](shown, f"Prompt: {FOX}", font=font))
        file = f"validation_images/step_{step}_fox_0_256x256.mp4"
        _export(folder / file, frames)
        # 261 to 517 of 518 drawn pixels, stretched to 528; 261 to 517 of 780, stretched to 784.
        truth.append({"path": file, "step": step, "prompt": FOX, "box": box})
    (folder / "user_prompt_library.json").write_text(json.dumps({"fox": FOX}))
    settings = {"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200}
    (folder / "config.json").write_text(json.dumps(settings))
    keep_truth(folder.name, truth)


def _export(path: Path, frames: list[Image.Image]) -> None:
    """As diffusers' `export_to_video` does with its defaults."""
    import imageio  # noqa: PLC0415 - only to make the examples

    with imageio.get_writer(path, fps=10, quality=5, macro_block_size=16) as writer:
        for frame in frames:
            writer.append_data(np.array(frame))


def _stitched(
    code: dict[str, Any], trainer: types.SimpleNamespace, kind: str, own: Image.Image
) -> tuple[Image.Image, bool]:
    """The picture, and whether the checkpoint's panel has a label."""
    label = trainer._validation_step_label()
    if kind == "control":
        (image,) = code["stitch_conditioning_images"](trainer, [own], INPUT)
        return image, False
    if kind == "input":
        function = code["stitch_validation_input_image"]
        return function(trainer, own, INPUT, labels=["input", label]), True
    if kind == "three-way":
        labels = ["input", "base model", label]
        return code["stitch_three_images"](trainer, INPUT, BASE, own, labels=labels), True
    return trainer.stitch_benchmark_image(own, BASE, labels=["base model", label]), True
