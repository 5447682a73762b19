"""The page's values to one self-contained HTML text.

Invariant: every text from outside is escaped by jinja or made inert by `inert`; the only markup
taken as it is comes from `reports/`, from `sparkline` and from `json_for_script`. A policy by
hash forbids the browser all other scripts and every request. Same values, same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from clipstore.report.assets import policy_for, script_texts, style_text
from clipstore.report.data import ReportData
from clipstore.report.forest import WORDS
from clipstore.report.headline import data_to_headline
from clipstore.report.inert import json_for_script, shorten, visible_text
from clipstore.report.looks import BADGES, LOCATIONS, STATUSES, code_to_words
from clipstore.report.machineblock import verdicts_to_json_value
from clipstore.report.modelview import section_to_view
from clipstore.report.numbertext import (
    cosine_to_four_decimals,
    cosine_to_text,
    count_to_text,
    half_width_to_text,
    percent_to_text,
    signed_to_four_decimals,
    signed_to_text,
)
from clipstore.report.pagefit import page_that_fits
from clipstore.report.picturesview import data_to_pictures_view
from clipstore.report.runcurve import RUN_STYLES
from clipstore.report.sqlshown import sql_texts
from clipstore.report.tablecells import (
    advice_to_evidence,
    advice_told,
    level_to_sort_number,
    reasons_left,
)
from clipstore.report.thumbnails import NoThumbnail, Thumbnail
from clipstore.resources import resource_folder

N_MULTIPLES = 40
"""Small curves that stand open; the rest is folded below them."""


def render_page(data: ReportData) -> str:
    """The whole page as text, at most `data.size_cap_bytes` long in UTF-8; the page says what it
    leaves out for that. Raises `PageTooLarge` where it cannot be so small."""
    scripts = script_texts()
    fixed_bytes = sum(len(text.encode("utf-8")) for text in (*scripts, style_text()))
    return page_that_fits(data, lambda fitting: _render(fitting, scripts), fixed_bytes)


def _render(data: ReportData, scripts: Sequence[str]) -> str:
    return (
        _templates(resource_folder("reports"))
        .get_template("page.html.j2")
        .render(
            data=data,
            policy=policy_for(
                scripts,
                has_files_beside=any(each.panel_file is not None for each in data.pictures.listed),
            ),
            css=Markup(style_text()),
            scripts=[Markup(script) for script in scripts],
            generated=data.generated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            headline=data_to_headline(data),
            half_width=half_width_to_text,
            badges=BADGES,
            locations=LOCATIONS,
            statuses=STATUSES,
            views=[section_to_view(k, section) for k, section in enumerate(data.sections, 1)],
            forest_words=WORDS,
            sql_texts=sql_texts(data.sql_values),
            reasons_left=reasons_left,
            evidence=advice_to_evidence,
            advice_told=advice_told,
            sort_number=level_to_sort_number,
            n_picked=len(RUN_STYLES),
            n_multiples=N_MULTIPLES,
            pictures=data_to_pictures_view(data),
            size_cap_mb=f"{data.size_cap_bytes / 1e6:.1f}",
            runs_on_page=data.runs_on_page,
            is_thumbnail=_is_thumbnail,
            verdicts_json=Markup(json_for_script(verdicts_to_json_value(data))),
        )
    )


@lru_cache(maxsize=1)
def _templates(folder: Path) -> Environment:
    """Compiled once: that takes about as long as filling them in, and a page that must become
    smaller is filled in several times."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cosine": cosine_to_text,
        "cosine4": cosine_to_four_decimals,
        "signed": signed_to_text,
        "signed4": signed_to_four_decimals,
        "percent": percent_to_text,
        "count": count_to_text,
        "shorten": shorten,
        "code_words": code_to_words,
    }
    return environment


def _is_thumbnail(picture: Thumbnail | NoThumbnail) -> bool:
    return isinstance(picture, Thumbnail)


def _finalize(value: object) -> object:
    return visible_text(value) if type(value) is str else value
