"""--pattern: a naming of the user's own, and what is said of names that do not fit it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from clipstore.cli import cli
from clipstore.errors import PatternError, PatternMismatch
from clipstore.sources.pattern import Mismatch, match_path, parse_pattern
from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import draw, read_one, reasons, rows, texts, touch

PATTERN = "{run}/samples/{step}_{prompt_id}_{index}.png"
FOX = Prompt("fox", "a fox", "p")


def test_each_run_folder_is_a_run_and_its_files_have_their_fields(tmp_path: Path) -> None:
    touch(tmp_path, ["one/samples/100_fox_0.png", "one/samples/100_fox_1.png"])
    touch(tmp_path, ["two/samples/20_red_fox_0.png", "two/lora.safetensors", "two/grid.png"])

    one, two = discover(
        tmp_path,
        pattern=parse_pattern(PATTERN),
        user_prompts=(FOX, Prompt("red_fox", "a red fox", "p")),
    ).runs

    assert (one.run.name, one.run.root, one.run.layout) == ("one", tmp_path / "one", "pattern")
    assert one.run.layout_reason == f"--pattern {PATTERN} asks for it"
    assert rows(one) == [(100, "fox", 0, "only"), (100, "fox", 1, "only")]
    assert rows(two) == [(20, "red_fox", 0, "only")]
    assert {one.path.name: one.rule for one in one.skipped} == {
        "lora.safetensors": "not_a_picture",
        "grid.png": "outside_the_pattern",
    }


def test_a_run_is_the_same_wherever_it_is_read_from(tmp_path: Path) -> None:
    touch(tmp_path, ["one/samples/100_fox_0.png"])

    above = read_one(tmp_path, FOX, pattern=PATTERN)
    inside = read_one(tmp_path / "one", FOX, pattern="samples/{step}_{prompt_id}_{index}.png")

    assert above.run.run_id == inside.run.run_id


def test_runs_that_only_file_names_tell_apart_are_variants_of_the_folder(tmp_path: Path) -> None:
    touch(tmp_path / "all", ["a-5-fox.png", "b-5-fox.png"])
    pattern = parse_pattern("{run}-{step}-{prompt_id}.png")

    runs = discover(tmp_path / "all", pattern=pattern, user_prompts=(FOX,)).runs

    assert [(one.run.name, one.run.variant) for one in runs] == [("all@a", "a"), ("all@b", "b")]


def test_pictures_without_an_index_are_counted_in_order_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, ["5-fox-seed7.png", "5-fox-seed3.png", "9-fox-seed3.png"])

    contents = read_one(tmp_path, FOX, pattern="{step}-{prompt_id}-seed{seed}.png")

    assert [(one.step, one.image_index, one.path.name[6:]) for one in contents.pictures] == [
        (5, 0, "seed3.png"),
        (5, 1, "seed7.png"),
        (9, 0, "seed3.png"),
    ]


def test_two_pictures_of_one_index_are_not_both_taken(tmp_path: Path) -> None:
    touch(tmp_path, ["5_fox_0_a.png", "5_fox_0_b.png"])

    contents = read_one(tmp_path, FOX, pattern="{step}_{prompt_id}_{index}_{name}.png")

    assert reasons(contents) == {"5_fox_0_b.png": "same_prompt_and_index"}


def test_an_epoch_alone_is_the_step_and_says_so(tmp_path: Path) -> None:
    touch(tmp_path, ["ep03/fox.png"])

    contents = read_one(tmp_path, FOX, pattern="ep{epoch}/{prompt_id}.png")

    (picture,) = contents.pictures
    assert (picture.step, picture.epoch, picture.notes) == (3, 3, ("step_is_epoch",))
    assert "is an epoch" in contents.advice[0]


def test_texts_lie_beside_the_pictures_or_in_a_prompt_file(tmp_path: Path) -> None:
    touch(tmp_path, ["r/5_fox.png", "r/5_cat.png", "r/5_007.png"])
    (tmp_path / "r" / "5_fox.txt").write_text("beside")
    (tmp_path / "r" / "prompts.json").write_text('{"fox": "run", "cat": "run"}')
    (tmp_path / "prompts.json").write_text('{"cat": "above", "7": "above"}')

    contents = read_one(tmp_path, pattern="{run}/{step}_{prompt_id}.png")

    assert texts(contents) == {"fox": "beside", "cat": "run", "007": "above"}
    assert {one.rule for one in contents.skipped} == {"prompt_text"}


MISMATCHES = {
    "x100_fox_0.png": "{step} is a whole number, and there stands 'x100'",
    "100_fox_a.png": "{index} is a whole number, and after '_' stands 'a'",
    "100.png": "'_' is expected after {step}, and the name has '.png'",
    "100_fox_0.jpg": "'.png' is expected after {index}, and the name has '.jpg'",
    "100__0.png": "'_' is expected after {prompt_id}, and the name has '0.png'",
    "100_.png": "'_' is expected after {prompt_id}, and the name has",
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_the_first_name_that_does_not_fit_is_named_with_the_field(
    tmp_path: Path, name: str
) -> None:
    touch(tmp_path, ["one/samples/100_fox_0.png", f"two/samples/{name}"])

    with pytest.raises(PatternMismatch) as caught:
        discover(tmp_path, pattern=parse_pattern(PATTERN))

    assert f"two/samples/{name} does not fit --pattern" in str(caught.value)
    assert MISMATCHES[name] in str(caught.value)


def test_a_pattern_that_leads_nowhere_says_where_it_ends(tmp_path: Path) -> None:
    touch(tmp_path, ["one/sample/100_fox_0.png"])

    with pytest.raises(PatternMismatch, match="'samples' is expected, and the name has 'sample'"):
        discover(tmp_path, pattern=parse_pattern(PATTERN))
    with pytest.raises(PatternMismatch, match="it lies 2 folders deep, and the pattern 0"):
        discover(tmp_path, pattern=parse_pattern("{step}_{prompt_id}.png"))


def test_a_name_with_two_readings_is_not_guessed(tmp_path: Path) -> None:
    touch(tmp_path, ["5_a_b_c.png"])

    with pytest.raises(PatternMismatch, match=r"\{prompt_id\} can be 'a' or 'a_b'"):
        read_one(tmp_path, pattern="{step}_{prompt_id}_{sampler}.png")


def test_a_free_field_may_be_a_number(tmp_path: Path) -> None:
    touch(tmp_path, ["5_a_b_20240203.png"])

    contents = read_one(
        tmp_path, Prompt("a_b", "x", "p"), pattern="{step}_{prompt_id}_{time:d}.png"
    )

    assert rows(contents) == [(5, "a_b", 0, "only")]


def test_a_field_that_comes_twice_must_be_the_same(tmp_path: Path) -> None:
    pattern = parse_pattern("{run}/{run}_{step}_{prompt_id}.png")

    assert match_path(pattern, ("a", "a_5_fox.png")) == {
        "run": "a",
        "step": "5",
        "prompt_id": "fox",
    }
    assert match_path(pattern, ("a", "b_5_fox.png")) == Mismatch(
        1, "{run} is 'a' in one place and 'b' in another"
    )


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{prompt_id}.png", "neither {step} nor {epoch}"),
        ("{step}.png", "no {prompt_id}"),
        ("{step}_{prompt_id", "expected '}'"),
        ("{step}_{}_{prompt_id}", "a field is named ''"),
        ("{step:06}_{prompt_id}", "may only say :d"),
        ("../{step}_{prompt_id}.png", "a part of its path is '..'"),
        ("a//{step}_{prompt_id}.png", "a part of its path is ''"),
    ],
)
def test_a_pattern_that_cannot_be_followed_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse_pattern(pattern)

    assert why in str(caught.value)


def test_the_layout_and_the_pattern_belong_together(tmp_path: Path) -> None:
    touch(tmp_path, ["5_fox.png"])

    with pytest.raises(PatternError, match="leave out --layout kohya"):
        read_one(tmp_path, layout="kohya", pattern="{step}_{prompt_id}.png")
    assert read_one(tmp_path, FOX, layout="pattern", pattern="{step}_{prompt_id}.png").pictures


def test_scan_reads_by_the_pattern_and_exits_with_2_at_the_first_mismatch(tmp_path: Path) -> None:
    draw(tmp_path / "5_fox.png", 32, 32)
    arguments = ["scan", str(tmp_path), "--format", "jsonl", "--pattern"]

    good = CliRunner().invoke(cli, [*arguments, "{step}_{prompt_id}.png"])
    bad = CliRunner().invoke(cli, [*arguments, "{prompt_id}-{step}.png"])

    assert '"prompt_id": "fox"' in good.stdout
    assert isinstance(bad.exception, PatternMismatch)
    assert bad.exception.exit_code == 2
