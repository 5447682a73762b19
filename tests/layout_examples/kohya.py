"""What sd-scripts saves."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import sys
import types
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from tests.layout_examples.taking import (
    CAT,
    FOX,
    Clock,
    fresh,
    keep_truth,
    picture,
    saved,
    taken_from,
)

COMMIT = "48d368fa"


def kohya(checkout: Path) -> None:
    """sd-scripts' `sample_image_inference`, with prompts as its own `load_prompts` reads them."""
    folder = fresh("kohya")
    (folder / "sample_prompts.txt").write_text(
        f"# two prompts\n{FOX} --n ugly --w 64 --h 64 --d 42\n\n{CAT} --w 64 --h 64\n"
    )
    code = taken_from(
        checkout,
        COMMIT,
        "library/train_util.py",
        ["sample_image_inference", "load_prompts", "line_to_prompt_dict"],
        {
            **{"torch": torch, "os": os, "json": json, "Image": Image, "time": Clock()},
            **{"logger": logging.getLogger("kohya"), "re": re},
            "get_my_scheduler": lambda **_settings: None,
        },
    )
    module = types.ModuleType("library.train_util")
    module.line_to_prompt_dict = code["line_to_prompt_dict"]  # type: ignore[attr-defined]
    sys.modules["library.train_util"] = module
    prompts = code["load_prompts"](str(folder / "sample_prompts.txt"))
    (folder / "sample").mkdir()

    class Pipeline:
        def __call__(self, *, prompt: str, **_settings: object) -> str:
            return prompt

        def latents_to_image(self, latents: str) -> list[Image.Image]:
            return [picture(latents)]

    accelerator = types.SimpleNamespace(autocast=contextlib.nullcontext, trackers=[])
    settings = argparse.Namespace(
        sample_sampler="ddim", v_parameterization=False, output_name="fox-lora"
    )
    truth = []
    for epoch, step in ((None, 100), (None, 200)):
        for prompt in prompts:

            def save(prompt: dict[str, Any] = prompt, epoch: Any = epoch, step: int = step) -> None:
                code["sample_image_inference"](
                    *(accelerator, settings, Pipeline(), str(folder / "sample")),
                    *(prompt, epoch, step, None),
                )

            truth += saved(folder, save, step, prompt["prompt"])
    keep_truth("kohya", truth)
