"""A text that is edited under the same id is another prompt, whatever trainer keeps it: scores
before and after stand in two columns, and no curve joins them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from clipstore.analysis.rules import Rules
from clipstore.analysis.series import run_scores_from_frame
from clipstore.layouts import all_layouts
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.survey import survey
from clipstore.sources.pattern import parse_pattern
from clipstore.storage.store import open_current
from tests.layout_trees import ai_toolkit_config, draw, write_json
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import made_old, write_simpletuner_run


class Kept(NamedTuple):
    """How a trainer keeps one prompt and a red picture of it."""

    write_text: Callable[[Path, str], object]
    picture: str
    """The picture's path, with {step}."""
    pattern: str | None = None


def write_library(root: Path, text: str) -> None:
    write_json(root / "prompts.json", {"x": text})


KEPT = {
    "ai_toolkit": Kept(
        lambda root, text: ai_toolkit_config(root, {"prompts": [text]}),
        "samples/17000000{step:05d}__{step:09d}_0.jpg",
    ),
    "folder": Kept(write_library, "step_{step}/x.png"),
    "kohya": Kept(
        lambda root, text: (root / "sample_prompts.txt").write_text(f"{text} --w 64"),
        "sample/lora_{step:06d}_00_202402030{step:05d}.png",
    ),
    "musubi": Kept(
        lambda root, text: (root / "sample_prompts.txt").write_text(f"{text} --w 64"),
        "sample/lora_{step:06d}_00_202402030{step:05d}_000.png",
    ),
    "onetrainer": Kept(
        lambda root, text: write_json(
            root / "config" / "2024-02-03_00-00-00.json",
            {"samples": [{"prompt": f"a very long beginning of a text: {text}"}]},
        ),
        "samples/0 - a very long beginning of a text/"
        "2024-02-03_0{step}-00-00-training-sample-{step}-0-0.png",
    ),
    "pattern": Kept(write_library, "{step}_x.png", "{step}_{prompt_id}.png"),
}
ONE_TEXT = {
    "diffusers": "it has one validation",
    "metadata": "the text is in the picture: another text makes another picture",
    "simpletuner": "its pictures are composites: below",
    "tracker": "it has no pictures of its own: they come with the logs",
}


def test_every_layout_is_here() -> None:
    assert {*KEPT, *ONE_TEXT} == {layout.NAME for layout in all_layouts()}


@pytest.mark.parametrize("layout", KEPT)
def test_an_edited_text_begins_another_column(tmp_path: Path, layout: str) -> None:
    kept = KEPT[layout]
    for step, text in ((1, "a red square"), (2, "a blue square")):
        draw(tmp_path / "run" / kept.picture.format(step=step), 32, 32, "red")
        kept.write_text(tmp_path / "run", text)
        made_old(tmp_path / "run")
        ingest(tmp_path, kept.pattern)

    assert_two_columns(tmp_path, layout)


def test_an_edited_library_of_simpletuner_begins_another_column(tmp_path: Path) -> None:
    for step, text in ((1, "a red square"), (2, "a blue square")):
        write_simpletuner_run(tmp_path / "run", {"x": text}, {step: ["red"]})
        ingest(tmp_path, None)

    assert_two_columns(tmp_path, "simpletuner")


def ingest(root: Path, pattern: str | None) -> None:
    found = survey(
        outline(root / "run", pattern=None if pattern is None else parse_pattern(pattern))
    )
    report = ingest_surveyed(
        [found], root / "s.duckdb", MeanColourEmbedder(), IngestOptions(workers=0)
    )
    assert report.tally.scored > 0
    assert report.problems == ()


def assert_two_columns(root: Path, layout: str) -> None:
    with open_current(root / "s.duckdb") as reader:
        (scores,) = run_scores_from_frame(
            reader.read("analysis_scores", {"run_ids": None}), Rules()
        )
        stored = reader.frame("SELECT DISTINCT layout FROM runs")["layout"].to_list()
        prompt_ids = reader.frame("SELECT DISTINCT prompt_id FROM scores")["prompt_id"].to_list()
    assert stored == [layout]
    assert len(prompt_ids) == 1, json.dumps(prompt_ids)
    assert scores.steps.tolist() == [1, 2]
    assert len(scores.prompts) == 2
    there = np.isfinite(scores.cosine)
    assert there.sum(axis=0).tolist() == there.sum(axis=1).tolist() == [1, 1]
