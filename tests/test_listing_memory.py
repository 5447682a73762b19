"""What a run that is listed takes in memory: a name and a few references a file, not a path."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from benchmarks.scan import PROMPTS, names
from clipstore.pipeline.discover import outline
from clipstore.types import Prompt, RunContents

STEPS = 40
FILES = STEPS * PROMPTS
HELD_BYTES = 290
"""A file, while its run is held: 80 to 130 are its name, 112 the picture, the rest its numbers."""
PEAK_BYTES = 700
"""A file, while its run is read."""


def made(layout: str, root: Path) -> Path:
    for step in range(1000, 1000 + STEPS):
        for name in names(layout, step):
            path = root / "run" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root / "run"


def read(layout: str, run: Path) -> tuple[RunContents, ...]:
    ids = [key for n in range(PROMPTS) for key in (str(n), f"prompt{n}", f"{n} - prompt {n}")]
    prompts = tuple(Prompt(prompt_id, f"text of {prompt_id}", "p") for prompt_id in ids)
    (contents,) = outline(run, layout=layout, user_prompts=prompts).runs_by_folder()
    return contents


def bytes_per_file(layout: str, run: Path) -> tuple[float, float]:
    """Held, and at most meanwhile."""
    gc.collect()
    tracemalloc.start()
    try:
        (contents,) = read(layout, run)
        gc.collect()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(contents.pictures) == FILES
    return held / FILES, peak / FILES


@pytest.mark.parametrize("layout", ["folder", "simpletuner", "kohya", "ai_toolkit", "onetrainer"])
def test_a_listed_file_takes_little_memory(layout: str, tmp_path: Path) -> None:
    run = made(layout, tmp_path)
    # Of several readings the leanest: Python's table of shared strings grows by megabytes at once.
    held, peak = (
        min(each) for each in zip(*(bytes_per_file(layout, run) for _ in range(3)), strict=True)
    )
    assert held < HELD_BYTES
    assert peak < PEAK_BYTES
