"""Where a SimpleTuner run's settings and texts come from, and which source wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clipstore.sources.modelcard import CardMatch, card_to_texts, match_card
from clipstore.types import Prompt
from tests.discovered import discover
from tests.layout_trees import (
    read_one,
    reasons,
    simpletuner_run,
    texts,
    touch,
    write_json,
)

NAMES = ["step_5_fox_0_64x64.png", "step_5_validation_0_64x64.png"]


def test_the_library_s_path_is_tried_beside_the_run_its_config_and_the_parents(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    run = simpletuner_run(project / "output" / "models", NAMES)
    places = {
        "absolute": (str(project / "elsewhere.json"), project / "elsewhere.json"),
        "beside the run": ("my.json", run / "my.json"),
        "below the training folder": ("config/lib/my.json", project / "config/lib/my.json"),
        "by name in a config folder": ("/gone/my.json", project / "config" / "my.json"),
        "by name above": ("old/place/my.json", project / "my.json"),
    }
    for setting, path in places.values():
        write_json(project / "config" / "config.json", {"--user_prompt_library": setting})
        write_json(path, {"fox": f"from {path}"})

        assert texts(read_one(tmp_path))["fox"] == f"from {path}"
        path.unlink()


def test_a_library_that_is_not_found_is_named_with_what_to_pass(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES, config={"user_prompt_library": "config/gone.json"})

    contents = read_one(tmp_path)

    assert reasons(contents) == dict.fromkeys(NAMES, "no_prompt_text")
    assert "'config/gone.json', which is not found" in contents.advice[0]
    assert contents.advice[1].startswith("prompts without a text (2): 'fox', 'validation'.")


def test_a_library_is_never_read_through_a_link(tmp_path: Path) -> None:
    secret = write_json(tmp_path / "outside.json", {"fox": "secret"})
    run = simpletuner_run(tmp_path / "r", NAMES, config={"user_prompt_library": "lib.json"})
    (run / "lib.json").symlink_to(secret)

    assert texts(read_one(tmp_path / "r")) == {}


def test_the_single_prompt_and_the_blank_one_come_from_the_config(tmp_path: Path) -> None:
    names = ["step_5_unconditional_0_64x64.png", NAMES[1]]
    simpletuner_run(tmp_path, names, config={"--validation_prompt": "a lone fox"})

    contents = read_one(tmp_path)

    assert contents.prompts == (
        Prompt("unconditional", "", "SimpleTuner's blank prompt"),
        Prompt("validation", "a lone fox", "config.json"),
    )


@pytest.mark.parametrize(
    ("value", "expected"), [("", {"validation": ""}), ("None", {}), (None, {})]
)
def test_a_blank_single_prompt_is_a_prompt_and_none_is_not(
    tmp_path: Path, value: object, expected: dict[str, str]
) -> None:
    simpletuner_run(tmp_path, NAMES[1:], config={"validation_prompt": value})

    assert texts(read_one(tmp_path)) == expected


def test_the_user_s_prompts_win_over_all_others(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path, NAMES, library={"fox": "library"}, config={"validation_prompt": "config"}
    )

    contents = read_one(tmp_path, *(Prompt(key, "user", "p") for key in ("fox", "validation")))

    assert texts(contents) == {"fox": "user", "validation": "user"}


def test_only_prompts_with_pictures_belong_to_the_run(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES[:1], library={"fox": "a fox", "cat": "a cat"})

    assert texts(read_one(tmp_path)) == {"fox": "a fox"}


def test_an_id_with_two_texts_in_the_library_is_ambiguous(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES, config={"validation_prompt": "lone"})
    (tmp_path / "user_prompt_library.json").write_text('{"fox": "one", "fox": "two"}')

    contents = read_one(tmp_path)

    assert reasons(contents) == {NAMES[0]: "ambiguous_prompt"}
    assert "'one' and 'two'" in contents.problems[0].detail
    assert texts(contents) == {"validation": "lone"}


def test_two_library_files_that_disagree_are_ambiguous(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES[:1], library={"fox": "one"})
    write_json(tmp_path / "user_prompt_library-2.json", {"fox": "two"})

    contents = read_one(tmp_path)

    assert reasons(contents) == {NAMES[0]: "ambiguous_prompt"}
    assert "user_prompt_library-2.json" in contents.problems[0].detail


def test_a_library_key_that_the_trainer_uses_itself_is_ambiguous(tmp_path: Path) -> None:
    simpletuner_run(
        tmp_path,
        ["step_5_unconditional_0_64x64.png", NAMES[1]],
        library={"validation": "one", "unconditional": "not blank"},
        config={"validation_prompt": "two"},
    )

    assert set(reasons(read_one(tmp_path)).values()) == {"ambiguous_prompt"}

    write_json(
        tmp_path / "config.json",
        {"validation_prompt": "one", "validation_disable_unconditional": True},
    )
    assert texts(read_one(tmp_path)) == {"validation": "one", "unconditional": "not blank"}


def test_a_text_with_half_a_surrogate_pair_is_refused_not_altered(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES)
    (tmp_path / "config.json").write_text(r'{"validation_prompt": "a \ud800", "seed": 1}')

    contents = read_one(tmp_path, Prompt("fox", "a fox", "p"))

    assert reasons(contents) == {NAMES[1]: "prompt_unusable"}
    assert "config.json" in contents.problems[0].detail


def test_ids_of_the_built_in_library_lead_to_the_command_that_exports_it(tmp_path: Path) -> None:
    simpletuner_run(tmp_path / "a", ["step_5_neon_cityscape_0_64x64.png"])
    simpletuner_run(
        tmp_path / "b", ["step_5_x_0_64x64.png"], config={"validation_prompt_library": "true"}
    )
    simpletuner_run(
        tmp_path / "c", ["step_5_x_0_64x64.png"], config={"validation_prompt_library": "false"}
    )

    advice = [run.advice[-1] for run in discover(tmp_path).runs]

    assert ["json.dump(p.prompts" in line for line in advice] == [True, True, False]
    assert "'neon_cityscape'" in advice[0]
    assert "--prompts prompts.json" in advice[0]


def test_a_nearly_right_id_is_shown_but_not_used(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, ["step_5_red fox_0_64x64.png"], library={"red_fox": "a fox"})

    contents = read_one(tmp_path)

    assert contents.pictures == ()
    assert "'red fox' is not 'red_fox'" in contents.advice[0]


def test_the_trainer_s_own_record_beats_the_user_s_config(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES[1:], config={"validation_prompt": "user's"})
    for step in (2, 4):
        write_json(
            tmp_path / f"checkpoint-{step}" / "simpletuner_config.json",
            {"validation_prompt": f"of step {step}"},
        )
    assert texts(read_one(tmp_path)) == {"validation": "of step 4"}

    write_json(tmp_path / "simpletuner_config.json", {"validation_prompt": "final"})
    assert texts(read_one(tmp_path)) == {"validation": "final"}


def test_a_prompt_edited_at_a_resume_is_another_version_from_then_on(tmp_path: Path) -> None:
    steps = (200, 400, 500, 600, 900, 1200)
    simpletuner_run(tmp_path, [f"step_{step}_validation_0_64x64.png" for step in steps])
    for step, text in ((500, "a fox"), (1000, "a red fox")):
        path = tmp_path / f"checkpoint-{step}" / "simpletuner_config.json"
        write_json(path, {"validation_prompt": text})

    contents = read_one(tmp_path)

    assert [(one.step, one.prompt_id) for one in contents.pictures] == [
        *((step, "validation") for step in (200, 400, 500)),
        *((step, "validation#2") for step in (600, 900, 1200)),
    ]
    assert texts(contents) == {"validation": "a fox", "validation#2": "a red fox"}
    assert contents.prompts[0].source == "checkpoint-500/simpletuner_config.json"
    assert "the text of prompt 'validation' changes between pictures" in contents.advice[0]

    given = read_one(tmp_path, Prompt("validation", "given", "p"))
    assert texts(given) == {"validation": "given"}


def test_a_parent_s_config_counts_only_for_the_run_it_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simpletuner_run(tmp_path / "output" / name, NAMES[1:])
        write_json(
            tmp_path / "config" / name / "config.json",
            {"output_dir": f"output/{name}/", "validation_prompt": f"prompt of {name}"},
        )
    write_json(tmp_path / "config.json", {"--output_dir": "output/one", "--max_train_steps": 7})

    one, two = discover(tmp_path).runs

    assert (one.run.planned_steps, texts(one)) == (7, {})
    assert (two.run.planned_steps, texts(two)) == (None, {"validation": "prompt of two"})


def test_a_config_above_the_given_folder_is_not_read(tmp_path: Path) -> None:
    simpletuner_run(tmp_path / "output" / "r", NAMES[1:])
    write_json(tmp_path / "config.json", {"validation_prompt": "above"})

    assert texts(read_one(tmp_path)) == {"validation": "above"}
    assert texts(read_one(tmp_path / "output")) == {}


def test_a_model_s_own_config_is_not_the_trainer_s(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES[1:], config={"_class_name": "UNet", "validation_prompt": "no"})

    assert read_one(tmp_path).run.config == {}


def test_a_broken_config_is_told_and_the_next_one_is_used(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES[1:], config={"validation_prompt": "second"})
    (tmp_path / "simpletuner_config.json").write_text('{"torn": ')

    contents = read_one(tmp_path)

    assert texts(contents) == {"validation": "second"}
    assert contents.advice[0].startswith("simpletuner_config.json is not used: it is not JSON")


def test_planned_steps_come_from_the_metrics_log_when_there_is_no_config(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, NAMES)
    write_json(tmp_path / "training_metrics.json", {"config": {"max_train_steps": 900}})

    assert read_one(tmp_path).run.planned_steps == 900


@pytest.mark.parametrize("value", [0, -1, "0", "", None, "many", True])
def test_no_number_of_steps_is_an_unknown_plan(tmp_path: Path, value: object) -> None:
    simpletuner_run(tmp_path, NAMES, config={"max_train_steps": value})

    assert read_one(tmp_path).run.planned_steps is None


def card(*entries: tuple[str, str]) -> str:
    widget = "".join(
        f"\n- text: '{text}'\n  parameters:\n    negative_prompt: 'blurry'\n"
        f"  output:\n    url: ./assets/image_{url}.png"
        for text, url in entries
    )
    return f"---\nlicense: other\nwidget:{widget}\n---\n\n# model\n"


BLANK = "unconditional (blank prompt)"


def test_a_model_card_lists_one_text_per_prompt_in_order() -> None:
    written = card((BLANK, "0_0"), ("it''s a fox", "1_0"), ("it''s a fox", "2_1"), ("cat", "3_0"))

    assert card_to_texts(written) == ("", "it's a fox", "cat")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "# no front matter",
        "---\nlicense: other\n---\n",
        card(("prompt not found (3)", "0_0")),
        card(("no prompt available", "0_0")),
        card(("two\nlines", "0_0")),
        card(("a fox", "0_0"), ("a cat", "1_1")),
        "---\nwidget:\n- text: 'a fox'\n---\n",
    ],
)
def test_a_card_that_is_not_as_simpletuner_writes_it_says_nothing(written: str) -> None:
    assert card_to_texts(written) is None


def test_a_card_is_matched_where_only_one_order_is_possible() -> None:
    assert match_card(["", "a", "b"], {"unconditional", "fox", "validation"}, ()) == CardMatch(
        {"unconditional": "", "fox": "a", "validation": "b"}
    )
    assert match_card(["a", "b"], {"fox", "cat"}, ["cat", "fox"]).texts == {"cat": "a", "fox": "b"}


@pytest.mark.parametrize(
    ("found", "ids", "order", "why"),
    [
        (["a", "b"], {"fox", "cat"}, (), "several orders"),
        (["a", "b"], {"fox", "cat"}, ("cat",), "several orders"),
        (["a"], {"fox", "cat"}, (), "1 texts for 2"),
        (["a", "b"], {"fox", "foxes"}, ("fox", "foxes"), "part of another"),
        (["a", ""], {"unconditional", "fox"}, ("unconditional", "fox"), "another place"),
        (["", "b"], {"fox", "validation"}, (), "another place"),
    ],
)
def test_an_uncertain_card_is_not_used_and_says_why(
    found: list[str], ids: set[str], order: tuple[str, ...], why: str
) -> None:
    match = match_card(found, ids, order)

    assert match.texts == {}
    assert why in match.why_not


def test_the_card_fills_ids_without_a_text(tmp_path: Path) -> None:
    names = [*NAMES, "step_5_unconditional_0_64x64.png"]
    simpletuner_run(tmp_path, names)
    written = card((BLANK, "0_0"), ("a red fox", "1_0"), ("the last", "2_0"))
    (tmp_path / "README.md").write_text(written)

    contents = read_one(tmp_path)

    assert texts(contents) == {"fox": "a red fox", "unconditional": "", "validation": "the last"}
    assert {one.source for one in contents.prompts if one.text} == {"README.md"}


def test_the_card_of_the_newest_checkpoint_is_ordered_by_the_media_log(tmp_path: Path) -> None:
    names = [f"step_5_{name}_0_64x64.png" for name in ("fox", "cat")]
    simpletuner_run(tmp_path, names)
    rows = [
        {"step": 5, "label": label, "index": 0, "path": f"validation_images/{name}"}
        for label, name in zip(("fox", "cat"), names, strict=True)
    ]
    (tmp_path / "validation_media.jsonl").write_text("\n".join(map(json.dumps, rows)))
    touch(tmp_path / "checkpoint-5", ["README.md"])
    (tmp_path / "checkpoint-5" / "README.md").write_text(card(("a fox", "0_0"), ("a cat", "1_0")))

    assert texts(read_one(tmp_path)) == {"fox": "a fox", "cat": "a cat"}


def test_the_card_is_not_used_where_adapters_confuse_it(tmp_path: Path) -> None:
    names = ["step_5_validation_0_64x64.png", "step_5_validation__x_0_64x64.png"]
    simpletuner_run(tmp_path, names)
    (tmp_path / "README.md").write_text(card(("the last", "0_0")))

    assert all(texts(run) == {} for run in discover(tmp_path).runs)


def test_an_uncertain_card_is_mentioned_in_the_advice(tmp_path: Path) -> None:
    simpletuner_run(tmp_path, [f"step_5_{name}_0_64x64.png" for name in ("fox", "cat")])
    (tmp_path / "README.md").write_text(card(("a fox", "0_0"), ("a cat", "1_0")))

    assert read_one(tmp_path).advice[0] == (
        "the model card README.md lists its texts without ids, and several orders are possible, "
        "so it is not used for prompts."
    )
