"""From a folder to the runs in it."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from clipstore.errors import ClipstoreError, LayoutConflict, NothingFound, PathMissing
from clipstore.pipeline.discover import outline
from clipstore.types import Prompt
from tests.discovered import Discovered, discover
from tests.layout_trees import simpletuner_run, touch
from tests.run_trees import write_folder_run

FOX = Prompt("fox", "a fox", "p")
PICTURE = "step_5_fox_0_64x64.png"


def names(found: Discovered) -> list[str]:
    return [one.run.name for one in found.runs]


def test_runs_are_named_by_their_path_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, ["b/step_5/fox.png", "a/deep/er/step_5/fox.png"])
    simpletuner_run(tmp_path / "a" / "x", [PICTURE])

    found = discover(tmp_path, user_prompts=(FOX,))

    assert [(one.run.name, one.run.layout) for one in found.runs] == [
        ("a/deep/er", "folder"),
        ("a/x", "simpletuner"),
        ("b", "folder"),
    ]
    assert found.root == tmp_path
    assert found.seen_files == 3


def test_a_root_that_is_a_run_has_its_own_name_from_wherever_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "my run", ["step_5/fox.png"])
    (tmp_path / "link").symlink_to("my run")
    monkeypatch.chdir(tmp_path / "my run")

    found = [discover(path) for path in (Path(), tmp_path / "my run", tmp_path / "link")]

    assert [names(one) for one in found] == [["my run"]] * 3
    assert len({one.runs[0].run.run_id for one in found}) == 1


def test_a_run_inside_another_run_s_folder_is_a_run_of_its_own(tmp_path: Path) -> None:
    simpletuner_run(tmp_path / "models", [PICTURE])
    simpletuner_run(tmp_path / "models" / "second", [PICTURE, "step_9_fox_0_64x64.png"])
    touch(tmp_path / "models" / "second" / "checkpoint-5", ["step_7/fox.png"])

    found = discover(tmp_path, user_prompts=(FOX,))

    assert names(found) == ["models", "models/second", "models/second/checkpoint-5"]
    assert [len(one.pictures) for one in found.runs] == [1, 2, 1]
    assert found.seen_files == 4


def test_files_outside_runs_are_counted_by_rule(tmp_path: Path) -> None:
    touch(tmp_path, ["run/step_5/fox.png", "notes.txt", "other/picture.png"])
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")

    found = discover(tmp_path, user_prompts=(FOX,))

    assert {one.path.name: one.rule for one in found.skipped} == {
        "notes.txt": "not_in_a_run",
        "picture.png": "not_in_a_run",
        "loop": "symlink",
        "pipe": "not_regular",
    }
    assert found.seen_files == 5


def test_links_below_the_root_are_not_followed(tmp_path: Path) -> None:
    simpletuner_run(tmp_path / "outside", [PICTURE])
    touch(tmp_path / "root", ["run/step_5/fox.png"])
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "half").mkdir()
    (tmp_path / "root" / "half" / "validation_images").symlink_to(
        tmp_path / "outside" / "validation_images"
    )

    assert names(discover(tmp_path / "root")) == ["run"]


def test_a_name_that_is_not_utf8_is_a_problem_that_asks_to_rename(tmp_path: Path) -> None:
    touch(tmp_path, ["run/step_5/fox.png"])
    for raw in (b"run/step_5/f\xfcchsin.png", b"caf\xe9/step_5/fox.png"):
        touch(tmp_path, [os.fsdecode(raw)])

    found = discover(tmp_path, user_prompts=(FOX,))

    (inside,) = found.runs[0].problems
    (outside,) = found.problems
    assert (inside.stage, inside.reason) == ("name", "name_not_utf8")
    assert "f\\xfcchsin.png" in inside.detail
    assert "caf\\xe9" in outside.detail
    for problem in (inside, outside):
        problem.detail.encode()
    assert found.seen_files == 3


def test_a_root_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    touch(root, ["step_5/fox.png"])

    with pytest.raises(ClipstoreError, match="Rename the folder"):
        discover(root)


def test_a_folder_that_cannot_be_listed_is_a_problem_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, ["run/step_5/fox.png", "run/step_9/fox.png", "secret/x", "gone/x"])
    real = os.scandir
    errors = {"secret": PermissionError, "step_9": PermissionError, "gone": FileNotFoundError}

    def scandir(path: Path) -> object:  # root may list everything, so chmod would prove nothing
        if Path(path).name in errors:
            raise errors[Path(path).name](13, "no", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = discover(tmp_path, user_prompts=(FOX,))

    assert [(one.path.name, one.reason, one.pending) for one in found.problems] == [
        ("gone", "vanished", True),
        ("secret", "permission", False),
    ]
    assert [(one.path.name, one.reason) for one in found.runs[0].problems] == [
        ("step_9", "permission")
    ]
    assert len(found.runs[0].pictures) == 1


def test_two_layouts_for_one_folder_are_an_error_until_one_is_chosen(tmp_path: Path) -> None:
    simpletuner_run(tmp_path / "both", [PICTURE])
    touch(tmp_path / "both", ["step_5/fox.png"])

    with pytest.raises(LayoutConflict) as caught:
        discover(tmp_path)
    assert "--layout folder or --layout simpletuner" in str(caught.value)
    assert "step_5/" in str(caught.value)

    chosen = discover(tmp_path, layout="simpletuner", user_prompts=(FOX,))
    assert [(one.run.layout, len(one.pictures)) for one in chosen.runs] == [("simpletuner", 1)]


def test_an_unknown_layout_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ClipstoreError, match=r"no layout 'kohyaa'.*folder, kohya, "):
        discover(tmp_path, layout="kohyaa")


def test_nothing_found_says_how_much_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="the folder is empty"):
        discover(tmp_path)

    touch(tmp_path, ["a/x.png", "y.txt"])
    with pytest.raises(NothingFound, match="none of its 2 files"):
        discover(tmp_path)

    touch(tmp_path, ["run/step_5/fox.png"])
    with pytest.raises(NothingFound, match="Layouts tried: simpletuner"):
        discover(tmp_path, layout="simpletuner")


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, ["file.png"])

    with pytest.raises(PathMissing, match="does not exist"):
        discover(tmp_path / "none")
    with pytest.raises(PathMissing, match="is not a folder"):
        discover(tmp_path / "file.png")


@pytest.mark.parametrize(
    "inside", ["s/validation_images", "s/benchmarks/base_model", "s/benchmarks", "f/step_000500"]
)
def test_a_folder_inside_a_run_leads_to_the_run(tmp_path: Path, inside: str) -> None:
    simpletuner_run(tmp_path / "s", [PICTURE], base=["fox_64x64.png"])
    touch(tmp_path, ["f/step_000500/fox.png"])

    with pytest.raises(PathMissing, match=f"pass {tmp_path / inside[0]} instead"):
        discover(tmp_path / inside)


def test_a_deep_tree_is_walked_without_recursion(tmp_path: Path) -> None:
    touch(tmp_path, ["run/step_5/fox.png", "/".join(["d"] * 400) + "/x"])
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 200)
        found = discover(tmp_path)
    finally:
        sys.setrecursionlimit(limit)

    assert names(found) == ["run"]
    assert [one.path.name for one in found.skipped] == ["x"]


def test_of_an_outline_only_one_run_is_read_at_a_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_folder_run(tmp_path / name, {"x": "a cat"}, {1: ["red"]})
    found = outline(tmp_path).runs()
    first = next(found)
    write_folder_run(tmp_path / "b", {"x": "a cat"}, {2: ["red"]})

    assert [one.step for one in first.pictures] == [1]
    assert [one.step for one in next(found).pictures] == [1, 2]


def test_only_the_runs_of_given_files_are_read(tmp_path: Path) -> None:
    for name in ("a", "a/inner", "b"):
        write_folder_run(tmp_path / name, {"x": "a cat"}, {1: ["red"]})
    inner = tmp_path.resolve() / "a" / "inner" / "step_000001" / "x.png"

    found = discover(tmp_path, only_of=[inner, tmp_path.resolve() / "elsewhere.png"])

    assert [one.run.name for one in found.runs] == ["a/inner"]
