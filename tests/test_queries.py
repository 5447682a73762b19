"""Every ready question and every read runs on an empty store and on a filled one, and the
questions answer what their help says."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from clipstore.modelidentity import Model
from clipstore.storage.sqlfiles import (
    read_statement,
    ready_queries,
    sql_parameters,
    statement_names,
    views_in_order,
)
from clipstore.storage.store import check_store, merge_parts, open_store, run_query
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    NOON,
    config_rows,
    ingest_row,
    model_row,
    problem_row,
    prompt_rows,
    run_id_of,
    run_row,
    scalar_rows,
    score_rows,
    write_rows,
)

QUERIES = {query.name: query for query in ready_queries()}
TEXTS = {"cat": "a cat", "dog": "a dog", "fox": "a very long prompt, " * 5}
READ_VALUES: dict[str, object] = {
    "first_row": 0,
    "last_row": 10**9,
    "model_id": MODEL.model_id,
    "run_ids": [run_id_of("a")],
    "text_ids": [1, 2],
    "ids": [1, 2],
    **dict.fromkeys(("changed_rules", "changed_compare_rules", "selection")),
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("empty") / "x.duckdb"
    merge_parts(store, wait_seconds=0)
    return store


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a climbs from .20 to .31 and stays; run b has one step and other settings."""
    store = tmp_path_factory.mktemp("filled") / "x.duckdb"
    curve = {100: 0.20, 200: 0.30, 300: 0.31, 400: 0.31, 500: 0.31}
    parts = [
        score_rows(
            "a",
            step,
            {"cat": mean, "dog": mean - 0.02, "fox": mean + 0.02},
            TEXTS,
            panel="checkpoint",
        )
        for step, mean in curve.items()
    ]
    write_rows(
        store,
        {
            "models": [model_row()],
            "runs": [run_row("a", lr=1e-4, seed=1), run_row("b", lr=2e-4, seed=1, extra="x")],
            "problems": [problem_row("a", "step_000600/half.png")],
            "ingests": [ingest_row(n_scored=16, n_refused=1)],
        },
        prompt_rows("a", TEXTS),
        config_rows("a", lr=1e-4, seed=1),
        config_rows("b", lr="2e-4", seed="1", extra="x"),
        scalar_rows("a", "train_loss", {90: 0.5, 100: 0.3, 101: 0.2, 200: 0.1, 501: 9.0}),
        scalar_rows("a", "grad_norm", {90: 5.0}),
        prompt_rows("b", {"cat": "a cat"}),
        score_rows("a", 0, {"cat": 0.21, "dog": 0.21}, TEXTS, panel="base"),
        score_rows("b", 100, {"cat": 0.25}, TEXTS),
        *parts,
    )
    merge_parts(store, wait_seconds=0)
    return store


def ask(store: Path, name: str, **values: object) -> pl.DataFrame:
    return run_query(store, QUERIES[name].sql, values)


# The contract of every file


def test_there_are_ready_questions() -> None:
    assert len(QUERIES) >= 8


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("which", ["empty", "filled"])
def test_every_question_runs_and_needs_no_parameter(
    name: str, which: str, request: pytest.FixtureRequest
) -> None:
    frame = ask(request.getfixturevalue(which), name)
    assert frame.width > 2
    if which == "empty":
        assert frame.height == 0


@pytest.mark.parametrize("name", QUERIES)
def test_every_question_says_what_it_answers_and_what_its_parameters_do(name: str) -> None:
    query = QUERIES[name]
    assert len(query.help) > 40
    assert query.help.rstrip().endswith(".")
    for parameter in query.parameters:
        # `run` picks the run in every question that has it.
        assert parameter == "run" or f"`{parameter}`" in query.help


@pytest.mark.parametrize(
    "name", [name for name, query in QUERIES.items() if "run" in query.parameters]
)
def test_a_question_about_one_run_tells_of_no_other(filled: Path, name: str) -> None:
    assert set(ask(filled, name, run="b")["run"].to_list()) <= {"b"}
    assert ask(filled, name, run="no such run").height == 0


