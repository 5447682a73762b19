"""Scores measured elsewhere: every row is imported, known or refused, and none mixes with ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from clipstore.errors import ImportRefused, PathMissing
from clipstore.model.bands import DEFAULT_MODEL, DEFAULT_MODEL_BAND
from clipstore.modelidentity import Band
from clipstore.pipeline.importing import ImportReport, ImportRequest, import_scores
from clipstore.sources.columnfiles import RefusedRow
from clipstore.sources.scorefiles import RunFacts, read_runs, read_scores
from clipstore.storage.store import check_store, merge_parts, open_store
from tests.store_rows import MODEL, model_row, prompt_rows, run_row, score_rows, write_rows

GOOD = "run,step,prompt_id,score\na,100,cat,0.31\na,100,dog,0.25\na,200,cat,0.32\nb,100,cat,0.2\n"


def written(tmp_path: Path, text: str, name: str = "scores.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def imported(store: Path, path: Path, *, runs: Path | None = None, **more: object) -> ImportReport:
    scale = float(str(more.pop("scale", 1.0)))
    name = str(more.pop("model", "their-clip"))
    facts = () if runs is None else read_runs(runs)
    band = more.pop("band", None)
    assert not more
    assert band is None or isinstance(band, Band)
    return import_scores(store, ImportRequest(read_scores(path, scale), facts, name, scale, band))


def counts(report: ImportReport) -> tuple[int, int, int]:
    assert report.n_rows == report.n_imported + report.n_known + len(report.refused)
    return report.n_imported, report.n_known, len(report.refused)


def rows_of(store: Path, sql: str) -> list[tuple[object, ...]]:
    with open_store(store) as reader:
        return reader.frame(sql).rows()


def refused(tmp_path: Path, *lines: str, scale: float = 1.0) -> list[RefusedRow]:
    """What becomes of these lines below a header and four sound lines (2 to 5)."""
    header, *good = GOOD.splitlines()
    text = "\n".join([header + ",image_index,panel", *(f"{row},0,only" for row in good), *lines])
    return list(read_scores(written(tmp_path, text), scale).refused)


MODELS_SQL = "SELECT weights_sha256, software, backend, band_low_cosine FROM models"
SCORES_SQL = """
    SELECT model, run, step, prompt_id, text, image_index, panel, round(cosine::DOUBLE, 4)
    FROM current_scores ORDER BY ALL
