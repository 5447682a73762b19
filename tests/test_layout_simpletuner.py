"""SimpleTuner's output folder: pictures, base pictures, adapters and what is left alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from clipstore.types import CompositeHints, Picture, Prompt, Size
from tests.discovered import discover
from tests.layout_trees import (
    draw,
    read_one,
    reasons,
    rows,
    rules,
    simpletuner_run,
    texts,
    touch,
    write_json,
)

LIBRARY = {"fox": "a red fox", "cat": {"prompt": "a cat", "adapter_strength": 0.5}}


def test_a_current_run_gives_composites_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path,
        ["step_500_fox_0_512x512.png"],
        library=LIBRARY,
        base=["fox_512x512.png"],
        config={
            "--validation_resolution": "512x512,768x640",
            "--use_ema": "true",
            "--ema_validation": "comparison",
            "--disable_benchmark": "false",
            "--max_train_steps": "10000",
            "--controlnet": True,
        },
    )
    write_json(tmp_path / "checkpoint-500" / "training_state.json", {"global_step": 5, "epoch": 3})

    contents = read_one(tmp_path)

    base_path = tmp_path / "benchmarks" / "base_model" / "fox_512x512.png"
    assert contents.pictures == (
        Picture(base_path.parent, base_path.name, 0, "fox", 0, "base"),
        Picture(
            tmp_path / "validation_images",
            "step_500_fox_0_512x512.png",
            500,
            "fox",
            0,
            "checkpoint",
            epoch=3,
            composite=CompositeHints(
                label_size=Size(512, 512),
                panel_sizes=(Size(768, 640),),
                base_picture=base_path,
                base_folder_complete=True,
                ema_comparison=True,
                base_comparison=True,
                input_stitching=True,
            ),
        ),
    )
    assert contents.prompts == (Prompt("fox", "a red fox", "user_prompt_library.json"),)
    assert contents.run.planned_steps == 10_000
    assert contents.run.config["use_ema"] == "true"
    assert contents.problems == ()
    assert contents.advice == ()


GENERATIONS: dict[str, tuple[list[str], dict[str, object], list[tuple[int, str, int, str]]]] = {
    "counter of the first version": (
        ["step_500_val_img_0.png", "step_500_val_img_1.png"],
        {"num_validation_images": 2, "validation_prompt": "one prompt"},
        [(500, "validation", 0, "checkpoint"), (500, "validation", 1, "checkpoint")],
    ),
    "python's tuple": (
        ["step_500_fox_(1024, 1024).png", "step_500_validation_(1024, 1024).png"],
        {"validation_prompt": "one prompt"},
        [(500, "fox", 0, "checkpoint"), (500, "validation", 0, "checkpoint")],
    ),
    "an edge length": (
        ["step_500_fox_1024.png"],
        {},
        [(500, "fox", 0, "checkpoint")],
    ),
    "sizes without index, several resolutions": (
        ["step_500_fox_1024x1024.png", "step_500_fox_512x512.png", "step_9_fox_512x512.png"],
        {"validation_resolution": "1024,512"},
        [(9, "fox", 1, "checkpoint"), (500, "fox", 0, "checkpoint"), (500, "fox", 1, "checkpoint")],
    ),
    "index and size": (
        ["step_500_fox_0_512x512.webp", "step_500_fox_1_512x512.jpg", "step_500_cat_0_unknown.png"],
        {},
        [
            (500, "cat", 0, "checkpoint"),
            (500, "fox", 0, "checkpoint"),
            (500, "fox", 1, "checkpoint"),
        ],
    ),
}


@pytest.mark.parametrize("name", GENERATIONS)
def test_every_generation_of_names_is_read(tmp_path: Path, name: str) -> None:
    names, config, expected = GENERATIONS[name]
    has_library = name != "counter of the first version"
    simpletuner_run(
        tmp_path, names, library=LIBRARY if has_library else None, config={"seed": 1, **config}
    )
    if not config:
        (tmp_path / "config.json").unlink()

    contents = read_one(tmp_path)

    assert rows(contents) == expected
    assert contents.problems == ()


def test_counters_of_several_prompts_ask_for_texts_by_number(tmp_path: Path) -> None:
    names = ["step_500_val_img_0.png", "step_500_val_img_1.png"]
    simpletuner_run(tmp_path, names, config={"validation_prompt": "one of many"})

    contents = read_one(tmp_path, Prompt("val_img_1", "the second", "p"))

    assert texts(contents) == {"val_img_1": "the second"}
    assert reasons(contents) == {"step_500_val_img_0.png": "no_prompt_text"}


def test_dataset_samples_of_old_runs_are_not_taken_for_indices(tmp_path: Path) -> None:
    names = [f"step_500_ds_{k}_1024x1024.png" for k in range(3)]
    simpletuner_run(tmp_path, [*names, "step_500_unconditional_1024x1024.png"])

    contents = read_one(tmp_path, *(Prompt(f"ds_{k}", f"sample {k}", "p") for k in range(3)))

    assert [row[1] for row in rows(contents)] == ["ds_0", "ds_1", "ds_2", "unconditional"]


def test_old_files_without_other_evidence_have_no_index(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, [f"step_{step}_ds_{k}_64x64.png" for step in (5, 6) for k in (0, 1)])
    for k in (0, 1):
        old = tmp_path / "validation_images" / f"step_5_ds_{k}_64x64.png"
        os.utime(old, (1_700_000_000, 1_700_000_000))

    contents = read_one(tmp_path)

    assert {one.path.name: one.detail.split("'")[1] for one in contents.problems} == {
        "step_5_ds_0_64x64.png": "ds_0",
        "step_5_ds_1_64x64.png": "ds_1",
        "step_6_ds_0_64x64.png": "ds",
        "step_6_ds_1_64x64.png": "ds",
    }
    assert contents.advice[0].startswith("2 names can be read in two ways")


def test_names_that_all_end_in_index_0_are_no_reason_to_ask(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, ["step_5_fox_0_64x64.png", "step_5_cat_0_64x64.png"])

    (line,) = read_one(tmp_path).advice

    assert line.startswith("prompts without a text (2): 'cat', 'fox'.")


def test_the_media_log_decides_and_its_torn_lines_are_counted(tmp_path: Path) -> None:
    name = "step_500_ds_3_64x64.png"
    simpletuner_run(tmp_path, [name])
    row = {
        "schema_version": 1,
        "step": 500,
        "type": "image",
        "label": "ds",
        "index": 3,
        "resolution": "64x64",
        "path": f"validation_images/{name}",
    }
    whole = json.dumps(row)
    torn = [whole[:40] + whole, "[" * 5000, "7", '{"step": "x"}', "\0\0\0"]
    log = "\n".join([torn[0], whole, *torn[1:], whole[:-9]])
    (tmp_path / "validation_media.jsonl").write_text(log)

    contents = read_one(tmp_path, Prompt("ds", "text", "p"), Prompt("ds_3", "other", "p"))

    assert rows(contents) == [(500, "ds", 3, "checkpoint")]
    assert "6 damaged lines" in contents.advice[0]
    assert "at byte 0" in contents.advice[0]
    assert rules(contents) == {"validation_media.jsonl": "settings"}


def test_base_pictures_are_in_the_config_s_order_of_resolutions(tmp_path: Path) -> None:
    base = ["fox_512x512.png", "fox_768x512.png", "fox_1024x1024.png"]
    simpletuner_run(
        tmp_path, [], library=LIBRARY, base=base, config={"validation_resolution": "1024,768x512"}
    )

    contents = read_one(tmp_path)

    assert [(one.image_index, one.path.name) for one in contents.pictures] == [
        (0, "fox_1024x1024.png"),
        (1, "fox_768x512.png"),
        (2, "fox_512x512.png"),
    ]
    assert all(one.composite is None and one.panel == "base" for one in contents.pictures)


def test_the_base_picture_is_found_where_the_label_repeats_the_first_resolution(
    tmp_path: Path,
) -> None:
    simpletuner_run(
        tmp_path,
        [f"step_5_fox_{k}_512x512.png" for k in range(4)],
        library=LIBRARY,
        base=["fox_512x512.png", "fox_1024x1024.png"],
        config={"validation_resolution": "512,1024", "num_validation_images": "2"},
    )

    contents = read_one(tmp_path)

    beside = [
        one.composite.base_picture.name
        for one in contents.pictures
        if one.composite is not None and one.composite.base_picture is not None
    ]
    assert beside == ["fox_512x512.png"] * 2 + ["fox_1024x1024.png"] * 2


def test_a_prompt_without_a_base_picture_is_told_apart_from_a_run_without_any(
    tmp_path: Path,
) -> None:
    simpletuner_run(
        tmp_path / "some", ["step_5_cat_0_64x64.png"], library=LIBRARY, base=["fox_64x64.png"]
    )
    simpletuner_run(tmp_path / "none", ["step_5_cat_0_64x64.png"], library=LIBRARY)

    none, some = discover(tmp_path).runs

    hints = [run.pictures[-1].composite for run in (none, some)]
    assert [hint.base_picture for hint in hints if hint] == [None, None]
    assert [hint.base_folder_complete for hint in hints if hint] == [False, True]


@pytest.mark.parametrize(
    ("label", "drawn"),
    [
        ("64x64", (64, 64)),
        ("1000x600", (992, 608)),  # multiples of 16, since v1.3.1
        ("1000x600", (1000, 600)),  # of 8, before
        ("1000x600", (1024, 576)),  # of 64, before
    ],
)
def test_clean_pictures_of_step_0_are_the_base_model_s(
    tmp_path: Path, label: str, drawn: tuple[int, int]
) -> None:
    simpletuner_run(tmp_path, [], library=LIBRARY)
    draw(tmp_path / "validation_images" / f"step_0_fox_0_{label}.png", *drawn)
    draw(tmp_path / "validation_images" / f"step_0_fox_1_{label}.webp", *drawn)

    contents = read_one(tmp_path)

    assert rows(contents) == [(0, "fox", 0, "base"), (0, "fox", 1, "base")]
    assert all(one.composite is None for one in contents.pictures)


@pytest.mark.parametrize("drawn", [(134, 64), (134, 111), (64, 111)])
def test_a_drawn_picture_of_step_0_is_a_validation_before_training(
    tmp_path: Path, drawn: tuple[int, int]
) -> None:
    simpletuner_run(tmp_path, [], library=LIBRARY)
    draw(tmp_path / "validation_images" / "step_0_fox_0_64x64.png", *drawn)

    (picture,) = read_one(tmp_path).pictures

    assert picture.panel == "checkpoint"
    assert picture.composite is not None


def test_step_0_copies_of_benchmark_pictures_are_left_alone(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, [], library=LIBRARY)
    for folder, name in (("validation_images", "step_0_fox_0"), ("benchmarks/base_model", "fox")):
        draw(tmp_path / folder / f"{name}_64x64.png", 64, 64)

    contents = read_one(tmp_path)

    assert [one.path.name for one in contents.pictures] == ["fox_64x64.png"]
    assert rules(contents)["validation_images/step_0_fox_0_64x64.png"] == "copy_of_base_picture"


def test_step_0_wins_where_it_has_more_pictures_than_the_benchmark(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, [], library=LIBRARY)
    for k in range(2):
        draw(tmp_path / "validation_images" / f"step_0_fox_{k}_64x64.png", 64, 64)
    draw(tmp_path / "benchmarks" / "base_model" / "fox_64x64.png", 64, 64)

    contents = read_one(tmp_path)

    assert rows(contents) == [(0, "fox", 0, "base"), (0, "fox", 1, "base")]
    assert rules(contents)["benchmarks/base_model/fox_64x64.png"] == "copy_of_base_picture"


def test_base_pictures_saved_under_a_resumed_step_are_not_the_checkpoint_s(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, [], library=LIBRARY)
    pictures, base = tmp_path / "validation_images", tmp_path / "benchmarks" / "base_model"
    for k, name in enumerate(("cat", "fox")):
        draw(base / f"{name}_64x64.png", 64, 64, colour=("red", "blue")[k])
        draw(pictures / f"step_500_{name}_0_64x64.png", 134, 111)
        shutil.copy(base / f"{name}_64x64.png", pictures / f"step_700_{name}_0_64x64.png")
    draw(pictures / "step_700_cat_1_64x64.png", 64, 64, colour="green")

    contents = read_one(tmp_path)

    assert [row for row in rows(contents) if row[0]] == [
        (500, "cat", 0, "checkpoint"),
        (500, "fox", 0, "checkpoint"),
    ]
    assert sorted(name for name, rule in rules(contents).items() if rule[:4] == "copy") == [
        "validation_images/step_700_cat_0_64x64.png",
        "validation_images/step_700_cat_1_64x64.png",
        "validation_images/step_700_fox_0_64x64.png",
    ]


def test_each_adapter_is_a_run_of_its_own(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path / "r",
        [
            "step_5_fox_0_64x64.png",
            "step_5_fox__my_lora_0_64x64.png",
            "step_5_unconditional__my_lora_0_64x64.png",
            "step_5_fox__other_0_64x64.png",
            "step_5_fox__night_0_64x64.png",
        ],
        library={"fox": "a fox", "fox__night": "a fox at night"},
        base=["fox_64x64.png", "fox__my_lora_64x64.png"],
    )

    runs = discover(tmp_path).runs

    assert [(one.run.name, one.run.variant, rows(one)) for one in runs] == [
        (
            "r",
            "",
            [
                (0, "fox", 0, "base"),
                (5, "fox", 0, "checkpoint"),
                (5, "fox__night", 0, "checkpoint"),
            ],
        ),
        (
            "r@my_lora",
            "my_lora",
            [
                (0, "fox", 0, "base"),
                (5, "fox", 0, "checkpoint"),
                (5, "unconditional", 0, "checkpoint"),
            ],
        ),
        ("r@other", "other", [(5, "fox", 0, "checkpoint")]),
    ]
    assert len({one.run.run_id for one in runs}) == 3
    hint = runs[1].pictures[1].composite
    assert hint is not None
    assert hint.base_picture is not None
    assert hint.base_picture.name == "fox__my_lora_64x64.png"


def test_epochs_are_known_at_and_between_checkpoints_of_one_epoch(tmp_path: Path) -> None:
    steps = (0, 100, 300, 400, 500, 600, 700, 900, 1000)
    simpletuner_run(
        tmp_path, [f"step_{step}_fox_0_64x64.png" for step in steps], library={"fox": "a fox"}
    )
    for step, epoch in ((300, 1), (500, 2), (700, 2), (900, 4)):
        for name in (f"checkpoint-{step}", f"checkpoint-{step}-rolling"):
            write_json(tmp_path / name / "training_state.json", {"epoch": epoch})

    found = {one.step: one.epoch for one in read_one(tmp_path).pictures}

    assert found == {
        0: None,
        100: 1,
        300: 1,
        400: None,
        500: 2,
        600: 2,
        700: 2,
        900: 4,
        1000: None,
    }


@pytest.mark.parametrize(
    ("config", "planned"),
    [
        ({"max_train_steps": 900, "num_train_epochs": 3, "num_update_steps_per_epoch": 10}, 900),
        ({"max_train_steps": 0, "num_train_epochs": 3, "num_update_steps_per_epoch": 10}, 30),
        ({"num_train_epochs": "3", "num_update_steps_per_epoch": "10"}, 30),
        ({"max_train_steps": -1, "num_train_epochs": 3}, None),
        ({"num_train_epochs": 0, "num_update_steps_per_epoch": 10}, None),
    ],
)
def test_planned_steps_are_the_config_s_or_its_epochs_times_their_steps(
    tmp_path: Path, config: dict[str, object], planned: int | None
) -> None:
    simpletuner_run(tmp_path, ["step_5_fox_0_64x64.png"], config={"use_ema": False, **config})

    assert read_one(tmp_path).run.planned_steps == planned


def test_only_adapters_make_no_empty_run_beside_them(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path, ["step_5_fox__a_0_64x64.png", "step_5_fox__b_0_64x64.png"], library=LIBRARY
    )

    found = discover(tmp_path)

    assert [one.run.variant for one in found.runs] == ["a", "b"]
    assert found.seen_files == 3


def test_adapters_are_recognised_without_texts_when_the_config_names_one(tmp_path: Path) -> None:
    names = ["step_5_fox_0_64x64.png", "step_5_fox__my_lora_0_64x64.png"]
    simpletuner_run(tmp_path / "r", names, config={"validation_adapter_path": "some/lora"})

    assert [one.run.name for one in discover(tmp_path).runs] == ["r", "r@my_lora"]


def test_ema_only_pictures_say_that_they_show_averaged_weights(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path,
        ["step_5_fox_0_64x64.png"],
        library=LIBRARY,
        config={"use_ema": True, "ema_validation": "ema_only"},
    )

    (picture,) = read_one(tmp_path).pictures

    assert picture.notes == ("ema_weights",)
    assert picture.composite is not None
    assert picture.composite.ema_comparison is False


def test_two_files_for_one_index_are_both_kept_and_the_second_is_marked(tmp_path: Path) -> None:
    names = ["step_5_fox_0_64x64.png", "step_5_fox_0_64x64.webp", "step_5_fox_1_64x64.png"]
    simpletuner_run(tmp_path, names, library=LIBRARY)

    contents = read_one(tmp_path)

    assert [(one.image_index, one.path.suffix, one.notes) for one in contents.pictures] == [
        (0, ".png", ()),
        (1, ".png", ()),
        (2, ".webp", ("index_reassigned",)),
    ]


def test_every_other_file_is_left_alone_by_a_named_rule(tmp_path: Path) -> None:
    others = {
        "validation_images/step_5_fox_0_64x64.webm": "video_not_scored_yet",
        "validation_images/step_5_fox_0.wav": "audio_not_scored",
        "validation_images/step_5_fox_0_64x64.tmp.mp4": "temporary_file",
        "validation_images/.thumbs/step_5_fox_0_64x64.png.jpg": "thumbnail",
        "validation_images/.tmp/step_5_fox_0_64x64.png": "temporary_file",
        "validation_images/notes.txt": "not_a_picture",
        "validation_images/old/step_5_fox_0_64x64.png": "not_a_validation_picture",
        "benchmarks/base_model/fox_64x64_0.gif": "video_not_scored_yet",
        "benchmarks/other/fox_64x64.png": "other_benchmark",
        "checkpoint-5/assets/image_0.png": "checkpoint_folder",
        "checkpoint-5-rolling/pytorch_lora_weights.safetensors": "checkpoint_folder",
        "assets/image_0_0.png": "model_card_assets",
        "pipeline/assets/image_0_0.png": "model_card_assets",
        "README.md": "settings",
        "training_metrics.jsonl": "settings",
        "user_prompt_library.json": "settings",
        "logs/events.out.tfevents.1": "not_a_picture",
        "preview.png": "not_a_validation_picture",
    }
    simpletuner_run(tmp_path, ["step_5_fox_0_64x64.png"], library=LIBRARY)
    touch(tmp_path, [name for name in others if name != "user_prompt_library.json"])
    (tmp_path / "validation_images" / "link.png").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "validation_images" / "step_6_fox_0_64x64.png")

    contents = read_one(tmp_path)

    assert rules(contents) == {
        **others,
        "validation_images/link.png": "symlink",
        "validation_images/step_6_fox_0_64x64.png": "not_regular",
    }
    assert len(contents.pictures) == 1


def test_assets_are_listed_as_copies_of_the_pictures_whose_bytes_they_have(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path,
        [f"step_{step}_{name}_0_64x64.png" for step in (100, 200) for name in ("cat", "fox")],
        library=LIBRARY,
    )
    pictures = tmp_path / "validation_images"
    for number, path in enumerate(sorted(pictures.iterdir())):
        Image.new("RGB", (64, 64), (40 * number, 0, 0)).save(path)
    places = {
        "checkpoint-100/assets/image_0.png": "step_100_cat_0_64x64.png",
        "checkpoint-100-rolling/assets/image_1.png": "step_100_fox_0_64x64.png",
        "checkpoint-100/assets/image_9.png": "step_200_fox_0_64x64.png",
        "assets/image_0_0.png": "step_200_fox_0_64x64.png",
        "pipeline/assets/image_1_0.png": "step_200_cat_0_64x64.png",
    }
    for place, name in places.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / name, tmp_path / place)
    del places["checkpoint-100/assets/image_9.png"]
    Image.new("RGB", (64, 64), (1, 2, 3)).save(tmp_path / "assets/image_7_0.png")

    skipped = {one.path.relative_to(tmp_path).as_posix(): one for one in read_one(tmp_path).skipped}

    copies = {place: one for place, one in skipped.items() if one.copy_of is not None}
    assert {place: one.copy_of for place, one in copies.items()} == {
        place: pictures / name for place, name in places.items()
    }
    assert {one.rule for one in copies.values()} == {"copy_of_picture"}
    left = skipped["checkpoint-100/assets/image_9.png"], skipped["assets/image_7_0.png"]
    assert [(one.rule, one.detail) for one in left] == [
        ("checkpoint_folder", "no picture of step 100 has its bytes"),
        ("model_card_assets", "no picture of step 200 has its bytes"),
    ]


def test_a_picture_with_another_name_is_a_problem_that_says_how_to_name_it(tmp_path: Path) -> None:
    bad = ["grid.png", "step_5.png", f"step_{2**31}_fox_0_64x64.png"]
    simpletuner_run(tmp_path, ["step_5_fox_0_64x64.png", *bad], library=LIBRARY, base=["fox.png"])

    contents = read_one(tmp_path)

    assert reasons(contents) == {
        "grid.png": "name_not_understood",
        "step_5.png": "name_not_understood",
        bad[2]: "step_out_of_range",
        "fox.png": "name_not_understood",
    }
    details = {one.path.name: one.detail for one in contents.problems}
    assert "step_<number>_<prompt>_<index>_<width>x<height>.png" in details["grid.png"]


def test_a_run_that_has_only_begun_is_a_run_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "r" / "validation_images").mkdir(parents=True)
    write_json(tmp_path / "r" / "config" / "config.json", {"--model_family": "flux"})

    contents = read_one(tmp_path)

    assert contents.pictures == ()
    assert contents.advice[0].startswith("this run has no pictures yet")


def test_an_empty_folder_of_that_name_without_a_config_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "r" / "validation_images").mkdir(parents=True)
    simpletuner_run(tmp_path / "real", ["step_5_fox_0_64x64.png"])

    assert read_one(tmp_path).run.name == "real"


@pytest.mark.parametrize(
    ("checkpoints", "planned"),
    [
        ({500: 5, 990: 10}, 1100),  # 100 … 110 steps an epoch: the longer end
        ({500: 5, 550: 5}, None),  # 110 … 125: too wide
        ({50: 1}, None),
        ({}, None),
    ],
)
def test_a_plan_in_epochs_has_the_steps_that_the_checkpoints_show(
    tmp_path: Path, checkpoints: dict[int, int], planned: int | None
) -> None:
    config: dict[str, object] = {"use_ema": False, "num_train_epochs": 10, "max_train_steps": 0}
    simpletuner_run(tmp_path, ["step_5_fox_0_64x64.png"], config=config)
    for step, epoch in checkpoints.items():
        write_json(tmp_path / f"checkpoint-{step}" / "training_state.json", {"epoch": epoch})

    assert read_one(tmp_path).run.planned_steps == planned
