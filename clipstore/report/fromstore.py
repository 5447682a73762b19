"""Store → the report's data: reads the frames, has the runs judged and compared, gathers all."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from clipstore import __version__
from clipstore.analysis.allrules import AllRules
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.fromstore import compare_from_reader, verdicts_from_reader
from clipstore.analysis.judgedrows import (
    changed_rules_json,
    rules_of_comparisons,
    rules_of_verdicts,
)
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.analysis.rulesfile import changed_rules_text
from clipstore.analysis.tostore import Kept, StoreNews, comparison_news, keep_news, verdict_news
from clipstore.errors import RunUnknown
from clipstore.findings import Verdict
from clipstore.report.data import ReportData
from clipstore.report.gather import PageExtras, gather_report, runs_by_model
from clipstore.report.gathersection import RunComparisons
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.readscores import read_scores
from clipstore.report.tables import DISAGREEMENT_COLUMNS, ReportTables
from clipstore.storage.sqlfiles import read_statement
from clipstore.storage.store import Reader, open_current

MAX_COMPARED_RUNS = 200
"""Their 19,900 pairs take seconds and half a megabyte of the page; twice as many take four times
that."""
MAX_COMPARED_SCORES = 12_000_000
"""Scores behind the comparison: about 200 MB as matrices."""


@dataclass(frozen=True)
class ReportRequest:
    """What is asked of a report."""

    generated_at: datetime
    """With its time zone."""
    wishes: PictureWishes
    size_cap_bytes: int
    rules: AllRules | None = None
    planned_steps: int | None = None
    """For runs whose own settings do not say."""
    runs: tuple[str, ...] = ()
    """Names or patterns such as `lora-*`; empty for all."""
    since: datetime | None = None
    """Only runs that got a score since then."""
    with_paths: bool = False
    """Absolute folders and hosts may stand on the page."""
    judged_at: datetime | None = None
    """The clock's time where the page is to say another: in the database newer figures replace
    older ones. None for `generated_at`."""


def report_from_store(store: Path, request: ReportRequest) -> ReportData:
    """All that the page shows of a store, whose verdicts and comparisons are kept in it, so that
    the SQL on the page gives them. Reads the pictures' files for the thumbnails, after the database
    is given back. Raises `RunUnknown` for a run that is not there."""
    rules = request.rules or AllRules()
    asked = bool(request.runs) or request.since is not None
    judged_at = request.judged_at or request.generated_at
    with open_current(store) as reader:
        judged = verdicts_from_reader(
            reader, rules.verdict, request.planned_steps, compare=rules.compare
        )
        news = [verdict_news(reader, judged, rules, judged_at)]
        n_judged = len({verdict.run for verdict in judged})
        chosen = _chosen(reader, judged, request)
        verdicts, vectors_left = with_pictures(reader, chosen, asked=None, rules=rules.pictures)
        runs = {verdict.run for verdict in verdicts}
        tables = _tables(reader, verdicts, None if len(runs) == n_judged and not asked else runs)
        comparisons, runs_left = _comparisons(reader, verdicts, rules)
        selection = _selection_json(request)
        if comparisons is not None:
            news.append(comparison_news(reader, comparisons.all, rules, selection, judged_at))
    kept = keep_news(store, *news)
    return gather_report(
        verdicts,
        tables,
        generated_at=request.generated_at,
        version=__version__,
        size_cap_bytes=request.size_cap_bytes,
        wishes=request.wishes,
        extras=PageExtras(
            comparisons=comparisons,
            runs_not_compared=runs_left,
            pictures_not_compared=vectors_left,
            changed_rules=changed_rules_text(rules),
            selection=_selection(request, len(runs), n_judged),
            sql_values={
                "changed_rules": changed_rules_json(rules_of_verdicts(rules)),
                "changed_compare_rules": changed_rules_json(rules_of_comparisons(rules)),
                "selection": selection,
            },
            not_in_sql=_not_in_sql(kept, news),
            with_paths=request.with_paths,
        ),
    )


def _tables(
    reader: Reader, verdicts: Sequence[Verdict], only: Collection[str] | None
) -> ReportTables:
    """`only`: the names of the runs to read, None for all of the store."""
    models = reader.read("report_models")
    scores = read_scores(reader, models, runs_by_model(verdicts), only)
    tables = ReportTables(
        run_step=scores.run_step,
        prompt_step=scores.prompt_step,
        pictures=scores.pictures,
        problems=reader.read("report_problems"),
        ingests=reader.read("report_ingests"),
        runs=reader.read("report_runs"),
        models=models,
        disagreements=_disagreements(reader, models),
        step_times=scores.step_times,
        config=reader.frame(read_statement("queries", "config_differences"), {"like": None}),
        trainer_agreement=reader.frame(
            read_statement("queries", "trainer_agreement"), {"run": None}
        ),
        scan=scores.scan,
    )
    return tables if only is None else tables.of_runs(only)


def _disagreements(reader: Reader, models: pl.DataFrame) -> pl.DataFrame:
    """Asked only where there are two models: the answer takes all scores."""
    if models.height < 2:
        return pl.DataFrame(schema=DISAGREEMENT_COLUMNS)
    return reader.frame(read_statement("queries", "model_disagreement"), {"run": None})


def _chosen(
    reader: Reader, verdicts: Sequence[Verdict], request: ReportRequest
) -> tuple[Verdict, ...]:
    names = sorted({verdict.run for verdict in verdicts})
    wanted = set(names)
    if request.runs:
        wanted = set()
        for pattern in request.runs:
            found = {name for name in names if name == pattern or fnmatchcase(name, pattern)}
            if not found:
                raise RunUnknown(f"no scored run named {pattern!r}", names)
            wanted |= found
    if request.since is not None:
        sources = reader.read("verdict_sources")
        newer = sources.filter(pl.col("scores_until") >= request.since.astimezone(UTC))
        recent = set(newer["run"].to_list())
        if not wanted & recent:
            raise RunUnknown(f"no run got a score since {request.since:%Y-%m-%d %H:%M} UTC", names)
        wanted &= recent
    return tuple(verdict for verdict in verdicts if verdict.run in wanted)


def _selection(request: ReportRequest, n_chosen: int, n_all: int) -> str | None:
    if not request.runs and request.since is None:
        return None
    asked = [f"named {', '.join(request.runs)}"] if request.runs else []
    if request.since is not None:
        asked.append(f"with a score since {request.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return f"{n_chosen:,} of {n_all:,} runs: those {' and '.join(asked)}."


def _selection_json(request: ReportRequest) -> str | None:
    """As the store names it; None for all runs."""
    if not request.runs and request.since is None:
        return None
    since = None if request.since is None else request.since.astimezone(UTC).isoformat()
    return json.dumps({"run": sorted(set(request.runs)), "since": since})


def _not_in_sql(kept: Kept, news: Sequence[StoreNews]) -> str | None:
    """A sentence where the database does not hold what the page prints; names no folder."""
    told = [each.left_out for each in news if each.left_out is not None]
    if kept.told is not None:
        told.append(
            "the verdicts and comparisons of this page could not be written to the database: the "
            "SQL beside them gives those that it held before."
        )
    elif not kept.is_in_store:
        told.append(
            "the database was in use while this page was made: the SQL gives its verdicts and "
            "comparisons once a clipstore command could merge what waits beside it."
        )
    sentences = " ".join(told)
    return f"{sentences[0].upper()}{sentences[1:]}" if sentences else None


def _comparisons(
    reader: Reader, verdicts: Sequence[Verdict], rules: AllRules
) -> tuple[RunComparisons | None, str | None]:
    """The comparisons, or why there are none."""
    runs = {verdict.run for verdict in verdicts}
    n_scores = sum(step.n_images for verdict in verdicts for step in verdict.steps)
    if len(runs) > MAX_COMPARED_RUNS or n_scores > MAX_COMPARED_SCORES:
        return None, (
            f"{len(runs):,} runs with {n_scores:,} scores were not compared pair by pair; "
            "`clipstore compare RUN RUN` compares those that matter."
        )
    if not runs:
        return None, None
    questions = (CompareOptions(), CompareOptions(against_base=True))
    return RunComparisons(*compare_from_reader(reader, runs, questions, rules)), None
