"""The page's values to one self-contained HTML text.

Invariant: every text from outside is escaped by jinja or made inert by `inert`; the only markup
taken as it is comes from `reports/`, from `sparkline` and from `json_for_script`. A policy by
hash forbids the browser all other scripts and every request. Same values, same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from clipstore.errors import ResourceMissing
from clipstore.findings import Label, Location, PlateauStatus, Verdict
from clipstore.report.data import ModelSection, ReportData, RunRow
from clipstore.report.figures import RUN_STYLES, curves_to_figure
from clipstore.report.inert import json_for_script, shorten, visible_text
from clipstore.report.numbertext import (
    cosine_to_four_decimals,
    cosine_to_text,
    count_to_text,
    half_width_to_text,
    percent_to_text,
    signed_to_text,
)
from clipstore.report.pagesize import count_pictures, drop_last_thumbnails
from clipstore.report.sparkline import CosineRange, steps_to_range, steps_to_svg
from clipstore.report.thumbnails import NoThumbnail, Thumbnail
from clipstore.resources import resource_folder

VERDICTS_SCHEMA_VERSION = 1
"""Of the machine-readable block; raised when a field changes its meaning or goes away."""
NOTICE_BYTES = 4_000
"""Room for saying, in every section, what was left out."""


@dataclass(frozen=True)
class Badge:
    """How a verdict looks: never by colour alone."""

    slug: str
    """Names the colour and the icon in `page.css` and the template."""
    word: str
    meaning: str
    """For the definitions."""


BADGES: dict[Label, Badge] = {
    "abandon": Badge(
        "stop",
        "Abandon",
        "The level is poor or below the band and no rise is to be expected, or the run fell far "
        "below its own best. The rule speaks late on purpose: a wrong stop costs more than a "
        "late one.",
    ),
    "in band: judge by eye": Badge(
        "band",
        "In band: judge by eye",
        "The scores reached the region where CLIP no longer tells better from worse. Such runs "
        "have no rank and no best step here; look at the pictures.",
    ),
    "keep going": Badge("go", "Keep going", "The curve still rises, or nothing speaks for a stop."),
    "cannot tell yet": Badge(
        "wait",
        "Cannot tell yet",
        "The data do not decide it. The table says what would.",
    ),
}
LOCATIONS: dict[Location, str] = {
    "POOR": "poor",
    "BELOW_BAND": "below the band",
    "BORDERLINE": "at the band's edge",
    "IN_BAND": "in band",
    "ABOVE_BAND": "above the band",
    "UNKNOWN": "",
}
STATUSES: dict[PlateauStatus, str] = {
    "plateau": "flat",
    "flat_within_resolution": "flat as far as these data can see",
    "rising": "rising",
    "falling": "falling",
    "unstable": "unstable",
    "inconclusive": "trend unclear",
    "too_short": "too short to judge",
}


def render_page(data: ReportData) -> str:
    """The whole page as text, at most `data.size_cap_bytes` long in UTF-8 as far as leaving out
    pictures can make it so; the page says how many are missing."""
    page = _render(data, is_over_cap=False)
    n_bytes = len(page.encode("utf-8"))
    if n_bytes <= data.size_cap_bytes:
        return page
    smaller = drop_last_thumbnails(data, n_bytes - data.size_cap_bytes + NOTICE_BYTES)
    page = _render(smaller, is_over_cap=False)
    if len(page.encode("utf-8")) <= data.size_cap_bytes:
        return page
    return _render(drop_last_thumbnails(data, n_bytes), is_over_cap=True)


def _render(data: ReportData, *, is_over_cap: bool) -> str:
    environment = Environment(
        loader=FileSystemLoader(resource_folder("reports")),
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
        "percent": percent_to_text,
        "count": count_to_text,
        "shorten": shorten,
        "code_words": code_to_words,
    }
    scripts = [_script("plotly-cartesian.min.js"), _script("page.js")]
    return environment.get_template("page.html.j2").render(
        data=data,
        policy=_policy(scripts),
        css=Markup(_resource("page.css")),
        scripts=[Markup(script) for script in scripts],
        generated=data.generated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        headline=_headline(data),
        half_width=half_width_to_text,
        badges=BADGES,
        locations=LOCATIONS,
        statuses=STATUSES,
        label_counts=[_label_counts(section) for section in data.sections],
        sparklines=[_sparklines(section) for section in data.sections],
        figures=[_figure_json(section) for section in data.sections],
        summaries=[chart_to_summary(section) for section in data.sections],
        n_picked=len(RUN_STYLES),
        pictures=count_pictures(data),
        is_over_cap=is_over_cap,
        is_thumbnail=_is_thumbnail,
        verdicts_json=Markup(json_for_script(_verdicts_block(data))),
    )


def _is_thumbnail(picture: Thumbnail | NoThumbnail) -> bool:
    return isinstance(picture, Thumbnail)


def _finalize(value: object) -> object:
    return visible_text(value) if type(value) is str else value


def _resource(name: str) -> str:
    return (resource_folder("reports") / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """A script's text as it may stand between script tags, with the line ends that browsers hash.

    Raises `ResourceMissing` for a bundle that would end its own element.
    """
    text = _resource(name).replace("\r\n", "\n").replace("\r", "\n").replace("<!--", "\\x3c!--")
    if "</script" in text.lower():
        raise ResourceMissing(f"a usable {name} (it holds </script)", (resource_folder("reports"),))
    return text


def _policy(scripts: list[str]) -> str:
    hashes = (base64.b64encode(hashlib.sha256(s.encode("utf-8")).digest()) for s in scripts)
    sources = " ".join(f"'sha256-{digest.decode('ascii')}'" for digest in hashes)
    # blob: is plotly's own drawing on its way to a PNG; it cannot leave the page.
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _headline(data: ReportData) -> str:
    runs = {verdict.run for verdict in data.verdicts}
    if len(data.sections) != 1:
        return f"{count_to_text(len(runs))} {'run' if len(runs) == 1 else 'runs'}"
    counts = _label_counts(data.sections[0])
    parts = [
        f"{n} {words}"
        for label, words in (
            ("abandon", "to abandon"),
            ("in band: judge by eye", "to judge by eye"),
            ("keep going", "to leave running"),
            ("cannot tell yet", "not decided yet"),
        )
        if (n := counts.get(label, 0))
    ]
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {', '.join(parts)}"


def _label_counts(section: ModelSection) -> Counter[str]:
    return Counter(row.verdict.verdict for row in section.rows)


def _sparklines(section: ModelSection) -> list[Markup]:
    cosines = steps_to_range([row.verdict.steps for row in section.rows], section.model.band)
    return [Markup(_sparkline(row, cosines, section)) for row in section.rows]


def _sparkline(row: RunRow, cosines: CosineRange, section: ModelSection) -> str:
    steps = [s for s in row.verdict.steps if math.isfinite(s.mean)]
    described = (
        f"clip/mean from {steps[0].mean:.3f} at step {steps[0].step:,} "
        f"to {steps[-1].mean:.3f} at step {steps[-1].step:,}"
        if steps
        else "no validation with a score"
    )
    return steps_to_svg(row.verdict.steps, cosines, section.model.band, described)


def _figure_json(section: ModelSection) -> Markup:
    curves = [row.curve for row in section.rows]
    return Markup(
        json_for_script(curves_to_figure(curves, section.model.band, section.base_cosine))
    )


def chart_to_summary(section: ModelSection) -> str:
    """The chart in one or two sentences, for those who cannot see it. Names no run of the band as
    higher or lower than another."""
    last = [
        finite[-1].mean
        for row in section.rows
        if (finite := [s for s in row.verdict.steps if math.isfinite(s.mean)])
    ]
    if not last:
        return "No validation of these runs has a score yet."
    runs = "run" if len(last) == 1 else "runs"
    spread = (
        f"the last clip/mean is {last[0]:.3f}"
        if len(last) == 1
        else f"the last clip/mean lies between {min(last):.3f} and {max(last):.3f}"
    )
    text = f"{len(last)} {runs}; {spread}."
    band = section.model.band
    if band is not None:
        n_in_band = sum(band.low_cosine <= mean <= band.high_cosine for mean in last)
        n_poor = sum(mean < band.poor_below_cosine for mean in last)
        text += (
            f" {n_in_band} of {len(last)} end inside the band {band.low_cosine:.2f} to "
            f"{band.high_cosine:.2f}, where CLIP cannot rank them; {n_poor} end below "
            f"{band.poor_below_cosine:.2f}."
        )
    if section.base_cosine is not None:
        text += f" The base model stands at {section.base_cosine:.3f}."
    return text


def _verdicts_block(data: ReportData) -> dict[str, object]:
    """For scripts. The steps are left out: `clipstore sql` and the chart's own block have them."""
    return {
        "schema_version": VERDICTS_SCHEMA_VERSION,
        "generated_at": data.generated_at.astimezone(UTC).isoformat(),
        "clipstore_version": data.version,
        "verdicts": [_verdict_to_json(verdict) for verdict in data.verdicts],
    }


def _verdict_to_json(verdict: Verdict) -> dict[str, object]:
    row = {name: value for name, value in asdict(verdict).items() if name != "steps"}
    if verdict.pictures is not None:
        row["pictures"] = {
            name: value for name, value in row["pictures"].items() if name != "steps"
        }
    return row


def code_to_words(code: str) -> str:
    """`TOO_FEW_PROMPTS` as "too few prompts"."""
    return code.replace("_", " ").lower()
