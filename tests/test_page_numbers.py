"""Every figure that the page prints is what the SQL beside it gives: read, run and compared."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.human_agreement import legend
from clipstore.report.agreement import human_agreement
from clipstore.report.numbertext import signed_to_four_decimals, signed_to_text
from clipstore.report.sqlshown import SHOWN
from clipstore.resources import resource_folder
from clipstore.storage.store import run_query
from tests.packed import packed_cards, packed_pairs
from tests.page_report import XHTML, Report, has_class, has_id, number, page_of, text_of, two_runs
from tests.tifa import tifa160

WORDS = {"not rankable by CLIP": "in band: judge by eye"}
SLUGS = {"cannot tell": "open", "not rankable by CLIP": "eye", "not comparable": "none"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return page_of(two_runs(tmp_path_factory.mktemp("store") / "s.duckdb"))


def test_the_verdict_table_is_its_sql(report: Report):
    table = next(e for e in report.document.iter(f"{XHTML}table") if has_class("verdicts")(e))
    printed = {
        row.attrib["data-run"]: [text_of(cell) for cell in row]
        for row in table.iter(f"{XHTML}tr")
        if "data-run" in row.attrib
    }
    answer = report.answer("report_verdicts")
    assert printed.keys() == set(answer["run"])
    for row in answer.iter_rows(named=True):
        cells = printed[row["run"]]
        level, against, best, last = cells[2], cells[3], cells[5], cells[6]
        assert f"{row['level']:.3f}" in level
        assert f"± {(row['level_high'] - row['level_low']) / 2:.3f}" in level
        assert f"{100 * row['last_share_in_band']:.0f} % in band" in level
        assert f"{row['base_difference']:+.3f}".replace("-", "−") in against
        assert f"± {(row['base_high'] - row['base_low']) / 2:.3f}" in against
        assert f"base {row['base_mean']:.3f}" in against
        alike = f"{len(row['best_steps'])} of {row['best_of']}"
        if row["best_step"] is None:
            assert best == f"by eye{alike} validations may lie in the band"
        else:
            assert best.startswith(f"{row['best_step']:,}{alike} cannot be told apart")
        assert f"{row['last_step']:,}" in last
        assert f"of {row['planned_steps']:,}" in last
        assert f"{row['n_prompts']} prompts" in last
        assert f"{row['n_validations']} validations" in last
        assert row["sentence"] in cells[1]
        assert not row["is_stale"]


def test_the_curves_are_their_sql(report: Report):
    answer = report.answer("report_curves")
    wanted = {(r["run"], r["step"]): r for r in answer.iter_rows(named=True)}
    printed = report.rows(has_class("curve-table"))
    assert len(printed) == len(wanted) == 20
    for run, step, mean, low, high, n_prompts, n_images in printed:
        row = wanted[run, int(number(step))]
        assert mean == f"{row['clip_mean']:.4f}"
        assert (low, high) == (f"{row['low']:.4f}", f"{row['high']:.4f}")
        assert (number(n_prompts), number(n_images)) == (row["n_prompts"], row["n_images"])
        assert not row["is_stale"]


def test_the_drawn_curves_and_ribbons_are_their_sql(report: Report):
    answer = report.answer("report_curves")
    runs = {run["id"]: run["name"] for run in report.block("model-data-1")["runs"]}
    traces = {trace["uid"]: trace for trace in report.block("chart-data-1")["data"]}
    for uid, name in runs.items():
        rows = answer.filter(pl.col("run") == name)
        wanted = {row["step"]: row for row in rows.iter_rows(named=True)}
        line, ribbon = traces[uid], traces[f"{uid}-ribbon"]
        assert {x for x in line["x"] if x is not None} == wanted.keys()
        for x, y, told in zip(line["x"], line["y"], line["customdata"], strict=True):
            if x is None:
                continue
            row = wanted[x]
            assert y == pytest.approx(row["clip_mean"], abs=1e-8)
            assert told[2] == f"{row['low']:.4f} to {row['high']:.4f}"
            is_adjusted = abs(row["adjusted_mean"] - row["clip_mean"]) > 5e-4
            _, is_told, adjusted = told[4].partition("accounting for them: ")
            assert bool(is_told) == is_adjusted
            if is_told:
                assert float(adjusted) == pytest.approx(row["adjusted_mean"], abs=5.1e-5)
        edges: dict[int, list[float]] = {}
        for x, y in zip(ribbon["x"], ribbon["y"], strict=True):
            if x is not None:
                edges.setdefault(x, []).append(y)
        for step, ends in edges.items():
            both = [wanted[step]["high"], wanted[step]["low"]]
            assert ends == pytest.approx(both, abs=1e-8), step
        assert edges.keys() == wanted.keys()


def test_the_hours_of_the_x_axis_are_their_sql(report: Report):
    runs = {run["id"]: run["name"] for run in report.block("model-data-1")["runs"]}
    chart = report.block("chart-data-1")
    assert chart["hours"].keys() == runs.keys()
    for uid, hours in chart["hours"].items():
        rows = report.answer("report_step_times").filter(pl.col("run") == runs[uid])
        since = (rows["written_ns"] - rows["written_ns"].min()) / 3.6e12
        assert hours == pytest.approx(since.to_list(), abs=5e-5)
        assert chart["steps"][uid] == rows["step"].to_list()
        assert hours[-1] == 9.0


def test_where_the_curves_break_is_their_sql(report: Report):
    (notice,) = report.elements("p", lambda e: e.attrib.get("data-sql") == "report_prompt_changes")
    answer = report.answer("report_prompt_changes")
    assert answer.select("run", "step", "n_edited", "n_new").rows() == [("b", 600, 1, 0)]
    assert "b at step 600 (1 edited, 0 new)." in text_of(notice)


def differences_told(report: Report) -> dict[tuple[str, str], dict[str, Any]]:
    rows = report.answer("report_differences").iter_rows(named=True)
    return {(row["run_a"], row["run_b"]): row for row in rows}


def test_the_table_of_differences_is_its_sql(report: Report):
    told = differences_told(report)
    printed = report.rows(has_class("forest"))
    assert len(printed) == 2
    for run, _, difference, low, high, word, n_prompts in printed:
        row = told[run, "base model"]
        assert (difference, low, high) == tuple(
            signed_to_four_decimals(row[name]) for name in ("difference", "low", "high")
        )
        assert word == WORDS.get(row["verdict"], row["verdict"])
        assert number(n_prompts) == row["n_prompts"]
        assert not row["is_stale"]
    (caption,) = report.elements("caption", has_id("forest-caption-1"))
    ends = [
        row[end] for (_, b), row in told.items() for end in ("low", "high") if b == "base model"
    ]
    wanted = row["wanted_difference"]
    low, high = min([-wanted, *ends]), max([wanted, *ends])
    margin = 0.04 * (high - low)
    assert f"{signed_to_text(low - margin)} to {signed_to_text(high + margin)}" in text_of(caption)
    assert f"± {wanted:.3f}" in text_of(caption)
    (summary,) = report.elements("p", has_id("forest-summary-1"))
    assert [told[run, "base model"]["verdict"] for run in "ab"] == ["higher", "higher"]
    assert "2 runs against the base model: 2 higher." in text_of(summary)


def test_the_pairs_that_the_chart_draws_are_their_sql(report: Report):
    told = differences_told(report)
    forest = report.block("model-data-1")["forest"]
    names = [run["name"] for run in report.block("model-data-1")["runs"]] + ["base model"]
    pairs = packed_pairs(forest)
    assert len(pairs) == len(told) == 3
    for a, b, *numbers, slug, n_prompts in pairs:
        row = told[names[a], names[b]]
        wanted = [row[name] for name in ("difference", "low", "high")]
        assert numbers == pytest.approx(wanted, abs=5.1e-6)
        assert (slug, n_prompts) == (SLUGS.get(row["verdict"], row["verdict"]), row["n_prompts"])
        assert forest["wanted"] == pytest.approx(row["wanted_difference"])


def test_no_two_runs_of_a_group_are_ordered_by_the_sql(report: Report):
    told = differences_told(report)
    (groups,) = report.elements("ul", has_class("groups"))
    for group in groups:
        members = [text_of(name) for name in group.iter(f"{XHTML}bdi")]
        for pair in combinations(sorted(members), 2):
            assert told[pair]["verdict"] not in ("higher", "lower")
    alone = [text_of(group) for group in groups if "alone" in text_of(group)]
    assert len(alone) == (2 if told["a", "b"]["verdict"] in ("higher", "lower") else 0)


def test_the_spread_is_its_sql(report: Report):
    runs = {run["name"]: run for run in report.block("model-data-1")["runs"]}
    for row in report.answer("report_spread").iter_rows(named=True):
        run = runs[row["run"]]
        at = run["steps"].index(row["step"])
        quantiles = [row[q] for q in ("min", "p10", "p25", "p50", "p75", "p90", "max")]
        assert run["spread"][at] == pytest.approx(quantiles, abs=5e-6)
        assert run["poor"][at] == pytest.approx(row["share_poor"], abs=5e-6)
        assert run["band"][at] == pytest.approx(row["share_in_band"], abs=5e-6)
        assert run["n"][at] == row["n_prompts"]


def test_the_validations_that_lack_pictures_are_their_sql(report: Report):
    printed = report.rows(has_class("coverage-table"))
    wanted = report.answer("report_coverage").select("run", "step", "n_scored", "n_expected")
    assert [(r[0], *(int(number(c)) for c in r[1:])) for r in printed] == wanted.rows()
    assert wanted.rows() == [("b", 300, 7, 9)]


def test_the_files_without_a_score_are_their_sql(report: Report):
    printed = report.rows(has_class("problems"))
    wanted = report.answer("report_problem_counts")
    assert [(row[0].split("while")[0].strip(), int(number(row[2]))) for row in printed] == [
        (r["reason"].replace("_", " "), r["n_files"]) for r in wanted.iter_rows(named=True)
    ]
    assert sum(r[3] for r in wanted.rows()) == report.answer("refused_files").height == 3


def test_the_prompts_counts_are_their_sql(report: Report):
    section = next(
        e for e in report.document.iter(f"{XHTML}section") if e.attrib.get("id") == "data-quality"
    )
    text = text_of(section)
    texts = report.answer("report_prompt_texts").height
    differing = report.answer("report_differing_prompts").height
    assert (texts, differing) == (10, 1)
    assert f"prompts with a text: {texts}." in text
    assert f"texts in different runs: {differing}." in text
    truncated = report.answer("truncated_prompts")["text"].n_unique()
    asking = report.answer("report_asking_prompts").height
    edited = report.answer("edited_prompts").select("run", "prompt_id").unique().height
    assert (truncated, asking, edited) == (1, 1, 1)
    assert f"do not count: {truncated}." in text
    assert f"the thing itself: {asking}." in text
    assert f"changed within a run: {edited}." in text
    assert "b, p00, step 600 to 1,000: a very red fox" in text


def test_the_settings_are_their_sql(report: Report):
    printed = {row[0]: row[3:] for row in report.rows(has_class("settings"))}
    wanted = report.answer("config_differences")
    assert wanted["setting"].unique().to_list() == ["lr"]
    assert {run: [value] for _, run, value in wanted.rows()} == printed
    verdicts = {row["run"]: row for row in report.answer("report_verdicts").iter_rows(named=True)}
    for run, word, level, _ in report.rows(has_class("settings")):
        assert level == f"{verdicts[run]['level']:.3f}"
        assert word.lower() == verdicts[run]["verdict"]


def test_the_packed_prompt_scores_are_their_sql(report: Report):
    cube = report.block("cube-1")
    cells = np.frombuffer(base64.b64decode(cube["cells"]), "<u2").astype(float)
    cells[cells == cube["missing"]] = np.nan
    cells = (cells - cube["zero"]) / cube["units"]
    n_prompts = len(cube["prompts"])
    names = [prompt_id for _, prompt_id, _ in cube["prompts"]]
    answer = report.answer("report_prompts")
    order = [row[0] for row in report.rows(has_class("settings"))]
    start, seen = 0, 0
    for run, steps in zip(order, cube["steps"], strict=True):
        block_cells = cells[start : start + (1 + len(steps)) * n_prompts].reshape(-1, n_prompts)
        start += block_cells.size
        for panel, prompt, step, cosine in (
            answer.filter(pl.col("run") == run)
            .select("panel", "prompt_id", "step", "cosine")
            .iter_rows()
        ):
            row = 0 if panel == "base" else 1 + steps.index(step)
            assert block_cells[row, names.index(prompt)] == pytest.approx(cosine, abs=5.1e-5)
            seen += 1
    assert seen == answer.height == int(np.isfinite(cells).sum())


def test_the_cards_are_their_sql(report: Report):
    base = {
        (row["run"], row["prompt_id"]): row["mean"]
        for row in run_query(
            report.store, "SELECT run, prompt_id, mean FROM prompt_step WHERE panel = 'base'"
        ).iter_rows(named=True)
    }
    compared = 0
    for part in report.document.iter(f"{XHTML}details"):
        if not has_class("run-prompts")(part):
            continue
        run = text_of(next(part.iter(f"{XHTML}bdi")))
        groups = [e for e in part.iter(f"{XHTML}div") if has_class("cards")(e)]
        for name, cards in zip(("worst_prompts", "best_prompts"), groups, strict=True):
            answer = report.answer(name).filter(pl.col("run") == run)
            for card, row in zip(cards, answer.head(len(cards)).iter_rows(named=True), strict=True):
                printed = text_of(card)
                change = row["cosine"] - base[run, row["prompt_id"]]
                assert f" {row['prompt_id']} " in printed
                assert (
                    f"{row['cosine']:.3f} {change:+.3f} against base".replace("-", "−") in printed
                )
                compared += 1
    assert compared >= 6


def test_the_counts_of_the_ingest_are_their_sql(report: Report):
    last = report.answer("report_ingests").row(-1, named=True)
    page = text_of(report.document)
    states = ("seen", "scored", "known", "pending", "refused", "skipped")
    said = ", ".join(f"{last[f'n_{state}']:,} {state}" for state in states)
    assert f"{report.answer('report_ingests').height} so far. The latest: {said}." in page


def test_the_counts_of_pictures_are_their_sql(report: Report):
    counts = dict(report.answer("report_counts").iter_rows())
    assert counts == {"other panels": 18, "refused": 3, "scored": 178}
    page = text_of(report.document)
    assert "181 seen: 178 scored, 0 pending, 3 refused" in page
    assert "18 panels of the base model or of averaged weights" in page


def test_the_trainers_own_means_are_their_sql(report: Report):
    (printed,) = report.rows(has_id_of_caption("trainer-agreement-caption"))
    (row,) = report.answer("trainer_agreement").iter_rows(named=True)
    assert printed[:2] == ["a", f"{row['n_validations']}"]
    assert printed[2:4] == [
        signed_to_text(row["mean_difference"]),
        f"{row['largest_difference']:.3f}",
    ]


def has_id_of_caption(name: str) -> Callable[[Any], bool]:
    return lambda table: any(has_id(name)(e) for e in table.iter(f"{XHTML}caption"))


def test_all_cards_are_their_sql(report: Report):
    """Also those that only scripts show: every score of a card and of a single picture."""
    by_prompt = {
        (r["run"], r["prompt_id"], r["panel"], r["step"]): r["cosine"]
        for r in report.answer("report_prompts").iter_rows(named=True)
    }
    pictures = {
        (r["run"], r["prompt_id"], r["panel"], r["step"]): r["cosine"]
        for r in report.answer("report_picture_scores").iter_rows(named=True)
    }
    compared = 0
    (model,) = report.block("cards-data")
    for run in model["runs"]:
        for card in packed_cards(model, run):
            key = run["name"], card["id"]
            for step, cosine in zip(card["steps"], card["cosines"], strict=True):
                assert cosine == pytest.approx(by_prompt[*key, "only", step], abs=5.1e-5)
            if card["base"] is not None:
                assert card["base"] == pytest.approx(by_prompt[*key, "base", 100], abs=5.1e-5)
            for step, cosine in card["f"]:
                assert cosine == pytest.approx(pictures[*key, "only", step], abs=5.1e-5)
                compared += 1
            if card["b"] is not None:
                step, cosine = card["b"]
                assert cosine == pytest.approx(pictures[*key, "base", step], abs=5.1e-5)
                compared += 1
    assert compared > 50


def test_the_curve_of_the_edited_run_breaks_where_it_was_edited(report: Report):
    data = report.block("chart-data-1")["data"]
    traces = {t["name"]: t for t in data if t["meta"] == "run"}
    assert traces["b"]["x"] == [100, 200, 300, 400, 500, None, 600, 700, 800, 900, 1000]
    assert None not in traces["a"]["x"]


def test_peoples_agreement_is_computed_anew(report: Report):
    file = resource_folder("reports") / "human_agreement.json"
    assert json.loads(file.read_text()) == legend(tifa160())
    printed = report.rows(has_class("agreement"))
    assert [(row[0], int(number(row[1])), int(number(row[2]))) for row in printed] == [
        (case.case, case.n_pairs, case.n_agree) for case in human_agreement().cases
    ]


HELD: Mapping[str, Callable[[Report], None]] = MappingProxyType(
    {
        "report_verdicts": test_the_verdict_table_is_its_sql,
        "report_curves": test_the_curves_are_their_sql,
        "report_step_times": test_the_hours_of_the_x_axis_are_their_sql,
        "report_prompt_changes": test_where_the_curves_break_is_their_sql,
        "report_differences": test_the_table_of_differences_is_its_sql,
        "report_spread": test_the_spread_is_its_sql,
        "report_prompts": test_the_packed_prompt_scores_are_their_sql,
        "report_picture_scores": test_all_cards_are_their_sql,
        "worst_prompts": test_the_cards_are_their_sql,
        "best_prompts": test_the_cards_are_their_sql,
        "config_differences": test_the_settings_are_their_sql,
        "trainer_agreement": test_the_trainers_own_means_are_their_sql,
        "report_coverage": test_the_validations_that_lack_pictures_are_their_sql,
        "report_problem_counts": test_the_files_without_a_score_are_their_sql,
        "refused_files": test_the_files_without_a_score_are_their_sql,
        "report_prompt_texts": test_the_prompts_counts_are_their_sql,
        "truncated_prompts": test_the_prompts_counts_are_their_sql,
        "report_asking_prompts": test_the_prompts_counts_are_their_sql,
        "edited_prompts": test_the_prompts_counts_are_their_sql,
        "report_differing_prompts": test_the_prompts_counts_are_their_sql,
        "report_counts": test_the_counts_of_pictures_are_their_sql,
        "report_ingests": test_the_counts_of_the_ingest_are_their_sql,
    }
)
"""Which test holds the page's figures to each statement that it shows."""


def test_every_statement_of_the_page_is_held_to_its_figures(report: Report):
    shown = {e.attrib["data-statement"] for e in report.elements("div", has_class("sql-text"))}
    assert shown == SHOWN.keys() == HELD.keys()
    for name in shown:
        assert report.answer(name).width > 0