"""


def test_rows_become_scores_of_a_model_that_says_it_was_imported(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    assert counts(imported(store, written(tmp_path, GOOD))) == (4, 0, 0)
    model = "their-clip (imported)"
    assert rows_of(store, SCORES_SQL) == [
        (model, "a", 100, "cat", "(text not imported) cat", 0, "only", 0.31),
        (model, "a", 100, "dog", "(text not imported) dog", 0, "only", 0.25),
        (model, "a", 200, "cat", "(text not imported) cat", 0, "only", 0.32),
        (model, "b", 100, "cat", "(text not imported) cat", 0, "only", 0.2),
    ]
    assert rows_of(store, "SELECT name, layout, planned_steps, config FROM runs ORDER BY name") == [
        ("a", "import", None, "{}"),
        ("b", "import", None, "{}"),
    ]
    assert rows_of(store, MODELS_SQL) == [
        ("imported: their-clip", "imported, divided by 1", "imported", None)
    ]
    assert check_store(store) == ()


def test_the_same_file_twice_adds_nothing(tmp_path: Path) -> None:
    store, path = tmp_path / "s.duckdb", written(tmp_path, GOOD)
    imported(store, path)
    before = rows_of(store, "SELECT * FROM scores ORDER BY ALL")
    assert counts(imported(store, path)) == (0, 4, 0)
    assert rows_of(store, "SELECT * FROM scores ORDER BY ALL") == before
    states = "SELECT n_seen, n_scored, n_known, n_refused FROM ingests ORDER BY started_at"
    assert rows_of(store, states) == [(1, 1, 0, 0), (1, 0, 1, 0)]


def test_a_corrected_score_replaces_and_a_longer_file_adds(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    imported(store, written(tmp_path, GOOD))
    longer = GOOD.replace("0.25", "0.26") + "a,300,cat,0.33\n"
    assert counts(imported(store, written(tmp_path, longer))) == (2, 3, 0)
    assert rows_of(
        store,
        "SELECT step, prompt_id, round(cosine::DOUBLE, 2) FROM current_scores "
        "WHERE run = 'a' ORDER BY ALL",
    ) == [
        (100, "cat", 0.31),
        (100, "dog", 0.26),
        (200, "cat", 0.32),
        (300, "cat", 0.33),
    ]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_form_of_file_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame(
        {
            "run": ["a", "a", "7"],
            "step": [100, 100, 200],
            "prompt_id": ["cat", "cat", "1"],
            "image_index": [0, 1, 0],
            "prompt": ["a cat", "a cat", 'one "dog",\nbig'],
            "panel": ["checkpoint", "checkpoint", "base"],
            "score": [31.25, 28.5, -1.0],
        }
    )
    path = tmp_path / f"scores.{suffix}"
    if suffix == "parquet":
        frame.with_columns(pl.col("step").cast(pl.Float64)).write_parquet(path)
    elif suffix == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="," if suffix == "csv" else "\t")
    found = read_scores(path, 100)
    assert found.refused == ()
    assert found.frame.drop("place").with_columns(pl.col("cosine").round(6)).rows() == [
        ("a", 100, "cat", 0, "checkpoint", "a cat", 0.3125),
        ("a", 100, "cat", 1, "checkpoint", "a cat", 0.285),
        ("7", 200, "1", 0, "base", 'one "dog",\nbig', -0.01),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (",100,cat,0.3,0,only", "run", "run is empty"),
        ("a,,cat,0.3,0,only", "step", "step is not a whole number from 0"),
        ("a,-5,cat,0.3,0,only", "step", "step is not a whole number from 0"),
        ("a,1.5,cat,0.3,0,only", "step", "step is not a whole number from 0"),
        ("a,300, ,0.3,0,only", "prompt_id", "prompt_id is empty"),
        ("a,300,cat,0.3,x,only", "image_index", "image_index is not a whole number from 0"),
        ("a,300,cat,0.3,0,left", "panel", "panel left is none of only, checkpoint, base, ema"),
        ("a,300,cat,,0,only", "score", "score '' is not a number"),
        ("a,300,cat,n/a,0,only", "score", "score 'n/a' is not a number"),
        ("a,300,cat,NaN,0,only", "not_finite", "score NaN is not finite"),
        ("a,300,cat,-inf,0,only", "not_finite", "score -inf is not finite"),
        (
            "a,300,cat,1.01,0,only",
            "impossible",
            "score 1.01 is no cosine from -1 to 1 on this scale",
        ),
        ("a,300,cat", "cells", "it has 3 cells, the first line 6"),
        ("a,100,cat,0.31,0,only", "duplicate", "the same as line 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_its_line(
    tmp_path: Path, line: str, reason: str, detail: str
) -> None:
    assert refused(tmp_path, line) == [RefusedRow(6, reason, detail)]


def test_rows_that_contradict_each_other_are_all_refused(tmp_path: Path) -> None:
    detail = "lines 2 and 6 give one picture different scores or prompts"
    assert refused(tmp_path, "a,100,cat,0.30,0,only") == [
        RefusedRow(2, "contradiction", detail),
        RefusedRow(6, "contradiction", detail),
    ]


def test_a_line_that_is_no_json_is_refused_by_its_number(tmp_path: Path) -> None:
    lines = '{"run": "a", "step": 1, "prompt_id": "x", "score": 0.3}\n\n{"run": \n[1]\n'
    found = read_scores(written(tmp_path, lines, "s.jsonl"), 1)
    assert [(row.place, row.reason) for row in found.refused] == [(3, "json"), (4, "json")]
    assert (found.frame.height, found.n_rows) == (1, 3)


@pytest.mark.parametrize(
    ("text", "scale", "message"),
    [
        ("run,step,score\na,1,0.3\n", 1, "columns prompt_id are missing; it has run, step, score."),
        (GOOD.replace("score", "score,seed", 1), 1, "unknown columns seed. Remove or rename them"),
        (GOOD.replace("score", "run", 1), 1, "it has two columns named 'run'."),
        ("run,step,prompt_id,score\n", 1, "it has no rows."),
        ("", 1, "it is empty."),
        (GOOD.replace(",0.", ",31."), 1, "It looks like 100·cosine: pass --scale 100."),
        (GOOD, 100, "all scores lie between -1 and 1 already (the largest is 0.32): leave out"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_not_half_imported(
    tmp_path: Path, text: str, scale: float, message: str
) -> None:
    with pytest.raises(ImportRefused) as refusal:
        read_scores(written(tmp_path, text), scale)
    assert message in str(refusal.value)


def test_a_file_that_is_not_there_or_of_no_known_form_says_so(tmp_path: Path) -> None:
    with pytest.raises(PathMissing):
        read_scores(tmp_path / "nothing.csv", 1)
    with pytest.raises(ImportRefused, match="must end in one of"):
        read_scores(written(tmp_path, GOOD, "scores.xlsx"), 1)
    with pytest.raises(ImportRefused, match="cannot be read"):
        read_scores(written(tmp_path, GOOD, "scores.parquet"), 1)


def test_a_runs_file_gives_plans_and_settings(tmp_path: Path) -> None:
    runs = written(
        tmp_path, "run,planned_steps,lr,note,flag\na,2000,1e-4,two words,true\nc,,,,\n", "runs.csv"
    )
    assert read_runs(runs) == (
        RunFacts("a", 2000, (("lr", 1e-4), ("note", "two words"), ("flag", True))),
        RunFacts("c", None, ()),
    )
    store = tmp_path / "s.duckdb"
    report = imported(store, written(tmp_path, GOOD), runs=runs)
    assert report.runs_without_scores == ("c",)
    stored = "SELECT name, planned_steps, config FROM runs ORDER BY name"
    expected = [
        ("a", 2000, '{"flag": true, "lr": 0.0001, "note": "two words"}'),
        ("b", None, "{}"),
    ]
    assert rows_of(store, stored) == expected
    imported(store, written(tmp_path, GOOD))  # without the runs file: what was known stays known
    assert rows_of(store, stored) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,planned_steps\na,1\n", "columns run are missing; it has name, planned_steps."),
        ("run,planned_steps\na,1\na,2\n", "line 3 names the run 'a' again."),
        ("run,planned_steps\na,soon\n", "line 2: planned_steps 'soon' is not a whole number."),
        ("run,planned_steps\n,5\n", "line 2 has no run."),
        ("run,planned_steps\na,5,6\n", "line 2: it has 3 cells, the first line 2."),
    ],
)
def test_a_runs_file_with_a_bad_line_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ImportRefused) as refusal:
        read_runs(written(tmp_path, text, "runs.csv"))
    assert message in str(refusal.value)


def test_a_band_is_given_or_kept_or_that_of_the_default_model(tmp_path: Path) -> None:
    store, path = tmp_path / "s.duckdb", written(tmp_path, GOOD)
    assert imported(store, path).model.band is None
    given = Band(0.1, 0.2, 0.3)
    assert imported(store, path, band=given).model.band == given
    assert imported(store, path).model.band == given  # the store knows it by now
    assert imported(store, path, model=DEFAULT_MODEL).model.band == DEFAULT_MODEL_BAND
    wild = written(tmp_path, GOOD.replace("0.32", "0.92"), "wild.csv")
    other = tmp_path / "other.duckdb"
    assert imported(other, wild, model=DEFAULT_MODEL).model.band is None


def test_imported_scores_never_mix_with_ours_nor_with_another_scale(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    texts = {"cat": "a cat"}
    write_rows(
        store,
        {"models": [model_row(MODEL)], "runs": [run_row("a")], **prompt_rows("a", texts)},
        score_rows("a", 100, {"cat": 0.3}, texts),
    )
    merge_parts(store, wait_seconds=1)
    imported(store, written(tmp_path, GOOD), model="tiny")
    hundred = GOOD.replace(",0.", ",")
    report = imported(store, written(tmp_path, hundred), model="tiny", scale=100)
    assert report.runs == ("a (imported)", "b")
    assert rows_of(store, "SELECT model, run, step, round(mean, 3) FROM run_step ORDER BY ALL") == [
        ("tiny", "a", 100, 0.3),
        ("tiny (imported) (imported, divided by 1)", "a (imported)", 100, 0.28),
        ("tiny (imported) (imported, divided by 1)", "a (imported)", 200, 0.32),
        ("tiny (imported) (imported, divided by 1)", "b", 100, 0.2),
        ("tiny (imported) (imported, divided by 100)", "a (imported)", 100, 0.28),
        ("tiny (imported) (imported, divided by 100)", "a (imported)", 200, 0.32),
        ("tiny (imported) (imported, divided by 100)", "b", 100, 0.02),
    ]
    assert check_store(store) == ()


def test_an_edited_prompt_is_another_text(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    text = "run,step,prompt_id,prompt,score\na,1,x,a cat,.2\na,2,x,a big cat,.3\n"
    imported(store, written(tmp_path, text))
    assert rows_of(store, "SELECT step, text FROM current_scores ORDER BY step") == [
        (1, "a cat"),
        (2, "a big cat"),
    ]
    newest = "SELECT text FROM run_prompts JOIN prompts USING (text_id)"
    assert rows_of(store, newest) == [("a big cat",)]


def test_the_command_tells_rows_and_exits_with_3_when_some_were_refused(tmp_path: Path) -> None:
    written(tmp_path, GOOD + "a,300,cat,NaN\n")

    def clipstore(*arguments: str, expect: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "clipstore", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    done = clipstore("import", "scores.csv", "--model", "m", expect=3)
    assert done.stdout == (
        "5 rows = 4 imported + 0 known + 1 refused; 2 runs of m (imported) in clipstore.duckdb\n"
    )
    assert "1 refused (not_finite):\n  line 6: score NaN is not finite\n" in done.stderr
    told = json.loads(
        clipstore("import", "scores.csv", "--model", "m", "--format", "jsonl", expect=3).stdout
    )
    assert told == {
        "n_rows": 5,
        "n_imported": 0,
        "n_known": 4,
        "n_refused": 1,
        "model": "m (imported)",
        "runs": ["a", "b"],
        "refused": [{"line": 6, "reason": "not_finite", "detail": "score NaN is not finite"}],
        "db": "clipstore.duckdb",
    }
    for asked in (["runs"], ["verdict"], ["compare", "--all"], ["report", "--html", "r.html"]):
        clipstore(*asked, expect=0)
    assert "compared: the scores were imported" in clipstore("verdict", expect=0).stderr
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "m (imported)" in page
    clipstore("import", "scores.csv", "--model", "m", "--band", "1,2", expect=2)
