"""The chart as plotly JSON: the same numbers as the data, and nothing that acts or leaves."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

import plotly.offline
import pytest

from clipstore.findings import StepMean
from clipstore.modelidentity import Band
from clipstore.report.figures import CONFIG, curves_to_figure
from clipstore.report.inert import (
    json_for_script,
    shorten,
    strip_folders,
    text_for_plotly,
    visible_text,
)
from clipstore.report.runcurve import RUN_STYLES, RunCurve
from clipstore.report.sparkline import CurveLook, curve_to_svg, steps_to_range
from clipstore.resources import resource_folder

BAND = Band(0.22, 0.30, 0.39)
BUNDLE_SHA256 = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"


def step_mean(step: int, mean: float) -> StepMean:
    return StepMean(
        step=step,
        n_prompts=48,
        n_images=48,
        mean=mean,
        adjusted_mean=mean,
        low=mean - 0.004,
        high=mean + 0.004,
        change_from_first=0.0,
        change_low=0.0,
        change_high=0.0,
    )


def curve(run: str, *means: float, style: int | None = 0) -> RunCurve:
    steps = tuple(step_mean(500 * (k + 1), mean) for k, mean in enumerate(means))
    return RunCurve(run, steps, None if style is None else RUN_STYLES[style], "run-0")


def traces(figure: dict[str, object], meta: str) -> list[dict[str, object]]:
    data = figure["data"]
    assert isinstance(data, list)
    return [trace for trace in data if trace["meta"] == meta]


def test_a_run_is_drawn_with_its_own_steps_and_means():
    figure = curves_to_figure([curve("a", 0.25, 0.27)], BAND, None)
    (line,) = traces(figure, "run")
    assert (list(line["x"]), list(line["y"])) == ([500, 1000], [0.25, 0.27])


def test_the_ribbon_goes_up_along_the_high_ends_and_back_along_the_low_ones():
    (ribbon,) = traces(curves_to_figure([curve("a", 0.25, 0.27)], BAND, None), "ribbon")
    assert list(ribbon["x"]) == [500, 1000, 1000, 500]
    assert list(ribbon["y"]) == pytest.approx([0.254, 0.274, 0.266, 0.246])


def test_a_step_without_a_mean_is_a_gap_and_not_a_zero():
    figure = curves_to_figure([curve("a", 0.25, float("nan"), 0.27)], BAND, None)
    (line,) = traces(figure, "run")
    assert list(line["y"]) == [0.25, None, 0.27]
    json.dumps(figure, allow_nan=False)


def test_a_validation_that_lacks_prompts_is_hollow_and_says_so():
    lacking = replace(step_mean(500, 0.25), adjusted_mean=0.26)
    figure = curves_to_figure([RunCurve("a", (lacking,), RUN_STYLES[0], "run-0")], BAND, None)
    (line,) = traces(figure, "run")
    assert line["marker"]["symbol"] == ["circle-open"]
    assert "0.2600" in line["customdata"][0][4]


def test_the_band_is_shaded_and_called_not_informative():
    layout = curves_to_figure([curve("a", 0.25)], BAND, None)["layout"]
    strips = [s for s in layout["shapes"] if s["type"] == "rect"]
    assert [(s["y0"], s["y1"]) for s in strips] == [(0.30, 0.39)]
    assert "not informative: judge by eye" in [a["text"] for a in layout["annotations"]]


def test_a_model_without_a_band_has_no_strip_and_no_poor_line():
    layout = curves_to_figure([curve("a", 0.25)], None, None)["layout"]
    assert not layout.get("shapes")
    assert not layout.get("annotations")


def test_the_base_model_is_a_line_only_where_it_has_one_level():
    with_base = curves_to_figure([curve("a", 0.25)], None, 0.262)["layout"]
    assert [shape["y0"] for shape in with_base["shapes"]] == [0.262]


def test_only_picked_runs_have_a_colour_and_a_ribbon():
    figure = curves_to_figure([curve("a", 0.25), curve("b", 0.26, style=None)], BAND, None)
    assert len(traces(figure, "ribbon")) == 1
    assert len(traces(figure, "run")) == 2


def test_no_runs_give_an_empty_chart_and_no_error():
    assert curves_to_figure([], BAND, None)["data"] == []


def test_markup_in_a_run_name_reaches_plotly_as_text():
    name = '<a href="http://x/">&amp;<b style="background:url(http://x/)">'
    figure = curves_to_figure([curve(name, 0.25), curve(name, 0.25, style=None)], BAND, None)
    assert not re.search(r"<(?!br>|b>|/b>|extra>|/extra>)", json.dumps(figure["data"]))
    assert "&lt;a href" in json.dumps(figure["data"])


def test_no_text_from_outside_is_in_a_hover_template():
    templates = {
        trace["hovertemplate"]
        for name in ("a", "%{y}<extra>")
        for trace in traces(curves_to_figure([curve(name, 0.25)], BAND, None), "run")
    }
    assert len(templates) == 1


def test_plotly_may_not_send_anything_anywhere():
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["displaylogo"] is False
    assert curves_to_figure([], BAND, None)["config"] == CONFIG


def is_pinned(bundle: bytes) -> bool:
    return hashlib.sha256(bundle).hexdigest() == BUNDLE_SHA256


def test_the_bundle_is_the_pinned_file_and_the_full_one_would_be_noticed():
    assert is_pinned((resource_folder("reports") / "plotly-cartesian.min.js").read_bytes())
    assert not is_pinned(plotly.offline.get_plotlyjs().encode())


def test_the_bundle_has_the_version_that_plotly_py_writes_for():
    bundle = (resource_folder("reports") / "plotly-cartesian.min.js").read_text(encoding="utf-8")
    found = re.search(r"plotly\.js \(cartesian - minified\) v([0-9.]+)", bundle[:200])
    assert found is not None
    assert found[1] == plotly.offline.get_plotlyjs_version()


def test_the_bundle_comes_with_its_licence():
    licence = (resource_folder("reports") / "plotly.LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License")


def test_a_sparkline_is_one_line_over_the_band():
    steps = [step_mean(500, 0.25), step_mean(1000, 0.31)]
    svg = curve_to_svg([steps], CurveLook(steps_to_range([steps], BAND), BAND), "two points")
    assert svg.count("<polyline") == 1
    assert svg.count('class="spark-band"') == 1
    first, last = re.search(r'spark-line" points="([^"]+)"', svg)[1].split()
    assert float(first.split(",")[1]) > float(last.split(",")[1])  # y grows downwards


def test_a_sparkline_of_one_validation_is_a_dot_and_of_none_is_empty():
    cosines = steps_to_range([], BAND)
    look = CurveLook(cosines, BAND)
    one = curve_to_svg([[step_mean(500, 0.25)]], look, "one point")
    none = curve_to_svg([[step_mean(500, float("nan"))]], look, "no point")
    assert (one.count("<circle"), one.count("<polyline")) == (1, 0)
    assert (none.count("<circle"), none.count("<polyline")) == (0, 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("nul\0 escape\x1b", "nul\ufffd escape\ufffd"),
        ("lone \udcff surrogate", "lone \ufffd surrogate"),
        ("run-\u202e1 fdp.", "run-\ufffd1 fdp."),
        ("שלום 雪", "שלום 雪"),
    ],
)
def test_text_that_html_or_utf8_forbid_is_replaced(text: str, shown: str):
    assert visible_text(text) == shown
    text_for_plotly(text).encode("utf-8")


@pytest.mark.parametrize(
    "text", ["</script x", "<!-- <script ", "a > b & c", "\u2028\u2029", "\udcff"]
)
def test_json_in_a_script_element_has_nothing_that_ends_it(text: str):
    written = json_for_script({"name": text})
    assert not set(written) & set("<>&\u2028\u2029\udcff")
    assert json.loads(written) == {"name": text}


def test_json_in_a_script_element_has_null_for_what_json_lacks():
    assert json_for_script([float("nan"), float("inf"), 0.5]) == "[null,null,0.5]"


def test_a_long_name_keeps_both_its_ends():
    assert shorten("sweep/lr-1e-4/rank-8/seed-17", 11) == "sweep…ed-17"
    assert len(shorten("x" * 100, 60)) == 60
    assert shorten("short", 11) == "short"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /home/al ice/runs/a/x.png.", "cannot read …/x.png."),
        ("see /home/al ice/other/y.png", "see …/other/y.png"),
        ("see /srv/data/y.png: bad", "see …/y.png: bad"),
        ("in /home/alice", "in …"),
        ("see C:\\Users\\alice\\y.png", "see …/y.png"),
        ("step 1/2 of https://host/a/b", "step 1/2 of https://host/a/b"),
        ("/home/al ice/runs/another/x.png", "…/runs/another/x.png"),
    ],
)
def test_absolute_paths_lose_their_folders(text: str, expected: str):
    assert strip_folders(text, ["/home/al ice/runs/a", "/home/al ice"]) == expected
