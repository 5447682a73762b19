"""ostris' ai-toolkit: names with milliseconds, prompts of the config that it saves."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import yaml

from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import (
    ai_toolkit_config,
    ai_toolkit_samples,
    read_one,
    reasons,
    rows,
    rules,
    texts,
    touch,
)


def test_a_training_is_read_with_the_prompts_of_its_config(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [0, 250])
    ai_toolkit_config(
        tmp_path,
        {"prompts": ["[trigger] the fox --n blurry --w 512", " a cat--seed 3"]},
        trigger_word="r3x",
        train={"steps": 2000, "ema_config": {"use_ema": True}},
    )

    contents = read_one(tmp_path)

    assert rows(contents) == [
        (0, "0", 0, "base"),
        (0, "1", 0, "base"),
        (250, "0", 0, "only"),
        (250, "1", 0, "only"),
    ]
    assert texts(contents) == {"0": "r3x the fox", "1": "a cat"}
    assert contents.prompts[0].source == "config.yaml"
    assert [one.notes for one in contents.pictures] == [(), (), ("ema_weights",), ("ema_weights",)]
    assert contents.run.planned_steps == 2000
    assert rules(contents) == {"config.yaml": "settings"}
    assert contents.advice == ()


def test_samples_with_settings_of_their_own_are_prompts_too(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [250])
    ai_toolkit_config(tmp_path, {"samples": [{"prompt": "a fox", "seed": 1}, {"prompt": "a cat"}]})

    assert texts(read_one(tmp_path)) == {"0": "a fox", "1": "a cat"}


def test_a_config_of_ordered_dictionaries_is_read(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [250])
    process = OrderedDict(type="sd_trainer", sample=OrderedDict(prompts=["a fox", "a cat"]))
    config = OrderedDict(job="extension", config=OrderedDict(name="x", process=[process]))
    (tmp_path / "config.yaml").write_text(yaml.dump(config))
    assert "python/object" in (tmp_path / "config.yaml").read_text()

    assert texts(read_one(tmp_path)) == {"0": "a fox", "1": "a cat"}


def test_a_config_that_expands_without_end_is_told_and_not_used(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [250])
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (tmp_path / "config.yaml").write_text("\n".join(lines))

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"), Prompt("1", "a cat", "p"))

    assert "config.yaml is not used: it expands to more than" in contents.advice[0]
    assert len(contents.pictures) == 2


def test_first_samples_have_texts_of_their_own(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [0, 250])
    ai_toolkit_config(
        tmp_path,
        {"prompts": ["a fox", "a cat"]},
        first_sample={"prompts": ["a dog", "a cat"]},
        train={"skip_first_sample": True},
    )

    contents = read_one(tmp_path)

    assert [(one.step, one.prompt_id) for one in contents.pictures] == [
        (0, "0"),
        (0, "1"),
        (250, "0#2"),
        (250, "1"),
    ]
    assert texts(contents) == {"0": "a dog", "1": "a cat", "0#2": "a fox"}
    assert "changes between pictures" in contents.advice[0]


def test_of_a_step_that_was_sampled_twice_the_newer_pictures_count(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [0, 0, 250])
    ai_toolkit_config(tmp_path, {"prompts": ["a fox", "a cat"]})

    contents = read_one(tmp_path)

    assert len(contents.pictures) == 4
    assert [rule for rule in rules(contents).values() if rule != "settings"] == [
        "sampled_again",
        "sampled_again",
    ]


def test_the_text_beside_a_picture_wins(tmp_path: Path) -> None:
    (name, *_) = ai_toolkit_samples(tmp_path, [250])
    (tmp_path / "samples" / name).with_suffix(".txt").write_text("beside")
    ai_toolkit_config(tmp_path, {"prompts": ["a fox", "a cat"]})

    contents = read_one(tmp_path)

    assert texts(contents) == {"0": "beside", "1": "a cat"}
    assert "prompt_text" in rules(contents).values()


def test_an_edited_list_of_another_length_is_not_used_for_older_pictures(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [100, 200])
    ai_toolkit_samples(tmp_path, [300], n_prompts=3, begin=9)
    ai_toolkit_config(tmp_path, {"prompts": ["a dog", "a fox", "a cat"]})

    contents = read_one(tmp_path)

    assert [row[0] for row in rows(contents)] == [300, 300, 300]
    assert set(reasons(contents).values()) == {"prompt_count_differs"}


def test_a_second_training_in_the_folder_is_a_run_of_its_own(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path / "job", [0, 250, 500])
    ai_toolkit_samples(tmp_path / "job", [0, 250], begin=9)
    ai_toolkit_config(tmp_path / "job", {"prompts": ["a fox", "a cat"]})

    assert [
        (one.run.name, one.run.variant, len(one.pictures)) for one in discover(tmp_path).runs
    ] == [("job", "", 6), ("job#2", "#2", 4)]


def test_what_is_no_sample_is_left_alone_by_a_named_rule(tmp_path: Path) -> None:
    ai_toolkit_samples(tmp_path, [250])
    ai_toolkit_config(tmp_path, {"prompts": ["a fox", "a cat"]})
    others = {
        "samples/.thumbs/1700000000000__000000250_0.jpg.jpg": "thumbnail",
        "samples/.tmp/1700000000000__000000250_0.jpg": "temporary_file",
        "samples/1700000000000__000000250_0.gif": "video_not_scored_yet",
        "samples/1700000000000__000000250_0.wav": "audio_not_scored",
        "loss_log.db": "not_a_picture",
        "grid.png": "not_a_sample",
    }
    touch(tmp_path, [*others, "samples/odd.jpg"])

    contents = read_one(tmp_path)

    assert rules(contents) == {**others, "config.yaml": "settings"}
    assert reasons(contents) == {"odd.jpg": "name_not_understood"}
