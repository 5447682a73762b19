"""How often `compare` is right, on simulated finished runs whose levels are known.

    python -m benchmarks.comparisons [--studies 100] [--prompts 10,50,200]

Prints per setting: how often 95 % intervals of single pairs miss, how many studies hold any wrong
"higher" or "lower" (nominal 5 %), how often a run's rank interval holds its true ranks, and which
true differences are shown. The paired t test without the shake, which trackers' users reach for, is
the scope "checkpoint" asked of settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipstore.analysis.compare import compare_runs
from clipstore.analysis.comparing import CompareOptions
from clipstore.comparisons import Scope
from tests.flat_runs import Noise, flat_runs

FIRST_SEED = 1000
"""The tests use seeds below 100."""


@dataclass(frozen=True)
class Setting:
    """What is simulated and asked."""

    name: str
    levels: Sequence[float]
    scope: Scope = "run"
    single: bool = False
    """Compare the last validation alone instead of the flat end."""
    shake_sd: float = 0.003


EQUAL = (0.25,) * 6
SETTINGS = (
    Setting("6 equal runs, flat ends", EQUAL),
    Setting("6 equal runs, last checkpoints", EQUAL, single=True),
    Setting("6 equal runs, paired t without the shake", EQUAL, scope="checkpoint"),
    Setting("2 equal runs, shake .006", (0.25,) * 2, shake_sd=0.006),
    Setting("6 equal runs, shake .006", EQUAL, shake_sd=0.006),
    Setting("6 equal runs, shake .006, last checkpoints", EQUAL, single=True, shake_sd=0.006),
    Setting("24 equal runs, shake .006", (0.25,) * 24, shake_sd=0.006),
    Setting("12 runs, three levels .015 apart", (0.23,) * 4 + (0.245,) * 4 + (0.26,) * 4),
    Setting("levels .25 .26 .27, last checkpoints", (0.25, 0.26, 0.27), single=True),
)


def measure(setting: Setting, n_prompts: int, n_studies: int) -> str:
    """One line of the table."""
    levels = setting.levels
    steps = tuple((f"r{i:02}", 2000) for i in range(len(levels))) if setting.single else ()
    missed, wrong_studies, held = [], [], []
    shown: dict[float, list[bool]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + n_studies):
        noise = Noise(shake_sd=setting.shake_sd)
        scores = flat_runs(seed, levels, n_prompts=n_prompts, noise=noise)
        options = CompareOptions(scope=setting.scope, steps=steps)
        found = compare_runs(scores, {}, options).comparisons[0]
        wrong = False
        for pair in found.pairs:
            true = levels[int(pair.run_a[1:])] - levels[int(pair.run_b[1:])]
            if pair.low is not None and pair.high is not None:
                missed.append(not pair.low <= true <= pair.high)
            decided = pair.verdict in ("higher", "lower")
            wrong |= decided and (pair.verdict == "higher") != (true > 0)
            wrong |= decided and true == 0
            if true:
                shown.setdefault(round(abs(true), 3), []).append(decided)
        wrong_studies.append(wrong)
        for run in found.runs:
            own = levels[int(run.run[1:])]
            best = 1 + sum(level > own for level in levels)
            worst = len(levels) - sum(level < own for level in levels)
            held.append((run.rank_low or 0) <= best and (run.rank_high or 0) >= worst)
    found_text = "  ".join(f"{size:.3f}: {np.mean(ok):4.0%}" for size, ok in sorted(shown.items()))
    return (
        f"{setting.name:<42}{n_prompts:>5}{np.mean(missed):>9.1%}{np.mean(wrong_studies):>9.1%}"
        f"{np.mean(held):>9.1%}   {found_text}"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--prompts", default="10,50,200")
    asked = parser.parse_args()
    head = f"{'':<42}{'n':>5}{'missed':>9}{'wrong':>9}{'ranks':>9}   differences shown"
    sys.stdout.write(head + "\n")
    for setting in SETTINGS:
        for n_prompts in map(int, asked.prompts.split(",")):
            sys.stdout.write(measure(setting, n_prompts, asked.studies) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
