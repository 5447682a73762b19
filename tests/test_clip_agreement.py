"""The trainer's own clip/mean beside ours: paired at the step it belongs to, computed its way, and
a cause named where they part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clipstore.storage.store import merge_parts, open_store
from tests.store_rows import (
    config_rows,
    model_row,
    prompt_rows,
    run_row,
    scalar_rows,
    score_rows,
    write_rows,
)

LONG = "a very long prompt, " * 5
TEXTS = {"cat": "a cat", "dog": "a dog", "blank": "", "fox": LONG}
EARLY_2025 = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "x.duckdb"


def agreement(store: Path, *groups: dict, columns: str = "step, likely_cause") -> list[tuple]:
    world = {"models": [model_row()], "runs": [run_row("a")], **prompt_rows("a", TEXTS)}
    write_rows(store, world, *groups)
    merge_parts(store, wait_seconds=0)
    with open_store(store) as reader:
        sql = f"SELECT {columns} FROM clip_agreement ORDER BY ALL"  # noqa: S608 - our own words
        return reader.frame(sql).rows()


def logged(values: dict[int, float], **options: object) -> dict:
    return scalar_rows("a", "clip/mean", values, scale=100.0, **options)


def pictures(step: int, panel: str = "checkpoint", **cosines: float | list[float]) -> dict:
    return score_rows("a", step, cosines, TEXTS, panel=panel)


def test_scores_of_step_n_are_looked_for_one_step_later_and_on_the_trackers_scale(
    store: Path,
) -> None:
    rows = agreement(
        store,
        pictures(0, panel="base", cat=0.2, blank=0.1),
        pictures(100, cat=0.3, blank=0.1),
        pictures(200, cat=0.4, blank=0.1),  # the last one is never logged
        logged({1: 15.0, 101: 20.0, 150: 50.0, 200: 99.0}),
        columns="step, panel, logged_step, round(trainer_mean, 4), "
        "round(our_mean_as_trainer, 4), likely_cause",
    )
    assert rows == [
        (0, "base", 1, 0.15, 0.15, "agrees"),
        (100, "checkpoint", 101, 0.2, 0.2, "agrees"),
        (200, "checkpoint", 200, 0.99, 0.25, "unknown"),
    ]


def test_at_consecutive_validations_each_gets_the_log_of_the_step_after_it(store: Path) -> None:
    rows = agreement(
        store,
        pictures(100, cat=0.10, blank=0.1),
        pictures(101, cat=0.30, blank=0.1),
        logged({101: 10.0}),
        columns="step, logged_step, likely_cause",
    )
    assert rows == [(100, 101, "agrees")]


def test_ours_is_computed_as_the_trainer_does_it(store: Path) -> None:
    """The blank prompt counts, of several pictures the last, and a negative cosine is 0."""
    ((as_trainer, ours),) = agreement(
        store,
        pictures(100, cat=[0.9, 0.3], dog=-0.2, blank=0.15),
        logged({101: 15.0}),
        columns="our_mean_as_trainer, our_mean",
    )
    assert as_trainer == pytest.approx((0.3 + 0 + 0.15) / 3, abs=1e-6)
    assert ours == pytest.approx((0.6 - 0.2) / 2, abs=1e-6)


def test_a_trainer_that_scored_with_another_model_is_named(store: Path) -> None:
    settings = config_rows("a", pretrained_evaluation_model_name_or_path="openai/clip-vit-base")
    rows = agreement(store, pictures(100, cat=0.3, blank=0.1), logged({101: 26.0}), settings)
    assert rows == [(100, "other_model")]


@pytest.mark.parametrize(
    ("name", "cause"), [("hub/tiny", "unknown"), ("TINY", "unknown"), ("hub/other", "other_model")]
)
def test_a_local_copy_of_the_same_model_is_the_same(store: Path, name: str, cause: str) -> None:
    settings = config_rows("a", pretrained_evaluation_model_name_or_path=name)
    rows = agreement(store, pictures(100, cat=0.3, blank=0.1), logged({101: 26.0}), settings)
    assert rows == [(100, cause)]


def test_a_lower_mean_without_a_blank_picture_here_is_the_blank_prompts(store: Path) -> None:
    assert agreement(store, pictures(100, cat=0.3), logged({101: 20.0})) == [
        (100, "blank_prompt_missing")
    ]


def test_a_difference_larger_than_any_blank_picture_makes_has_another_cause(store: Path) -> None:
    assert agreement(store, pictures(100, cat=0.3), logged({101: 14.0})) == [(100, "unknown")]


def test_a_trainer_told_to_leave_the_blank_prompt_out_gets_no_such_excuse(store: Path) -> None:
    settings = config_rows("a", validation_disable_unconditional="true")
    rows = agreement(store, pictures(100, cat=0.3), logged({101: 20.0}), settings)
    assert rows == [(100, "unknown")]


def test_versions_that_scored_the_joined_panels_are_told_by_the_logs_time(store: Path) -> None:
    rows = agreement(
        store, pictures(100, cat=0.3, blank=0.1), logged({101: 30.0}, started_at=EARLY_2025)
    )
    assert rows == [(100, "trainer_scored_composites")]


def test_prompts_longer_than_clip_reads_are_named(store: Path) -> None:
    rows = agreement(store, pictures(100, cat=0.3, fox=0.3, blank=0.1), logged({101: 30.0}))
    assert rows == [(100, "long_prompts")]


def test_a_run_without_a_logged_clip_mean_has_no_row(store: Path) -> None:
    assert agreement(store, pictures(100, cat=0.3), scalar_rows("a", "loss", {101: 1.0})) == []


def test_after_a_resume_the_scalars_logged_last_hold(store: Path) -> None:
    first = scalar_rows("a", "loss", {1: 1.0, 2: 2.0, 3: 3.0})
    later = scalar_rows(
        "a", "loss", {2: 20.0}, started_at=datetime(2026, 3, 1, tzinfo=UTC), path="logs/second"
    )
    also = scalar_rows("a", "loss", {1: 9.0, 7: 7.0}, source="wandb", path="run-1.wandb")
    agreement(store, first, later, also)
    with open_store(store) as reader:
        rows = reader.frame("SELECT step, value, source FROM current_scalars ORDER BY step").rows()
    assert rows == [(1, 1.0, "tensorboard"), (2, 20.0, "tensorboard"), (7, 7.0, "wandb")]
