"""What the views say, against numbers worked out by hand or with numpy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from clipstore.storage.store import Reader, merge_parts, open_store
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    NOON,
    Row,
    model_row,
    problem_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

LONG = "a very long prompt, " * 5
TEXTS = {"cat": "a cat", "dog": "a dog", "fox": LONG, "owl": "an owl", "blank": ""}
WORLD = {"models": [model_row()], "runs": [run_row("a")], **prompt_rows("a", TEXTS)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "x.duckdb"


def rows_of(store: Path, sql: str) -> list[dict[str, object]]:
    merge_parts(store, wait_seconds=0)
    with open_store(store) as reader:
        return reader.frame(sql).to_dicts()


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a: base pictures, then steps 100 and 200 with the blank prompt and two dog pictures."""
    store = tmp_path_factory.mktemp("views") / "x.duckdb"
    write_rows(
        store,
        WORLD,
        score_rows("a", 0, {"cat": 0.20, "dog": 0.10}, TEXTS, panel="base"),
        score_rows(
            "a",
            100,
            {"cat": 0.30, "dog": [0.10, 0.30], "fox": 0.40, "owl": -0.10, "blank": 0.9},
            TEXTS,
            panel="checkpoint",
        ),
        score_rows("a", 200, {"cat": 0.35, "dog": [0.27, 0.35]}, TEXTS, panel="checkpoint"),
        score_rows("a", 200, {"cat": 0.11, "dog": 0.12}, TEXTS, panel="ema"),
    )
    merge_parts(store, wait_seconds=0)
    return store


@pytest.fixture
def reader(two_steps: Path):
    with open_store(two_steps) as reader:
        yield reader


def test_a_step_averages_pictures_per_prompt_and_then_prompts(reader: Reader) -> None:
    (row,) = reader.frame(
        "SELECT * FROM run_step WHERE step = 100 AND panel = 'checkpoint'"
    ).to_dicts()
    prompts = np.array([0.30, 0.20, 0.40, -0.10])
    near = pytest.approx
    assert row == {
        "model_id": MODEL.model_id,
        "model": "tiny",
        "run_id": row["run_id"],
        "run": "a",
        "step": 100,
        "panel": "checkpoint",
        "n_prompts": 4,
        "n_images": 5,
        "mean": near(0.20, abs=1e-7),
        "min": near(-0.10, abs=1e-7),
        "max": near(0.40, abs=1e-7),
        "std": near(float(prompts.std()), abs=1e-7),
        **{f"p{q}": near(float(np.percentile(prompts, q)), abs=1e-7) for q in (10, 25, 50, 75, 90)},
        "share_in_band": near(0.25),
        "share_poor": near(0.5),
        # The trainers' scale has no scores below zero: the owl counts 0 there.
        "clip_mean_x100": near((30 + 20 + 40 + 0) / 4, abs=1e-5),
    }


def test_panels_never_mix(reader: Reader) -> None:
    found = reader.frame("SELECT step, panel, round(mean, 6) AS mean FROM run_step ORDER BY ALL")
    assert found.rows() == [
        (0, "base", 0.15),
        (100, "checkpoint", 0.20),
        (200, "checkpoint", 0.33),
        (200, "ema", 0.115),
    ]


def test_the_blank_prompt_is_stored_but_in_no_mean(reader: Reader) -> None:
    blank = reader.frame("SELECT cosine, is_blank FROM current_scores WHERE prompt_id = 'blank'")
    assert blank.rows() == [(pytest.approx(0.9), True)]
    assert reader.frame("SELECT max(max) FROM run_step").item() < 0.5
    assert "blank" not in reader.read("analysis_scores", {"run_ids": None})["prompt_id"].to_list()


def test_a_run_is_summed_up_panel_by_panel(reader: Reader) -> None:
    found = reader.frame(
        """
        SELECT panel, n_steps, first_step, last_step, n_prompts, n_images,
            round(first_mean, 6), round(last_mean, 6), round(change, 6), best_step,
            last_share_in_band, round(base_mean, 6), planned_steps
        FROM run_summary ORDER BY panel
        """
    )
    assert found.rows() == [
        ("base", 1, 0, 0, 2, 2, 0.15, 0.15, 0.0, 0, 0.0, 0.15, 1000),
        ("checkpoint", 2, 100, 200, 2, 8, 0.20, 0.33, 0.13, 200, 1.0, 0.15, 1000),
        ("ema", 1, 200, 200, 2, 2, 0.115, 0.115, 0.0, 200, 0.0, 0.15, 1000),
    ]


