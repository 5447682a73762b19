"""A small store, and what a target makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from clipstore.export.targets import ExportRequest, load_target
from clipstore.storage.store import merge_parts, open_store
from tests.store_rows import NOON, Row, model_row, prompt_rows, run_row, score_rows, write_rows

TEXTS = {"fox": "=HYPERLINK(1)", "cat": 'a cat, a "hat"\nand é', "dog": "a dog"}
STEPS = {100: 0.20, 200: 0.25, 300: 0.24}


def fill(store: Path, run: str = "a", steps: Mapping[int, float] = STEPS) -> Path:
    """One run: three prompts a step, 0.02 apart, and the base model 0.1 below."""
    groups: list[dict[str, list[Row]]] = [
        {"models": [model_row()], "runs": [run_row(run)]},
        prompt_rows(run, TEXTS),
    ]
    for step, middle in steps.items():
        cosines = {"fox": middle - 0.02, "cat": middle, "dog": middle + 0.02}
        at = NOON + timedelta(minutes=step)
        groups.append(score_rows(run, step, cosines, TEXTS, at=at))
        lower = {name: cosine - 0.1 for name, cosine in cosines.items()}
        groups.append(score_rows(run, step, lower, TEXTS, panel="base", at=at))
    write_rows(store, *groups)
    merge_parts(store, wait_seconds=0)
    return store


def export(store: Path, target: str, folder: Path, **request: tuple[str, ...]) -> list[str]:
    with open_store(store) as reader:
        done = load_target(target).export(reader, ExportRequest(folder, **request))
    return [each.place for each in done]
