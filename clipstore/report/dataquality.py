"""What could not be scored: the counts behind the page.

Invariant: every group carries the count of all its members; lists are cut, counts never are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath

import polars as pl

from clipstore.report.cardrows import path_in_run
from clipstore.report.data import Counts, ProblemFile, ProblemGroup
from clipstore.report.inert import strip_folders
from clipstore.report.tables import ReportTables
from clipstore.types import TRAINED_PANELS

MAX_LISTED = 20
"""Files listed per reason: the database has them all."""

INGEST_STATES = ("seen", "scored", "known", "pending", "refused", "skipped")


def tables_to_counts(tables: ReportTables) -> Counts:
    """How many pictures became scores and how many did not.

    A picture scored by two models counts once.
    """
    images = tables.run_step.group_by("run", "step", "panel").agg(pl.col("n_images").max())
    is_trained = pl.col("panel").is_in(TRAINED_PANELS)
    n_pending = int(tables.problems["is_pending"].fill_null(value=False).sum())
    last = tables.ingests.tail(1).to_dicts()
    return Counts(
        n_scored=int(images.filter(is_trained)["n_images"].sum()),
        n_other_panels=int(images.filter(~is_trained)["n_images"].sum()),
        n_pending=n_pending,
        n_refused=tables.problems.height - n_pending,
        n_ingests=tables.ingests.height,
        last_ingest=tuple((s, int(last[0][f"n_{s}"] or 0)) for s in INGEST_STATES) if last else (),
    )


def tables_to_problems(
    tables: ReportTables, roots: Mapping[str, PurePath], *, with_paths: bool = False
) -> tuple[ProblemGroup, ...]:
    """Files without a score, grouped by reason: those that will not mend themselves first, then
    the most frequent."""
    folders = folders_of(roots.values())
    groups = []
    for key, rows in (
        tables.problems.sort("path")
        .partition_by("is_pending", "stage", "reason", as_dict=True, maintain_order=True)
        .items()
    ):
        is_pending, stage, reason = key
        files = tuple(
            ProblemFile(
                row["path"] if with_paths else _named_path(PurePath(row["path"]), roots),
                (row["detail"] or "")
                if with_paths
                else strip_folders(row["detail"] or "", folders),
            )
            for row in rows.head(MAX_LISTED).iter_rows(named=True)
        )
        groups.append(ProblemGroup(str(reason), str(stage), bool(is_pending), rows.height, files))
    return tuple(sorted(groups, key=lambda g: (g.is_pending, -g.n_files, g.reason, g.stage)))


def folders_of(roots: Iterable[PurePath]) -> list[str]:
    """The folders whose names would tell of this machine: the runs' and those around them."""
    return [
        str(folder) for root in roots for folder in (root, *root.parents) if len(folder.parts) > 2
    ]


def _named_path(path: PurePath, roots: Mapping[str, PurePath]) -> str:
    """`run: path inside it`, or the bare name of a file that is in no run."""
    inside = [(run, root) for run, root in roots.items() if path.is_relative_to(root)]
    if not inside:
        return path.name
    run, root = max(inside, key=lambda pair: (len(pair[1].parts), pair[0]))
    return f"{run}: {path_in_run(path, root)}"