def test_a_prompt_is_summed_up_over_the_run(reader: Reader) -> None:
    found = reader.frame(
        """
        SELECT prompt_id, n_steps, n_images, round(first_mean, 6), round(last_mean, 6),
            round(change, 6), text, is_truncated, is_blank
        FROM prompt_summary WHERE panel = 'checkpoint' ORDER BY prompt_id
        """
    )
    assert found.rows() == [
        ("blank", 1, 1, 0.9, 0.9, 0.0, "", False, True),
        ("cat", 2, 2, 0.3, 0.35, 0.05, "a cat", False, False),
        ("dog", 2, 4, 0.2, 0.31, 0.11, "a dog", False, False),
        ("fox", 1, 1, 0.4, 0.4, 0.0, LONG, True, False),
        ("owl", 1, 1, -0.1, -0.1, 0.0, "an owl", False, False),
    ]


def test_shares_of_the_band_are_null_for_a_model_without_one(store: Path) -> None:
    write_rows(
        store,
        WORLD,
        {"models": [model_row(MODEL_WITHOUT_BAND)]},
        score_rows("a", 100, {"cat": 0.35}, TEXTS, model=MODEL_WITHOUT_BAND),
        score_rows("a", 100, {"cat": 0.35}, TEXTS),
    )
    found = rows_of(store, "SELECT model, share_in_band, share_poor FROM run_step ORDER BY model")
    assert found == [
        {"model": "other", "share_in_band": None, "share_poor": None},
        {"model": "tiny", "share_in_band": 1.0, "share_poor": 0.0},
    ]


def test_two_models_of_one_name_have_two_labels(store: Path) -> None:
    half = model_row() | {"model_id": 5, "dtype": "float16"}
    write_rows(store, {"models": [model_row(), half]})
    found = rows_of(store, "SELECT model FROM model_labels ORDER BY model")
    assert [row["model"] for row in found] == [
        "tiny (float16)",
        "tiny (float32)",
    ]


def test_scores_without_their_run_or_prompt_are_shown_all_the_same(store: Path) -> None:
    """Parts of several processes merge in any order: a score may come before its run."""
    write_rows(store, score_rows("a", 100, {"cat": 0.25}, TEXTS))
    assert rows_of(store, "SELECT model, run, text, cosine FROM current_scores") == [
        {"model": "", "run": "", "text": None, "cosine": 0.25}
    ]
    assert rows_of(store, "SELECT n_prompts, mean FROM run_step") == [
        {"n_prompts": 1, "mean": 0.25}
    ]


def test_an_edited_prompt_counts_as_another_prompt(store: Path) -> None:
    edited = {"cat": "a black cat"}
    write_rows(store, WORLD, score_rows("a", 100, {"cat": 0.25}, TEXTS))
    later = NOON + timedelta(hours=1)
    write_rows(
        store, prompt_rows("a", edited, later), score_rows("a", 200, {"cat": 0.5}, edited, at=later)
    )
    found = rows_of(store, "SELECT text, n_steps, change FROM prompt_summary ORDER BY last_step")
    assert found == [
        {"text": "a cat", "n_steps": 1, "change": 0.0},
        {"text": "a black cat", "n_steps": 1, "change": 0.0},
    ]


PROBLEMS = "SELECT run, path, reason, ingest_id FROM current_problems ORDER BY ALL"


def test_a_problem_stands_until_its_file_is_scored(store: Path) -> None:
    path = "step_000100/only-cat-0.png"
    write_rows(store, WORLD, {"problems": [problem_row("a", path)]})
    standing = [{"run": "a", "path": path, "reason": "truncated", "ingest_id": 7}]
    assert rows_of(store, PROBLEMS) == standing
    write_rows(store, score_rows("a", 100, {"dog": 0.3}, TEXTS, at=NOON + timedelta(hours=1)))
    assert rows_of(store, PROBLEMS) == standing
    write_rows(store, score_rows("a", 100, {"cat": 0.3}, TEXTS, at=NOON + timedelta(hours=1)))
    assert rows_of(store, PROBLEMS) == []
    assert rows_of(store, "FROM problem_summary") == []


