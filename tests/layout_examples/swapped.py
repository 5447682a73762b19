"""SimpleTuner v2.0.1, whose panels are in the wrong order."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import types
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.layout_examples.taking import (
    CAT,
    FOX,
    Truth,
    fresh,
    keep_truth,
    saved,
    taken_from,
    textured,
)

LEFT, RIGHT = [0, 0, 256, 256], [261, 0, 517, 256]


def simpletuner_composites(checkout: Path) -> None:
    """v2.0.1, which drew the panels in the wrong order: its own stitching and its own statements
    that write the prompt over the picture, alone and with an EMA panel."""
    revision, path = "v2.0.1", "helpers/training/validation.py"
    for name, with_ema in (("simpletuner--v2.0.1", False), ("simpletuner--v2.0.1-ema", True)):
        folder = fresh(name)
        base_folder = folder / "benchmarks" / "base_model"
        base_folder.mkdir(parents=True)
        (folder / "validation_images").mkdir()
        steps: list[int] = []
        given = {
            **{"os": os, "Image": Image, "ImageDraw": ImageDraw, "ImageFont": ImageFont},
            "StateTracker": types.SimpleNamespace(get_global_step=lambda s=steps: s[-1]),
        }
        code = taken_from(
            checkout, revision, path, ["stitch_benchmark_image", "_save_images"], given
        )
        trainer = types.SimpleNamespace(
            validation_resolutions=["256x256"], save_dir=str(folder / "validation_images")
        )
        truth: list[Truth] = []
        for prompt_id, prompt in (("fox", FOX), ("cat", CAT)):
            base = textured(prompt, 0)
            base.save(base_folder / f"{prompt_id}_256x256.png")
            truth.append(
                {
                    "path": f"benchmarks/base_model/{prompt_id}_256x256.png",
                    **{"step": 0, "prompt": prompt},
                }
            )
            for step in (100, 200):
                steps.append(step)
                # As the trainer calls it: the checkpoint's picture as the benchmark's.
                shown = code["stitch_benchmark_image"](
                    trainer, benchmark_image=textured(prompt, step), validation_image_result=base
                )
                if with_ema:
                    shown = code["stitch_benchmark_image"](
                        *(trainer, textured(prompt, step + 1), shown), labels=[None, "EMA"]
                    )
                _write_prompt(checkout, revision, path, shown, prompt)
                save = partial(
                    code["_save_images"], trainer, {prompt_id: [shown]}, prompt_id, prompt
                )
                truth += saved(folder, save, step, prompt, box=LEFT)
        (folder / "user_prompt_library.json").write_text(json.dumps({"fox": FOX, "cat": CAT}))
        settings = {"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200}
        (folder / "config.json").write_text(json.dumps(settings))
        keep_truth(name, truth)


def _write_prompt(
    checkout: Path, revision: str, path: str, shown: Image.Image, prompt: str
) -> None:
    """The statements under `if font is not None` that draw "Prompt: …", as they stand there."""
    source = subprocess.run(
        ["git", "-C", str(checkout), "show", f"{revision}:{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (block,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.If)
        and ast.unparse(node.test) == "font is not None"
        and "Prompt: " in ast.unparse(node)
    )
    font = ImageFont.truetype("DejaVuSans-Bold.ttf", 36)
    given = {"display_validation_results": [shown], "prompt": prompt, "font": font}
    exec(compile(ast.Module([block], []), path, "exec"), {**given, "ImageDraw": ImageDraw})
