"""How often the verdicts are right, on synthetic runs whose truth is known.

    python -m benchmarks.verdicts [--seeds 1000-1004] [--prompts 10,50,200] [--repeats 4] [--peers]
                                  [--runs episodes]

The runs are those of `tests.curves`, on whose like the rules were set, or with --runs episodes
those of `tests.episode_runs`, which share nothing with them. Prints false abandons, flags to harm
(the true curve gains more than .01 afterwards), recall, steps saved, plateau precision and recall,
onset error and wrong locations by number of prompts, the shapes behind every wrong answer, and what
runs that learn below the band get. With --peers the same runs go to other libraries: see
`benchmarks.verdict_peers`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.learners import HARM_COSINE, measure_learners
from clipstore.analysis.plateau import FLAT
from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from tests.curves import BAND, MODEL_ID, Study, Truth, studies
from tests.episode_runs import episode_studies, low_learner_studies
from tests.episodes import LOW_LEARNERS


@dataclass(frozen=True)
class Outcome:
    """One run: what is true and what was said."""

    truth: Truth
    verdict: Verdict

    @property
    def ever_flagged(self) -> bool:
        return self.verdict.abandon.first_flag_step is not None

    @property
    def flagged_to_harm(self) -> bool:
        """Flagged although the run then learned."""
        first = self.verdict.abandon.first_flag_step
        if first is None:
            return False
        at = [each.step for each in self.verdict.steps].index(first)
        return max(self.truth.curve[at:]) - self.truth.curve[at] > HARM_COSINE

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


def measure(runs: Sequence[Study]) -> tuple[list[Outcome], float]:
    """(outcomes, seconds of analysis)."""
    outcomes, seconds = [], 0.0
    for study in runs:
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
        f"  flagged to harm     {share(sum(o.flagged_to_harm for o in outcomes), len(outcomes))}",
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


def report_low_learners(outcomes: Sequence[Outcome]) -> str:
    """One line of what the second generator's runs that learn below the band get."""
    names = {course.__name__ for course in LOW_LEARNERS}
    found = [each for each in outcomes if each.truth.shape in names]
    harmed = Counter(each.truth.shape for each in found if each.flagged_to_harm)
    return (
        f"  learners below      {len(found)} runs, of which "
        f"{sum(each.truth.abandon == 'no' for each in found)} still learn after .6 of the plan: "
        f"ever flagged {sum(each.ever_flagged for each in found)}, at the end "
        f"{sum(each.verdict.abandon.flag for each in found)}, to harm {harmed.total()} "
        f"{dict(harmed)}"
    )


def planned_validations(truth: Truth) -> float:
    """Validations that the whole plan of a run would have had."""
    return truth.planned_steps / truth.gap_steps


def report_peers(runs: Sequence[Study]) -> str:
    """The same runs by other libraries, a line each."""
    from benchmarks import verdict_peers as peers  # noqa: PLC0415 - an optional requirement

    curves = [peers.curves_of_study(study) for study in runs]
    truths = [truth for study in runs for truth in study.truths]
    no = [i for i, truth in enumerate(truths) if truth.abandon == "no"]
    yes = [i for i, truth in enumerate(truths) if truth.abandon == "yes"]
    lines = [f"  {'stopping':<30} {'false':>7} {'to harm':>8} {'recall':>7} {'saved':>6}"]
    for name, stops in peers.STOPPERS.items():
        first = [each for some in curves for each in stops(some)]
        harm = sum(
            max(truth.curve[at:]) - truth.curve[at] > HARM_COSINE
            for truth, at in zip(truths, first, strict=True)
            if at is not None
        )
        hits = [i for i in yes if first[i] is not None]
        saved = [1 - (first[i] + 1) / planned_validations(truths[i]) for i in hits]
        lines.append(
            f"  {name:<30} {100 * np.mean([first[i] is not None for i in no]):>5.1f} % "
            f"{100 * harm / len(truths):>6.1f} % {100 * len(hits) / max(len(yes), 1):>5.0f} % "
            f"{np.mean(saved) if saved else 0:>6.2f}"
        )
    lines.append(
        f"  {'plateau':<30} {'precision':>9} {'recall':>7} {'false':>7} {'within 2':>9} "
        f"{'error':>6}"
    )
    flat = [curve.mean for some in curves for curve in some]
    for name, finds in peers.PLATEAU_FINDERS.items():
        onsets = [finds(mean) for mean in flat]
        said = [i for i, onset in enumerate(onsets) if onset is not None]
        right = [i for i in said if truths[i].is_plateau]
        errors = np.array([abs((onsets[i] or 0) - truths[i].onset_index) for i in right] or [0])
        n_flat = sum(truth.is_plateau for truth in truths)
        lines.append(
            f"  {name:<30} {len(right) / max(len(said), 1):>9.3f} {len(right) / n_flat:>7.3f} "
            f"{100 * (len(said) - len(right)) / max(len(truths) - n_flat, 1):>5.0f} % "
            f"{np.mean(errors <= 2):>9.3f} {errors.mean():>6.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", default="1000-1004", help="first-last")
    parser.add_argument("--prompts", default="10,50,200")
    parser.add_argument("--repeats", type=int, default=4, help="runs of each shape per seed")
    parser.add_argument("--peers", action="store_true", help="needs verdicts-requirements.txt")
    parser.add_argument("--runs", choices=["curves", "episodes"], default="curves")
    asked = parser.parse_args()
    make = episode_studies if asked.runs == "episodes" else studies
    first, last = (int(part) for part in asked.seeds.split("-"))
    seeds = range(first, last + 1)
    for n_prompts in map(int, asked.prompts.split(",")):
        runs = list(make(seeds, n_prompts, asked.repeats))
        outcomes, seconds = measure(runs)
        sys.stdout.write(report(outcomes, n_prompts, seconds) + "\n")
        if asked.runs == "episodes":
            low, _ = measure(list(low_learner_studies(seeds, n_prompts, asked.repeats)))
            sys.stdout.write(report_low_learners(low) + "\n")
        else:
            sys.stdout.write(measure_learners(seeds, n_prompts, asked.repeats) + "\n")
        if asked.peers:
            sys.stdout.write(report_peers(runs) + "\n")
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