@pytest.mark.parametrize("name", statement_names("reads"))
@pytest.mark.parametrize("which", ["empty", "filled"])
def test_every_read_runs(name: str, which: str, request: pytest.FixtureRequest) -> None:
    parameters = {key: READ_VALUES[key] for key in sql_parameters(read_statement("reads", name))}
    with open_store(request.getfixturevalue(which)) as reader:
        frame = reader.read(name, parameters)
    assert frame.width >= 1
    if which == "empty":
        assert frame.height == 0


@pytest.mark.parametrize("which", ["empty", "filled"])
def test_no_check_finds_fault_with_a_sound_store(
    which: str, request: pytest.FixtureRequest
) -> None:
    assert check_store(request.getfixturevalue(which)) == ()


def test_every_view_comes_after_those_it_reads() -> None:
    names = [name for name, _ in views_in_order()]
    assert sorted(names) == list(statement_names("views"))
    assert names.index("latest_scores") < names.index("prompt_step") < names.index("run_step")


def test_parameters_in_comments_and_strings_are_none() -> None:
    assert sql_parameters("-- $a\nSELECT '$b', $c, $d, $c, $$text$$") == ("c", "d")


# What they answer


def test_the_flat_end_is_found(filled: Path) -> None:
    found = ask(filled, "plateau_steps")
    assert found.select("run", "step").rows() == [("a", 300), ("a", 400), ("a", 500)]
    assert ask(filled, "plateau_steps", tolerance="0.02")["step"].to_list() == [200, 300, 400, 500]


def test_worst_and_best_prompts_are_those_of_the_last_validation(filled: Path) -> None:
    worst, best = ask(filled, "worst_prompts", run="a"), ask(filled, "best_prompts", run="a")
    assert worst.select("step", "prompt_id").rows() == [(500, "dog"), (500, "cat"), (500, "fox")]
    assert best["prompt_id"].to_list() == ["fox", "cat", "dog"]
    assert best["cosine"][0] == pytest.approx(0.33, abs=1e-6)
    assert ask(filled, "worst_prompts", run="a", rows="1")["prompt_id"].to_list() == ["dog"]


def test_the_biggest_move_comes_first(filled: Path) -> None:
    found = ask(filled, "biggest_moves", rows=2)
    assert found.select("run", "from_step", "to_step", "n_prompts").rows() == [
        ("a", 100, 200, 3),
        ("a", 200, 300, 3),
    ]
    assert found["mean_change"].to_list() == pytest.approx([0.10, 0.01], abs=1e-6)
    assert found["share_up"].to_list() == [1.0, 1.0]


def test_the_share_in_the_band_is_told_by_step(filled: Path) -> None:
    found = ask(filled, "in_band_share", run="a")
    assert found["step"].to_list() == [100, 200, 300, 400, 500]
    assert found["share_in_band"].to_list() == pytest.approx([0, 2 / 3, 2 / 3, 2 / 3, 2 / 3])


def test_truncated_prompts_are_listed_once_a_run(filled: Path) -> None:
    found = ask(filled, "truncated_prompts")
    assert found.select("run", "prompt_id", "n_steps").rows() == [("a", "fox", 5)]


def test_refused_files_come_with_their_reason(filled: Path) -> None:
    found = ask(filled, "refused_files")
    assert found.select("run", "reason", "path").rows() == [
        ("a", "truncated", "step_000600/half.png")
    ]
    assert ask(filled, "refused_files", reason="no_prompt").height == 0


def test_only_settings_that_differ_are_listed_and_missing_ones_have_no_value(filled: Path) -> None:
    assert ask(filled, "config_differences").rows() == [
        ("extra", "a", None),
        ("extra", "b", "x"),
        ("lr", "a", "0.0001"),
        ("lr", "b", "2e-4"),
    ]
    assert ask(filled, "config_differences", like="b%").height == 0


def test_the_loss_beside_a_validation_is_that_of_the_steps_since_the_one_before(
    filled: Path,
) -> None:
    found = ask(filled, "loss_beside_clip", run="a")
    assert found.select("step", "mean_loss", "n_losses", "tag").rows() == [
        (100, 0.4, 2, "train_loss"),
        (200, pytest.approx(0.15), 2, "train_loss"),
        (300, None, 0, "train_loss"),
        (400, None, 0, "train_loss"),
        (500, None, 0, "train_loss"),
    ]
    assert ask(filled, "loss_beside_clip", run="a", tag="grad_norm")["mean_loss"][0] == 5.0


