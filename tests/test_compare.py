"""What `compare` says of finished runs whose true levels are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp

from clipstore.analysis.analysed import analyse_run
from clipstore.analysis.bestcheckpoints import is_surely_lower
from clipstore.analysis.compare import compare_runs
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.pairs import Difference, prompts_needed, satterthwaite_df
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import run_scores_from_frame
from clipstore.analysis.shake import Shake
from clipstore.analysis.sides import side_of_run
from clipstore.comparisons import Comparison, Group
from clipstore.modelidentity import Band
from tests.flat_runs import MODEL, MODEL_ID, Noise, flat_runs, frame_of_run

BAND = Band(0.22, 0.30, 0.39)
CALM = Noise(shake_sd=0.0)


def compared(scores: pl.DataFrame, band: Band | None = None, **options: object) -> Comparison:
    found = compare_runs(scores, {MODEL_ID: band}, CompareOptions(**options))  # type: ignore[arg-type]
    assert found.apart == ()
    return found.comparisons[0]


def wrongly_decided(seeds: range, levels: Sequence[float], **more: object) -> float:
    """Share of intervals of single pairs that miss the true difference."""
    n_prompts, noise = int(str(more.pop("n_prompts"))), more.pop("noise", None)
    misses = []
    for seed in seeds:
        scores = flat_runs(seed, levels, n_prompts=n_prompts, noise=noise)  # type: ignore[arg-type]
        for pair in compared(scores, **more).pairs:
            assert pair.low is not None and pair.high is not None
            true = levels[int(pair.run_a[1:])] - levels[int(pair.run_b[1:])]
            misses.append(not pair.low <= true <= pair.high)
    return float(np.mean(misses))


@pytest.mark.parametrize("n_prompts", [10, 200])
def test_equally_good_settings_differ_as_often_as_five_percent_allow(n_prompts: int) -> None:
    assert 0.005 < wrongly_decided(range(20), [0.25] * 6, n_prompts=n_prompts) < 0.10


def test_single_checkpoints_of_them_do_too_because_the_shake_counts() -> None:
    ends = tuple((f"r{number:02}", 2000) for number in range(6))
    assert wrongly_decided(range(20), [0.25] * 6, n_prompts=200, steps=ends) < 0.10


def test_in_scope_checkpoint_the_shake_is_a_difference_and_not_an_error() -> None:
    calm = wrongly_decided(range(20), [0.25] * 6, n_prompts=200, scope="checkpoint", noise=CALM)
    shaken = wrongly_decided(range(20), [0.25] * 6, n_prompts=200, scope="checkpoint")
    assert 0.005 < calm < 0.10
    assert shaken > 0.25  # true of these checkpoints, wrong of their settings


def test_rank_intervals_hold_the_true_ranks_and_far_levels_are_told_apart() -> None:
    levels = [0.23] * 4 + [0.245] * 4 + [0.26] * 4
    n_wrong = n_runs = n_far_found = n_far = 0
    for seed in range(16):
        found = compared(flat_runs(seed, levels, n_prompts=50))
        for run in found.runs:
            third = 2 - int(run.run[1:]) // 4
            assert run.rank_low is not None and run.rank_high is not None
            n_runs += 1
            n_wrong += not (run.rank_low <= 1 + 4 * third and run.rank_high >= 4 + 4 * third)
        far = [p for p in found.pairs if int(p.run_a[1:]) < 4 and int(p.run_b[1:]) > 7]
        n_far += len(far)
        n_far_found += sum(pair.verdict == "lower" for pair in far)
    assert n_wrong / n_runs < 0.05
    assert n_far_found / n_far > 0.95


def test_six_validations_of_fifty_prompts_show_what_the_text_books_promise() -> None:
    """A true difference as large as the resolution is shown in about 80 % of cases."""
    shown = []
    for seed in range(60):
        scores = flat_runs(seed, [0.25, 0.25], n_prompts=50)
        resolution = compared(scores).pairs[0].resolution
        assert resolution is not None
        moved = scores.with_columns(
            pl.col("cosine") + pl.when(pl.col("run") == "r01").then(resolution).otherwise(0)
        )
        shown.append(compared(moved).pairs[0].verdict == "lower")
    assert 0.65 < np.mean(shown) < 0.95


def test_nothing_is_ranked_where_both_may_be_in_the_band() -> None:
    found = compared(flat_runs(1, [0.36, 0.32, 0.34], n_prompts=200), BAND)
    assert [pair.verdict for pair in found.pairs] == ["not rankable by CLIP"] * 3
    assert all(pair.p_holm is not None and pair.p_holm < 1e-6 for pair in found.pairs)
    assert [(run.run, run.rank_low, run.rank_high) for run in found.runs] == [
        ("r00", 1, 3),
        ("r01", 1, 3),
        ("r02", 1, 3),
    ]
    assert found.groups == (Group(("r00", "r01", "r02"), "judge by eye"),)
    assert found.pairs[0].reason == (
        "both means may be 0.30 or higher, where differences are not informative: judge by eye"
    )


def test_a_run_below_the_band_ranks_below_those_inside() -> None:
    found = compared(flat_runs(1, [0.36, 0.25, 0.33], n_prompts=200), BAND)
    assert [(run.run, run.rank_low, run.rank_high, run.location) for run in found.runs] == [
        ("r00", 1, 2, "IN_BAND"),
        ("r02", 1, 2, "IN_BAND"),
        ("r01", 3, 3, "BELOW_BAND"),
    ]
    assert found.groups == (Group(("r00", "r02"), "judge by eye"), Group(("r01",), "alone"))


def test_a_mean_above_the_band_is_not_ranked_over_one_inside() -> None:
    found = compared(flat_runs(1, [0.45, 0.33], n_prompts=200), BAND)
    assert found.pairs[0].verdict == "not rankable by CLIP"


def test_only_common_prompts_are_compared() -> None:
    rng = np.random.default_rng(5)
    prompt = rng.normal(0.25, 0.03, 40)
    prompt[30:] += 0.1  # only run b has the easy ones
    cosine = prompt + rng.normal(0, 0.01, (8, 40))
    scores = pl.concat(
        [frame_of_run("a", cosine[:, :30] + 0.02), frame_of_run("b", cosine, first_prompt=0)]
    )
    found = compared(scores)
    assert found.pairs[0].n_prompts == 30
    assert found.pairs[0].difference == pytest.approx(0.02, abs=1e-6)
    assert found.pairs[0].verdict == "higher"
    by_name = {run.run: run.level for run in found.runs}
    assert by_name["b"] is not None and by_name["a"] is not None
    assert by_name["b"] > by_name["a"]  # what the two clip/means would have said


def test_versions_of_a_prompt_do_not_mix() -> None:
    cosine = np.full((6, 20), 0.25) + np.random.default_rng(1).normal(0, 0.01, (6, 20))
    other = frame_of_run("b", cosine).with_columns(
        text_id=pl.when(pl.col("text_id") < 3).then("text_id").otherwise(pl.col("text_id") + 900)
    )
    pair = compared(pl.concat([frame_of_run("a", cosine), other])).pairs[0]
    assert (pair.verdict, pair.n_prompts, pair.difference, pair.p_holm) == (
        "not comparable",
        3,
        None,
        None,
    )
    assert pair.reason == (
        "3 common prompts, and 5 are the least; 17 prompt ids stand for another text in the other "
        "run: versions of a prompt do not mix"
    )


def test_models_do_not_mix() -> None:
    cosine = np.random.default_rng(1).normal(0.25, 0.02, (6, 20))
    half = f"{MODEL} (float16, pil-1, weights abababab)"
    scores = pl.concat(
        [
            frame_of_run("a", cosine),
            frame_of_run("b", cosine, model=half),
            frame_of_run("c", cosine, model="other"),
        ]
    )
    found = compare_runs(scores, {}, CompareOptions())
    assert [(c.model, [r.run for r in c.runs], c.pairs) for c in found.comparisons] == [
        (MODEL, ["a"], ()),
        (half, ["b"], ()),
        ("other", ["c"], ()),
    ]
    assert [(apart.runs_a, apart.runs_b) for apart in found.apart] == [
        (("a",), ("b",)),
        (("a",), ("c",)),
        (("b",), ("c",)),
    ]
    assert found.apart[0].reason.endswith(
        "another pixel path, arithmetic or weights, whose scores do not mix"
    )
    assert found.apart[1].reason.endswith("another model, whose scores do not mix")


def test_a_run_without_a_usable_score_is_answered_for() -> None:
    cosine = np.random.default_rng(1).normal(0.25, 0.02, (6, 20))
    scores = pl.concat([frame_of_run("a", cosine), frame_of_run("b", cosine * np.nan)])
    found = compared(scores)
    assert found.pairs[0].verdict == "not comparable"
    assert found.pairs[0].reason == "no usable scores of b"
    assert [(run.run, run.level, run.rank_low) for run in found.runs] == [
        ("a", pytest.approx(cosine.mean(), abs=0.01), None),
        ("b", None, None),
    ]


def test_identical_runs_cannot_be_told_apart() -> None:
    cosine = np.random.default_rng(1).normal(0.25, 0.02, (6, 20))
    scores = pl.concat([frame_of_run("a", cosine), frame_of_run("b", cosine)])
    pair = compared(scores, scope="checkpoint").pairs[0]
    assert (pair.verdict, pair.difference, pair.p_holm) == ("cannot tell", 0.0, 1.0)


def test_holes_do_not_move_a_level() -> None:
    """Half of the prompts lack the validations where the still rising run stands highest."""
    rng = np.random.default_rng(8)
    prompt = rng.normal(0.2, 0.04, 60)
    whole = prompt + np.linspace(0, 0.1, 20)[:, None] + rng.normal(0, 0.002, (20, 60))
    holed = whole.copy()
    holed[18:, :30] = np.nan
    without = frame_of_run("a", holed).filter(pl.col("cosine").is_finite())
    found = compared(pl.concat([without, frame_of_run("b", whole)]))
    assert {run.plateau for run in found.runs} == {"rising"}
    assert found.pairs[0].difference == pytest.approx(0, abs=0.0005)


def test_degrees_of_freedom_lie_between_those_of_the_parts_and_their_sum() -> None:
    assert satterthwaite_df((1.0, 9), (0.0, 5)) == 9
    assert satterthwaite_df((1.0, 9), (1.0, 9)) == 18
    assert satterthwaite_df((3.0, 10), (1.0, 4)) == pytest.approx(16 / (0.9 + 0.25))
    assert satterthwaite_df((0.0, 9), (0.0, 5)) == 5


def test_each_run_against_its_base_model() -> None:
    rng = np.random.default_rng(3)
    prompt = rng.normal(0.25, 0.03, 80)

    def run(name: str, gain: float) -> list[pl.DataFrame]:
        base = frame_of_run(name, prompt[None] + rng.normal(0, 0.01, (1, 80)), panel="base")
        trained = prompt + gain + rng.normal(0, 0.01, (20, 80))
        return [base, frame_of_run(name, trained)]

    scores = pl.concat([*run("up", 0.02), *run("same", 0.0), *run("none", 0.0)[1:]])
    found = compared(scores, against_base=True)
    assert [(pair.run_a, pair.run_b, pair.verdict) for pair in found.pairs] == [
        ("none", "base model", "not comparable"),
        ("same", "base model", "cannot tell"),
        ("up", "base model", "higher"),
    ]
    assert found.pairs[0].reason == "no usable pictures of the base model"
    assert found.pairs[2].difference == pytest.approx(0.02, abs=0.005)
    assert found.groups == ()
    assert {run.rank_low for run in found.runs} == {None}


def test_a_step_can_be_compared_instead_of_the_end() -> None:
    rising = np.linspace(0.2, 0.3, 10)[:, None] + np.random.default_rng(1).normal(0, 0.01, (10, 50))
    scores = pl.concat([frame_of_run("a", rising), frame_of_run("b", rising)])
    found = compared(scores, scope="checkpoint", steps=(("a", 300),))
    assert [(run.run, run.steps) for run in sorted(found.runs, key=lambda run: run.run)] == [
        ("a", (300,)),
        ("b", (1000,)),
    ]
    assert found.pairs[0].verdict == "lower"
    with pytest.raises(ValueError, match="no validation at step 301"):
        compared(scores, steps=(("a", 301),))


def test_the_best_checkpoints_hold_the_truly_best_one() -> None:
    """Also where nearly all are equally good, so that many look better by chance."""
    held, sizes = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        curve = 0.25 + 0.0001 * rng.normal(size=15)
        curve[:2] -= 0.02
        prompt = rng.normal(0, 0.03, 100)
        scores = frame_of_run("a", curve[:, None] + prompt + rng.normal(0, 0.015, (15, 100)))
        best = compared(scores).best_checkpoints[0]
        held.append(100 * (int(np.argmax(curve)) + 1) in best.steps)
        sizes.append(len(best.steps))
        assert best.best_step in best.steps
    assert np.mean(held) >= 0.93
    assert np.mean(sizes) < 14


def test_a_fallen_run_keeps_only_the_checkpoints_of_its_top() -> None:
    curve = np.array([0.22, 0.25, 0.27, 0.271, 0.27, 0.24, 0.21, 0.20])
    prompt = np.random.default_rng(2).normal(0, 0.03, 200)
    cosine = curve[:, None] + prompt + np.random.default_rng(3).normal(0, 0.015, (8, 200))
    best = compared(frame_of_run("a", cosine), BAND).best_checkpoints[0]
    assert (best.steps, best.best_step) == ((300, 400, 500), 300)


def test_in_the_band_every_checkpoint_inside_stays_in_the_set() -> None:
    curve = np.array([0.25, 0.31, 0.33, 0.35, 0.36, 0.36])
    prompt = np.random.default_rng(2).normal(0, 0.03, 200)
    cosine = curve[:, None] + prompt + np.random.default_rng(3).normal(0, 0.015, (6, 200))
    cosine += 0.31 - cosine[1].mean()
    best = compared(frame_of_run("a", cosine), BAND).best_checkpoints[0]
    assert (best.steps, best.best_step) == ((200, 300, 400, 500, 600), None)


def test_prompts_needed_are_those_of_the_formula_with_the_shake_on_top() -> None:
    def needed(sd: float, wanted: float, shake_variance: float = 0.0) -> int | None:
        difference = Difference(50, 0.25, 0.25, 0.0, sd, shake_variance, 20, 0.01, 49, 1.0)
        return prompts_needed(difference, wanted, CompareRules())

    assert [needed(0.016, 0.005), needed(0.028, 0.005), needed(0.028, 0.01)] == [81, 247, 62]
    assert needed(0.016, 0.012, 2 * 0.003**2) is not None
    assert needed(0.016, 0.0118, 2 * 0.003**2) is None  # the floor between single checkpoints


def test_the_floor_of_resolution_is_the_same_for_any_number_of_prompts() -> None:
    few, many = (
        compared(flat_runs(1, [0.25, 0.25], n_prompts=n, n_validations=4)).pairs[0]
        for n in (20, 500)
    )
    assert few.resolution_floor == many.resolution_floor == pytest.approx(0.0127, abs=5e-4)
    assert few.resolution is not None and many.resolution is not None
    assert few.resolution > many.resolution > few.resolution_floor


def test_the_order_of_the_rows_is_no_matter() -> None:
    scores = flat_runs(4, [0.25, 0.26], n_prompts=30)
    shuffled = scores.sample(fraction=1, shuffle=True, seed=1)
    assert compared(scores) == compared(shuffled)


def test_the_wanted_difference_is_stretched_to_the_scale_of_the_model() -> None:
    scores = flat_runs(1, [0.25, 0.25], n_prompts=20)
    assert compared(scores).wanted_difference == 0.01
    assert compared(scores, BAND).wanted_difference == pytest.approx(0.01)
    assert compared(scores, Band(0.3, 0.7, 0.9)).wanted_difference == pytest.approx(0.05)
    assert compared(scores, wanted_difference=0.02).wanted_difference == 0.02


def test_few_common_prompts_widen_what_may_be_in_the_band() -> None:
    side = side_of_run(
        analyse_run(
            next(run_scores_from_frame(flat_runs(1, [0.25], n_prompts=80), Rules())), None, Rules()
        ),
        "checkpoint",
        Shake(0.003**2, 8),
    )
    assert side.level_se_of(80) == pytest.approx(side.level_se)
    assert side.level_se_of(20) == pytest.approx(2 * side.level_se)


def test_many_runs_show_their_shake_where_it_is_larger_than_assumed() -> None:
    """With the assumed .003 alone, single checkpoints that shake by .006 differ far too often."""
    noise = Noise(shake_sd=0.006)
    levels = [0.25] * 24
    ends = tuple((f"r{number:02}", 2000) for number in range(24))
    missed = wrongly_decided(range(3), levels, n_prompts=100, noise=noise, steps=ends)
    assert missed < 0.09


@pytest.mark.parametrize("n_runs", [2, 6])
def test_a_few_runs_show_their_shake_too(n_runs: int) -> None:
    """Six runs alone used to rest on the assumption, and a fifth of such comparisons was wrong."""
    ends = tuple((f"r{number:02}", 2000) for number in range(n_runs))
    shaking = Noise(shake_sd=0.006)
    wrong = wrongly_decided(range(30), [0.25] * n_runs, n_prompts=200, noise=shaking, steps=ends)
    assert wrong <= 0.1
    (found,) = compare_runs(
        flat_runs(3, [0.25] * n_runs, n_prompts=200, noise=shaking), {}, CompareOptions()
    ).comparisons
    assert found.shake is not None
    assert (found.shake.source, found.shake.n_runs) == ("these runs", n_runs)
    assert 0.004 < found.shake.sd < 0.008


def test_short_runs_and_few_prompts_rest_on_the_assumption_and_say_so() -> None:
    for n_prompts, n_validations in ((200, 4), (8, 12)):
        scores = flat_runs(
            1,
            [0.25, 0.25],
            n_prompts=n_prompts,
            n_validations=n_validations,
            noise=Noise(shake_sd=0.003),
        )
        (found,) = compare_runs(scores, {}, CompareOptions()).comparisons
        assert found.shake is not None and found.shake.source == "assumed"
        assert found.shake.sd == pytest.approx(0.003, abs=0.0015)


def test_other_runs_of_the_store_show_the_shake_of_short_ones() -> None:
    short = flat_runs(1, [0.25, 0.25], n_prompts=100, n_validations=4)
    many = flat_runs(2, [0.25] * 24, n_prompts=100, noise=Noise(shake_sd=0.006))
    named = many.with_columns(run_id=pl.col("run_id") + 1, run=pl.lit("other-") + pl.col("run"))
    (alone,) = compare_runs(short, {}, CompareOptions()).comparisons
    (beside,) = compare_runs(short, {}, CompareOptions(), others=named).comparisons
    assert alone.shake is not None and beside.shake is not None
    assert (alone.shake.source, beside.shake.source) == ("assumed", "the database")
    assert beside.shake.sd > 0.0045 > alone.shake.sd
    assert [run.run for run in beside.runs] == [run.run for run in alone.runs]


def test_surely_lower_is_the_t_test_of_every_two_validations_over_their_common_prompts() -> None:
    rng, rules = np.random.default_rng(5), CompareRules()
    panel = 0.25 + rng.normal(0, 0.03, 40) + rng.normal(0, 0.012, (9, 40))
    panel[3:] += np.linspace(0, 0.02, 6)[:, None]
    panel[rng.random(panel.shape) < 0.3] = np.nan
    panel[1, 4:] = np.nan  # too few prompts for any comparison
    found = is_surely_lower(panel, rules)
    for t in range(9):
        for j in range(9):
            each = (panel[t] - panel[j])[np.isfinite(panel[t] - panel[j])]
            is_lower = False
            if t != j and len(each) >= rules.min_common_prompts:
                test = ttest_1samp(each, 0.0, alternative="less")
                is_lower = bool(test.pvalue < rules.alpha / 8)
            assert found[t, j] == is_lower, (t, j)
    assert 5 < found.sum() < 40
