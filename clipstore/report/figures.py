"""The interactive charts as plotly JSON; the only module that imports plotly.

Invariant: names and customdata are inert (`inert.text_for_plotly`), hover templates hold no text
from outside, and the config turns off everything in plotly that would leave the page. The same
colours serve light and dark: each has contrast 3 : 1 on either ground; the page's script sets
only the colours of text and grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from clipstore.findings import StepMean
from clipstore.modelidentity import Band
from clipstore.report.inert import shorten, text_for_plotly
from clipstore.report.runcurve import BASE_STYLE, OTHER_RUN_STYLE, LineStyle, RunCurve

Trace = dict[str, object]
Figure = dict[str, object]
"""{"data": [...], "layout": {...}, "config": {...}}: what Plotly.newPlot takes."""


MISSING_PROMPTS_SHIFT = 5e-4
"""A mean that differs this much from the adjusted one is drawn hollow: prompts were missing."""

CONFIG: dict[str, object] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "clipstore-clip-mean"},
}


def curves_to_figure(
    curves: Sequence[RunCurve], band: Band | None, base_cosine: float | None
) -> Figure:
    """clip/mean over optimizer steps, as cosine, with each picked run's 95 % ribbon.

    `base_cosine` draws the base model's dashed line; None leaves it out. Steps without a finite
    mean are gaps.
    """
    traces = [_other_run(curve) for curve in curves if curve.style is None]
    for curve in curves:
        if curve.style is not None:
            traces += [_ribbon(curve, curve.style), _picked_run(curve, curve.style)]
    shapes, annotations = _band_marks(band) if band is not None else ([], [])
    if base_cosine is not None and math.isfinite(base_cosine):
        shapes.append(_level_line(base_cosine, BASE_STYLE, width_px=2.0))
        annotations.append(_label(base_cosine, "base model", "bottom"))
    low, high = _y_range(curves, band, base_cosine)
    steps = {s.step for curve in curves for s in curve.steps}
    # Left alone, plotly puts fractions of a step around a single one.
    only_tick = {"tickmode": "array", "tickvals": list(steps)} if len(steps) == 1 else {}
    layout = go.Layout(
        template=go.layout.Template(),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 14, "t": 12, "b": 48},
        hovermode="closest",
        hoverlabel={"align": "left", "namelength": 0},
        showlegend=False,
        dragmode="zoom",
        xaxis={
            "title": {"text": "optimizer step", "font": {"size": 13}},
            "zeroline": False,
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 4,
            "tickformat": ",",
            "exponentformat": "none",
        }
        | only_tick,
        yaxis={
            "title": {"text": "clip/mean (cosine)", "font": {"size": 13}},
            "zeroline": False,
            "range": [low, high],
            "tickformat": ".2f",
            "automargin": True,
        },
        shapes=shapes,
        annotations=annotations,
    )
    figure = go.Figure(data=traces, layout=layout).to_plotly_json()
    return {"data": figure["data"], "layout": figure["layout"], "config": CONFIG}


def _picked_run(curve: RunCurve, style: LineStyle) -> Trace:
    return _points(curve) | {
        "mode": "lines+markers",
        "line": {"color": style.colour, "width": 2.2, "dash": style.dash},
        "marker": {
            "color": style.colour,
            "size": [0 if s is None else 9 if s.step in curve.breaks else 6 for s in _drawn(curve)],
            "symbol": [_symbol(curve, s) for s in _drawn(curve)],
        },
    }


def _symbol(curve: RunCurve, step: StepMean | None) -> str:
    if step is not None and step.step in curve.breaks:
        return "diamond-open"
    return "circle-open" if step is not None and _lacks_prompts(step) else "circle"


def _other_run(curve: RunCurve) -> Trace:
    return _points(curve) | {
        "mode": "lines" if len(curve.steps) > 1 else "markers",
        "line": {"color": OTHER_RUN_STYLE.colour, "width": 1},
        "marker": {"color": OTHER_RUN_STYLE.colour, "size": 4},
        "opacity": 0.6,
    }


def _drawn(curve: RunCurve) -> list[StepMean | None]:
    """The steps with None where the line breaks."""
    drawn: list[StepMean | None] = []
    for part in curve.parts:
        drawn += [None, *part] if drawn else part
    return drawn


def _points(curve: RunCurve) -> Trace:
    name = text_for_plotly(shorten(curve.run, 120))
    drawn = _drawn(curve)
    return {
        "type": "scatter",
        "name": text_for_plotly(shorten(curve.run, 60)),
        "x": [None if s is None else s.step for s in drawn],
        "y": [None if s is None else _number(s.mean) for s in drawn],
        "customdata": [[] if s is None else _told(curve, name, s) for s in drawn],
        "hovertemplate": (
            "%{customdata[0]}<br>%{customdata[1]}: <b>%{y:.4f}</b><br>"
            "95 % interval %{customdata[2]}<br>%{customdata[3]}%{customdata[4]}<extra></extra>"
        ),
        "meta": "run",
        "legendgroup": curve.group,
        "uid": curve.id,
        "connectgaps": False,
    }


def _told(curve: RunCurve, name: str, step: StepMean) -> list[str]:
    """What the hover box says."""
    remark = "<br>other prompts from here on" if step.step in curve.breaks else ""
    if _lacks_prompts(step):
        remark += f"<br>prompts are missing here; accounting for them: {step.adjusted_mean:.4f}"
    return [
        name,
        f"step {step.step:,}",
        _interval(step),
        f"{step.n_prompts:,} prompts",
        remark,
    ]


def _ribbon(curve: RunCurve, style: LineStyle) -> Trace:
    red, green, blue = (int(style.colour[i : i + 2], 16) for i in (1, 3, 5))
    outline: list[tuple[int | None, float | None]] = []
    for part in curve.parts:
        steps = [s for s in part if math.isfinite(s.low) and math.isfinite(s.high)]
        outline += [(None, None)] if outline else []
        outline += [(s.step, s.high) for s in steps] + [(s.step, s.low) for s in reversed(steps)]
    return {
        "type": "scatter",
        "x": [x for x, _ in outline],
        "y": [y for _, y in outline],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},0.16)",
        "hoverinfo": "skip",
        "meta": "ribbon",
        "uid": f"{curve.id}-ribbon",
        "legendgroup": curve.group,
    }


def _band_marks(band: Band) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    strip: dict[str, object] = {
        "type": "rect",
        "layer": "below",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": band.low_cosine,
        "y1": band.high_cosine,
        "fillcolor": "rgba(127,127,140,0.17)",
        "line": {"width": 0},
    }
    poor = _level_line(band.poor_below_cosine, LineStyle("#b4554a", "1px,3px"), width_px=1.4)
    return [strip, poor], [
        _label(band.high_cosine, "not informative: judge by eye", "top"),
        _label(band.poor_below_cosine, f"below {band.poor_below_cosine:.2f}: poor", "top"),
    ]


def _level_line(cosine: float, style: LineStyle, width_px: float) -> dict[str, object]:
    return {
        "type": "line",
        "layer": "between",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": cosine,
        "y1": cosine,
        "line": {"color": style.colour, "width": width_px, "dash": style.dash},
    }


def _label(cosine: float, text: str, anchor: str) -> dict[str, object]:
    return {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": cosine,
        "yanchor": anchor,
        "text": text,
        "showarrow": False,
        "font": {"size": 12},
    }


def _y_range(
    curves: Sequence[RunCurve], band: Band | None, base_cosine: float | None
) -> tuple[float, float]:
    values = [v for c in curves for s in c.steps for v in (s.mean, s.low, s.high)]
    if base_cosine is not None:
        values.append(base_cosine)
    if band is not None:
        values += [band.poor_below_cosine, band.high_cosine]
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 0.5
    margin = max(0.01, 0.05 * (max(finite) - min(finite)))
    return round(min(finite) - margin, 4), round(max(finite) + margin, 4)


def _lacks_prompts(step: StepMean) -> bool:
    return abs(step.mean - step.adjusted_mean) > MISSING_PROMPTS_SHIFT


def _interval(step: StepMean) -> str:
    if not (math.isfinite(step.low) and math.isfinite(step.high)):
        return "unknown"
    return f"{step.low:.4f} to {step.high:.4f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
