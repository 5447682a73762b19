"""The names that SimpleTuner's versions gave."""

from __future__ import annotations

import json
import logging
import os
import types
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from tests.layout_examples.taking import CAT, COLOURS, FOX, fresh, keep_truth, saved, taken_from

COMMIT = "bc8e6ab77"


COMPOSITES = Path(__file__).parents[1] / "simpletuner_pictures"


SIMPLETUNER = {
    "simpletuner--v0.9.8.1": ("v0.9.8.1", "helpers/training/validation.py", "_save_images"),
    "simpletuner--v2.0": ("v2.0", "helpers/training/validation.py", "_save_images"),
    "simpletuner--v3.0.0": ("v3.0.0", "simpletuner/helpers/training/validation.py", "_save_images"),
    "simpletuner": (
        COMMIT,
        "simpletuner/helpers/training/validation_images.py",
        "save_images",
    ),
}


def simpletuner(checkout: Path) -> None:
    """What each version's own function that saves validation pictures makes of the same pictures:
    composites that the trainer drew for the current one, plain ones for the others."""
    for name, (revision, path, function) in SIMPLETUNER.items():
        folder = fresh(name)
        (folder / "validation_images").mkdir()
        steps: list[int] = []
        state = types.SimpleNamespace(get_global_step=lambda steps=steps: steps[-1])
        given: dict[str, object] = {
            **{"os": os, "StateTracker": state, "logger": logging.getLogger(name)},
        }
        names = [function]
        if function == "save_images":
            names.append("save_validation_image")
            given["record_validation_media"] = lambda *_all, **_more: None
        code = taken_from(checkout, revision, path, names, given)
        size: Any = (128, 128) if "v0.9" in name else "128x128"
        config = types.SimpleNamespace(num_eval_images=1, validation_image_format="png")
        trainer = types.SimpleNamespace(
            validation_resolutions=[size], save_dir=str(folder / "validation_images"), config=config
        )
        truth = []
        for step in (100, 200):
            steps.append(step)
            for shortname, prompt in (("unconditional", ""), ("fox_2", FOX), ("cat", CAT)):
                shown = _validation_picture(name, prompt, step)
                pictures = {shortname: [shown]}
                if function == "save_images":
                    arguments = (trainer.save_dir, pictures, shortname, [size], config)
                else:
                    arguments = (trainer, pictures, shortname, prompt)
                truth += saved(
                    folder,
                    partial(code[function], *arguments),
                    step,
                    prompt,
                    epoch=step // 100,
                    **({"box": [133, 0, 261, 128]} if name == "simpletuner" else {}),
                )
            _checkpoint(checkout, folder, step)
        library = {"fox_2": FOX, "cat": CAT}
        (folder / "user_prompt_library.json").write_text(json.dumps(library))
        settings = {"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200}
        (folder / "config.json").write_text(json.dumps(settings))
        keep_truth(name, truth)


def _validation_picture(name: str, prompt: str, step: int) -> Image.Image:
    if name == "simpletuner":
        kind = "bench-ema-short" if step == 200 else "bench-short"
        path = COMPOSITES / f"v4_8_0__{kind}__step_500_validation_0_128x128.png"
        with Image.open(path) as drawn:
            drawn.load()
            return drawn.copy()
    return Image.new("RGB", (128, 128), COLOURS.get(prompt, "grey"))


def _checkpoint(checkout: Path, folder: Path, step: int) -> None:
    """The checkpoint's training_state.json, by the current trainer's own function."""
    code = taken_from(
        checkout,
        COMMIT,
        "simpletuner/helpers/training/state_tracker.py",
        ["save_training_state"],
        {"json": json, "logger": logging.getLogger("simpletuner")},
    )
    state = types.SimpleNamespace(
        global_step=step, epoch_step=0, epoch=step // 100, exhausted_backends=[], repeats={}
    )
    place = folder / f"checkpoint-{step}"
    place.mkdir()
    code["save_training_state"](state, str(place / "training_state.json"))
