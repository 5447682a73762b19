"""How often the verdicts are right, on synthetic runs whose truth is known.

    python -m benchmarks.verdicts [--seeds 1000-1004] [--prompts 10,50,200] [--repeats 4]

Prints false abandons, recall, steps saved, plateau precision and recall, onset error and wrong
locations by number of prompts, then the shapes behind every wrong answer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from clipstore.analysis.plateau import FLAT
from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from tests.curves import BAND, MODEL_ID, Truth, studies


@dataclass(frozen=True)
class Outcome:
    """One run: what is true and what was said."""

    truth: Truth
    verdict: Verdict

    @property
    def ever_flagged(self) -> bool:
        return self.verdict.abandon.first_flag_step is not None

    @property
    def said_flat(self) -> bool:
        return self.verdict.plateau.status in FLAT

    @property
    def onset_error(self) -> int:
        """Validations between the onset said and the true one."""
        steps = [each.step for each in self.verdict.steps]
        return steps.index(self.verdict.plateau.onset_step or 0) - self.truth.onset_index

    @property
    def wrong_location(self) -> bool:
        said = self.verdict.plateau.location
        above = self.truth.level >= BAND.low_cosine
        return (
            (said in ("IN_BAND", "ABOVE_BAND")) if not above else (said in ("BELOW_BAND", "POOR"))
        )


def measure(seeds: range, n_prompts: int, repeats: int) -> tuple[list[Outcome], float]:
    """(outcomes, seconds of analysis)."""
    outcomes, seconds = [], 0.0
    for study in studies(seeds, n_prompts, repeats):
        start = time.perf_counter()
        verdicts = verdicts_from_scores(study.scores, study.runs, {MODEL_ID: BAND})
        seconds += time.perf_counter() - start
        by_run = {verdict.run: verdict for verdict in verdicts}
        outcomes += [Outcome(truth, by_run[truth.run]) for truth in study.truths]
    return outcomes, seconds


def share(part: int, whole: int) -> str:
    """3/ 260  1.2 %"""
    return f"{part:>4}/{whole:<4} {100 * part / max(whole, 1):5.1f} %"


def report(outcomes: list[Outcome], n_prompts: int, seconds: float) -> str:
    """The figures of one number of prompts as text."""
    innocent = [o for o in outcomes if o.truth.abandon == "no"]
    guilty = [o for o in outcomes if o.truth.abandon == "yes"]
    eligible = [o for o in guilty if o.truth.eligible]
    hits = [o for o in guilty if o.ever_flagged]
    flat = [o for o in outcomes if o.said_flat]
    plateaus = [o for o in outcomes if o.truth.is_plateau]
    found = [o for o in flat if o.truth.is_plateau]
    errors = np.array([o.onset_error for o in found] or [0])
    located = [o for o in plateaus if o.said_flat]
    saved = [
        o.verdict.abandon.steps_saved / o.truth.planned_steps
        for o in hits
        if o.verdict.abandon.steps_saved is not None
    ]
    lines = [
        f"{n_prompts} prompts, {len(outcomes)} runs, {1000 * seconds / len(outcomes):.1f} ms a run",
        f"  false abandon       {share(sum(o.ever_flagged for o in innocent), len(innocent))}",
        f"  recall, eligible    {share(sum(o.ever_flagged for o in eligible), len(eligible))}",
        f"  recall, all         {share(len(hits), len(guilty))}",
        f"  still flagged       {share(sum(o.verdict.abandon.flag for o in hits), len(hits))}",
        f"  plan saved per hit  {np.mean(saved) if saved else 0:.2f}",
        f"  plateau precision   {share(len(found), len(flat))}",
        f"  plateau recall      {share(len(found), len(plateaus))}",
        f"  onset within 2      {share(int((abs(errors) <= 2).sum()), len(errors))}"
        f"   mean error {np.abs(errors).mean():.2f}, bias {errors.mean():+.2f}",
        f"  location wrong      {share(sum(o.wrong_location for o in located), len(located))}"
        f"   borderline {sum(o.verdict.plateau.location == 'BORDERLINE' for o in located)}",
        f"  labels              {dict(Counter(o.verdict.verdict for o in outcomes))}",
        f"  flagged wrongly     {dict(Counter(o.truth.shape for o in innocent if o.ever_flagged))}",
        f"  missed, eligible    "
        f"{dict(Counter(o.truth.shape for o in eligible if not o.ever_flagged))}",
        f"  plateau missed      "
        f"{dict(Counter(o.truth.shape for o in plateaus if not o.said_flat))}",
        f"  plateau wrongly     "
        f"{dict(Counter(o.truth.shape for o in flat if not o.truth.is_plateau))}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", default="1000-1004", help="first-last")
    parser.add_argument("--prompts", default="10,50,200")
    parser.add_argument("--repeats", type=int, default=4, help="runs of each shape per seed")
    asked = parser.parse_args()
    first, last = (int(part) for part in asked.seeds.split("-"))
    for n_prompts in map(int, asked.prompts.split(",")):
        outcomes, seconds = measure(range(first, last + 1), n_prompts, asked.repeats)
        sys.stdout.write(report(outcomes, n_prompts, seconds) + "\n\n")


if __name__ == "__main__":
    main()