def test_a_problem_given_by_its_absolute_path_is_solved_by_the_runs_score(store: Path) -> None:
    write_rows(
        store, WORLD, {"problems": [problem_row(None, "/runs/a/step_000100/only-cat-0.png")]}
    )
    assert len(rows_of(store, PROBLEMS)) == 1
    write_rows(store, score_rows("a", 100, {"cat": 0.3}, TEXTS, at=NOON + timedelta(hours=1)))
    assert rows_of(store, PROBLEMS) == []


def test_a_file_that_broke_after_it_was_scored_is_a_problem(store: Path) -> None:
    write_rows(store, WORLD, score_rows("a", 100, {"cat": 0.3}, TEXTS))
    broken = problem_row("a", "step_000100/only-cat-0.png", at=NOON + timedelta(hours=1))
    write_rows(store, {"problems": [broken]})
    assert len(rows_of(store, PROBLEMS)) == 1


def test_only_what_the_newest_ingest_said_of_a_file_counts(store: Path) -> None:
    later = {"at": NOON + timedelta(hours=1), "ingest_id": 8}
    write_rows(
        store,
        WORLD,
        {
            "problems": [
                problem_row("a", "x.png", reason="truncated"),
                problem_row("a", "x.png", reason="no_prompt", **later),
                problem_row("a", "y.png", reason="truncated"),
                problem_row(None, "/runs/note.png", reason="no_run"),
                problem_row(None, "/runs/note.png", reason="no_run", **later),
            ]
        },
    )
    assert rows_of(store, PROBLEMS) == [
        {"run": "", "path": "/runs/note.png", "reason": "no_run", "ingest_id": 8},
        {"run": "a", "path": "x.png", "reason": "no_prompt", "ingest_id": 8},
        {"run": "a", "path": "y.png", "reason": "truncated", "ingest_id": 7},
    ]
    summary = "SELECT run, reason, n_files, example_path FROM problem_summary ORDER BY ALL"
    assert rows_of(store, summary) == [
        {"run": "", "reason": "no_run", "n_files": 1, "example_path": "/runs/note.png"},
        {"run": "a", "reason": "no_prompt", "n_files": 1, "example_path": "x.png"},
        {"run": "a", "reason": "truncated", "n_files": 1, "example_path": "y.png"},
    ]


def test_a_problem_that_every_ingest_finds_unchanged_has_one_row(store: Path) -> None:
    def meet(hour: int, *found: Row) -> int:
        at = NOON + timedelta(hours=hour)
        rows = [{**row, "ingest_id": 7 + hour, "seen_at": at} for row in found]
        write_rows(store, WORLD, {"problems": rows})
        return len(rows_of(store, "FROM problems"))

    path = "step_000100/only-cat-0.png"
    torn, unclaimed = problem_row("a", path), problem_row(None, "/runs/note.png")
    cut = {**torn, "stage": "cut", "reason": "no_box"}
    assert [meet(hour, torn, unclaimed) for hour in (0, 1, 2)] == [2, 2, 2]
    assert meet(3, {**torn, "file_size_bytes": 9}) == 3
    assert meet(4, torn, cut) == 5
    assert meet(5, cut, torn) == 5
    assert meet(6, cut) == 6
    assert [row["reason"] for row in rows_of(store, PROBLEMS)] == ["truncated", "no_box"]
    write_rows(store, score_rows("a", 100, {"cat": 0.3}, TEXTS, at=NOON + timedelta(hours=7)))
    assert len(rows_of(store, PROBLEMS)) == 1
    assert meet(8, cut) == 7
    assert len(rows_of(store, PROBLEMS)) == 2


def test_the_list_of_runs_names_runs_without_scores_too(store: Path) -> None:
    write_rows(
        store,
        WORLD,
        {"runs": [run_row("b")], "problems": [problem_row("b", "x.png")]},
        score_rows("a", 100, {"cat": 0.3}, TEXTS),
    )
    merge_parts(store, wait_seconds=0)
    with open_store(store) as reader:
        listed = reader.read("runs_listed")
    assert listed.select("run", "model", "validations", "pictures", "not_scored").rows() == [
        ("a", "tiny", 1, 1, 0),
        ("b", None, 0, 0, 1),
    ]
