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

from torch.utils.tensorboard import SummaryWriter

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
from benchmarks.demo.train_generator import CAPTION_DROPOUT, MAX_GRAD_NORM
from benchmarks.demo.wear import PANEL
from clipstore.demo.layout import PROMPT_LIBRARY, lay_out_run

PROJECT = "clipstore-demo"


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
        "--max_grad_norm": MAX_GRAD_NORM,
        "--optimizer": "muon",
        "--caption_dropout_probability": CAPTION_DROPOUT,
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


def write_run(setting: Setting, native: Path, folder: Path) -> int:
    """The whole run folder; returns the number of composites."""
    files = {"config.json": config_of(setting), PROMPT_LIBRARY: validation_prompts()}
    for name, content in files.items():
        (native / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    count = lay_out_run(native, folder)
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
