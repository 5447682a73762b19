"""In which state the runs' logs end, for the account.

Invariant: a log that was read is skipped as `log`, one that cannot be read is refused; in both
cases it leaves the list that its layout had put it on, so that it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from clipstore.pipeline.findlogs import RunLog
from clipstore.sources.textfiles import Unreadable
from clipstore.types import Problem, RunContents, Skipped

READ_RULE = "log"
SHARED_RULE = "log_of_several_runs"


class LogStates:
    """The states as the logs are read one by one."""

    def __init__(self, unowned: Iterable[Path]) -> None:
        self._rules = dict.fromkeys(unowned, SHARED_RULE)
        self._problems: dict[int, list[Problem]] = {}
        self._refused: set[Path] = set()

    def mark_read(self, log: RunLog) -> None:
        self._rules[log.path] = READ_RULE

    def refuse(self, log: RunLog, error: Unreadable) -> None:
        detail = f"the log cannot be read: {error}. Its numbers and pictures are missing."
        problem = Problem(log.path, "read", "log_unreadable", detail)
        self._problems.setdefault(log.run.run_id, []).append(problem)
        self._refused.add(log.path)

    def of_run(self, contents: RunContents) -> RunContents:
        """The run with its logs in their states."""
        return replace(
            contents,
            skipped=self._ruled(contents.skipped, self._refused),
            problems=(*contents.problems, *self._problems.get(contents.run.run_id, ())),
        )

    def rules(self) -> dict[Path, str | None]:
        """The rule by which each of these logs is skipped; None for a refused one."""
        return {**self._rules, **dict.fromkeys(self._refused)}

    def _ruled(self, skipped: Sequence[Skipped], without: set[Path]) -> tuple[Skipped, ...]:
        return tuple(
            replace(one, rule=self._rules.get(one.path, one.rule))
            for one in skipped
            if one.path not in without
        )


class OutsideFiles:
    """Files outside of all runs, of which logs say more: it may be one, or a run's picture."""

    def __init__(self, skipped: Sequence[Skipped]) -> None:
        self._skipped = skipped
        self._rules: dict[Path, str | None] = {}

    def settle(self, states: LogStates, logged: Iterable[Path]) -> None:
        """What became of the logs of some runs, and the pictures that these hold."""
        self._rules |= states.rules()
        self._rules |= dict.fromkeys(logged)

    def left(self) -> Iterator[Skipped]:
        """Those that no run accounts for."""
        for one in self._skipped:
            rule = self._rules.get(one.path, one.rule) if self._rules else one.rule
            if rule is not None:
                yield replace(one, rule=rule)
