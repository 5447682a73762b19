"""kohya's sd-scripts, with or without the kohya_ss front end: pictures in sample/.

Invariant: what the two trainers of kohya share is in `clipstore.kohya`; here is only how
sd-scripts names its samples. One output folder may hold several trainings; each is a run.
"""

from __future__ import annotations

from pathlib import Path

from clipstore.kohya.names import parse_sd_scripts
from clipstore.kohya.run import has_samples, read_output_folder
from clipstore.kohya.settings import SAMPLE_FOLDER
from clipstore.layouts import ReadContext
from clipstore.types import Run, RunContents

NAME = "kohya"
_FORM = "<output name>_<step, or e and epoch>_<prompt>_<time>_<seed>.png"


def claims(folder: Path) -> str | None:
    """A folder whose sample/ has a picture with sd-scripts' name."""
    if not has_samples(folder, parse_sd_scripts):
        return None
    return f"{SAMPLE_FOLDER}/ holds pictures named as sd-scripts names them"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """One run per output name and training."""
    run = Run(context.run_name, folder, NAME, claims(folder) or "--layout kohya asks for it")
    return read_output_folder(
        run, context.other_runs, context.user_prompts, parse_sd_scripts, _FORM
    )
