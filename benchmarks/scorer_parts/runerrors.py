"""Errors of a model, measured in a process of its own.

Invariant: the small CLIP of the demo, which is trained, is measured too: random weights alone
could hide an error that trained ones show.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.scorer_parts.content import write_prompts
from benchmarks.scorer_parts.errorpictures import ErrorPicture
from benchmarks.scorer_parts.errors import ErrorReport, KindError, PathError
from benchmarks.scorer_parts.plan import SLOW_ON_CPU
from benchmarks.scorer_parts.process import Failed, run_process, write_json
from benchmarks.scorer_parts.runs import Workplace
from clipstore.resources import resource_folder

PROMPTS = 8
DTYPES = {"cpu": ("auto", "float16", "bfloat16"), "cuda": ("auto", "float32", "bfloat16")}
""" "auto" is float32 on a CPU and float16 on CUDA."""


def trained_model() -> Path:
    """The demo's CLIP."""
    return resource_folder("demo_data") / "small-clip"


def run_errors(
    model: Path, pictures: Sequence[ErrorPicture], place: Workplace
) -> ErrorReport | Failed:
    """`model`'s errors on `pictures`."""
    sys.stderr.write(f"errors of {model.name}\n")
    is_slow = place.device == "cpu" and model.name in SLOW_ON_CPU
    job = {
        "model": str(model),
        "device": place.device,
        "dtypes": DTYPES.get(place.device, ("auto",)),
        "pictures": [asdict(picture) for picture in pictures],
        "prompts": write_prompts(PROMPTS),
        "wide_sums": is_slow,  # torch's own way in float16 would take hours
    }
    path = write_json(place.folder / "errors-job.json", job)
    answer = place.folder / "errors.json"
    command = [sys.executable, "-m", "benchmarks.scorer_parts.errors", str(path), str(answer)]
    finished = run_process(command, log=place.folder / "errors.log")
    if isinstance(finished, Failed):
        return Failed(f"{model.name}: {finished.why}")
    raw = json.loads(answer.read_text())
    paths = tuple(PathError(**path) for path in raw.pop("paths"))
    kinds = tuple(KindError(**kind) for kind in raw.pop("kinds"))
    return ErrorReport(paths=paths, kinds=kinds, **raw)
