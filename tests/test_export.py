"""What is exported is what is in the store, once, whatever reads it."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import timedelta
from pathlib import Path, PurePosixPath

import polars as pl
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clipstore.errors import RunUnknown, ViewUnknown
from clipstore.export import tables
from clipstore.export.curves import curves_of_runs
from clipstore.export.places import run_to_folder
from clipstore.export.targets import DEFAULT_VIEWS, target_names
from clipstore.logs.tensorboard import is_log
from clipstore.storage.store import merge_parts, open_store, run_query
from tests.exported_store import STEPS, TEXTS, export, fill
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    NOON,
    model_row,
    prompt_rows,
    run_id_of,
    run_row,
    score_rows,
    write_rows,
)

NOW_LATER = NOON + timedelta(days=1)
TEXT_FILES = ("csv", "jsonl", "parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("made") / "s.duckdb")


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "s.duckdb"))


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder)).Reload()
    return [(event.step, pytest.approx(event.value)) for event in events.Scalars(tag)]


def test_tensorboard_gets_the_mean_of_every_step(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path / "out")

    shown = scalars(tmp_path / "out" / "a" / "clipstore", "clipstore/clip_mean")

    assert shown == [(step, mean) for step, mean in STEPS.items()]
    in_store = "SELECT step, mean FROM run_step WHERE panel = 'only' ORDER BY step"
    assert shown == run_query(store, in_store).rows()


def test_tensorboard_gets_an_interval_around_the_mean(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    events = EventAccumulator(str(tmp_path / "a" / "clipstore")).Reload()

    low, mean, high = (
        [event.value for event in events.Scalars(f"clipstore/clip_mean{end}")]
        for end in ("_low", "", "_high")
    )

    assert all(a < b < c for a, b, c in zip(low, mean, high, strict=True))
    assert len(low) == len(STEPS)


def test_tensorboard_gets_the_base_model_and_the_quantiles(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    folder = tmp_path / "a" / "clipstore"

    assert scalars(folder, "clipstore/clip_mean_base") == [(s, m - 0.1) for s, m in STEPS.items()]
    assert scalars(folder, "clipstore/p50") == list(STEPS.items())


def test_tensorboard_shows_the_verdict_as_text(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    events = EventAccumulator(str(tmp_path / "a" / "clipstore")).Reload()

    (event,) = events.Tensors("clipstore/verdict/text_summary")

    assert event.step == 300
    assert b"cannot tell yet" in event.tensor_proto.string_val[0]


def test_an_export_takes_the_place_of_the_one_before(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    fill(store, steps={400: 0.26})
    for _ in range(3):
        (place,) = export(store, "tensorboard", tmp_path)

    folder = tmp_path / "a" / "clipstore"
    older, newest = sorted(folder.iterdir())
    assert (str(newest), older.stat().st_size) == (place, 0)
    assert scalars(folder, "clipstore/clip_mean") == [*STEPS.items(), (400, 0.26)]


def test_an_open_tensorboard_does_not_see_points_twice(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    reader = EventAccumulator(str(tmp_path / "a" / "clipstore")).Reload()
    assert len(reader.Scalars("clipstore/clip_mean")) == len(STEPS)

    fill(store, steps={400: 0.26})
    export(store, "tensorboard", tmp_path)
    reader.Reload()

    steps = [event.step for event in reader.Scalars("clipstore/clip_mean")]
    assert steps == [*STEPS, 400]


def test_what_was_exported_is_not_read_as_a_log_of_the_trainer(store: Path, tmp_path: Path) -> None:
    (place,) = export(store, "tensorboard", tmp_path)
    name = Path(place).name
    assert not is_log(name)
    assert is_log(name.removesuffix(".clipstore"))


def test_what_else_lies_beside_the_events_stays(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "clipstore"
    folder.mkdir(parents=True)
    others = [folder / "events.out.tfevents.1.host", tmp_path / "a" / "loss.txt"]
    for path in others:
        path.write_text("mine")

    export(store, "tensorboard", tmp_path)
    export(store, "tensorboard", tmp_path)

    assert [path.read_text() for path in others] == ["mine", "mine"]


def test_the_time_of_a_point_is_when_its_pictures_were_written(store: Path, tmp_path: Path) -> None:
    export(store, "tensorboard", tmp_path)
    events = EventAccumulator(str(tmp_path / "a" / "clipstore")).Reload()

    assert {event.wall_time for event in events.Scalars("clipstore/p10")} == {1_700_000_000}


def test_with_two_models_the_tags_name_them(store: Path, tmp_path: Path) -> None:
    other = score_rows("a", 100, {"dog": 0.5}, TEXTS, model=MODEL_WITHOUT_BAND)
    write_rows(store, {"models": [model_row(MODEL_WITHOUT_BAND)]}, other)
    merge_parts(store, wait_seconds=0)

    export(store, "tensorboard", tmp_path)

    folder = tmp_path / "a" / "clipstore"
    assert scalars(folder, "clipstore (other)/clip_mean") == [(100, 0.5)]
    assert len(scalars(folder, f"clipstore ({MODEL.name})/clip_mean")) == len(STEPS)


def test_curves_of_epochs_do_not_stand_among_steps(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    groups = score_rows("e", 3, {"dog": 0.2}, TEXTS)
    images = [row | {"notes": ["step_is_epoch"]} for row in groups["images"]]
    runs = {"models": [model_row()], "runs": [run_row("e")]}
    write_rows(store, runs, prompt_rows("e", TEXTS), groups | {"images": images})
    merge_parts(store, wait_seconds=0)

    export(store, "tensorboard", tmp_path)

    tags = EventAccumulator(str(tmp_path / "e" / "clipstore")).Reload().Tags()["scalars"]
    assert {tag.split("/")[0] for tag in tags} == {"clipstore_by_epoch"}


def test_a_curve_ends_where_a_prompt_got_another_text(store: Path, tmp_path: Path) -> None:
    edited = {**TEXTS, "dog": "an easier dog"}
    later = {"fox": 0.3, "cat": 0.3, "dog": 0.9}
    rows = [score_rows("a", step, later, edited, at=NOW_LATER) for step in (400, 500)]
    write_rows(store, prompt_rows("a", edited, NOW_LATER), *rows)
    merge_parts(store, wait_seconds=0)

    export(store, "tensorboard", tmp_path)

    folder = tmp_path / "a" / "clipstore"
    assert scalars(folder, "clipstore/clip_mean_until_300") == list(STEPS.items())
    assert scalars(folder, "clipstore/clip_mean") == [(400, 0.5), (500, 0.5)]


def test_no_minimum_or_maximum_of_one_prompt_is_exported_as_a_curve(store: Path) -> None:
    with open_store(store) as reader:
        (curves,) = curves_of_runs(reader)
    assert not {"min", "max"} & curves.names()


@pytest.mark.parametrize(
    "run", ["../../etc", "/etc/passwd", "a/../b", "a//b", ".", "", "x\x1b[31m", "n" * 300, "a:b"]
)
def test_no_name_of_a_run_leads_out_of_the_folder(run: str) -> None:
    place = run_to_folder(run)
    assert not place.is_absolute()
    assert not {"..", "."} & set(place.parts)
    assert all(part.isprintable() and len(part.encode()) < 255 for part in place.parts)
    assert place != run_to_folder(run + "x")


def test_a_plain_name_is_its_own_folder() -> None:
    assert run_to_folder("sdxl/lora 3 é") == PurePosixPath("sdxl/lora 3 é")


@pytest.mark.parametrize("target", TEXT_FILES)
@pytest.mark.parametrize("scores_at_once", [1, 10**6])
def test_the_rows_of_a_view_are_the_rows_of_its_file(
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    scores_at_once: int,
) -> None:
    fill(store, run="b")
    monkeypatch.setattr(tables, "SCORES_AT_ONCE", scores_at_once)
    (place,) = export(store, target, tmp_path / "out", views=("prompt_step",))

    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[target]
    order = ["run", "panel", "step", "prompt_id"]
    columns = [*order, "mean", "n_images"]
    expected = run_query(store, "SELECT * FROM prompt_step").sort(order)
    assert read(place).select(columns).sort(order).rows() == expected.select(columns).rows()


def test_parquet_keeps_the_types_of_the_store(store: Path, tmp_path: Path) -> None:
    export(store, "parquet", tmp_path / "out")
    for view in DEFAULT_VIEWS:
        schema = run_query(store, f"SELECT * FROM {view}").schema  # noqa: S608
        assert pl.read_parquet_schema(tmp_path / "out" / f"{view}.parquet") == schema


def test_json_lines_hold_the_text_as_it_is(store: Path, tmp_path: Path) -> None:
    export(store, "jsonl", tmp_path / "out", views=("current_scores",))
    lines = (tmp_path / "out" / "current_scores.jsonl").read_text().splitlines()
    assert {json.loads(line)["text"] for line in lines} == set(TEXTS.values())
    assert json.loads(lines[0])["notes"] == []


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    bad = ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "\rx"]
    texts = {name: f"{name} a dog" for name in bad}
    store = tmp_path / "s.duckdb"
    runs = {"models": [model_row()], "runs": [run_row("=run")]}
    scores = score_rows("=run", 5, dict.fromkeys(bad, -0.25), texts)
    write_rows(store, runs, prompt_rows("=run", texts), scores)
    merge_parts(store, wait_seconds=0)

    export(store, "csv", tmp_path / "out", views=("current_scores",))

    with (tmp_path / "out" / "current_scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["prompt_id"] for row in rows) == sorted("'" + name for name in bad)
    assert {row["text"] for row in rows} == {"'" + text for text in texts.values()}
    assert {row["run"] for row in rows} == {"'=run"}
    assert {float(row["cosine"]) for row in rows} == {-0.25}


@pytest.mark.parametrize("target", TEXT_FILES)
def test_only_the_named_run_is_exported(store: Path, tmp_path: Path, target: str) -> None:
    fill(store, run="b")
    (place,) = export(store, target, tmp_path / "out", runs=("b",), views=("run_step",))
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[target]
    assert read(place)["run_id"].unique().to_list() == [run_id_of("b")]


def test_only_the_named_run_gets_curves(store: Path, tmp_path: Path) -> None:
    fill(store, run="b")
    export(store, "tensorboard", tmp_path / "out", runs=("b",))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_an_empty_store_gives_files_with_columns(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    merge_parts(store, wait_seconds=0)
    export(store, "csv", tmp_path / "out", views=("run_step",))
    assert (tmp_path / "out" / "run_step.csv").read_text().startswith("model_id,model,run_id,run")


@pytest.mark.parametrize("target", [*TEXT_FILES, "tensorboard"])
def test_a_run_that_is_not_there_is_an_error_that_names_those_that_are(
    store: Path, tmp_path: Path, target: str
) -> None:
    with pytest.raises(RunUnknown, match="There are: a"):
        export(store, target, tmp_path / "out", runs=("b",))


def test_a_view_that_is_not_there_is_an_error_that_names_those_that_are(
    store: Path, tmp_path: Path
) -> None:
    with pytest.raises(ViewUnknown, match="run_step"):
        export(store, "csv", tmp_path / "out", views=('run_step" --',))


def test_the_targets_are_the_files_of_their_folder() -> None:
    assert {*TEXT_FILES, "tensorboard"} <= set(target_names())
