"""What the stored vectors tell of a run, through the real pipeline with plain colours."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from clipstore.analysis.picturerules import PictureRules
from clipstore.findings import Verdict
from clipstore.storage.store import open_current
from tests.picture_runs import (
    GREY,
    OWN,
    ingest,
    look_at,
    turned,
    verdict_with_pictures,
    write_composites,
    write_run,
)

STEPS = range(100, 1300, 100)
SEEDED = np.random.default_rng(7)


def noisy(colours: np.ndarray, sd: float = 0.1) -> np.ndarray:
    return colours + SEEDED.normal(0, sd, colours.shape)


def codes(verdict: Verdict) -> set[str]:
    assert verdict.pictures is not None
    return {note.code for note in verdict.pictures.notes}


def test_pictures_that_no_longer_change_are_frozen_since_then(tmp_path: Path) -> None:
    moving = {100: turned(-40), 200: turned(0)}
    verdict = look_at(tmp_path, {**moving, **dict.fromkeys((300, 400, 500), turned(40))})
    assert verdict.pictures is not None
    assert verdict.pictures.frozen_since_step == 300
    assert codes(verdict) == {"FROZEN"}
    assert "not changed since step 300" in verdict.pictures.notes[0].text


def test_two_equal_validations_are_not_frozen_yet(tmp_path: Path) -> None:
    run = {100: turned(-40), 200: turned(0), 300: turned(40), 400: turned(40)}
    assert codes(look_at(tmp_path, run)) == set()


def test_pictures_that_move_under_a_flat_score_are_told(tmp_path: Path) -> None:
    verdict = look_at(tmp_path, {step: noisy(turned(step / 15 - 45), 0.002) for step in STEPS})
    assert verdict.plateau.status == "plateau"
    assert codes(verdict) == {"MOVING_WHILE_FLAT"}
    assert verdict.pictures is not None
    assert verdict.pictures.moved_while_flat is not None
    assert verdict.pictures.moved_while_flat > 5 * (verdict.pictures.steps[1].from_previous or 1)


def test_pictures_that_come_and_go_do_not_move(tmp_path: Path) -> None:
    """As with free seeds: far from the validation before, and no further from the first."""
    angles = SEEDED.uniform(-45, 45, len(STEPS))
    run = {step: noisy(turned(a), 0.002) for step, a in zip(STEPS, angles, strict=True)}
    assert codes(look_at(tmp_path, run)) == set()


def test_pictures_that_become_alike_are_a_loss_of_diversity(tmp_path: Path) -> None:
    apart = {step: noisy(OWN) for step in (100, 200, 300, 400)}
    alike = {step: noisy(OWN + GREY) for step in (500, 600, 700)}
    verdict = look_at(tmp_path, apart | alike)
    assert codes(verdict) == {"DIVERSITY_FELL"}
    assert verdict.pictures is not None
    before, after = verdict.pictures.steps[1], verdict.pictures.steps[-1]
    assert verdict.pictures.diversity_fall == pytest.approx(
        1 - after.diversity / before.diversity,  # type: ignore[operator]
        abs=0.06,
    )


def test_diversity_that_came_back_did_not_fall(tmp_path: Path) -> None:
    run = {step: noisy(OWN) for step in range(100, 900, 100)}
    run |= {step: noisy(OWN + GREY) for step in (400, 500, 600)}
    assert codes(look_at(tmp_path, run)) == set()


def test_one_picture_for_all_prompts_is_told_with_two_of_its_prompts(tmp_path: Path) -> None:
    run = {step: turned(step / 10) for step in (100, 200, 300)}
    run |= {step: np.tile(GREY, (12, 1)) for step in (400, 500, 600)}
    verdict = look_at(tmp_path, run)
    assert codes(verdict) == {"DIVERSITY_FELL", "AT_CHANCE", "NEAR_DUPLICATES", "FROZEN"}
    assert verdict.pictures is not None
    assert [step.n_near_duplicates for step in verdict.pictures.steps] == [0, 0, 0, 12, 12, 12]


def test_several_pictures_of_a_prompt_that_are_one_picture_are_told(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/a", {step: noisy(turned(0)) for step in (100, 200)}, n_images=2)
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    verdict = verdict_with_pictures(tmp_path / "s.duckdb")
    assert codes(verdict) == {"REPEATED_IMAGES"}
    assert verdict.pictures is not None
    last = verdict.pictures.steps[-1]
    assert (last.n_pictures, last.n_prompts, last.n_repeats, last.n_near_duplicates) == (
        24,
        12,
        24,
        0,
    )


def test_swapped_pictures_are_found_at_their_step_and_named(tmp_path: Path) -> None:
    run = {step: noisy(OWN) for step in (100, 200, 300, 400)}
    run[300] = np.roll(run[300], 1, axis=0)
    verdict = look_at(tmp_path, run)
    assert verdict.pictures is not None
    assert verdict.pictures.mismatched_steps == (300,)
    (note,) = verdict.pictures.notes
    assert note.code == "PICTURES_OF_OTHER_PROMPTS"
    assert "p1: fits p0" in note.text


def test_pictures_that_fit_no_prompt_belong_to_no_other(tmp_path: Path) -> None:
    """A bad validation is no mix-up: its pictures are nobody's."""
    run = {step: noisy(OWN) for step in (100, 200, 300, 400)}
    run[300] = SEEDED.uniform(0.2, 1, (12, 3))
    verdict = look_at(tmp_path, run)
    assert verdict.pictures is not None
    assert verdict.pictures.mismatched_steps == ()


