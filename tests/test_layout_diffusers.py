"""The pictures that diffusers' training scripts leave: one validation, at the last step."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstore.errors import NothingFound
from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import diffusers_card, read_one, reasons, rows, rules, texts, touch


def test_pictures_of_one_prompt_are_numbered_at_the_last_step(tmp_path: Path) -> None:
    touch(tmp_path, ["image_0.png", "image_1.png"])
    text = "a fox: in a 'hat',\nsaying \"#1\", " + "very " * 30 + "big – 狐"
    diffusers_card(tmp_path, [text] * 2)
    hparams = tmp_path / "logs" / "dreambooth-flux" / "1700000000.5" / "hparams.yml"
    hparams.parent.mkdir(parents=True)
    hparams.write_text("max_train_steps: 500\nlearning_rate: 0.0001\n")

    contents = read_one(tmp_path)

    assert rows(contents) == [(500, "validation", 0, "only"), (500, "validation", 1, "only")]
    assert texts(contents) == {"validation": text}
    assert contents.prompts[0].source == "README.md"
    assert contents.run.planned_steps == 500
    assert contents.run.config["learning_rate"] == 0.0001
    assert rules(contents) == {
        "README.md": "settings",
        "logs/dreambooth-flux/1700000000.5/hparams.yml": "settings",
    }


def test_without_logged_settings_the_step_is_that_of_the_last_checkpoint(tmp_path: Path) -> None:
    touch(tmp_path, ["image_0.png", "checkpoint-500/x.bin", "checkpoint-1500/x.bin"])
    diffusers_card(tmp_path, ["a fox"])

    (picture,) = read_one(tmp_path).pictures

    assert (picture.step, picture.notes) == (1500, ("step_of_last_checkpoint",))


def test_without_either_there_is_no_step_and_the_picture_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, ["image_0.png"])
    diffusers_card(tmp_path, ["a fox"])

    contents = read_one(tmp_path)

    assert reasons(contents) == {"image_0.png": "no_step"}
    assert "step_<number>" in contents.problems[0].detail


def test_several_texts_are_matched_by_the_picture_s_name(tmp_path: Path) -> None:
    touch(tmp_path, ["image_0.png", "image_1.png", "checkpoint-5/x.bin"])
    diffusers_card(tmp_path, ["a fox", "a cat"])

    contents = read_one(tmp_path)

    assert rows(contents) == [(5, "validation_0", 0, "only"), (5, "validation_1", 0, "only")]
    assert texts(contents) == {"validation_0": "a fox", "validation_1": "a cat"}


def test_a_card_without_texts_leaves_the_logged_prompt_or_the_user_s(tmp_path: Path) -> None:
    touch(tmp_path, ["image_0.png", "checkpoint-5/x.bin"])
    diffusers_card(tmp_path, [" "])

    assert reasons(read_one(tmp_path)) == {"image_0.png": "no_prompt_text"}
    assert texts(read_one(tmp_path, Prompt("validation", "a fox", "p"))) == {"validation": "a fox"}

    (tmp_path / "hparams.yml").write_text("validation_prompt: a cat\n")
    assert texts(read_one(tmp_path)) == {"validation": "a cat"}


def test_grids_are_refused_and_other_pictures_left_alone(tmp_path: Path) -> None:
    touch(tmp_path, ["images_0.png", "val_imgs_grid.png", "image_control.png", "checkpoint-5/x"])
    touch(tmp_path, ["photo.png"])
    diffusers_card(tmp_path, [])

    contents = read_one(tmp_path)

    assert reasons(contents) == {
        "images_0.png": "grid_not_cut",
        "val_imgs_grid.png": "grid_not_cut",
    }
    assert rules(contents)["image_control.png"] == "conditioning_input"
    assert rules(contents)["photo.png"] == "not_a_sample"


@pytest.mark.parametrize(
    "card", ["# a readme", "---\ntags: [simpletuner, diffusers]\n---\n", "---"]
)
def test_a_readme_of_something_else_claims_nothing(tmp_path: Path, card: str) -> None:
    touch(tmp_path, ["image_0.png"])
    (tmp_path / "README.md").write_text(card)

    with pytest.raises(NothingFound):
        discover(tmp_path)
