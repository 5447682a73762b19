"""Write the recordings of W&B in this folder again, with wandb itself.

Run in an environment of its own, because clipstore does not need wandb:
    pip install wandb==0.31.0 pillow
    python tests/logs/wandb_recordings.py offline
    WANDB_BASE_URL=… WANDB_API_KEY=… python tests/logs/wandb_recordings.py online
Online takes a server. What lies here was sent to a stand-in on loopback that took everything (it
answered the queries RunResumeStatus, UpsertBucket, CreateRunFiles and the uploads); wandb writes
the same folder whatever becomes of what it sends. The second folder is the run resumed at step 15.
Names of files and times differ from one writing to the next; the tests look at neither.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Literal

import wandb
from PIL import Image

HERE = Path(__file__).parent
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
CONFIG = {"learning_rate": 1e-4, "output_dir": "output/a", "nested": {"rank": 16}, "hub_token": "x"}


def square(colour: str, side_px: int = 32) -> Image.Image:
    return Image.new("RGB", (side_px, side_px), COLOURS[colour])


def log_run(
    folder: Path, mode: Literal["offline", "online"], steps: range, run_id: str | None = None
) -> None:
    """As SimpleTuner and diffusers log: a list of pictures with captions, one under a key of its
    own, scalars; pictures logged without a step hang on to the last one."""
    quiet = wandb.Settings(x_disable_stats=True, x_disable_meta=True, disable_git=True)
    run = wandb.init(
        project="recordings",
        dir=str(folder),
        mode=mode,
        id=run_id,
        resume="allow" if run_id else None,
        config=CONFIG,
        settings=quiet,
    )
    for step in steps:
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
    if mode == "offline":
        run.log({"table": wandb.Table(["a", "b"], [[1, 2]])})
    run.config.update({"late": True}, allow_val_change=True)
    run.finish()


def main() -> None:
    os.environ |= {"WANDB_SILENT": "true", "WANDB_DISABLE_GIT": "true"}
    for mode in sys.argv[1:]:
        folder = HERE / f"wandb_{mode}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if mode == "offline":
            log_run(folder, "offline", range(1, 21))
        else:
            log_run(folder, "online", range(1, 21), "abc123")
            log_run(folder, "online", range(15, 23), "abc123")
        # Of no use here, and full of what this machine is.
        within = ("logs", "tmp", "files/requirements.txt")
        extras = ["debug*", "latest-run", *(f"*run-2*/{name}" for name in within)]
        for extra in [path for name in extras for path in folder.glob(f"wandb/{name}")]:
            is_folder = extra.is_dir() and not extra.is_symlink()
            shutil.rmtree(extra) if is_folder else extra.unlink()


if __name__ == "__main__":
    main()
