"""What ai-toolkit saves."""

from __future__ import annotations

import os
import random
import shutil
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from tests.layout_examples.taking import (
    CAT,
    FOX,
    SIDE,
    Clock,
    fresh,
    keep_truth,
    new_files,
    picture,
    taken_from,
)

COMMIT = "27a03a91"


def ai_toolkit(checkout: Path) -> None:
    """ai-toolkit's `sample` and `GenerateImageConfig`; what its `generate_images` does with each
    picture is one call."""
    folder = fresh("ai_toolkit")
    given = {
        **{"os": os, "time": Clock(), "random": random, "torch": torch, "ImgExt": "jpg"},
        **{"ClipVisionAdapter": type("A", (), {}), "CustomAdapter": type("B", (), {})},
        **{"flush": lambda: None, "print_acc": lambda _text: None},
    }
    configs = taken_from(
        checkout,
        COMMIT,
        "toolkit/config_modules.py",
        ["GenerateImageConfig"],
        given,
    )
    code = taken_from(
        checkout,
        COMMIT,
        "jobs/process/BaseSDTrainProcess.py",
        ["sample"],
        {**given, "GenerateImageConfig": configs["GenerateImageConfig"]},
    )
    prompts = [f"{FOX} --w 64 --h 64", CAT]
    item = types.SimpleNamespace(
        **{"width": SIDE, "height": SIDE, "neg": "", "seed": None, "guidance_scale": 4.0},
        **{"sample_steps": 20, "network_multiplier": 1.0, "num_frames": 1, "fps": 16},
        **{"ctrl_img": None, "ctrl_idx": 0, "ctrl_img_1": None, "ctrl_img_2": None},
        ctrl_img_3=None,
    )
    sample = types.SimpleNamespace(
        **{"prompts": prompts, "samples": [item, item], "seed": 42, "walk_seed": True},
        **{"ext": "jpg", "guidance_rescale": 0.0, "adapter_conditioning_scale": 1.0},
        **{"refiner_start_at": 0.5, "extra_values": [], "do_cfg_norm": False, "sampler": "x"},
    )

    def generate(images: Sequence[Any], sampler: str) -> None:
        for number, one in enumerate(images):
            one.save_image_atomic(picture(one.prompt), number)

    trainer = types.SimpleNamespace(
        **{"accelerator": types.SimpleNamespace(is_main_process=True), "save_root": str(folder)},
        **{"first_sample_config": sample, "sample_config": sample, "adapter_config": None},
        **{"embedding": None, "adapter": None, "trigger_word": None, "logger": None, "ema": None},
        post_process_generate_image_config_list=lambda images: images,
        sd=types.SimpleNamespace(generate_images=generate),
    )
    truth = []
    for step in (0, 250, 500):
        made = new_files(folder, lambda step=step: code["sample"](trainer, step=step))
        truth += [
            {"path": path, "step": step, "prompt": FOX if path.endswith("_0.jpg") else CAT}
            for path in made
        ]
    # The job saves its config so.
    job = {"type": "sd_trainer", "sample": {"prompts": prompts, "seed": 42, "walk_seed": True}}
    config = {"job": "extension", "config": {"name": "fox", "process": [job]}}
    (folder / "config.yaml").write_text(yaml.dump(config))
    shutil.rmtree(folder / "samples" / ".tmp", ignore_errors=True)
    keep_truth("ai_toolkit", truth)
