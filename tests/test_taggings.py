"""How trainers name the pictures in their logs: what each naming takes, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import clipstore.taggings
from clipstore.logged import KnownPicture, LoggedPicture
from clipstore.pipeline.loggedpictures import LoggedPlacing
from clipstore.pipeline.loggedruns import place_in_folder
from clipstore.taggings import RunFacts, all_taggings
from clipstore.types import GridCell, Picture, Prompt, Run, RunContents, Size

EXAMPLES = {
    "diffusers": ("diffusers", "validation", "0: a fox"),
    "onetrainer": ("onetrainer", "sample3 - a red fox", None),
    "sample_captions": ("kohya", "sample_0", "a fox"),
    "simpletuner": ("simpletuner", "fox - (1024, 768)", None),
}
"""Naming → (layout, tag, caption) of a picture that it knows."""


def run_of(
    layout: str,
    *,
    config: Mapping[str, object] | None = None,
    prompts: Mapping[str, str] | None = None,
    pictures: tuple[Picture, ...] = (),
) -> RunContents:
    run = Run("a", Path("/runs/a"), layout, "", config=config or {})
    known = tuple(Prompt(key, text, "p") for key, text in (prompts or {}).items())
    return RunContents(run, pictures, known)


def logged(
    tag: str, step: int, caption: str | None = None, *, last_step: int | None = None, n: int = 0
) -> LoggedPicture:
    path = Path(f"/runs/a/logs/events#{step}+{len(tag)}{n}")
    return LoggedPicture(path, tag, step, 1.7e9 + step, 0, 1, caption, last_step)


def placed(
    contents: RunContents, *pictures: LoggedPicture, source: str = "tensorboard"
) -> RunContents:
    known = [KnownPicture(source, "logs/events", one) for one in pictures]
    return LoggedPlacing((), Path("/runs")).place(contents, known).contents


def test_the_namings_are_the_files_of_the_folder_and_each_has_an_example() -> None:
    files = {path.stem for path in Path(clipstore.taggings.__file__).parent.glob("*.py")}
    names = [tagging.NAME for tagging in all_taggings()]
    assert names == sorted(files - {"__init__"}) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_two_namings_take_the_same_picture(name: str) -> None:
    layout, tag, caption = EXAMPLES[name]
    facts = RunFacts(run_of(layout), (), Path("/runs"))
    one = logged(tag, 100, caption)
    takers = [each.NAME for each in all_taggings() if each.read([one], facts).pictures]
    assert takers == [name]


@pytest.mark.parametrize("tag", ["confusion matrix", "validation_loss", "sample", "x - 5"])
def test_pictures_of_unknown_names_are_left_alone_and_counted(tag: str) -> None:
    for layout in ("simpletuner", "kohya", "tracker", "folder"):
        found = placed(run_of(layout), logged(tag, 1))
        assert [one.rule for one in found.skipped] == ["tag_not_understood"]


def test_simpletuners_tag_names_prompt_and_panel_size() -> None:
    config = {"validation_resolution": "512,1024x768"}
    contents = run_of("simpletuner", config=config, prompts={"fox": "a fox"})
    found = placed(contents, logged("fox - (512, 512)", 100), logged("fox - (1024, 768)", 100, n=1))
    hints = [one.composite for one in found.pictures]
    assert [one.image_index for one in found.pictures] == [0, 1]
    assert [hint and hint.label_size for hint in hints] == [Size(512, 512), Size(1024, 768)]
    assert [one.step for one in found.pictures] == [100, 100]


def test_tensorboardx_tags_find_the_prompt_id_that_they_were_made_of() -> None:
    contents = run_of("simpletuner", prompts={"red fox!": "a fox", "cat": "a cat"})
    found = placed(contents, logged("red_fox__-__512__512_", 100))
    (picture,) = found.pictures
    assert picture.prompt_id == "red fox!"


@pytest.mark.parametrize(
    "tag", ["red fox!__style - (512, 512)", "red_fox___style_-__512__512_"], ids=["torch", "x"]
)
def test_an_adapters_picture_goes_to_its_run_which_the_log_alone_may_know(tag: str) -> None:
    own = run_of("simpletuner", prompts={"red fox!": "a fox", "cat": "a cat"})
    own_picture, of_adapter = logged("cat - (512, 512)", 100), logged(tag, 100)
    known = [KnownPicture("tensorboard", "log", one) for one in (own_picture, of_adapter)]
    plain, adapter = place_in_folder(
        [own], {own.run.run_id: known}, LoggedPlacing((), Path("/runs"))
    )
    assert [one.path for one in plain.pictures] == [own_picture.path]
    assert (adapter.run.name, adapter.run.variant) == ("a@style", "style")
    assert [(one.path, one.prompt_id) for one in adapter.pictures] == [
        (of_adapter.path, "red fox!")
    ]
    assert [(one.prompt_id, one.text) for one in adapter.prompts] == [("red fox!", "a fox")]


def test_a_log_that_does_not_say_where_the_prompt_ends_is_refused_with_what_to_pass() -> None:
    found = placed(
        run_of("simpletuner", prompts={"cat": "a cat"}), logged("fox__style - (512, 512)", 100)
    )
    (problem,) = found.problems
    assert (problem.reason, "--prompts" in problem.detail) == ("no_prompt_text", True)


def test_onetrainers_tag_is_the_folder_of_its_files() -> None:
    contents = run_of("onetrainer", prompts={"3 - a red fox": "a red fox in snow"})
    found = placed(contents, logged("sample3 - a red fox", 0), logged("sample3 - a red fox", 50))
    assert [(one.step, one.prompt_id, one.panel) for one in found.pictures] == [
        (0, "3 - a red fox", "base"),
        (50, "3 - a red fox", "only"),
    ]


def test_onetrainers_two_pictures_of_one_step_are_not_guessed_between() -> None:
    pair = (logged("sample3 - fox", 50), logged("sample3 - fox", 50, n=1))
    found = placed(run_of("onetrainer", prompts={"3 - fox": "fox"}), *pair)
    assert [one.reason for one in found.problems] == ["ambiguous_in_log"] * 2


def test_a_sample_that_has_files_is_a_copy_though_wandb_dates_it_a_step_off() -> None:
    file = Picture(Path("/runs/a/sample"), "x.png", 100, "0", 0, "only")
    contents = run_of("kohya", prompts={"0": "a fox"}, pictures=(file,))
    found = placed(contents, logged("sample_0", 99, "a fox"), source="wandb")
    assert found.pictures == (file,)
    assert [(one.rule, one.detail) for one in found.skipped] == [
        ("copy_of_picture", "same picture as sample/x.png")
    ]


def test_of_two_samples_that_wandb_dates_before_each_is_its_own_file_s_copy() -> None:
    files = tuple(
        Picture(Path("/runs/a/sample"), f"{n}.png", n, "0", 0, "only") for n in (100, 200)
    )
    contents = run_of("kohya", prompts={"0": "a fox"}, pictures=files)
    samples = [logged("sample_0", step, "a fox") for step in (99, 199)]
    found = placed(contents, *samples, source="wandb")
    assert {one.path: one.copy_of for one in found.skipped} == {
        sample.path: file.path for sample, file in zip(samples, files, strict=True)
    }


def test_a_sample_whose_file_was_deleted_is_no_copy_of_a_later_one() -> None:
    file = Picture(Path("/runs/a/sample"), "200.png", 200, "0", 0, "only")
    contents = run_of("kohya", prompts={"0": "a fox"}, pictures=(file,))
    found = placed(
        contents, *(logged("sample_0", step, "a fox") for step in (99, 199)), source="wandb"
    )
    assert [one.step for one in found.pictures] == [200, 99]
    assert [one.copy_of for one in found.skipped] == [file.path]


def test_samples_beside_files_that_count_epochs_are_left_alone() -> None:
    file = Picture(Path("/runs/a/sample"), "e1.png", 1, "0", 0, "only", notes=("step_is_epoch",))
    contents = run_of("kohya", prompts={"0": "a fox"}, pictures=(file,))
    found = placed(contents, logged("sample_0", 500, "a fox"), source="wandb")
    assert (found.pictures, [one.rule for one in found.skipped]) == ((file,), ["copy_of_picture"])


def test_a_sample_without_files_has_its_caption_for_a_prompt() -> None:
    found = placed(run_of("kohya"), logged("sample_2", 100, "a fox"), source="wandb")
    assert [(one.step, one.prompt_id) for one in found.pictures] == [(100, "2")]
    assert [(one.prompt_id, one.text) for one in found.prompts] == [("2", "a fox")]


def test_tensorboards_copy_counts_before_wandbs() -> None:
    contents = run_of("simpletuner", prompts={"fox": "a fox"})
    both = [
        KnownPicture("wandb", "run-1.wandb", logged("fox - 512x512", 100, n=1)),
        KnownPicture("tensorboard", "logs/events", logged("fox - (512, 512)", 100)),
    ]
    found = LoggedPlacing((), Path("/runs")).place(contents, both).contents
    assert [one.path for one in found.pictures] == [both[1].picture.path]
    assert [one.rule for one in found.skipped] == ["copy_of_picture"]


def test_a_grid_has_a_cell_per_picture_row_by_row() -> None:
    config = {"num_validation_images": 10, "validation_prompt": "a fox", "validation_steps": 50}
    found = placed(run_of("tracker", config=config), logged("validation", 100, last_step=100))
    assert [one.cell for one in found.pictures] == [GridCell(place, 8, 2) for place in range(10)]
    assert [one.image_index for one in found.pictures] == list(range(10))
    assert {one.step for one in found.pictures} == {100}


def test_the_first_cell_of_a_conditioned_grid_is_the_input_and_the_tag_the_prompt() -> None:
    config = {"num_validation_images": 2, "controlnet_model_name_or_path": "some/net"}
    found = placed(run_of("tracker", config=config), logged("a red fox", 100, last_step=100))
    assert [one.cell for one in found.pictures] == [GridCell(1, 3, 1), GridCell(2, 3, 1)]
    assert {(one.prompt_id, one.text) for one in found.prompts} == {("a red fox", "a red fox")}


@pytest.mark.parametrize(
    ("config", "last_step", "expected"),
    [
        ({"validation_steps": 50}, 500, (5, None)),
        ({"validation_epochs": 1}, 500, (500, 5)),
        ({}, 500, (500, 5)),
        ({}, 6, (5, None)),
        ({}, None, (5, None)),
    ],
)
def test_an_epoch_is_told_from_a_step_by_settings_or_by_what_was_logged_before(
    config: dict[str, object], last_step: int | None, expected: tuple[int, int | None]
) -> None:
    config |= {"num_validation_images": 1, "validation_prompt": "a fox"}
    found = placed(run_of("tracker", config=config), logged("validation", 5, last_step=last_step))
    assert [(one.step, one.epoch) for one in found.pictures] == [expected]


def test_a_picture_without_a_text_is_a_problem_that_says_what_to_pass() -> None:
    config = {"num_validation_images": 1}
    found = placed(run_of("tracker", config=config), logged("validation", 5))
    (problem,) = found.problems
    assert problem.reason == "no_prompt_text" and "--prompts" in problem.detail