def test_pictures_that_follow_no_prompt_are_at_chance_without_any_band(tmp_path: Path) -> None:
    run = {step: SEEDED.uniform(0, 1, (12, 3)) for step in (100, 200, 300)}
    assert "AT_CHANCE" in codes(look_at(tmp_path, run))
    good = {step: noisy(OWN) for step in (100, 200, 300)}
    verdict = look_at(tmp_path / "good", good)
    assert codes(verdict) == set()
    assert verdict.pictures is not None
    last = verdict.pictures.steps[-1]
    # What the means over own and over other pairs are, worked out from the colours themselves.
    seen = good[300].clip(0) / np.linalg.norm(good[300].clip(0), axis=1, keepdims=True)
    fit = seen @ OWN.T
    assert last.own_cosine == pytest.approx(np.diag(fit).mean(), abs=2e-3)
    assert last.chance_cosine == pytest.approx(fit[~np.eye(12, dtype=bool)].mean(), abs=2e-3)
    assert last.n_own_best == int((np.diag(fit) >= fit.max(axis=1)).sum())


def test_a_base_panel_that_changes_is_told_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    trained = {step: noisy(OWN) for step in (100, 200, 300, 400)}
    steady = dict.fromkeys(trained, turned(0, 0.8))
    write_composites(tmp_path / "steady/a", steady, trained)
    moved = {**steady, 300: turned(40, 0.8), 400: turned(40, 0.8)}
    write_composites(tmp_path / "moved/a", moved, trained)
    for name, told in (("steady", set()), ("moved", {"CONTROL_MOVED"})):
        store = tmp_path / f"{name}.duckdb"
        ingest(tmp_path / name, store)
        verdict = verdict_with_pictures(store)
        assert codes(verdict) == told
        if told:
            assert verdict.pictures is not None
            assert verdict.pictures.notes[0].step == 300
            assert [bool(step.control_distance) for step in verdict.pictures.steps] == [
                False,
                False,
                True,
                True,
            ]


def test_the_jitter_of_scoring_is_that_of_the_base_pictures(tmp_path: Path) -> None:
    base = {100: turned(0, 0.3), 200: turned(0, 0.4), 300: turned(0, 0.5)}
    write_composites(tmp_path / "runs/a", base, dict.fromkeys(base, OWN))
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    verdict = verdict_with_pictures(tmp_path / "s.duckdb")
    cosines = [1 / np.hypot(1, width) for width in (0.3, 0.4, 0.5)]
    assert verdict.pictures is not None
    assert verdict.pictures.scoring_jitter == pytest.approx(np.std(cosines, ddof=1), rel=0.02)


