"""Verdicts and comparisons → store, so that SQL sees what was said, when, and by which constants.

Invariant: only what is new is written, through the spool like everything else, and nobody waits:
where the database is held, the rows lie in the spool until a command can merge them. Verdicts are
a history; the figures behind them replace the older ones, so that ingests do not make them grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.judgedrows import (
    Sources,
    best_checkpoint_rows,
    difference_rows,
    interval_rows,
    verdict_rows,
)
from clipstore.comparisons import Comparison
from clipstore.errors import ClipstoreError
from clipstore.findings import Verdict
from clipstore.storage.spool import list_parts, spool_folder, write_part
from clipstore.storage.store import Reader, merge_parts, open_store
from clipstore.storage.tables import TABLE_SCHEMAS

SCORES_UNASKED = 2_000_000
"""With more scores than this an ingest leaves judging to `clipstore verdict`: it would take longer
than its user expects of the end of an ingest."""

_VERDICT_KEY = ["model_id", "run_id", "changed_rules"]
_VERDICT_SAID = [name for name in TABLE_SCHEMAS["verdicts"] if name != "judged_at"]


@dataclass(frozen=True)
class StoreNews:
    """What is to be kept."""

    rows: Mapping[str, pl.DataFrame]
    """By table; those without rows may be among them."""
    left_out: str | None
    """Which verdicts cannot be kept, and why."""


@dataclass(frozen=True)
class Kept:
    """What became of it."""

    is_in_store: bool
    """False while the rows wait in the spool, and where they could not be written."""
    told: str | None = None
    """Why the rows could not even be written."""


@dataclass(frozen=True)
class _Slots:
    """How the rows of a table replace older ones: all that are alike in `key` and in which of
    `open_ended` are null go together. Only the newest of each such set are kept."""

    key: tuple[str, ...]
    open_ended: tuple[str, ...]
    at: str
    """The column that says which are newer."""


_REPLACED: Mapping[str, _Slots] = {
    "step_intervals": _Slots(("model_id", "run_id"), ("changed_rules",), "judged_at"),
    "best_checkpoints": _Slots(("model_id", "run_id"), ("changed_rules",), "judged_at"),
    "run_differences": _Slots(("model_id",), ("selection", "changed_rules"), "compared_at"),
}
_KEPT_READS = {
    "step_intervals": "kept_intervals",
    "best_checkpoints": "kept_best_checkpoints",
    "run_differences": "kept_differences",
}


def renew_verdicts(store: Path, judged_at: datetime) -> str | None:
    """Judge all runs anew and keep what changed; a sentence where that was left alone, and why.

    Raises the errors of the store and of a full disk. What was judged may still lie in the spool.
    """
    with open_store(store) as reader:
        n_scores = reader.frame("SELECT count(*) FROM scores").item()
        if n_scores > SCORES_UNASKED:
            return (
                f"the verdicts in the database are not renewed: judging {n_scores:,} scores "
                "takes long; `clipstore verdict` does it."
            )
        news = verdict_news(reader, verdicts_from_reader(reader), AllRules(), judged_at)
    _keep(store, news)
    return news.left_out


def judge_and_keep(store: Path, judged_at: datetime) -> str | None:
    """The same, and a sentence also where the store or the disk stands in the way."""
    try:
        return renew_verdicts(store, judged_at)
    except ClipstoreError as error:
        return f"the verdicts in the database are not renewed: {error}"


def verdict_news(
    reader: Reader, verdicts: Sequence[Verdict], rules: AllRules, judged_at: datetime
) -> StoreNews:
    """The verdicts that say something else than the newest kept ones by the same constants, be
    these in the store or still in its spool, and the intervals and best checkpoints that are
    others than those."""
    sources = Sources(reader.read("verdict_sources"))
    said = verdict_rows(verdicts, sources, rules, judged_at)
    kept = [reader.read("newest_verdicts"), *_waiting(reader.path, "verdicts")]
    newest = pl.concat(kept).sort("judged_at").unique(_VERDICT_KEY, keep="last")
    news = {
        "verdicts": _not_in(said, newest, _VERDICT_SAID),
        "step_intervals": interval_rows(verdicts, sources, rules, judged_at),
        "best_checkpoints": best_checkpoint_rows(verdicts, sources, rules, judged_at),
    }
    for table in ("step_intervals", "best_checkpoints"):
        news[table] = _renewed(reader, table, news[table])
    return StoreNews(news, _left_out(sources))


def comparison_news(
    reader: Reader,
    comparisons: Sequence[Comparison],
    rules: AllRules,
    selection: str | None,
    compared_at: datetime,
) -> StoreNews:
    """The differences of the models whose runs compare otherwise than those that are kept.
    `comparisons`: all that were made of the runs that `selection` asks for, None for all runs."""
    sources = Sources(reader.read("verdict_sources"))
    rows = difference_rows(comparisons, sources, rules, selection, compared_at)
    return StoreNews({"run_differences": _renewed(reader, "run_differences", rows)}, None)


def keep_news(store: Path, *news: StoreNews) -> Kept:
    """Write the rows, of one table at most once, and try to merge them.

    The database must not be open in this process.
    """
    try:
        return Kept(_keep(store, *news))
    except ClipstoreError as error:
        return Kept(False, f"the verdicts are not kept in the database: {error}")


def _keep(store: Path, *news: StoreNews) -> bool:
    """Whether all of it is in the store now, and not in the spool."""
    rows = {table: frame for each in news for table, frame in each.rows.items() if frame.height}
    if not rows:
        return not list_parts(spool_folder(store))
    write_part(spool_folder(store), rows)
    merge = merge_parts(store, wait_seconds=0.0)
    return not merge.n_parts_waiting and not merge.quarantined


def _waiting(store: Path, table: str) -> list[pl.DataFrame]:
    files = (part / f"{table}.parquet" for part in list_parts(spool_folder(store)))
    return [pl.read_parquet(file, glob=False) for file in files if file.exists()]


def _renewed(reader: Reader, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Those of `rows` whose set has other content than the newest kept one, the whole set."""
    slots = _REPLACED[table]
    slot = [*slots.key, *(f"has_{name}" for name in slots.open_ended)]
    marks = [pl.col(name).is_not_null().alias(f"has_{name}") for name in slots.open_ended]
    content = [name for name in TABLE_SCHEMAS[table] if name != slots.at]
    kept = pl.concat([reader.read(_KEPT_READS[table]), *_waiting(reader.path, table)])
    kept = kept.with_columns(marks)
    kept = kept.filter(pl.col(slots.at) == pl.col(slots.at).max().over(slot))
    told = rows.with_columns(marks)
    gone = _not_in(kept, told, content).join(told, on=slot, how="semi")
    changed = pl.concat([_not_in(told, kept, content).select(slot), gone.select(slot)]).unique()
    return told.join(changed, on=slot, how="semi").select(rows.columns)


def _not_in(rows: pl.DataFrame, others: pl.DataFrame, content: Sequence[str]) -> pl.DataFrame:
    """The rows whose `content` no other row has; polars joins on no lists."""
    compared = [
        pl.col(name).cast(pl.List(pl.String)).list.join(" ")
        if rows.schema[name].is_nested()
        else pl.col(name)
        for name in content
    ]
    return rows.join(others, on=compared, how="anti", nulls_equal=True)


def _left_out(sources: Sources) -> str | None:
    """A sentence where several runs of one model have the same name."""
    if not sources.names_of_several:
        return None
    return (
        f"the verdicts of {', '.join(sources.names_of_several)} are not kept in the database: "
        "several runs have that name, and it alone does not tell which verdict is whose. Rename a "
        "folder and ingest it again."
    )
