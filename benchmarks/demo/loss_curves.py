"""What the loss curve alone says of each run, by one rule, for the README's table.

Reads the trainers' own TensorBoard events. Losses of one quarter of the plan are held against
those of another: batches are independent, so an ordinary interval of the difference of two means
does. Nobody's eye decides what "falls" is.

    python -m benchmarks.demo.loss_curves --runs-dir demo_data/runs
"""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAG = "train_loss"
INTERVAL_SDS = 1.96
"""95 %."""


@dataclass(frozen=True)
class LossCurve:
    """The losses of one run, cut into the quarters of its steps."""

    quarters: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    """Loss of every step, in order."""

    def mean(self, quarter: int) -> float:
        """Mean loss of a quarter, from 0."""
        return float(self.quarters[quarter].mean())

    def change(self, before: int, after: int) -> int:
        """1 when the loss of quarter `after` is higher beyond its interval, -1 lower, else 0."""
        one, other = self.quarters[before], self.quarters[after]
        error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        difference = float(other.mean() - one.mean())
        return int(np.sign(difference)) if abs(difference) > INTERVAL_SDS * error else 0

    def in_words(self) -> str:
        """From the first quarter to the last, and whether it still moves in the last two."""
        whole = {-1: "falls", 0: "flat", 1: "rises"}[self.change(0, 3)]
        late = {-1: ", still falling", 0: "", 1: ", rising at the end"}[self.change(2, 3)]
        levels = f"{whole}, {self.mean(0):.3f} to {self.mean(3):.3f}"
        return levels if whole == "rises" else levels + late


def read_losses(run: Path) -> LossCurve:
    """The curve from the events file below `run`. Losses that are not finite count as they are."""
    events = next(iter(run.rglob("events.out.tfevents.*")))
    reader = EventAccumulator(str(events), size_guidance={"scalars": 0})
    reader.Reload()
    losses = np.array([scalar.value for scalar in reader.Scalars(TAG)])
    first, second, third, last = np.array_split(losses, 4)
    return LossCurve((first, second, third, last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-dir", type=Path, required=True)
    options = parser.parse_args()
    for run in sorted(path for path in options.runs_dir.iterdir() if path.is_dir()):
        sys.stdout.write(f"| `{run.name}` | {read_losses(run).in_words()} |\n")


if __name__ == "__main__":
    main()
