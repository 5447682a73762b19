"""What is said of single prompts, on runs whose prompts' true changes are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from clipstore.analysis.analysed import analyse_run
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.prompttrends import prompt_report
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import run_scores_from_frame
from clipstore.modelidentity import Band
from clipstore.promptfindings import PromptFacts, PromptReport, Reference
from tests.flat_runs import frame_of_run

N_PROMPTS = 60
FALLEN, RISEN = slice(0, 10), slice(10, 15)


def moved(size: float) -> np.ndarray:
    effect = np.zeros(N_PROMPTS)
    effect[FALLEN], effect[RISEN] = -size, size
    return effect


def run_of(
    seed: int,
    effect: np.ndarray,
    *,
    n_validations: int = 20,
    autocorrelation: float = 0.0,
    level: float = 0.25,
    with_base: bool = True,
) -> pl.DataFrame:
    """Prompts that move by `effect` within the first third of the run; pictures' noise .015."""
    rng = np.random.default_rng(seed)
    prompt = level + rng.normal(0, 0.035, len(effect))
    noise = rng.normal(0, 0.015, (n_validations, len(effect)))
    for t in range(1, n_validations):
        noise[t] = autocorrelation * noise[t - 1] + np.sqrt(1 - autocorrelation**2) * noise[t]
    shake = rng.normal(0, 0.003, (n_validations, 1))
    ramp = np.clip(np.arange(n_validations) / (n_validations / 3), 0, 1)[:, None]
    trained = frame_of_run("a", prompt + ramp * effect + noise + shake)
    if not with_base:
        return trained
    base = frame_of_run("a", prompt[None] + rng.normal(0, 0.015, (1, len(effect))), panel="base")
    return pl.concat([trained, base])


def reported(
    scores: pl.DataFrame,
    *,
    reference: Reference | None = None,
    band: Band | None = None,
    tags: tuple[str, ...] = (),
) -> PromptReport:
    run = analyse_run(next(run_scores_from_frame(scores, Rules())), band, Rules())
    facts = {
        int(number): PromptFacts(
            f"prompt_{number:04}", "a text", (("kind", tags[number]),) if tags else (), ()
        )
        for number in run.scores.prompts
    }
    report = prompt_report(run, facts, reference, CompareRules())
    assert report is not None
    return report


@pytest.mark.parametrize("autocorrelation", [0.0, 0.6])
@pytest.mark.parametrize("reference", ["base", "first"])
def test_intervals_of_prompts_that_did_not_change_miss_in_five_percent(
    autocorrelation: float, reference: Reference
) -> None:
    """Also where each picture resembles its predecessor, as with fixed seeds."""
    misses, trend_misses = [], []
    for seed in range(20):
        scores = run_of(seed, np.zeros(N_PROMPTS), autocorrelation=autocorrelation)
        for each in reported(scores, reference=reference).prompts:
            assert each.low is not None and each.high is not None
            assert each.trend_low is not None and each.trend_high is not None
            misses.append(not each.low <= 0 <= each.high)
            trend_misses.append(not each.trend_low <= 0 <= each.trend_high)
    assert 0.01 < np.mean(misses) < 0.08
    assert 0.005 < np.mean(trend_misses) < 0.08


def test_few_of_the_prompts_listed_are_chance_and_most_true_ones_are_listed() -> None:
    false_shares, found = [], []
    effect = np.zeros(200)
    effect[:15] = -0.08
    for seed in range(25):
        report = reported(run_of(seed, effect))
        listed = [int(p.prompt_id[-4:]) for p in report.prompts if p.verdict in ("rose", "fell")]
        false_shares.append(sum(number >= 15 for number in listed) / max(len(listed), 1))
        found.append(sum(number < 15 for number in listed) / 15)
    assert np.mean(false_shares) < 0.10
    assert np.mean(found) > 0.5


def test_the_most_fallen_come_first_and_know_their_direction() -> None:
    report = reported(run_of(1, moved(0.12)))
    order = [int(each.prompt_id[-4:]) for each in report.prompts]
    assert set(order[:10]) == set(range(10))
    assert set(order[-5:]) == set(range(10, 15))
    assert {each.verdict for each in report.prompts[:10]} == {"fell"}
    assert {each.verdict for each in report.prompts[-5:]} == {"rose"}
    assert [each.trend is not None and each.trend < 0 for each in report.prompts[:10]] == [
        True
    ] * 10
    changes = [each.change for each in report.prompts]
    assert changes == sorted(changes)  # type: ignore[type-var]


