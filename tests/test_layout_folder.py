"""The folder layout: step_000500/name.png with its prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clipstore.types import Picture, Prompt
from tests.layout_trees import read_one, reasons, rows, rules, texts, touch


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_picture_with_its_text_beside_it_is_a_sample(tmp_path: Path) -> None:
    path = touch(tmp_path, ["step_000500/fox.png"]) / "step_000500" / "fox.png"
    write(path.with_suffix(".txt"), "a red fox\n")

    contents = read_one(tmp_path)

    assert contents.pictures == (Picture(path.parent, path.name, 500, "fox", 0, "only"),)
    assert contents.prompts == (Prompt("fox", "a red fox", "fox.txt"),)
    assert contents.problems == ()
    assert rules(contents) == {"step_000500/fox.txt": "prompt_text"}
    assert contents.run.layout == "folder"
    assert contents.advice == ()


def test_all_picture_formats_count_and_steps_are_in_number_order(tmp_path: Path) -> None:
    touch(tmp_path, ["step_1000/a.webp", "step_0/a.PNG", "step_20/a.jpg", "step_20/b.jpeg"])

    contents = read_one(tmp_path, Prompt("a", "A", "p"), Prompt("b", "B", "p"))

    assert rows(contents) == [
        (0, "a", 0, "only"),
        (20, "a", 0, "only"),
        (20, "b", 0, "only"),
        (1000, "a", 0, "only"),
    ]


def test_further_pictures_of_a_prompt_carry_their_index_after_two_underscores(
    tmp_path: Path,
) -> None:
    touch(tmp_path, ["step_5/fox.png", "step_5/fox__1.png", "step_5/fox_2.png"])
    write(tmp_path / "step_5" / "fox.txt", "a fox")
    write(tmp_path / "step_5" / "fox_2.txt", "another prompt")

    contents = read_one(tmp_path)

    assert rows(contents) == [(5, "fox", 0, "only"), (5, "fox", 1, "only"), (5, "fox_2", 0, "only")]
    assert texts(contents) == {"fox": "a fox", "fox_2": "another prompt"}


def test_two_files_for_one_index_are_not_both_taken(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/fox.jpg", "step_5/fox.png", "step_05/fox__0.png"])

    contents = read_one(tmp_path, Prompt("fox", "a fox", "p"))

    assert len(contents.pictures) == 1
    assert [one.reason for one in contents.problems] == ["same_prompt_and_index"] * 2
    assert "fox__1.png" in contents.problems[0].detail


PROMPT_FILES = {
    "prompts.json": json.dumps({"fox": "a fox", "cat": "a cat"}),
    "prompts.jsonl": '{"id": "fox", "prompt": "a fox"}\n{"id": "cat", "prompt": "a cat"}\n',
    "prompts.csv": "id,prompt\nfox,a fox\ncat,a cat\n",
    "prompts.tsv": "id\tprompt\nfox\ta fox\ncat\ta cat\n",
}


@pytest.mark.parametrize("name", PROMPT_FILES)
def test_a_prompt_file_in_the_run_gives_the_texts(tmp_path: Path, name: str) -> None:
    touch(tmp_path, ["step_5/fox.png", "step_5/cat.png"])
    write(tmp_path / name, PROMPT_FILES[name])

    contents = read_one(tmp_path)

    assert texts(contents) == {"fox": "a fox", "cat": "a cat"}
    assert rules(contents) == {name: "prompt_text"}


def test_prompts_by_line_fit_pictures_named_by_number(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/000.png", "step_5/001.png"])
    write(tmp_path / "prompts.txt", "a fox\na cat\n")

    assert texts(read_one(tmp_path)) == {"000": "a fox", "001": "a cat"}


def test_prompts_by_line_fit_pictures_named_by_text(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/a fox.png"])
    write(tmp_path / "prompts.txt", "a cat\na fox\n")

    assert texts(read_one(tmp_path)) == {"a fox": "a fox"}


def test_the_text_beside_the_picture_beats_the_user_s_which_beats_the_run_s_file(
    tmp_path: Path,
) -> None:
    touch(tmp_path, ["step_5/fox.png", "step_5/cat.png", "step_5/dog.png"])
    write(tmp_path / "step_5" / "fox.txt", "beside")
    write(tmp_path / "prompts.json", '{"fox": "file", "cat": "file", "dog": "file"}')

    contents = read_one(tmp_path, Prompt("fox", "user", "p"), Prompt("cat", "user", "p"))

    assert texts(contents) == {"fox": "beside", "cat": "user", "dog": "file"}
    assert contents.advice == (
        "--prompts has another text than the .txt beside the pictures for 'fox'; the text beside "
        "the picture is used.",
    )


def test_a_text_that_changes_with_the_steps_is_another_prompt(tmp_path: Path) -> None:
    touch(tmp_path, [f"step_{step}/fox.png" for step in (5, 10, 100)])
    touch(tmp_path, ["step_100/fox#2.png"])
    for step, text in ((5, "a fox"), (10, "a red fox"), (100, "a fox")):
        write(tmp_path / f"step_{step}" / "fox.txt", text)
    write(tmp_path / "step_100" / "fox#2.txt", "named like a version")

    contents = read_one(tmp_path)

    assert rows(contents) == [
        (5, "fox", 0, "only"),
        (10, "fox#3", 0, "only"),
        (100, "fox", 0, "only"),
        (100, "fox#2", 0, "only"),
    ]
    assert texts(contents) == {
        "fox": "a fox",
        "fox#3": "a red fox",
        "fox#2": "named like a version",
    }
    assert "'fox' changes between pictures: 2 texts" in contents.advice[0]


def test_a_picture_without_a_text_is_a_problem_and_its_id_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/fox.png", "step_10/fox.png", "step_5/cat.png"])

    contents = read_one(tmp_path, Prompt("Fox", "a fox", "p"), Prompt("cat", "a cat", "p"))

    assert rows(contents) == [(5, "cat", 0, "only")]
    assert [one.reason for one in contents.problems] == ["no_prompt_text"] * 2
    assert "has 'Fox', which is another id" in contents.problems[0].detail
    assert contents.advice[0].startswith("prompts without a text (1): 'fox'. ")
    assert "--prompts FILE" in contents.advice[0]


def test_an_unusable_text_beside_a_picture_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/a.png", "step_5/b.png", "step_5/c.png"])
    (tmp_path / "step_5" / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "step_5" / "b.txt").write_bytes(b"a\0b")
    (tmp_path / "step_5" / "c.txt").write_bytes(b"")

    contents = read_one(tmp_path)

    assert reasons(contents) == {"a.png": "prompt_unreadable", "b.png": "prompt_unreadable"}
    assert texts(contents) == {"c": ""}
    assert contents.prompts[0].is_blank


def test_a_broken_prompt_file_is_told_and_the_run_is_read_without_it(tmp_path: Path) -> None:
    touch(tmp_path, ["step_5/fox.png"])
    write(tmp_path / "prompts.json", '{"fox": ')

    contents = read_one(tmp_path, Prompt("fox", "a fox", "p"))

    assert rows(contents) == [(5, "fox", 0, "only")]
    assert "prompts.json: it is not JSON" in contents.advice[0]


def test_what_is_elsewhere_is_left_alone_by_a_named_rule(tmp_path: Path) -> None:
    touch(
        tmp_path,
        ["step_5/fox.png", "grid.png", "step_5/small/fox.png", "notes.md", "step_5/fox.json"],
    )
    touch(tmp_path, [f"step_{2**31}/fox.png", "step_5/.png"])

    contents = read_one(tmp_path, Prompt("fox", "a fox", "p"))

    assert rules(contents) == {
        "grid.png": "not_in_a_step_folder",
        "step_5/small/fox.png": "not_in_a_step_folder",
        "notes.md": "not_a_picture",
        "step_5/fox.json": "not_a_picture",
        "step_5/.png": "not_a_picture",
    }
    assert reasons(contents) == {"fox.png": "step_out_of_range"}
