"""The page as text: complete, self-contained, escaped, bounded and the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import html5lib
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clipstore.picturefindings import PictureFindings, PictureNote
from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.numbertext import half_width_to_text, signed_to_text
from clipstore.report.page import render_page
from clipstore.report.pagesize import count_pictures
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import PROBLEM_COLUMNS, PROMPT_STEP_COLUMNS, ReportTables
from clipstore.report.thumbnails import thumbnail_bytes
from clipstore.resources import resource_folder
from tests.report_example import (
    BAND,
    MODEL,
    NOW,
    empty_tables,
    example_data,
    many_runs,
    models_frame,
    small_inputs,
)

PAYLOAD = "\"'><script>window.__xss=1</script><img src=http://127.0.0.1:9/ onerror=window.__xss=1>"
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render_page(data)


def gather(inputs: tuple[tuple[object, ...], ReportTables], size_cap_bytes: int = 12_000_000):
    verdicts, tables = inputs
    return gather_report(
        verdicts, tables, generated_at=NOW, version="0.1.0", size_cap_bytes=size_cap_bytes
    )


class Text(HTMLParser):
    """What a reader of the table sees, row by row."""

    def __init__(self, table_id: str) -> None:
        super().__init__()
        self._table_id, self._inside, self.rows = table_id, False, []

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._inside = dict(attrs).get("id") == self._table_id
        if self._inside and tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "table"

    def handle_data(self, text):
        if self._inside and self.rows:
            self.rows[-1] += f"{text.strip()} " if text.strip() else ""


def table_rows(page: str) -> list[str]:
    reader = Text("table-1")
    reader.feed(page)
    return reader.rows[1:]


def json_block(page: str, element_id: str) -> object:
    found = re.search(rf'<script type="application/json" id="{element_id}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def scripts_that_run(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


# What it says


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


# What it must not do


def test_the_policy_allows_exactly_the_scripts_that_are_there(page: str):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1]
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'"
        for s in scripts_that_run(page)
    ]
    directives = dict(d.strip().split(" ", 1) for d in policy.replace("&#39;", "'").split(";"))
    assert len(hashes) == 3
    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join(hashes),
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_on_the_page_points_out_of_it(page: str):
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    targets = re.findall(r'(?:src|href|srcset|action|poster)\s*=\s*"([^"]*)"', markup)
    assert targets
    assert not [t for t in targets if not t.startswith(("data:", "#"))]
    assert not re.search(r"url\((?!#)|@import", markup)
    assert not re.search(r"<[^>]*\son\w+\s*=", markup)


def test_no_folder_of_this_machine_is_on_the_page(data: ReportData, page: str, tmp_path: Path):
    assert "validation_images/step_" in page
    for folder in (tmp_path.parent, Path.home(), Path.cwd()):
        assert str(folder) not in page


def test_a_file_outside_every_run_is_called_by_its_name_only():
    problem = ("/home/alice/strays/x.png", "name", "unknown_name", "move it.", False)
    _, tables = small_inputs()
    strays = replace(tables, problems=pl.DataFrame([problem], PROBLEM_COLUMNS, orient="row"))
    (group,) = gather(((), strays)).problems
    assert group.files[0].path == "x.png"


def test_a_file_inside_a_run_is_called_by_the_run_and_its_path_in_it():
    problem = ("/data/runs/run-a/val/x.png", "decode", "truncated", "it ends.", False)
    _, tables = small_inputs()
    inside = replace(tables, problems=pl.DataFrame([problem], PROBLEM_COLUMNS, orient="row"))
    (group,) = gather(((), inside)).problems
    assert group.files[0].path == "run-a: val/x.png"


def test_the_same_data_give_the_same_bytes(data: ReportData, page: str):
    elsewhere = replace(data, generated_at=NOW.astimezone(timezone(timedelta(hours=9))))
    assert render_page(data) == page
    assert render_page(elsewhere) == page


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return render_page(gather(hostile_inputs(PAYLOAD)))


def hostile_inputs(text: str) -> tuple[tuple[object, ...], ReportTables]:
    """The text in every place that comes from outside."""
    verdicts, tables = small_inputs(
        run=text, model=text, prompts=(f"{text} a", f"{text} b"), root="/data/runs/hostile"
    )
    verdict = replace(
        verdicts[0],
        reasons=(text, text),
        what_it_would_take=text,
        notes=(text,),
        pictures=PictureFindings(
            (PictureNote("FROZEN", 1, text),), (), None, None, None, None, (), None, (text,)
        ),
    )
    problem = (f"/data/runs/hostile/{text}.png", text, text, text, False)
    return (verdict,), replace(
        tables,
        prompt_step=tables.prompt_step.with_columns(prompt_id=pl.lit(text), is_truncated=True),
        pictures=tables.pictures.with_columns(
            prompt_id=pl.lit(text), path=pl.lit(f"/data/runs/hostile/{text}.png")
        ),
        problems=pl.DataFrame([problem], schema=PROBLEM_COLUMNS, orient="row"),
        models=tables.models.with_columns(
            revision=pl.lit(text),
            weights_sha256=pl.lit(text),
            preprocessing=pl.lit(text),
            dtype=pl.lit(text),
            software=pl.lit(text),
        ),
    )


def test_markup_from_outside_is_shown_and_not_obeyed(hostile_page: str):
    document = html5lib.parse(hostile_page)
    assert len(list(document.iter(f"{XHTML}script"))) == 9
    assert not list(document.iter(f"{XHTML}img"))
    assert not [e for e in document.iter() if any(k.startswith("on") for k in e.attrib)]
    assert "window.__xss=1" in "".join(document.itertext())


def test_markup_beside_a_picture_stays_in_its_attribute(data: ReportData):
    section = data.sections[0]
    prompts = tuple(
        replace(run, cards=tuple(replace(card, prompt_id=PAYLOAD) for card in run.cards))
        for run in section.prompts
    )
    page = render_page(replace(data, sections=(replace(section, prompts=prompts),)))
    images = list(html5lib.parse(page).iter(f"{XHTML}img"))
    assert any(PAYLOAD in image.attrib["alt"] for image in images)
    assert {name for image in images for name in image.attrib} == {
        "alt", "data-picture", "decoding", "height", "loading", "src", "width"
    }  # fmt: skip


def test_markup_from_outside_stays_in_its_data_block(hostile_page: str):
    for element_id in ("clipstore-verdicts", "chart-data-1"):
        assert "__xss" in json.dumps(json_block(hostile_page, element_id))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
@example("a nul \0 and an override \u202e")
@example("</script x")
@example("<!-- <script ")
def test_no_text_whatever_changes_what_the_page_is_made_of(text: str):
    verdicts, tables = hostile_inputs(text)
    page = render_page(
        gather_report(
            verdicts,
            tables,
            generated_at=NOW,
            version="0.1.0",
            wishes=PictureWishes(embed=False),
        )
    )
    markup = re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
    assert not re.search("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e]", markup)
    document = html5lib.parse(markup)
    tags = [element.tag for element in document.iter() if isinstance(element.tag, str)]
    assert tags.count(f"{XHTML}script") == 9
    assert tags.count(f"{XHTML}h1") == 1
    assert tags.count(f"{XHTML}img") == 0


def test_a_name_that_is_no_unicode_still_gives_a_file_that_can_be_written():
    verdicts, tables = small_inputs()
    odd = replace(verdicts[0], run="run-\udcff", reasons=("because \udcff",))
    page = render_page(gather(((odd,), tables)))
    assert "run-\ufffd" in page.encode("utf-8").decode("utf-8")


# Edges


def test_an_empty_store_gives_a_page_that_says_what_to_do():
    page = render_page(gather(((), empty_tables())))
    assert "<h1>0 runs</h1>" in page
    assert "clipstore ingest RUNS" in page


def test_one_run_with_one_prompt_at_one_step_renders():
    data = gather(small_inputs(prompts=("a fox",)))
    (run,) = data.sections[0].prompts
    assert (len(run.cards_of("worst")), run.cards_of("best")) == (1, ())
    assert "1 prompt" in render_page(data)


def test_a_run_of_nothing_but_nan_renders_dashes():
    verdicts, tables = small_inputs()
    nan = float("nan")
    step = replace(verdicts[0].steps[0], mean=nan, adjusted_mean=nan, low=nan, high=nan)
    plateau = replace(verdicts[0].plateau, level=nan, level_low=nan, level_high=nan)
    broken = replace(verdicts[0], steps=(step,), plateau=plateau)
    page = render_page(
        gather(
            (
                (broken,),
                replace(tables, prompt_step=tables.prompt_step.with_columns(cosine=pl.lit(nan))),
            )
        )
    )
    assert "No validation of these runs has a score yet." in page
    assert not re.search(r"\bnan\b|NaN", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))


def test_a_run_without_any_validation_renders():
    verdicts, _ = small_inputs()
    bare = replace(verdicts[0], steps=(), reasons=(), base=None, n_validations=0)
    assert "No reason was given." in render_page(gather(((bare,), empty_tables())))


def test_a_very_long_prompt_is_cut_and_its_length_said():
    page = render_page(gather(small_inputs(prompts=("fox " * 5_000,))))
    assert page.count("fox ") < 700
    assert "The first 1,000 of 20,000 characters." in page


def test_two_hundred_runs_render_with_eight_of_them_in_colour():
    page = render_page(gather(many_runs(200, 20)))
    assert len(table_rows(page)) == 200
    assert len(page) < 6_000_000
    figure = json_block(page, "chart-data-1")
    assert sum(trace["meta"] == "ribbon" for trace in figure["data"]) == 8
    assert "192 other runs" in page


def test_a_small_size_cap_leaves_the_last_pictures_out_and_says_how_many(data: ReportData):
    embedded = sum(thumbnail_bytes(picture.image) for picture in data.pictures.listed)
    cap = len(render_page(data).encode()) - embedded // 2
    page = render_page(replace(data, size_cap_bytes=cap))
    said = re.search(r"(\d+) of ([\d,]+) pictures are left out", page)
    assert len(page.encode()) <= cap
    counts = count_pictures(data.pictures)
    assert 0 < int(said[1]) < counts.n_embedded
    assert said[2] == f"{counts.n_all:,}"
    assert f"{int(said[1])} were left out for size" in page
    assert json_block(page, "pictures-data").count({}) == int(said[1])


def test_a_cap_below_the_text_itself_is_admitted(data: ReportData):
    page = render_page(replace(data, size_cap_bytes=1_000))
    assert "<img " not in page
    assert "Its tables alone are larger than that." in page


def test_a_page_without_pictures_can_be_asked_for(tmp_path: Path):
    page = render_page(example_data(tmp_path, with_pictures=False))
    assert "<img " not in page
    assert "pictures were not asked for" in page


# How it looks


def test_the_page_is_built_for_readers_of_all_kinds(page: str):
    document = html5lib.parse(re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
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
