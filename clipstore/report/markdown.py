"""The report's answer as Markdown, for a pull request or a chat: verdicts and what weakens them.

Invariant: a name stands in a code span and a sentence is escaped, so that text from outside can
neither become markup nor link nor mention anyone. All runs are in it; pictures and charts are not.
"""

from __future__ import annotations

from datetime import UTC

from clipstore.report.data import ModelSection, ReportData, RunRow
from clipstore.report.headline import data_to_headline
from clipstore.report.inert import code_for_markdown, text_for_markdown
from clipstore.report.looks import BADGES
from clipstore.report.numbertext import (
    cosine_to_text,
    count_to_text,
    half_width_to_text,
    signed_to_text,
)
from clipstore.report.tablecells import advice_told

HEADS = ("Verdict", "Run", "Why, and what to do", "Level", "Against base", "Best step", "Last step")


def report_to_markdown(data: ReportData) -> str:
    """The summary, ending in a line end. Cosines with 95 % intervals."""
    lines = [f"## {data_to_headline(data)}", ""]
    said = [*filter(None, [data.selection]), *data.cautions]
    if said:
        lines += [*(f"- {text_for_markdown(sentence)}" for sentence in said), ""]
    for section in data.sections:
        lines += _section_lines(section, is_alone=len(data.sections) == 1)
    counts = data.counts
    lines.append(
        f"{count_to_text(counts.n_seen)} pictures: {count_to_text(counts.n_scored)} scored, "
        f"{count_to_text(counts.n_pending)} pending, {count_to_text(counts.n_refused)} refused. "
        "CLIP says how far pictures follow their prompts and nothing of their quality. "
        f"clipstore {data.version}, {data.generated_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    )
    return "\n".join(lines) + "\n"


def _section_lines(section: ModelSection, *, is_alone: bool) -> list[str]:
    band = section.model.band
    known = (
        "no band is known for it"
        if band is None
        else f"poor below {band.poor_below_cosine:.2f}, not informative from "
        f"{band.low_cosine:.2f} to {band.high_cosine:.2f}"
    )
    model = f"{code_for_markdown(section.model.name)}: {known}."
    return [
        f"Scored by {model}" if is_alone else f"### Scored by {model}",
        "",
        f"| {' | '.join(HEADS)} |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        *(f"| {' | '.join(_cells(row))} |" for row in section.rows),
        "",
    ]


def _cells(row: RunRow) -> tuple[str, ...]:
    verdict = row.verdict
    plateau, base = verdict.plateau, verdict.base
    told = advice_told(verdict).first
    why = [*verdict.reasons[:1], *([told.text] if told is not None else [])]
    if verdict.what_it_would_take:
        why.append(verdict.what_it_would_take)
    level = _with_interval(cosine_to_text(plateau.level), plateau.level_low, plateau.level_high)
    against = "–"
    if base is not None:
        against = _with_interval(signed_to_text(base.difference), base.low, base.high)
    last = count_to_text(row.last_step)
    if verdict.planned_steps is not None:
        last += f" of {count_to_text(verdict.planned_steps)}"
    return (
        f"**{BADGES[verdict.verdict].word}**",
        code_for_markdown(verdict.run),
        text_for_markdown(" ".join(why)),
        level,
        against,
        _best_step(row),
        last,
    )


def _with_interval(number: str, low: float | None, high: float | None) -> str:
    return f"{number} {half_width_to_text(low, high)}".rstrip()


def _best_step(row: RunRow) -> str:
    best = row.verdict.best
    if best is None:
        return "–"
    if best.best_step is None:
        return "by eye"
    alike = len(best.steps)
    return count_to_text(best.best_step) + (f" ({alike} alike)" if alike > 1 else "")
