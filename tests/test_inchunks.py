"""A store of any size gets the verdicts that its runs would get in one piece."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from clipstore.analysis import inchunks
from clipstore.analysis.fromstore import bands_from_reader, verdicts_from_reader
from clipstore.analysis.rules import Rules
from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from clipstore.storage.store import merge_parts, open_store
from tests.curves import noisy
from tests.store_rows import (
    MODEL,
    NOON,
    model_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

N_PROMPTS = 10
TEXTS = {f"p{i}": f"prompt number {i}" for i in range(N_PROMPTS)}


def cosines(curve: np.ndarray, seed: int) -> list[dict[str, float]]:
    cells = noisy(curve, N_PROMPTS, seed)
    return [dict(zip(TEXTS, row.tolist(), strict=True)) for row in cells]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 runs: most are stuck, one reaches the band; their validations lie about in the table, one
    picture was scored again, one run has pictures of the base model, and one prompt is blank."""
    store = tmp_path_factory.mktemp("store") / "clipstore.duckdb"
    curves = {f"stuck-{i}": np.full(12, 0.265) for i in range(24)} | {"good": np.full(12, 0.34)}
    texts = {**TEXTS, "blank": ""}
    groups = [{"models": [model_row()]}]
    steps: dict[int, list[dict[str, list[dict[str, object]]]]] = {}
    for seed, (run, curve) in enumerate(curves.items()):
        groups += [{"runs": [run_row(run) | {"planned_steps": 1200}]}, prompt_rows(run, texts)]
        for t, row in enumerate(cosines(curve, seed)):
            rows = score_rows(run, 100 * (t + 1), {**row, "blank": 0.9}, texts)
            steps.setdefault(t, []).append(rows)
    again = {"p0": 0.9}
    steps[3].append(
        score_rows("stuck-3", 400, again, texts, pixels="older", at=NOON - timedelta(1))
    )
    steps[0].append(score_rows("stuck-5", 0, {"p1": 0.2, "p2": 0.3}, texts, panel="base"))
    for at in sorted(steps):
        groups += steps[at]
    write_rows(store, *groups)
    merge_parts(store, wait_seconds=5.0)
    return store


def in_one_piece(store: Path, rules: Rules | None = None) -> tuple[Verdict, ...]:
    with open_store(store) as reader:
        return verdicts_from_scores(
            reader.read("analysis_scores", {"run_ids": None}),
            reader.read("analysis_runs"),
            bands_from_reader(reader),
            rules,
        )


def assert_same(found: tuple[Verdict, ...], expected: tuple[Verdict, ...]) -> None:
    assert [(v.run, v.verdict, v.reasons, v.abandon, v.notes) for v in found] == [
        (v.run, v.verdict, v.reasons, v.abandon, v.notes) for v in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert (one.store_jitter or 0) == pytest.approx(other.store_jitter or 0, rel=1e-6)
        for a, b in zip(one.steps, other.steps, strict=True):
            assert (a.step, a.n_prompts, a.n_images) == (b.step, b.n_prompts, b.n_images)
            assert a.adjusted_mean == pytest.approx(b.adjusted_mean, abs=1e-9)
            assert a.low == pytest.approx(b.low, abs=1e-9)


def test_a_small_store_is_judged_as_its_rows_are(store: Path) -> None:
    with open_store(store) as reader:
        found = verdicts_from_reader(reader)
    expected = in_one_piece(store)
    assert {v.verdict for v in expected} == {"abandon", "in band: judge by eye"}
    assert_same(found, expected)


def test_in_chunks_and_other_processes_the_verdicts_are_the_same(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inchunks, "CHUNK_ROWS", 1000)
    with open_store(store) as reader:
        found = verdicts_from_reader(reader, n_processes=2)
    assert found[0].store_jitter is not None
    assert_same(found, in_one_piece(store))


def test_runs_judged_before_the_one_that_reaches_the_band_learn_of_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These few prompts could be hard ones, until a run reads them well; it is in the last chunk,
    and not in the sample of two that is looked at first."""
    monkeypatch.setattr(inchunks, "CHUNK_ROWS", 1000)
    rules = Rules(jitter_sample_runs=2)
    with open_store(store) as reader:
        found = verdicts_from_reader(reader, rules, n_processes=1)
    assert [v.run for v in found if v.verdict == "in band: judge by eye"] == ["good"]
    assert sum(v.verdict == "abandon" for v in found) > 15
    assert_same(found, in_one_piece(store, rules))


def test_only_the_newest_score_of_a_picture_counts(store: Path) -> None:
    with open_store(store) as reader:
        by_run = {v.run: v for v in verdicts_from_reader(reader)}
        row = reader.frame(
            "SELECT mean FROM run_step WHERE run = 'stuck-3' AND step = 400 AND panel = 'only'"
        )
    (step,) = (each for each in by_run["stuck-3"].steps if each.step == 400)
    assert step.mean == pytest.approx(row["mean"][0])
    assert step.mean < 0.3
    assert step.n_images == N_PROMPTS


def test_a_model_that_scored_only_some_runs_has_verdicts_for_those(tmp_path: Path) -> None:
    other = replace(MODEL, name="other", weights_sha256="ef" * 32, band=None)
    store = tmp_path / "clipstore.duckdb"
    rows = cosines(np.full(6, 0.3), 1)
    write_rows(
        store,
        {"models": [model_row(), model_row(other)], "runs": [run_row("a"), run_row("b")]},
        prompt_rows("a", TEXTS),
        prompt_rows("b", TEXTS),
        *(score_rows("a", 100 * t + 100, row, TEXTS) for t, row in enumerate(rows)),
        *(score_rows("b", 100 * t + 100, row, TEXTS, model=other) for t, row in enumerate(rows)),
    )
    merge_parts(store, wait_seconds=5.0)
    with open_store(store) as reader:
        found = {(v.run, v.model.split(" ")[0]) for v in verdicts_from_reader(reader)}
    assert found == {("a", "tiny"), ("b", "other")}