def test_a_run_that_draws_what_its_base_drew_is_told(tmp_path: Path) -> None:
    drawn = {step: noisy(turned(0)) for step in (100, 200, 300)}
    write_composites(tmp_path / "runs/a", drawn, drawn)
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    store = tmp_path / "s.duckdb"
    assert codes(verdict_with_pictures(store)) >= {"SAME_AS_BASE", "CONTROL_MOVED"}
    lenient = codes(verdict_with_pictures(store, rules=PictureRules(control_share=1.0)))
    assert "SAME_AS_BASE" in lenient and "CONTROL_MOVED" not in lenient


def test_the_pictures_change_nothing_else_of_the_verdict(tmp_path: Path) -> None:
    looked = look_at(tmp_path, {step: noisy(OWN) for step in STEPS})
    alone = verdict_with_pictures(tmp_path / "s.duckdb", asked=False)
    assert alone.pictures is None
    assert replace(looked, pictures=None) == alone


@pytest.fixture
def swapped(tmp_path: Path) -> Path:
    run = {step: noisy(OWN) for step in (100, 200, 300, 400)}
    run[300] = np.roll(run[300], 1, axis=0)
    write_run(tmp_path / "runs/a", run)
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    return tmp_path / "s.duckdb"


def drop(store: Path, table: str) -> None:
    connection = duckdb.connect(os.fspath(store))
    connection.execute(f"DROP TABLE {table}")
    connection.close()


def test_without_vectors_there_are_no_findings_and_a_reason(swapped: Path) -> None:
    drop(swapped, "embeddings")
    verdict = verdict_with_pictures(swapped)
    assert verdict.pictures is not None
    assert (verdict.pictures.notes, verdict.pictures.steps) == ((), ())
    assert "embeddings was dropped" in verdict.pictures.missing[0]


def test_without_prompt_vectors_the_pairing_alone_is_missing(swapped: Path) -> None:
    drop(swapped, "text_embeddings")
    verdict = verdict_with_pictures(swapped)
    assert verdict.pictures is not None
    assert verdict.pictures.mismatched_steps == ()
    assert verdict.pictures.steps[2].own_cosine is None
    assert verdict.pictures.steps[2].from_previous is not None
    assert "not known for 12 of 12 prompts" in verdict.pictures.missing[0]


def test_pictures_without_a_vector_are_counted(swapped: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "runs/a", {500: noisy(turned(0))})
    ingest(tmp_path / "runs", swapped, keep_embeddings=False)
    verdict = verdict_with_pictures(swapped)
    assert verdict.pictures is not None
    assert "12 of 60 pictures have no stored vector" in verdict.pictures.missing[0]
    assert verdict.pictures.steps[-1].n_pictures == 0


def test_a_large_store_is_looked_at_only_when_asked(
    swapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipstore.analysis import picturesfromstore  # noqa: PLC0415
    from clipstore.analysis.fromstore import verdicts_from_reader  # noqa: PLC0415

    monkeypatch.setattr(picturesfromstore, "PICTURES_UNASKED", 47)
    with open_current(swapped) as reader:
        verdicts = verdicts_from_reader(reader)
        unasked = picturesfromstore.with_pictures(reader, verdicts, asked=None)
        asked = picturesfromstore.with_pictures(reader, verdicts, asked=True)
    assert unasked.verdicts[0].pictures is None
    assert "48 pictures were not compared" in (unasked.left_alone or "")
    assert asked.verdicts[0].pictures is not None
    assert asked.left_alone is None


def test_runs_read_one_at_a_time_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipstore.analysis import picturesfromstore  # noqa: PLC0415
    from clipstore.analysis.fromstore import verdicts_from_reader  # noqa: PLC0415

    for name in ("a", "b", "c"):
        write_run(tmp_path / "runs" / name, {step: noisy(OWN) for step in (100, 200, 300)})
    ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    found = []
    for at_once in (50_000, 40):
        monkeypatch.setattr(picturesfromstore, "PICTURES_AT_ONCE", at_once)
        with open_current(tmp_path / "s.duckdb") as reader:
            verdicts = verdicts_from_reader(reader)
            found.append(picturesfromstore.with_pictures(reader, verdicts, asked=True))
    assert found[0] == found[1]
    assert len({verdict.pictures for verdict in found[0].verdicts}) == 3