def test_the_comparison_with_the_base_is_paired_by_prompt(filled: Path) -> None:
    found = ask(filled, "checkpoint_vs_base")
    assert found["n_prompts"].to_list() == [2] * 5  # the fox has no base picture
    last = found.row(-1, named=True)
    assert last["mean_change"] == pytest.approx(0.30 - 0.21, abs=1e-6)
    assert (found["share_up"][0], last["share_up"]) == (0.0, 1.0)


def test_two_models_disagree_when_one_says_clearly_up_and_the_other_clearly_down(
    tmp_path: Path,
) -> None:
    store = tmp_path / "x.duckdb"
    texts = {name: f"a {name}" for name in ("cat", "dog", "fox", "hen")}
    other = MODEL_WITHOUT_BAND
    write_rows(
        store, {"models": [model_row(), model_row(other)], "runs": [run_row("a"), run_row("b")]}
    )

    def score(run: str, model: Model, changes: list[float]) -> None:
        levels = dict(zip(texts, (0.20, 0.30, 0.10, 0.25), strict=True))
        last = dict(zip(texts, changes, strict=True))
        for step, share in ((100, 0.0), (200, 0.4), (300, 1.0)):
            cosines = {name: levels[name] + share * last[name] for name in texts}
            write_rows(
                store,
                prompt_rows(run, texts),
                score_rows(run, step, cosines, texts, model=model),
            )

    score("a", MODEL, [0.04, 0.05, 0.03, 0.04])
    score("a", other, [-0.02, -0.02, -0.03, -0.01])
    score("b", MODEL, [0.04, 0.05, 0.03, 0.04])
    score("b", other, [-0.10, 0.07, -0.08, 0.09])  # down a little, and not clearly
    found = ask(store, "model_disagreement")
    told = [
        {key: row[key] for key in ("run", "model_a", "n_steps", "n_prompts", "disagree")}
        for row in found.iter_rows(named=True)
    ]
    one = {"model_a": "other", "n_steps": 3, "n_prompts": 4}
    assert told == [{"run": "a", **one, "disagree": True}, {"run": "b", **one, "disagree": False}]
    first = found.row(0, named=True)
    assert (first["best_step_a"], first["best_step_b"]) == (100, 300)
    assert first["correlation"] == pytest.approx(-1, abs=1e-4)
    assert first["change_a"] == pytest.approx(-0.02, abs=1e-6)
    assert first["change_b"] == pytest.approx(0.04, abs=1e-6)
    assert first["standard_error_b"] == pytest.approx(0.00816 / 2, abs=1e-5)


def test_an_edited_prompt_shows_both_texts(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    edited, later = {"cat": "a black cat"}, NOON + timedelta(hours=1)
    write_rows(
        store,
        {"runs": [run_row("a")]},
        prompt_rows("a", TEXTS),
        prompt_rows("a", edited, later),
        score_rows("a", 100, {"cat": 0.2, "dog": 0.2}, TEXTS),
        score_rows("a", 200, {"cat": 0.3}, edited, at=later),
    )
    found = ask(store, "edited_prompts")
    assert found.select("prompt_id", "text", "first_step").rows() == [
        ("cat", "a cat", 100),
        ("cat", "a black cat", 200),
    ]


# What the checks find


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("INSERT INTO scores FROM scores LIMIT 1", "1 rows of scores are there more than once"),
        ("INSERT INTO images FROM images LIMIT 1", "1 rows of images are there more than once"),
        ("INSERT INTO runs FROM runs LIMIT 1", "1 rows of runs are there more than once"),
        ("DELETE FROM runs WHERE name = 'b'", "1 scores are of a run"),
        ("UPDATE ingests SET n_seen = 99", "do not add up"),
    ],
)
def test_the_check_finds(filled: Path, tmp_path: Path, damage: str, said: str) -> None:
    store = tmp_path / "x.duckdb"
    shutil.copy(filled, store)
    connection = duckdb.connect(os.fspath(store))
    connection.execute(damage)
    connection.close()
    findings = check_store(store)
    assert len(findings) == 1
    assert said in findings[0]
