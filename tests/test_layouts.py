"""What every layout keeps, whatever trainer it reads. A new layout joins by its example folder in
tests/layouts/, which tests/layout_examples/ makes: by the trainer's own saving code where
that can run without a training, else by the specification, with the truth beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import clipstore.layouts
from clipstore.errors import LayoutConflict
from clipstore.layouts import Layout, ReadContext, all_layouts
from clipstore.pictures.panels import CutPicture, PanelReader
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.logscan import LogScanner
from clipstore.pipeline.survey import survey
from clipstore.sources.pattern import PathPattern, parse_pattern
from clipstore.storage.store import run_query
from clipstore.types import Picture, Prompt
from tests.discovered import discover
from tests.layout_trees import touch
from tests.mean_colour import MeanColourEmbedder

FOLDERS = Path(__file__).parent / "layouts"
ELSEWHERE = {"tracker": Path(__file__).parent / "logs" / "accelerate"}
"""Layouts whose example is a recorded log: what accelerate's own trackers wrote."""
ASKED_FOR = {"pattern": "{run}/samples/{step}_{prompt_id}_{index}.{ext}"}
"""Layouts that read only what they are asked to, with the pattern of their example."""
ODD = {
    "ai_toolkit": ["samples/odd.jpg", "loss_log.db", "samples/.tmp/1.jpg"],
    "diffusers": ["images_0.png", "checkpoint-50/image_0.png"],
    "folder": ["step_000005/fox.gif", "notes.md", "step_000005/deeper/x.png"],
    "kohya": ["sample/grid.png", "lora.safetensors"],
    "metadata": ["00004-7.png", "00001-7.txt"],
    "musubi": ["sample/odd.png"],
    "onetrainer": ["samples/custom/x.jpg", "samples/0 - a red fox in the snow/odd.jpg"],
    "pattern": ["two/notes.md", "preview.png"],
    "simpletuner": [
        *("validation_images/step_5_fox_2_0_64x64.mp4", "validation_images/grid.png"),
        *("validation_images/step_5_?_0_64x64.png", "benchmarks/base_model/odd.png"),
        "validation_images/step_5_cat__x_0_64x64.png",
    ],
    "tracker": ["adapter.safetensors", "logs/notes.txt"],
}
"""Files that lie beside the pictures of a real run, or that nobody meant to be there."""


def lay_out(name: str, root: Path) -> None:
    """The example folder, with odd files."""
    if name in ELSEWHERE:
        shutil.copytree(ELSEWHERE[name], root / "logs")
    else:
        shutil.copytree(FOLDERS / name, root, dirs_exist_ok=True)
    touch(root, ODD[name])


LAST_RESORT = {"tracker"}
"""Layouts that claim nothing that another one does."""

EXAMPLES: dict[str, Callable[[Path], None]] = {
    layout.NAME: partial(lay_out, layout.NAME) for layout in all_layouts()
}


def pattern_of(layout: Layout) -> PathPattern | None:
    text = ASKED_FOR.get(layout.NAME)
    return None if text is None else parse_pattern(text)


every_layout = pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.NAME)


def test_the_layouts_are_the_files_of_the_folder() -> None:
    here = Path(clipstore.layouts.__file__).parent
    files = {path.stem for path in here.glob("*.py")} - {"__init__"}

    assert [layout.NAME for layout in all_layouts()] == sorted(files)


@every_layout
def test_every_layout_has_an_example_folder(layout: Layout) -> None:
    if layout.NAME in ELSEWHERE:
        assert any(path.is_file() for path in ELSEWHERE[layout.NAME].rglob("*"))
        return
    assert (FOLDERS / layout.NAME).is_dir()
    assert (FOLDERS / f"{layout.NAME}.jsonl").read_text().count("\n") >= 2


def test_every_example_folder_is_of_a_layout_and_has_its_truth() -> None:
    names = {path.name for path in FOLDERS.iterdir() if path.is_dir()}
    truths = {path.stem for path in FOLDERS.glob("*.jsonl")}
    assert names == truths
    assert {name.split("--")[0] for name in names} | ELSEWHERE.keys() == set(EXAMPLES)


def trained_box(picture: Picture) -> list[int] | None:
    """Where the trained panel was found; None for a file that is one picture."""
    if picture.composite is None:
        return None
    cut = PanelReader().read(picture, now_ns=time.time_ns())
    assert isinstance(cut, CutPicture), cut
    return next(list(panel.box) for panel in cut.panels if panel.panel == "checkpoint")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDERS.glob("*.jsonl")))
