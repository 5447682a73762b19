"""Write the recordings in this folder again, with the libraries themselves.

Run in an environment of its own, because clipstore needs none of these:
    pip install tensorboardX==2.6.5 accelerate tensorboard pillow numpy torch
    python tests/logs/make_recordings.py
Those of W&B are written by wandb_recordings.py, those of the trainers' own loggers by
tests/layout_examples/. Names of files and times differ from one writing to the next; the tests look
at neither.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from PIL import Image
from tensorboardX import SummaryWriter

HERE = Path(__file__).parent
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


def square(colour: str, side_px: int = 32) -> Image.Image:
    return Image.new("RGB", (side_px, side_px), COLOURS[colour])


def write_tensorboardx(folder: Path) -> None:
    """Its tags are changed on the way: all but letters, digits and -/_. become _."""
    with SummaryWriter(str(folder)) as writer:
        for step in range(1, 21):
            writer.add_scalar("train_loss", 1 / step, step)
            writer.add_scalar("clip/mean", 30.0 + step, step)
        for step in (10, 20):
            pixels = np.asarray(square("red")).transpose(2, 0, 1)
            writer.add_image("red - (32, 32)", pixels, step)


def write_accelerate(folder: Path) -> None:
    """What diffusers' and SimpleTuner's scripts log through: hparams, scalars, a grid."""
    accelerator = Accelerator(cpu=True, log_with="tensorboard", project_dir=str(folder))
    settings = {
        "learning_rate": 1e-4,
        "num_validation_images": 2,
        "validation_prompt": "a red square",
    }
    accelerator.init_trackers("text2image-fine-tune", {**settings, "max_train_steps": 20})
    for step in range(1, 21):
        accelerator.log({"train_loss": 1 / step, "lr": 1e-4}, step=step)
        if step % 10 == 0:
            grid = np.stack([np.asarray(square(colour)) for colour in COLOURS])
            tracker = accelerator.get_tracker("tensorboard").tracker
            tracker.add_images("validation", grid, step // 10, dataformats="NHWC")
    accelerator.end_training()


def main() -> None:
    writers = {
        "tensorboardx": write_tensorboardx,
        "accelerate": write_accelerate,
    }
    for name in sys.argv[1:] or writers:
        shutil.rmtree(HERE / name, ignore_errors=True)
        writers[name](HERE / name)


if __name__ == "__main__":
    main()
