"""The page as text: the answer first, every number of it, and built for all readers."""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl
import pytest

from clipstore.report.data import ReportData
from clipstore.report.numbertext import half_width_to_text, signed_to_text
from clipstore.report.page import render_page
from clipstore.report.tables import PROMPT_STEP_COLUMNS, ReportTables
from clipstore.resources import resource_folder
from tests.page_report import parse_page
from tests.page_text import gather, json_block, table_rows
from tests.report_example import (
    BAND,
    MODEL,
    empty_tables,
    example_data,
    many_runs,
    models_frame,
    small_inputs,
)

XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render_page(data)


def test_the_heading_answers_how_many_runs_to_stop(page: str):
    assert "<h1>8 runs: 3 to abandon, 3 to judge by eye, 1 to leave running, 1 not" in page


def test_the_verdict_table_puts_what_to_act_on_first(page: str):
    words = [
        re.match(r"(Abandon|In band: judge by eye|Keep going|Cannot tell yet)", r)[0]
        for r in table_rows(page)
    ]
    assert words == (
        ["Abandon"] * 3 + ["In band: judge by eye"] * 3 + ["Cannot tell yet", "Keep going"]
    )


def test_runs_in_the_band_are_ordered_by_name_whatever_they_score(data: ReportData):
    in_band = [v.run for v in data.verdicts if v.verdict == "in band: judge by eye"]
    assert in_band == ["sdxl-lora/lr-1e-4", "sdxl-lora/lr-1e-4-ema", "sdxl-lora/lr-5e-5"]


def test_numbers_in_names_sort_as_numbers():
    verdicts, tables = many_runs(12, 1)
    data = gather((verdicts[::-1], tables))
    assert [v.run for v in data.verdicts] == [f"sweep/run-{k}" for k in range(12)]


def test_every_row_shows_the_numbers_of_its_verdict(page: str, data: ReportData):
    for row, verdict in zip(table_rows(page), data.verdicts, strict=True):
        plateau, base = verdict.plateau, verdict.base
        assert verdict.run in row
        assert verdict.reasons[0] in row
        assert f" {plateau.level:.3f} " in row
        assert f" {half_width_to_text(plateau.level_low, plateau.level_high)} " in row
        assert f" {signed_to_text(base.difference)} " in row
        assert f"{verdict.steps[-1].step:,} " in row
        assert f"{verdict.n_prompts} prompts {verdict.n_validations} validations" in row


def test_the_share_in_band_is_that_of_the_last_validation(data: ReportData):
    section = data.sections[0]
    shares = {row.verdict.run: row.share_in_band for row in section.rows}
    assert shares["sdxl-lora/lr-1e-3"] == 0.0
    assert 0.5 < shares["sdxl-lora/lr-5e-5"] < 1.0


def test_the_table_below_the_chart_has_every_validation(page: str, data: ReportData):
    cells = re.findall(r"<td>(\d\.\d{4})</td><td>\d\.\d{4}</td><td>\d\.\d{4}</td>", page)
    assert cells == [f"{s.mean:.4f}" for v in data.verdicts for s in v.steps]


def test_the_pictures_counted_add_up(data: ReportData):
    counts = data.counts
    assert counts.n_seen == counts.n_scored + counts.n_pending + counts.n_refused
    assert (counts.n_pending, counts.n_refused) == (1, 32)
    assert counts.n_scored == sum(s.n_images for v in data.verdicts for s in v.steps)


def test_problems_are_counted_in_full_and_listed_in_part(page: str, data: ReportData):
    assert [(g.reason, g.n_files, len(g.files)) for g in data.problems] == [
        ("truncated", 31, 20),
        ("no_confident_cut", 1, 1),
        ("changing", 1, 1),
    ]
    assert "The first 20 of 31 files" in page


def test_few_prompts_weaken_the_page_and_it_says_so(data: ReportData):
    assert any(
        "Fewer than 200 prompts in 8 of 8 runs (the fewest: 48)" in said for said in data.cautions
    )


