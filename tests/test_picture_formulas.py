"""The formulas behind the picture findings, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from clipstore.analysis.picturecells import RunPictures
from clipstore.analysis.picturemoves import drift_of
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.picturespread import duplicates_of, spread_of
from clipstore.analysis.picturetexts import pairing_of


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def run_of(
    vectors: np.ndarray, texts: np.ndarray | None = None, per_prompt: int = 1
) -> RunPictures:
    """(T, C, d) vectors as a run; every `per_prompt` columns are one prompt."""
    n_steps, n_columns, dimension = vectors.shape
    n_prompts = n_columns // per_prompt
    nothing = np.full((n_steps, n_columns), -1)
    return RunPictures(
        steps=100 * np.arange(1, n_steps + 1),
        vectors=vectors.reshape(-1, dimension),
        trained=np.arange(n_steps * n_columns).reshape(n_steps, n_columns),
        base=nothing,
        base_apart=nothing[0],
        base_cosine=np.full((n_steps, n_columns), np.nan),
        prompt=np.repeat(np.arange(n_prompts), per_prompt),
        prompt_ids=tuple(f"p{number}" for number in range(n_prompts)),
        text=np.arange(n_prompts) if texts is not None else np.full(n_prompts, -1),
        text_ids=np.arange(n_prompts),
        text_vectors=np.zeros((0, dimension), np.float32) if texts is None else texts,
        n_pictures=n_steps * n_columns,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_diversity_is_the_mean_over_pairs_of_different_prompts(rng: np.random.Generator) -> None:
    vectors = unit(rng.normal(0.5, 1, (1, 12, 5)))  # 6 prompts of two pictures
    run = run_of(vectors, per_prompt=2)
    pairs = [
        1 - float(vectors[0, i] @ vectors[0, j])
        for i, j in itertools.combinations(range(12), 2)
        if run.prompt[i] != run.prompt[j]
    ]
    assert spread_of(run, run.trained[0]).diversity == pytest.approx(np.mean(pairs), abs=1e-6)


def test_the_error_of_diversity_is_its_spread_over_samples_of_prompts(
    rng: np.random.Generator,
) -> None:
    def sample() -> np.ndarray:
        return unit(rng.normal(0.4, 1, (1, 30, 6)))

    spreads = [spread_of(run, run.trained[0]) for run in (run_of(sample()) for _ in range(400))]
    true_sd = np.std([spread.diversity for spread in spreads])
    assert np.mean([spread.se for spread in spreads]) == pytest.approx(true_sd, rel=0.15)


def test_the_chance_of_dealt_out_prompts_is_that_over_all_orders(rng: np.random.Generator) -> None:
    pictures, texts = unit(rng.normal(0.3, 1, (1, 6, 4))), unit(rng.normal(0.3, 1, (6, 4)))
    pairing = pairing_of(run := run_of(pictures, texts), run.trained[0])
    assert pairing is not None
    cosine = pictures[0] @ texts.T
    means = [cosine[np.arange(6), list(order)].mean() for order in itertools.permutations(range(6))]
    assert pairing.dealt == pytest.approx(np.mean(means), abs=1e-6)
    assert pairing.dealt_sd == pytest.approx(np.std(means), abs=1e-6)
    assert pairing.own == pytest.approx(np.diag(cosine).mean(), abs=1e-6)
    assert pairing.chance == pytest.approx(cosine[~np.eye(6, dtype=bool)].mean(), abs=1e-6)


def test_near_duplicates_are_counted_across_blocks_and_repeats_of_a_prompt_apart(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit(rng.normal(0, 1, (1, 12, 8)))
    vectors[0, 1] = vectors[0, 0]
    vectors[0, 11] = vectors[0, 2]
    run = run_of(vectors, per_prompt=2)
    for block in (1024, 5):
        monkeypatch.setattr("clipstore.analysis.picturespread._BLOCK", block)
        found = duplicates_of(run, run.trained[0], 1e-4)
        assert (found.n_pictures, found.example) == (2, (1, 5))
        assert found.n_repeats == 2  # the two pictures of the first prompt


@pytest.mark.parametrize(("memory", "most_false_alarms"), [(0.0, 3), (0.5, 20)])
def test_pictures_that_wander_about_a_point_are_seldom_a_drift(
    rng: np.random.Generator, memory: float, most_false_alarms: int
) -> None:
    """All prompts together, as a checkpoint moves them: the worst case for errors over prompts."""
    false_alarms, hits = 0, 0
    for _ in range(100):
        prompt = rng.normal(0, 1, (1, 20, 16))
        shake = rng.normal(0, 0.5, (12, 1, 16))
        for t in range(1, 12):
            shake[t] = memory * shake[t - 1] + np.sqrt(1 - memory**2) * shake[t]
        way = np.linspace(0, 2, 12)[:, None, None] * rng.normal(0, 0.5, (1, 1, 16))
        noise = rng.normal(0, 0.2, (12, 20, 16))
        still = drift_of(run_of(unit(prompt + shake + noise)), 0, PictureRules())
        moving = drift_of(run_of(unit(prompt + shake + way + noise)), 0, PictureRules())
        assert still is not None
        assert moving is not None
        false_alarms += still.p <= PictureRules().drift_p
        hits += moving.p <= PictureRules().drift_p
    assert false_alarms <= most_false_alarms
    assert hits >= 60


def test_too_short_a_plateau_tells_no_drift(rng: np.random.Generator) -> None:
    run = run_of(unit(rng.normal(0, 1, (8, 10, 4))))
    assert drift_of(run, 0, PictureRules()) is None
