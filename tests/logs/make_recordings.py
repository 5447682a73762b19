"""Write the recordings in this folder again, with the libraries themselves.

Run in an environment of its own, because clipstore needs none of these:
    pip install wandb==0.31.0 tensorboardX==2.6.5 accelerate tensorboard pillow numpy torch
    python tests/logs/make_recordings.py
Names of files and times differ from one writing to the next; the tests look at neither.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import wandb
from accelerate import Accelerator
from PIL import Image
from tensorboardX import SummaryWriter

HERE = Path(__file__).parent
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
CONFIG = {"learning_rate": 1e-4, "output_dir": "output/a", "nested": {"rank": 16}, "hub_token": "x"}


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


def write_wandb(folder: Path) -> None:
    """As SimpleTuner and diffusers log: a list of pictures with captions, one under a key of its
    own, scalars; pictures logged without a step hang on to the last one."""
    folder.mkdir()
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DISABLE_GIT": "true"}
    quiet = wandb.Settings(x_disable_stats=True, x_disable_meta=True, disable_git=True)
    run = wandb.init(project="recordings", dir=str(folder), config=CONFIG, settings=quiet)
    for step in range(1, 21):
        run.log(
            {"train_loss": 1 / step, "clip/mean": 30.0 + step, "is_last": step == 20}, step=step
        )
        if step % 10 == 0:
            pictures = [
                wandb.Image(square(colour), caption=f"{place}: a {colour} square")
                for place, colour in enumerate(COLOURS)
            ]
            run.log({"validation": pictures}, step=step)
            run.log({"red - 32x32": wandb.Image(square("red"), caption="red - 32x32")}, step=step)
    run.log({"table": wandb.Table(["a", "b"], [[1, 2]])})
    run.config.update({"late": True})
    run.finish()
    # Of no use here, and full of what this machine is.
    for extra in (
        *folder.glob("wandb/debug*"),
        *folder.glob("wandb/*/logs"),
        folder / "wandb/latest-run",
    ):
        shutil.rmtree(extra) if extra.is_dir() and not extra.is_symlink() else extra.unlink(
            missing_ok=True
        )
    for extra in folder.glob("wandb/*/files/requirements.txt"):
        extra.unlink()


def main() -> None:
    writers = {
        "tensorboardx": write_tensorboardx,
        "accelerate": write_accelerate,
        "wandb_offline": write_wandb,
    }
    for name in sys.argv[1:] or writers:
        shutil.rmtree(HERE / name, ignore_errors=True)
        writers[name](HERE / name)


if __name__ == "__main__":
    main()
