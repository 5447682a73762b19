"""kohya's sd-scripts and musubi-tuner: names, trainings in one folder, prompts by position."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstore.kohya.names import SampleName, parse_musubi, parse_sd_scripts
from clipstore.sources.prompts import load_prompt_file
from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import (
    draw,
    kohya_samples,
    read_one,
    reasons,
    rows,
    rules,
    safetensors,
    texts,
    touch,
    write_json,
)

PROMPTS = "a fox --n blurry --w 512 --d 7\n\n# a comment\na cat, asleep --s 20\n"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("lora_000100_00_20240203112233_42.png", 100),
        ("lora_000100_00_20240203112233.png", 100),
        ("lora_20230301112233_000100_00_42.png", 100),
        ("lora_20230301112233_000100_00.png", 100),
        ("lora_1234567_00_20240203112233.png", 1_234_567),
        ("lora_000100_00_20240203112233_12345678901234.png", 100),
    ],
)
def test_every_form_of_sd_scripts_names_is_read(tmp_path: Path, name: str, step: int) -> None:
    touch(tmp_path / "out" / "sample", [name])

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"))

    assert contents.run.layout == "kohya"
    assert (contents.run.name, contents.run.variant) == ("out@lora", "lora")
    assert rows(contents) == [(step, "0", 0, "only")]
    assert contents.pictures[0].notes == ("prompt_by_position",)


OUTPUT_NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), max_size=20
) | st.sampled_from(["a_000100", "e000001", "x_20230301112233", "lora_000100_00_20240203112233"])


@settings(deadline=None)
@given(
    OUTPUT_NAMES,
    st.integers(0, 10**8),
    st.booleans(),
    st.integers(0, 200),
    st.none() | st.integers(0, 2**64),
)
def test_what_the_trainers_write_is_what_is_read(
    output: str, number: int, by_epoch: bool, prompt: int, seed: int | None
) -> None:
    digits = f"e{number:06d}" if by_epoch else f"{number:06d}"
    stem = f"{output}_{digits}_{prompt:02d}_20240203112233" + ("" if seed is None else f"_{seed}")
    expected = SampleName(
        output,
        None if by_epoch else number,
        number if by_epoch else None,
        prompt,
        20240203112233,
    )

    assert parse_sd_scripts(f"{stem}.png") == expected
    assert parse_musubi(f"{stem}_000.png") == expected
    assert parse_musubi(f"{stem}.mp4") == expected
    assert parse_musubi(f"{stem}.png") is None
    assert parse_sd_scripts(f"{stem}_000.png") is None


def test_a_name_without_an_output_name_is_the_folder_s_own_run(tmp_path: Path) -> None:
    touch(
        tmp_path / "out" / "sample",
        ["000100_00_20240203112233.png", "_000200_00_20240227112233.png"],
    )

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"))

    assert (contents.run.name, contents.run.variant) == ("out", "")


def test_the_sample_before_training_shows_the_base_model(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["e000000", "000100"])
    (tmp_path / "sample" / "prompt.txt").write_text(PROMPTS)

    contents = read_one(tmp_path)

    assert rows(contents) == [
        (0, "0", 0, "base"),
        (0, "1", 0, "base"),
        (100, "0", 0, "only"),
        (100, "1", 0, "only"),
    ]
    assert texts(contents) == {"0": "a fox", "1": "a cat, asleep"}
    assert contents.prompts[0].source == "sample/prompt.txt"
    assert rules(contents) == {"sample/prompt.txt": "prompt_text"}
    assert contents.advice == ()


def test_samples_by_epoch_count_in_epochs_and_say_so(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["e000000", "e000001", "e000002"])
    (tmp_path / "sample_prompts.txt").write_text(PROMPTS)
    safetensors(tmp_path / "lora-000002.safetensors", {"ss_num_epochs": "10", "ss_steps": "740"})

    contents = read_one(tmp_path)

    assert [(one.step, one.epoch) for one in contents.pictures[::2]] == [(0, 0), (1, 1), (2, 2)]
    assert contents.pictures[-1].notes == ("prompt_by_position", "step_is_epoch")
    assert contents.run.planned_steps == 10
    assert "what is called a step here is an epoch" in contents.advice[0]


def test_an_epoch_among_steps_is_refused(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["e000000", "000100", "e000003"])
    (tmp_path / "sample_prompts.txt").write_text(PROMPTS)

    contents = read_one(tmp_path)

    assert sorted({one.step for one in contents.pictures}) == [0, 100]
    assert set(reasons(contents).values()) == {"epoch_beside_steps"}


def test_each_output_name_is_a_run_with_its_own_settings(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "one", ["000100"])
    kohya_samples(tmp_path, "two", ["000100"], day=4)
    for name, prompts in (("one", "a fox\na cat"), ("two", "a dog\na cow")):
        write_json(
            tmp_path / f"{name}_20240203-000000.json",
            {"output_name": name, "sample_prompts": prompts, "max_train_steps": 900},
        )
    safetensors(tmp_path / "two.safetensors", {"ss_max_train_steps": "800", "other": "x"})

    one, two = discover(tmp_path).runs

    assert (texts(one), texts(two)) == (
        {"0": "a fox", "1": "a cat"},
        {"0": "a dog", "1": "a cow"},
    )
    assert (one.run.planned_steps, two.run.planned_steps) == (900, 800)
    assert two.run.config["ss_max_train_steps"] == "800"
    assert one.run.run_id != two.run.run_id


def test_a_second_training_of_one_name_is_another_run_with_the_prompts_of_its_start(
    tmp_path: Path,
) -> None:
    kohya_samples(tmp_path, "lora", ["000100", "000200", "000300"], day=3)
    kohya_samples(tmp_path, "lora", ["000050", "000100"], day=7)
    for day, prompts in ((3, "a fox\na cat"), (7, "a dog\na cow")):
        config = {"output_name": "lora", "sample_prompts": prompts}
        write_json(tmp_path / f"lora_2024020{day}-000000.json", config)

    first, second = discover(tmp_path).runs

    assert [(one.run.variant, {row[0] for row in rows(one)}) for one in (first, second)] == [
        ("lora", {100, 200, 300}),
        ("lora#2", {50, 100}),
    ]
    assert texts(first)["0"] == "a fox"
    assert texts(second)["0"] == "a dog"
    assert "this is training 2 of 'lora'" in second.advice[0]


def test_a_resume_outdates_what_was_sampled_after_its_checkpoint(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["000100", "000200", "000300"], day=3)
    kohya_samples(tmp_path, "lora", ["000200"], day=7)

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"), Prompt("1", "a cat", "p"))

    assert [one.path.name[5:26] for one in contents.pictures[::2]] == [
        "000100_00_20240203000",
        "000200_00_20240207000",
    ]
    assert sorted(rules(contents).values()) == ["outdated_by_a_resume"] * 4


def test_texts_by_position_need_a_list_as_long_as_the_validation(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["000100"], n_prompts=3)
    kohya_samples(tmp_path, "lora", ["000200"], n_prompts=2, day=4)
    kohya_samples(tmp_path, "lora", ["000300"], n_prompts=1, day=5)
    (tmp_path / "prompt.txt").write_text("a fox\na cat\n")

    contents = read_one(tmp_path)

    assert rows(contents) == [
        (200, "0", 0, "only"),
        (200, "1", 0, "only"),
        (300, "0", 0, "only"),  # the newest may still go on
    ]
    assert set(reasons(contents).values()) == {"prompt_count_differs"}
    assert "has 2 prompts, but step 100 was sampled with 3" in contents.problems[0].detail


PROMPT_FILES = {
    "sample_prompts.txt": PROMPTS,
    "sample_prompts.toml": '[prompt]\nwidth = 512\n[[prompt.subset]]\nprompt = "a fox"\n'
    '[[prompt.subset]]\nprompt = "a cat, asleep"\nseed = 1\n',
    "sample_prompts.json": json.dumps(["a fox --w 512", {"prompt": "a cat, asleep", "seed": 1}]),
}


@pytest.mark.parametrize("name", PROMPT_FILES)
def test_every_form_of_prompt_file_is_read_beside_the_run_and_as_given(
    tmp_path: Path, name: str
) -> None:
    kohya_samples(tmp_path / "out", "lora", ["000100"])
    elsewhere = tmp_path / name
    elsewhere.write_text(PROMPT_FILES[name])
    expected = {"0": "a fox", "1": "a cat, asleep"}

    given = read_one(tmp_path, *load_prompt_file(elsewhere).prompts)
    elsewhere.rename(tmp_path / "out" / name)
    beside = read_one(tmp_path)

    assert texts(given) == expected
    assert texts(beside) == expected


def test_a_prompt_file_that_the_config_names_by_a_windows_path_is_found_here(
    tmp_path: Path,
) -> None:
    kohya_samples(tmp_path, "lora", ["000100"])
    (tmp_path / "sample" / "mine.txt").write_text(PROMPTS)
    (tmp_path / "config_lora-20240202-101010.toml").write_text(
        'output_name = "lora"\nsample_prompts = "C:\\\\x\\\\sample\\\\mine.txt"\n'
    )

    assert texts(read_one(tmp_path)) == {"0": "a fox", "1": "a cat, asleep"}


def test_without_a_prompt_file_every_picture_says_what_to_pass(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["000100"])

    contents = read_one(tmp_path)

    assert set(reasons(contents).values()) == {"no_prompt_text"}
    assert contents.advice[0].startswith("prompts without a text (2): '0', '1'. ")
    assert "--prompts FILE" in contents.advice[0]


def test_a_stranger_in_the_sample_folder_is_a_problem(tmp_path: Path) -> None:
    kohya_samples(tmp_path, "lora", ["000100"])
    touch(tmp_path / "sample", ["grid.png", f"lora_{2**31}_00_20240203112233.png", "x.mp4"])
    touch(tmp_path, ["preview.png", "lora.safetensors", "sample/deep/x.png"])
    (tmp_path / "prompt.txt").write_text("a fox\na cat\n")

    contents = read_one(tmp_path)

    assert sorted(reasons(contents).values()) == ["name_not_understood", "step_out_of_range"]
    assert rules(contents) == {
        "prompt.txt": "prompt_text",
        "sample/x.mp4": "video_not_scored_yet",
        "preview.png": "not_a_sample",
        "lora.safetensors": "not_a_picture",
        "sample/deep/x.png": "not_a_sample",
    }


def test_musubi_names_have_a_frame_and_its_videos_are_samples_too(tmp_path: Path) -> None:
    names = [
        "lora_000100_00_20240203112233_42_000.png",
        "lora_000200_00_20240203122233_000.png",
        "lora_e000000_00_20240203102233_000.png",
        "lora_000200_01_20240203122234_42.mp4",
    ]
    touch(tmp_path / "sample", names)

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"), Prompt("1", "a cat", "p"))

    assert contents.run.layout == "musubi"
    assert rows(contents) == [
        *((0, "0", 0, "base"), (100, "0", 0, "only")),
        *((200, "0", 0, "only"), (200, "1", 0, "only")),
    ]
    assert rules(contents) == {}


def test_kandinsky_samples_of_musubi_have_a_step_only(tmp_path: Path) -> None:
    touch(tmp_path / "sample", ["sample_000100_00.png", "sample_000100_00.mp4"])

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"))

    assert (contents.run.layout, rows(contents)) == ("musubi", [(100, "0", 0, "only")])


def test_layers_in_one_picture_are_refused_by_their_size(tmp_path: Path) -> None:
    for number, size in enumerate(((64, 64), (2 * 66 + 2, 68))):
        for step in (100, 200):
            name = f"lora_000{step}_0{number}_20240203112{step}_000.png"
            draw(tmp_path / "sample" / name, *size)

    contents = read_one(tmp_path, Prompt("0", "a fox", "p"), Prompt("1", "a cat", "p"))

    assert rows(contents) == [(100, "0", 0, "only"), (200, "0", 0, "only")]
    assert texts(contents) == {"0": "a fox"}
    assert sorted(reasons(contents).values()) == ["grid_not_cut", "grid_not_cut"]
