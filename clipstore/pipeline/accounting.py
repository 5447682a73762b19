"""Which file ended in which state.

Invariant: a file is counted once, in one state, and every problem that is counted is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from clipstore.pipeline.partrows import PartRows
from clipstore.sources.promptversions import in_order
from clipstore.types import Picture, Problem, Run, Skipped


@dataclass(frozen=True)
class Tally:
    """How many files ended in which state."""

    scored: int = 0
    known: int = 0
    pending: int = 0
    refused: int = 0
    skipped: int = 0

    @property
    def seen(self) -> int:
        return self.scored + self.known + self.pending + self.refused + self.skipped

    def to_sentence(self) -> str:
        return (
            f"{self.seen:,} files seen = {self.scored:,} scored + {self.known:,} known + "
            f"{self.pending:,} pending + {self.refused:,} refused + {self.skipped:,} skipped"
        )


class Account:
    """The counts of one ingest as they grow."""

    def __init__(self, rows: PartRows) -> None:
        self._rows = rows
        self._counts: Counter[str] = Counter()
        self._skipped_by_rule: Counter[str] = Counter()
        self.problems: list[Problem] = []

    @property
    def tally(self) -> Tally:
        return Tally(**self._counts)

    @property
    def n_scored(self) -> int:
        return self._counts["scored"]

    @property
    def skipped_by_rule(self) -> dict[str, int]:
        return dict(self._skipped_by_rule)

    def add_scored(self, n_files: int) -> None:
        self._counts["scored"] += n_files

    def add_known(self) -> None:
        self._counts["known"] += 1

    def add_skipped(self, run: Run | None, skipped: Sequence[Skipped]) -> None:
        for one in skipped:
            self._counts["skipped"] += 1
            self._skipped_by_rule[one.rule] += 1
        if run is not None:
            self._rows.add_copies(run, skipped)

    def add_problem(self, run: Run | None, problem: Problem) -> None:
        self._counts["pending" if problem.pending else "refused"] += 1
        self.problems.append(problem)
        self._rows.add_problem(run, problem)

    def without_duplicates(self, run: Run, pictures: Sequence[Picture]) -> Iterator[Picture]:
        """The pictures, in order of their places, but those that claim another one's place; these
        are refused."""
        place = attrgetter("step", "prompt_id", "image_index", "panel")
        file = attrgetter("folder", "name")
        first = None
        for picture in in_order(pictures):
            if first is None or place(picture) != place(first):
                first = picture
            if file(picture) == file(first):
                yield picture
            else:
                detail = f"same step, prompt and index as {first.name}; rename or remove one."
                self.add_problem(run, Problem(picture.path, "name", "duplicate", detail))
