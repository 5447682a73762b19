"""Nerogar's OneTrainer: folders named by prompts, texts that make those names."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstore.layouts.onetrainer import prompt_to_name
from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import (
    onetrainer_samples,
    read_one,
    reasons,
    rows,
    rules,
    texts,
    touch,
    write_json,
)

FOX = "a red fox, sitting in deep snow, 8k (masterpiece)"
FOX_FOLDER = "0 - a red fox sitting in deep snow 8"


def write_config(folder: Path, stamp: str, prompts: list[str], **settings: object) -> None:
    samples = [{"prompt": text, "enabled": True} for text in prompts]
    write_json(folder / "config" / f"{stamp}.json", {"samples": samples, **settings})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (FOX, "a red fox sitting in deep snow 8"),
        ("ein Füchslein, 狐", "ein Füchslein 狐"),
        ("file_name-1.5 #tag", "file_name-1.5 #tag"),
        ("  \n(x)  ", "x"),
        ("", ""),
        ("a" * 31 + " b", "a" * 31),
    ],
)
def test_a_prompt_makes_the_folder_s_name(text: str, name: str) -> None:
    assert prompt_to_name(text) == name


def test_a_training_is_read_with_the_texts_that_make_its_folders_names(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, [FOX_FOLDER, "2 - a cat"], ["0-0-0", "450-3-30"])
    write_config(tmp_path, "2024-02-03_00-00-00", [FOX, "disabled", "a cat!"], epochs=10)

    contents = read_one(tmp_path)

    assert [(one.step, one.prompt_id, one.panel, one.epoch) for one in contents.pictures] == [
        (0, FOX_FOLDER, "base", 0),
        (0, "2 - a cat", "base", 0),
        (450, FOX_FOLDER, "only", 3),
        (450, "2 - a cat", "only", 3),
    ]
    assert texts(contents) == {FOX_FOLDER: FOX, "2 - a cat": "a cat!"}
    assert contents.run.planned_steps == 10 * (450 - 30) // 3
    assert contents.problems == ()


def test_the_averaged_and_the_raw_weights_are_two_panels(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, ["0 - a cat", "0 - a cat - no-ema"], ["0-0-0", "100-1-0"])

    contents = read_one(tmp_path, Prompt("0 - a cat", "a cat", "p"))

    assert rows(contents) == [
        (0, "0 - a cat", 0, "base"),
        (0, "0 - a cat", 0, "ema"),
        (100, "0 - a cat", 0, "checkpoint"),
        (100, "0 - a cat", 0, "ema"),
    ]


def test_averaged_weights_alone_are_noted(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, ["0 - a cat"], ["100-1-0"])
    write_config(tmp_path, "2024-02-03_00-00-00", ["a cat"], ema="GPU")

    (picture,) = read_one(tmp_path).pictures

    assert (picture.panel, picture.notes) == ("only", ("ema_weights",))


def test_a_text_of_a_moved_prompt_is_found_by_its_name(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, ["0 - a cat", "1 - a dog"], ["100-1-0"])
    write_config(tmp_path, "2024-02-03_00-00-00", ["a dog!", "a cow", "a cat!"])

    assert texts(read_one(tmp_path)) == {"0 - a cat": "a cat!", "1 - a dog": "a dog!"}


def test_two_texts_of_one_name_are_told_apart_by_number_or_not_at_all(tmp_path: Path) -> None:
    long = "a very long prompt about a fox in "
    onetrainer_samples(tmp_path, [f"{n} - {long[:32].strip()}" for n in (0, 1, 5)], ["100-1-0"])
    write_config(tmp_path, "2024-02-03_00-00-00", [long + "snow", long + "rain"])

    contents = read_one(tmp_path)

    assert sorted(texts(contents).values()) == [long + "rain", long + "snow"]
    assert list(reasons(contents).values()) == ["no_prompt_text"]


def test_an_edited_end_of_a_long_prompt_is_another_version(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, [FOX_FOLDER], ["100-1-0"], day=3)
    onetrainer_samples(tmp_path, [FOX_FOLDER], ["200-2-0"], day=5)
    write_config(tmp_path, "2024-02-02_00-00-00", [FOX])
    write_config(tmp_path, "2024-02-04_00-00-00", [FOX + ", night"])

    contents = read_one(tmp_path)

    assert rows(contents) == [(100, FOX_FOLDER, 0, "only"), (200, f"{FOX_FOLDER}#2", 0, "only")]
    assert texts(contents) == {FOX_FOLDER: FOX, f"{FOX_FOLDER}#2": FOX + ", night"}
    assert "changes between pictures: 2 texts" in contents.advice[0]


def test_texts_that_the_user_gives_are_matched_by_name(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, [FOX_FOLDER, "1 - a cat"], ["100-1-0"])
    given = (Prompt("0", "a cat?", "p"), Prompt("1", FOX, "p"))

    assert texts(read_one(tmp_path, *given)) == {FOX_FOLDER: FOX, "1 - a cat": "a cat?"}


def test_a_backup_s_sample_list_is_a_source_too(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, ["0 - a cat"], ["100-1-0"])
    backup = "backup/2024-02-03_00-00-00-backup-50-0-50/onetrainer_config/samples.json"
    write_json(tmp_path / backup, [{"prompt": "a cat!"}])

    contents = read_one(tmp_path)

    assert texts(contents) == {"0 - a cat": "a cat!"}
    assert rules(contents) == {backup: "settings"}


def test_prefixes_and_new_beginnings_make_runs(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path / "w", ["0 - a cat"], ["100-1-0", "200-2-0"], day=3)
    onetrainer_samples(tmp_path / "w", ["0 - a cat"], ["100-1-0"], day=4)
    onetrainer_samples(tmp_path / "w", ["0 - a cat"], ["100-1-0"], day=4, prefix="lr2-")

    runs = discover(tmp_path, user_prompts=(Prompt("0 - a cat", "a cat", "p"),)).runs

    assert [(one.run.name, len(one.pictures)) for one in runs] == [
        ("w", 2),
        ("w#2", 1),
        ("w@lr2-", 1),
    ]


def test_names_of_2023_and_strangers(tmp_path: Path) -> None:
    folder = "samples/0 - a cat"
    touch(tmp_path, [f"{folder}/training-sample-100-1-0.png", f"{folder}/x.png"])
    others = {
        f"{folder}/2024-02-03_00-00-00-training-sample-100-1-0.webm": "video_not_scored_yet",
        "samples/custom/2024-02-03_00-00-00-training-sample-100-1-0.jpg": "manual_sample",
        "samples/loose.png": "not_a_sample",
        "tensorboard/x/events.out.tfevents.1": "not_a_picture",
    }
    touch(tmp_path, others)

    contents = read_one(tmp_path, Prompt("0 - a cat", "a cat", "p"))

    assert rows(contents) == [(100, "0 - a cat", 0, "only")]
    assert reasons(contents) == {"x.png": "name_not_understood"}
    assert rules(contents) == others


def test_an_empty_prompt_has_a_folder_too(tmp_path: Path) -> None:
    onetrainer_samples(tmp_path, ["0 - "], ["100-1-0"])
    write_config(tmp_path, "2024-02-03_00-00-00", ["", "a cat"])

    contents = read_one(tmp_path)

    assert texts(contents) == {"0 -": ""}
    assert contents.prompts[0].is_blank
