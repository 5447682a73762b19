"""What musubi-tuner saves."""

from __future__ import annotations

import argparse
import logging
import os
import types
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

from tests.layout_examples.taking import (
    CAT,
    FOX,
    SIDE,
    Clock,
    fresh,
    keep_truth,
    picture,
    saved,
    taken_from,
)

COMMIT = "30c658c"


def musubi(checkout: Path) -> None:
    """musubi-tuner's `sample_image_inference`, `save_images_grid` and `save_videos_grid`."""
    folder = fresh("musubi")
    (folder / "sample_prompts.txt").write_text(f"{FOX} --w 64 --h 64 --d 7\n{CAT} --f 5\n")
    # torchvision's make_grid gives one picture back as it is.
    grid = types.SimpleNamespace(utils=types.SimpleNamespace(make_grid=lambda x, nrow: x[0]))
    savers = taken_from(
        checkout,
        COMMIT,
        "src/musubi_tuner/hv_generate_video.py",
        ["save_images_grid", "save_videos_grid"],
        {
            **{"torch": torch, "os": os, "Image": Image, "np": np, "av": av, "torchvision": grid},
            "rearrange": lambda videos, _form: videos.permute(2, 0, 1, 3, 4),
        },
    )
    code = taken_from(
        checkout,
        COMMIT,
        "src/musubi_tuner/training/trainer_base.py",
        ["sample_image_inference"],
        {
            **{"torch": torch, "os": os, "time": Clock(), "logger": logging.getLogger("musubi")},
            "save_images_grid": savers["save_images_grid"],
            "save_videos_grid": savers["save_videos_grid"],
            "clean_memory_on_device": lambda _device: None,
        },
    )

    def no_tracker(_name: str) -> None:
        raise ValueError

    def infer(
        _accelerator: object, _args: object, sample: dict[str, Any], *_: Any, **__: Any
    ) -> Any:
        frame = torch.from_numpy(np.asarray(picture(sample["prompt"])).copy()).float() / 255
        frames = int(sample.get("frame_count", 1))
        return frame.permute(2, 0, 1)[None, :, None].expand(1, 3, frames, SIDE, SIDE)

    trainer = types.SimpleNamespace(
        default_guidance_scale=1.0,
        default_discrete_flow_shift=None,
        vae_frame_stride=4,
        i2v_training=False,
        control_training=False,
        do_inference=infer,
    )
    accelerator = types.SimpleNamespace(device="cpu", get_tracker=no_tracker)
    model = types.SimpleNamespace(training=True, eval=lambda: None, train=lambda _on: None)
    vae = types.SimpleNamespace(to=lambda _device: None)
    settings = argparse.Namespace(output_name="fox-lora")
    samples = [
        {"enum": 0, "prompt": FOX, "width": SIDE, "height": SIDE, "seed": 7},
        {"enum": 1, "prompt": CAT, "width": SIDE, "height": SIDE, "frame_count": 5},
    ]
    (folder / "sample").mkdir()
    truth = []
    for step in (100, 200):
        for sample in samples:

            def save(sample: dict[str, object] = sample, step: int = step) -> None:
                code["sample_image_inference"](
                    *(trainer, accelerator, settings, model, None, vae),
                    *(str(folder / "sample"), sample, None, step),
                )

            truth += saved(folder, save, step, str(sample["prompt"]))
    keep_truth("musubi", truth)