def test_the_machine_block_holds_every_verdict(page: str, data: ReportData):
    block = json_block(page, "clipstore-verdicts")
    assert block["schema_version"] == 1
    assert [(v["run"], v["verdict"]) for v in block["verdicts"]] == [
        (v.run, v.verdict) for v in data.verdicts
    ]
    assert block["verdicts"][0]["abandon"]["flag"] is True


def test_cards_show_the_lowest_and_the_highest_of_the_last_validation(data: ReportData):
    prompts = data.sections[0].prompts[0]
    low = [card.cosine for card in prompts.cards_of("worst")]
    high = [card.cosine for card in prompts.cards_of("best")]
    assert low == sorted(low)
    assert high == sorted(high, reverse=True)
    assert max(low) < min(high)
    assert prompts.step == 10_000


def test_a_missing_picture_file_is_a_placeholder_that_says_so(page: str):
    assert "the file is no longer there" in page


def test_each_model_has_its_own_table_and_the_page_warns():
    verdicts, tables = small_inputs()
    other, more = small_inputs(model="other/clip")
    both = ReportTables(
        run_step=pl.concat([tables.run_step, more.run_step]),
        prompt_step=pl.concat([tables.prompt_step, more.prompt_step]),
        pictures=pl.concat([tables.pictures, more.pictures]),
        problems=tables.problems.clear(),
        ingests=tables.ingests,
        runs=tables.runs,
        models=pl.concat([models_frame(MODEL), models_frame("other/clip", band=None)]),
    )
    data = gather((verdicts + other, both))
    page = render_page(data)
    assert [section.model.band for section in data.sections] == [BAND, None]
    assert page.count('<table class="verdicts"') == 2
    assert "Their numbers do not compare" in page
    assert data.counts.n_scored == 3


def test_edited_and_differing_prompts_are_counted():
    columns = list(PROMPT_STEP_COLUMNS)
    rows = [
        (MODEL, "a", 500, "only", "p", 1, "a fox", False, False, 0.2),
        (MODEL, "a", 1000, "only", "p", 2, "a red fox", False, False, 0.2),
        (MODEL, "b", 500, "only", "p", 3, "a wolf", True, False, 0.2),
        (MODEL, "b", 500, "only", "blank", 4, " ", False, False, 0.2),
    ]
    tables = replace(empty_tables(), prompt_step=pl.DataFrame(rows, schema=columns, orient="row"))
    facts = gather(((), tables)).prompts
    assert (facts.n_texts, facts.n_truncated, facts.n_edited, facts.n_differing) == (3, 1, 1, 1)


def test_a_prompt_that_asks_for_words_is_marked_beside_its_number():
    verdicts, tables = small_inputs(prompts=("a fox", "a fox and more"))
    mark = "asks for written words, which CLIP reads"
    n_in_template = render_page(gather((verdicts, tables))).count(mark)
    asking = pl.col("text") == "a fox"
    marked = replace(tables, prompt_step=tables.prompt_step.with_columns(asks_for_words=asking))
    page = render_page(gather((verdicts, marked)))
    assert page.count(mark) == n_in_template + 1


def test_the_page_is_built_for_readers_of_all_kinds(page: str):
    document = parse_page(page)
    tags = [e.tag.removeprefix(XHTML) for e in document.iter() if isinstance(e.tag, str)]
    assert tags.count("h1") == 1
    assert {"header", "nav", "main", "footer"} <= set(tags)
    assert tags.count("caption") == tags.count("table")
    ids = [e.attrib["id"] for e in document.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    headers = [e for e in document.iter(f"{XHTML}th")]
    assert all(e.attrib.get("scope") in ("row", "col") for e in headers)
    assert all(e.attrib.get("alt") for e in document.iter(f"{XHTML}img"))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("ink", "muted", "link") for ground in ("surface", "ground")),
        *((name, f"{name}-ground") for name in ("stop", "band", "go", "wait")),
        ("ink", "wait-ground"),
        ("surface", "ink"),
    ],
)
def test_text_stands_out_from_its_ground(text: str, ground: str, theme: int):
    css = (resource_folder("reports") / "styles" / "base.css").read_text(encoding="utf-8")
    pairs = {
        name: values
        for name, *values in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);", css)
    }
    lighter, darker = sorted((luminance(pairs[n][theme]) for n in (text, ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
