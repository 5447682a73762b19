"""The page as text: what comes from outside is shown, acts nowhere and names no machine."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import html5lib
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clipstore.picturefindings import PictureFindings, PictureNote
from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import PROBLEM_COLUMNS, ReportTables
from tests.page_text import gather, json_block, scripts_that_run
from tests.report_example import (
    NOW,
    example_data,
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
