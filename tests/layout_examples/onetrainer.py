"""What OneTrainer saves."""

from __future__ import annotations

import copy
import json
import os
import traceback
import types
from pathlib import Path

from tests.layout_examples.taking import (
    CAT,
    FOX,
    Clock,
    fresh,
    keep_truth,
    new_files,
    picture,
    taken_from,
)

COMMIT = "23df3832"


def onetrainer(checkout: Path) -> None:
    """OneTrainer's sampling loop, folder names, progress and saving, with and without EMA."""
    folder = fresh("onetrainer")
    revision = COMMIT
    names = taken_from(checkout, revision, "modules/util/path_util.py", ["safe_filename"], {})
    progress = taken_from(
        checkout, revision, "modules/util/TrainProgress.py", ["TrainProgress"], {}
    )
    kinds = types.SimpleNamespace(IMAGE="image", VIDEO="video", AUDIO="audio")
    saver = taken_from(
        checkout,
        revision,
        "modules/modelSampler/BaseModelSampler.py",
        ["save_sampler_output"],
        {"os": os, "Path": Path, "FileType": kinds},
    )
    clock = Clock()
    code = taken_from(
        checkout,
        revision,
        "modules/trainer/GenericTrainer.py",
        ["__sample_loop"],
        {
            **{"os": os, "copy": copy, "traceback": traceback},
            "multi": types.SimpleNamespace(distributed=lambda items, distribute: items),
            "path_util": types.SimpleNamespace(safe_filename=names["safe_filename"]),
            "get_string_timestamp": lambda: clock.strftime("%Y-%m-%d_%H-%M-%S"),
            **{"FileType": kinds, "pil_to_tensor": None, "torch_gc": lambda: None},
            "tqdm": types.SimpleNamespace(write=print),
        },
    )

    class Sample(types.SimpleNamespace):
        def from_train_config(self, _config: object) -> None:
            pass

    class Jpeg:
        def extension(self) -> str:
            return ".jpg"

        def pil_format(self) -> str:
            return "JPEG"

    def sample(
        sample_config: Sample, destination: str, image_format: Jpeg, **_more: object
    ) -> None:
        output = types.SimpleNamespace(file_type="image", data=picture(sample_config.prompt))
        saver["save_sampler_output"](output, destination, image_format, None, None)

    trainer = types.SimpleNamespace(
        config=types.SimpleNamespace(
            **{"workspace_dir": str(folder), "save_filename_prefix": ""},
            **{"samples_to_tensorboard": False, "sample_image_format": Jpeg()},
            **{"sample_video_format": None, "sample_audio_format": None},
        ),
        callbacks=types.SimpleNamespace(
            on_update_sample_custom_progress=None, on_update_sample_default_progress=None
        ),
        model=types.SimpleNamespace(eval=lambda: None),
        model_sampler=types.SimpleNamespace(sample=sample),
    )
    samples = [Sample(prompt=FOX, enabled=True), Sample(prompt="off", enabled=False)]
    samples.append(Sample(prompt=CAT, enabled=True))
    truth = []
    for epoch, epoch_step, step in ((1, 0, 50), (2, 0, 100)):
        at = progress["TrainProgress"](epoch=epoch, epoch_step=epoch_step, global_step=step)
        for postfix in ("", " - no-ema"):
            made = new_files(
                folder,
                lambda at=at, postfix=postfix: code["__sample_loop"](
                    trainer, at, None, samples, ema_applied=not postfix, folder_postfix=postfix
                ),
            )
            truth += [
                {
                    "path": path,
                    "step": step,
                    "epoch": epoch,
                    "prompt": FOX if "/0 - " in path else CAT,
                }
                for path in made
            ]
    settings = [{"prompt": one.prompt, "enabled": one.enabled} for one in samples]
    (folder / "config").mkdir()
    (folder / "config" / "2026-05-04_12-00-00.json").write_text(json.dumps({"samples": settings}))
    keep_truth("onetrainer", truth)
