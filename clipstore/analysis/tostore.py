"""Verdicts → store, so that SQL sees what was said, when, and by which constants.

Invariant: only what is new is written, through the spool like everything else, and nobody waits:
where the database is held, the rows lie in the spool until a command can merge them. Numbers are
rounded far below their meaning, so that other hardware's last bits are no news.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from clipstore import __version__
from clipstore.analysis.allrules import AllRules
from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.rules import Rules
from clipstore.analysis.rulesfile import changed_rules
from clipstore.errors import ClipstoreError
from clipstore.findings import Verdict
from clipstore.storage.spool import list_parts, spool_folder, write_part
from clipstore.storage.store import Reader, merge_parts, open_store
from clipstore.storage.tables import TABLE_SCHEMAS

SCORES_UNASKED = 2_000_000
"""With more scores than this an ingest leaves judging to `clipstore verdict`: it would take longer
than its user expects of the end of an ingest."""
DECIMALS = 6

_KEY = ["model_id", "run_id", "changed_rules"]
_SCHEMA = TABLE_SCHEMAS["verdicts"]
_SAID = [name for name in _SCHEMA if name not in ("judged_at", "notes")]


class VerdictNews(NamedTuple):
    """What is to be kept."""

    rows: pl.DataFrame
    """Of the table verdicts."""
    left_out: str | None
    """Which verdicts cannot be kept, and why."""


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
        news = verdict_news(reader, verdicts_from_reader(reader), Rules(), store, judged_at)
    _keep(store, news.rows)
    return news.left_out


def judge_and_keep(store: Path, judged_at: datetime) -> str | None:
    """The same, and a sentence also where the store or the disk stands in the way."""
    try:
        return renew_verdicts(store, judged_at)
    except ClipstoreError as error:
        return f"the verdicts in the database are not renewed: {error}"


def verdict_news(
    reader: Reader, verdicts: Sequence[Verdict], rules: Rules, store: Path, judged_at: datetime
) -> VerdictNews:
    """Those that say something else than the newest kept ones by the same constants, be these in
    the store or still in its spool."""
    sources = reader.read("verdict_sources")
    rows = _verdict_rows(sources, verdicts, rules, judged_at)
    kept = [reader.read("newest_verdicts"), *_waiting(store)]
    newest = pl.concat(kept).sort("judged_at").unique(_KEY, keep="last")
    content = [pl.col("notes").list.join(" "), *map(pl.col, _SAID)]  # polars joins on no lists
    return VerdictNews(
        rows.join(newest, on=content, how="anti", nulls_equal=True), _left_out(sources)
    )


def keep_verdicts(store: Path, news: pl.DataFrame) -> str | None:
    """Write the rows and try to merge them; a sentence where they could not even be written.

    The database must not be open in this process.
    """
    try:
        _keep(store, news)
    except ClipstoreError as error:
        return f"the verdicts are not kept in the database: {error}"
    return None


def _keep(store: Path, news: pl.DataFrame) -> None:
    if not news.is_empty():
        write_part(spool_folder(store), {"verdicts": news})
        merge_parts(store, wait_seconds=0.0)


def _waiting(store: Path) -> list[pl.DataFrame]:
    files = (part / "verdicts.parquet" for part in list_parts(spool_folder(store)))
    return [pl.read_parquet(file, glob=False) for file in files if file.exists()]


def _verdict_rows(
    sources: pl.DataFrame, verdicts: Sequence[Verdict], rules: Rules, judged_at: datetime
) -> pl.DataFrame:
    """One row a verdict. Two runs of one name cannot be told apart by it and are left out."""
    by_name = {
        (row["model"], row["run"]): row
        for row in sources.unique(["model", "run"], keep="none").iter_rows(named=True)
    }
    constants = json.dumps(asdict(rules), sort_keys=True)
    changed = {each.name: each.value for each in changed_rules(AllRules(verdict=rules))}
    return pl.DataFrame(
        [
            {
                "model_id": source["model_id"],
                "run_id": source["run_id"],
                **_values(verdict),
                "rules": constants,
                "changed_rules": json.dumps(changed, sort_keys=True) if changed else None,
                "clipstore_version": __version__,
                "scores_until": source["scores_until"],
                "judged_at": judged_at,
            }
            for verdict in verdicts
            if (source := by_name.get((verdict.model, verdict.run))) is not None
        ],
        schema=_SCHEMA,
        orient="row",
    )


def _left_out(sources: pl.DataFrame) -> str | None:
    """A sentence where several runs of one model have the same name."""
    named = sources.group_by("model", "run").len().filter(pl.col("len") > 1)["run"]
    if named.is_empty():
        return None
    listed = ", ".join(sorted(named.unique().to_list()))
    return (
        f"the verdicts of {listed} are not kept in the database: several runs have that name, and "
        "it alone does not tell which verdict is whose. Rename a folder and ingest it again."
    )


def _values(verdict: Verdict) -> dict[str, object]:
    plateau, abandon, base = verdict.plateau, verdict.abandon, verdict.base
    return {
        "verdict": verdict.verdict,
        "reason": abandon.reason if abandon.flag else None,
        "sentence": verdict.reasons[0],
        "first_flag_step": abandon.first_flag_step,
        "steps_saved": abandon.steps_saved,
        "peak_step": abandon.peak_step,
        "status": plateau.status,
        "location": plateau.location,
        "level": _rounded(plateau.level),
        "level_low": _rounded(plateau.level_low),
        "level_high": _rounded(plateau.level_high),
        "level_any_low": _rounded(plateau.level_any_low),
        "level_any_high": _rounded(plateau.level_any_high),
        "onset_step": plateau.onset_step,
        "onset_low_step": plateau.onset_low_step,
        "onset_high_step": plateau.onset_high_step,
        "drift": _rounded(plateau.drift),
        "drift_low": _rounded(plateau.drift_low),
        "drift_high": _rounded(plateau.drift_high),
        "horizon_steps": plateau.horizon_steps,
        "base_difference": _rounded(base.difference if base else None),
        "base_low": _rounded(base.low if base else None),
        "base_high": _rounded(base.high if base else None),
        "n_prompts": verdict.n_prompts,
        "n_validations": verdict.n_validations,
        "last_step": verdict.steps[-1].step if verdict.steps else None,
        "planned_steps": verdict.planned_steps,
        "checkpoint_jitter": _rounded(verdict.checkpoint_jitter),
        "notes": list(verdict.notes),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)