def test_what_a_trainer_was_asked_to_save_is_what_is_read(name: str) -> None:
    truth = [json.loads(line) for line in (FOLDERS / f"{name}.jsonl").read_text().splitlines()]
    asked = ASKED_FOR.get(name)

    found = discover(FOLDERS / name, pattern=None if asked is None else parse_pattern(asked))

    read = {}
    for contents in found.runs:
        assert not contents.problems
        texts = {prompt.prompt_id: prompt.text for prompt in contents.prompts}
        for picture in contents.pictures:
            path = picture.path.relative_to(FOLDERS / name).as_posix()
            said = {"step": picture.step, "epoch": picture.epoch, "path": path}
            read[path] = {**said, "prompt": texts[picture.prompt_id], "box": trained_box(picture)}
    assert [{key: read.get(row["path"], {}).get(key) for key in row} for row in truth] == truth
    assert len(read) == len(truth)


@every_layout
def test_a_layout_claims_its_own_example_only(layout: Layout, tmp_path: Path) -> None:
    for name, build in EXAMPLES.items():
        (tmp_path / name).mkdir()
        build(tmp_path / name)
        is_own = name == layout.NAME and name not in ASKED_FOR
        assert (layout.claims(tmp_path / name) is not None) == is_own


@pytest.mark.parametrize("other", [name for name in EXAMPLES if name != "folder"])
def test_two_layouts_in_one_folder_are_an_error_that_names_both(tmp_path: Path, other: str) -> None:
    EXAMPLES["folder"](tmp_path)
    EXAMPLES[other](tmp_path)

    if other in ASKED_FOR or other in LAST_RESORT:
        assert {one.run.layout for one in discover(tmp_path).runs} == {"folder"}
        return
    with pytest.raises(LayoutConflict) as caught:
        discover(tmp_path)
    for name in ("folder", other):
        assert f"\n  {name}: " in str(caught.value)
        assert f"--layout {name}" in str(caught.value)


@every_layout
def test_a_layout_claims_neither_an_empty_folder_nor_a_missing_one(
    layout: Layout, tmp_path: Path
) -> None:
    assert layout.claims(tmp_path) is None
    assert layout.claims(tmp_path / "none") is None


@every_layout
def test_every_file_ends_in_exactly_one_place(layout: Layout, tmp_path: Path) -> None:
    EXAMPLES[layout.NAME](tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe.png")

    fox = Prompt("fox", "a fox", "p")
    context = ReadContext("r", (fox,), tmp_path, pattern=pattern_of(layout))
    places: list[Path] = []
    for contents in layout.read(tmp_path, context):
        places += [picture.path for picture in contents.pictures]
        places += [problem.path for problem in contents.problems]
        places += [skipped.path for skipped in contents.skipped]

    assert sorted(places) == sorted(
        path for path in tmp_path.rglob("*") if path.is_symlink() or not path.is_dir()
    )


@every_layout
def test_every_picture_has_a_prompt_and_a_key_of_its_own(layout: Layout, tmp_path: Path) -> None:
    EXAMPLES[layout.NAME](tmp_path)

    fox = Prompt("fox", "a fox", "p")
    found = outline(tmp_path, pattern=pattern_of(layout), user_prompts=(fox,))
    for contents in LogScanner(found).runs():
        keys = [(one.step, one.prompt_id, one.image_index, one.panel) for one in contents.pictures]
        prompt_ids = [prompt.prompt_id for prompt in contents.prompts]
        assert len(set(keys)) == len(keys) > 0
        assert len(set(prompt_ids)) == len(prompt_ids)
        assert {key[1] for key in keys} == set(prompt_ids)


@every_layout
def test_reading_twice_gives_the_same(layout: Layout, tmp_path: Path) -> None:
    EXAMPLES[layout.NAME](tmp_path)

    first, second = (discover(tmp_path, pattern=pattern_of(layout)) for _ in range(2))

    assert first == second


@every_layout
def test_a_run_of_another_layout_read_by_force_fails_no_file(
    layout: Layout, tmp_path: Path
) -> None:
    for build in EXAMPLES.values():
        build(tmp_path)

    context = ReadContext("r", (), tmp_path, pattern=pattern_of(layout))
    (contents, *_) = layout.read(tmp_path, context)

    assert contents.run.layout == layout.NAME
    assert tmp_path in (contents.run.root, contents.run.root.parent)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDERS.glob("*.jsonl")))
def test_every_picture_that_a_trainer_saved_is_scored(name: str, tmp_path: Path) -> None:
    truth = [json.loads(line) for line in (FOLDERS / f"{name}.jsonl").read_text().splitlines()]
    shutil.copytree(FOLDERS / name, tmp_path / name)
    asked = ASKED_FOR.get(name)
    found = outline(tmp_path / name, pattern=None if asked is None else parse_pattern(asked))

    options = IngestOptions(workers=0)
    report = ingest_surveyed([survey(found)], tmp_path / "s.duckdb", MeanColourEmbedder(), options)

    assert (report.tally.scored, report.problems) == (len(truth), ())
    plain = "SELECT min(cosine) FROM current_scores WHERE text LIKE '%red%' AND panel <> 'base'"
    if not name.startswith("simpletuner"):  # whose pictures are drawn ones
        assert run_query(tmp_path / "s.duckdb", plain).item() == pytest.approx(1.0, abs=0.02)
