"""What every layout keeps, whatever trainer it reads. A new layout joins by its example here.

The examples are built by the trainers' naming rules as their sources state them; no trainer runs
here. Written by the library that the tool itself uses: diffusers' model card (huggingface_hub),
ai-toolkit's config (PyYAML), the texts inside generated pictures (Pillow).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import clipstore.layouts
from clipstore.errors import LayoutConflict
from clipstore.layouts import Layout, ReadContext, all_layouts
from clipstore.pipeline.discover import discover, outline
from clipstore.pipeline.logscan import LogScanner
from clipstore.sources.pattern import PathPattern, parse_pattern
from clipstore.types import Prompt
from tests.generated_pictures import a1111
from tests.layout_trees import (
    ai_toolkit_config,
    ai_toolkit_samples,
    diffusers_card,
    kohya_samples,
    onetrainer_samples,
    simpletuner_run,
    touch,
    write_json,
)


def folder_example(root: Path) -> None:
    touch(root, ["step_5/fox.png", "step_5/cat.png", "step_10/fox.png", "step_10/fox__1.png"])
    touch(root, ["step_5/fox.gif", "notes.md", "step_5/deeper/x.png"])
    (root / "step_5" / "cat.txt").write_text("a cat")


def simpletuner_example(root: Path) -> None:
    simpletuner_run(
        root,
        [f"step_{step}_{name}_0_64x64.png" for step in (5, 10) for name in ("fox", "fox__x", "?")]
        + ["step_5_fox_0_64x64.mp4", "grid.png"],
        library={"fox": "a fox"},
        config={"max_train_steps": 10},
        base=["fox_64x64.png", "odd.png"],
    )


def kohya_example(root: Path) -> None:
    kohya_samples(root, "lora", ["e000000", "000100", "e000002"])
    (root / "sample" / "prompt.txt").write_text("a fox --w 512\na cat\n")
    touch(root, ["sample/grid.png", "lora.safetensors"])


def musubi_example(root: Path) -> None:
    names = ["lora_000100_00_20240203112233_42_000.png", "lora_000100_01_20240203112233_42.mp4"]
    touch(root / "sample", [*names, "lora_000200_00_20240203122233_000.png", "odd.png"])
    (root / "sample_prompts.txt").write_text("a fox\n")


def ai_toolkit_example(root: Path) -> None:
    ai_toolkit_samples(root, [0, 250, 0, 100])
    ai_toolkit_config(root, {"prompts": ["a fox", "a cat"]})
    touch(root, ["samples/.thumbs/x.jpg", "samples/odd.jpg", "loss_log.db"])


def onetrainer_example(root: Path) -> None:
    onetrainer_samples(root, ["0 - fox", "0 - fox - no-ema", "1 - cat"], ["100-1-0", "200-2-0"])
    write_json(root / "config" / "2024-02-03_00-00-00.json", {"samples": [{"prompt": "fox"}]})
    touch(root, ["samples/custom/x.jpg", "samples/0 - fox/odd.jpg"])


def diffusers_example(root: Path) -> None:
    touch(root, ["image_0.png", "image_1.png", "images_0.png", "checkpoint-50/image_0.png"])
    diffusers_card(root, ["a fox", "a fox"])


def metadata_example(root: Path) -> None:
    a1111(root / "00001-7.png", "a fox <lora:mine-step00000500:1>")
    a1111(root / "00002-7.jpg", "a cat <lora:mine-step00000500:1>")
    a1111(root / "00003-7.png", "a fox <lora:final:1>")
    touch(root, ["00004-7.png", "00001-7.txt"])


def pattern_example(root: Path) -> None:
    touch(root, ["one/samples/5_fox_0.png", "two/samples/5_fox_0.png", "two/samples/9_fox_0.jpg"])
    touch(root, ["two/notes.md", "preview.png"])


def tracker_example(root: Path) -> None:
    shutil.copytree(RECORDED / "accelerate", root / "logs")
    touch(root, ["adapter.safetensors", "logs/notes.txt"])


ASKED_FOR = {"pattern": "{run}/samples/{step}_{prompt_id}_{index}.{ext}"}
"""Layouts that read only what they are asked to, with the pattern of their example."""

LAST_RESORT = {"tracker"}
"""Layouts that claim nothing that another one does."""

RECORDED = Path(__file__).parent / "logs"

EXAMPLES: dict[str, Callable[[Path], None]] = {
    "ai_toolkit": ai_toolkit_example,
    "diffusers": diffusers_example,
    "onetrainer": onetrainer_example,
    "pattern": pattern_example,
    "folder": folder_example,
    "kohya": kohya_example,
    "metadata": metadata_example,
    "musubi": musubi_example,
    "simpletuner": simpletuner_example,
    "tracker": tracker_example,
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
def test_every_layout_has_an_example(layout: Layout) -> None:
    assert layout.NAME in EXAMPLES


@every_layout
def test_a_layout_claims_its_own_example_only(layout: Layout, tmp_path: Path) -> None:
    for name, build in EXAMPLES.items():
        (tmp_path / name).mkdir()
        build(tmp_path / name)
        is_own = name == layout.NAME and name not in ASKED_FOR
        assert (layout.claims(tmp_path / name) is not None) == is_own


@pytest.mark.parametrize("other", [name for name in EXAMPLES if name != "folder"])
def test_two_layouts_in_one_folder_are_an_error_that_names_both(tmp_path: Path, other: str) -> None:
    folder_example(tmp_path)
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