def test_the_reference_is_the_base_model_where_there_is_one() -> None:
    scores = run_of(1, moved(0.1))
    assert (reported(scores).reference, reported(scores).reference_step) == ("base", None)
    first = reported(run_of(1, moved(0.1), with_base=False))
    assert (first.reference, first.reference_step, first.steps) == (
        "first",
        100,
        (1600, 1700, 1800, 1900, 2000),
    )


def test_with_few_validations_changes_have_no_interval_and_no_verdict() -> None:
    report = reported(run_of(1, moved(0.2), n_validations=3))
    assert {(p.low, p.q_value, p.trend, p.verdict) for p in report.prompts} == {
        (None, None, None, "cannot tell")
    }
    assert all(prompt.change is not None for prompt in report.prompts)
    only = reported(run_of(1, moved(0.2), n_validations=1, with_base=False))
    assert {(p.change, p.reference) for p in only.prompts} == {(None, None)}
    assert only.steps == (100,)


def test_a_prompt_that_the_reference_lacks_is_listed_without_a_change() -> None:
    scores = run_of(1, moved(0.1)).filter(~((pl.col("panel") == "base") & (pl.col("text_id") == 7)))
    last = reported(scores).prompts[-1]
    assert (last.prompt_id, last.reference, last.change, last.verdict) == (
        "prompt_0007",
        None,
        None,
        "cannot tell",
    )
    assert len(reported(scores).prompts) == N_PROMPTS


def test_prompts_of_one_tag_are_judged_together() -> None:
    tags = ("fallen",) * 10 + ("risen",) * 5 + ("still",) * 42 + ("few",) * 3
    found = reported(run_of(1, moved(0.05)), tags=tags).tags
    assert [(each.tag, each.value, each.n_prompts, each.verdict) for each in found] == [
        ("kind", "fallen", 10, "fell"),
        ("kind", "few", 3, "too few prompts"),
        ("kind", "risen", 5, "rose"),
        ("kind", "still", 42, "cannot tell"),
    ]
    few = found[1]
    assert (few.level, few.change, few.p_holm) == (None, None, None)


def test_tags_that_did_not_change_are_rarely_said_to() -> None:
    tags = tuple(f"t{number // 5:02}" for number in range(N_PROMPTS))
    wrong = 0
    for seed in range(40):
        found = reported(run_of(seed, np.zeros(N_PROMPTS)), tags=tags).tags
        wrong += any(each.verdict in ("rose", "fell") for each in found)
    assert wrong <= 5  # 5 % of 40 are 2; of twelve values without Holm, 18


def test_in_the_band_a_tag_is_for_the_eye() -> None:
    tags = ("all",) * N_PROMPTS
    band = Band(0.22, 0.30, 0.39)
    report = reported(run_of(1, np.full(N_PROMPTS, 0.03), level=0.32), tags=tags, band=band)
    assert report.in_band
    assert report.tags[0].verdict == "judge by eye"
    below = reported(run_of(1, np.full(N_PROMPTS, 0.03), level=0.2), tags=tags, band=band)
    assert not below.in_band
    assert below.tags[0].verdict == "rose"


def test_holes_leave_the_answer_nearly_as_it_was() -> None:
    scores = run_of(1, moved(0.12))
    holed = pl.concat(
        [
            scores.filter(pl.col("panel") == "base"),
            scores.filter(pl.col("panel") != "base").sample(fraction=0.85, seed=2),
        ]
    )
    whole, less = reported(scores), reported(holed)
    assert {p.prompt_id for p in whole.prompts[:10]} == {p.prompt_id for p in less.prompts[:10]}
    assert sum(p.verdict == "fell" for p in less.prompts) >= 9


def test_a_run_without_scores_has_no_report() -> None:
    run = analyse_run(next(run_scores_from_frame(run_of(1, moved(0)), Rules())), None, Rules())
    nothing = replace(run.scores, cosine=run.scores.cosine * np.nan)
    assert prompt_report(analyse_run(nothing, None, Rules()), {}, None, CompareRules()) is None
