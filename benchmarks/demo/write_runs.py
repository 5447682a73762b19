"""Writes run folders as SimpleTuner 4.8 leaves them, from what the trainings kept.

Reads the native sheets and logs of `train_generator`, changes no pixel of a picture beyond drawing
each as 4 x 4, and writes validation_images/, benchmarks/base_model/, the config, the prompt library
and TensorBoard events.

    python -m benchmarks.demo.write_runs --native DIR --out DIR [RUN ...]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from benchmarks.demo.composite import stitch_base_and_checkpoint
from benchmarks.demo.prompts import validation_prompts
from benchmarks.demo.settings import (
    BATCH,
    GUIDANCE,
    RUNS,
    SAMPLER_STEPS,
    VALIDATION_SEED,
    VALIDATION_STEPS,
    Setting,
)
from benchmarks.demo.wear import PANEL, enlarge_picture
from benchmarks.demo.world import SIDE

PROJECT = "clipstore-demo"


def read_sheet(path: Path) -> list[Image.Image]:
    """The panels of a native sheet (n * SIDE, SIDE), one per prompt."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    return [enlarge_picture(picture) for picture in pixels.reshape(-1, SIDE, SIDE, 3)]


def config_of(setting: Setting) -> dict[str, object]:
    """The training's options under SimpleTuner's names; `learning_rate` is the highest planned."""
    return {
        "--output_dir": f"output/{setting.name}",
        "--tracker_project_name": PROJECT,
        "--tracker_run_name": setting.name,
        "--report_to": "tensorboard",
        "--model_family": "small-world",
        "--seed": setting.seed,
        "--max_train_steps": setting.steps,
        "--train_batch_size": BATCH,
        "--learning_rate": max(rate for _, rate in setting.schedule),
        "--lr_scheduler": "constant_with_warmup" if len(setting.schedule) == 2 else "custom",
        "--lr_warmup_steps": setting.schedule[1][0],
        "--max_grad_norm": setting.max_grad_norm,
        "--optimizer": "adamw",
        "--caption_dropout_probability": 0.1,
        "--validation_steps": VALIDATION_STEPS,
        "--validation_seed": VALIDATION_SEED,
        "--validation_resolution": f"{PANEL}x{PANEL}",
        "--validation_guidance": GUIDANCE,
        "--validation_num_inference_steps": SAMPLER_STEPS,
        "--num_validation_images": setting.images,
        "--validation_disable_unconditional": True,
        "--user_prompt_library": "user_prompt_library.json",
        "--disable_benchmark": False,
        "--use_ema": False,
    }


def write_events(log: Path, folder: Path) -> None:
    """Loss and learning rate of every step as TensorBoard scalars, on the training's own clock."""
    writer = SummaryWriter(str(folder))
    for line in log.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for tag in ("train_loss", "learning_rate"):
            writer.add_scalar(tag, row[tag], row["step"], walltime=row["time"])
    writer.close()


def write_pictures(setting: Setting, native: Path, folder: Path) -> int:
    """Base panels and composites; returns the number of composites."""
    prompts = validation_prompts()
    label = f"{PANEL}x{PANEL}"
    images, benchmarks = folder / "validation_images", folder / "benchmarks" / "base_model"
    images.mkdir(parents=True)
    benchmarks.mkdir(parents=True)
    # The trainer keeps one base picture per prompt: of several, the last written stays.
    base = read_sheet(native / f"step_{0:06d}_{setting.images - 1}.webp")
    for name, panel in zip(prompts, base, strict=True):
        panel.save(benchmarks / f"{name}_{label}.png", compress_level=1)
    count = 0
    for sheet in sorted(native.glob("step_*.webp")):
        step, index = (int(part) for part in sheet.stem.removeprefix("step_").split("_"))
        if step == 0:
            continue
        panels = read_sheet(sheet)
        for (name, prompt), left, right in zip(prompts.items(), base, panels, strict=True):
            composite = stitch_base_and_checkpoint(left, right, step, prompt)
            composite.save(images / f"step_{step}_{name}_{index}_{label}.png", compress_level=1)
            count += 1
    return count


def write_run(setting: Setting, native: Path, folder: Path) -> int:
    """The whole run folder; returns the number of composites."""
    count = write_pictures(setting, native, folder)
    files = {"config.json": config_of(setting), "user_prompt_library.json": validation_prompts()}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    write_events(native / "log.jsonl", folder / "logs" / PROJECT)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="names; all when none is given")
    parser.add_argument("--native", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for setting in RUNS:
        if not options.runs or setting.name in options.runs:
            folder = options.out / setting.name
            count = write_run(setting, options.native / setting.name, folder)
            sys.stdout.write(f"{folder.name}: {count} composites\n")


if __name__ == "__main__":
    main()
