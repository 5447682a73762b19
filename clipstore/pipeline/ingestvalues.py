"""What goes into an ingest and what comes out of it, as values.

Invariant: nothing here runs anything; commands and the watcher need these without the pipeline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from clipstore.pipeline.accounting import Tally
from clipstore.pipeline.logreading import LogsReport
from clipstore.pipeline.pace import Pace
from clipstore.pipeline.timings import IngestTimings
from clipstore.storage.store import MergeReport
from clipstore.types import Problem


@dataclass(frozen=True)
class Progress:
    """How far an ingest is."""

    tally: Tally
    n_total: int
    """Files in all, known and skipped ones included."""
    n_done: int
    """Of the files that had to be read: those that are scored, refused, pending or known."""
    n_to_read: int
    """Files that have to be read, or the limit where that is less. Of a run whose turn has not come
    it is the pictures that were listed and are not known; what its logs hold comes on top."""
    n_runs_begun: int
    """Runs whose turn has come."""
    n_runs: int
    pace: Pace


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did."""

    tally: Tally
    n_scores: int
    """Rows written: one per panel."""
    n_embedded: int
    """Pictures that went through the model; the base panel of all steps goes once."""
    problems: tuple[Problem, ...]
    skipped_by_rule: tuple[tuple[str, int], ...]
    merge: MergeReport
    interrupted: bool
    n_left: int
    """Files left for the next ingest by an interruption or a limit."""
    timings: IngestTimings
    logs: LogsReport


@dataclass(frozen=True)
class IngestOptions:
    """How to run; nothing here changes a score."""

    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that read, decode, cut and resize, at most; small jobs start fewer. 0 reads in
    this process, unprotected from a decoder that crashes."""
    limit: int | None = None
    """Stop after this many files were scored."""
    keep_embeddings: bool = True
    rescore: bool = False
    """Score known files again, with the prompts of today."""
    read_logs: bool = True
    """Read the trainers' logs too: scalars, settings and pictures."""
