"""Logs through the whole pipeline: numbers and settings into tables, pictures scored once whichever
of their copies are still there, and every file and picture in one state."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from clipstore.cli import cli
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestReport
from clipstore.pipeline.logscan import LogScanner
from clipstore.storage.sqlfiles import ready_queries
from clipstore.storage.store import check_store, run_query
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import composite, made_old, panel, write_folder_run, write_simpletuner_run
from tests.test_ingest import ingest, rows

RECORDED = Path(__file__).parent / "logs"
PROMPTS = {"red": "a red square", "blue": "a blue square"}
SCORES = """
    SELECT step, prompt_id, image_index, panel, round(cosine, 3) AS cosine, epoch, notes
    FROM current_scores WHERE panel <> 'base' ORDER BY ALL
"""
COUNTS = "SELECT (SELECT count(*) FROM {}) AS n"


def log_composites(run: Path, steps: dict[int, list[str]], *, losses: int = 0) -> Path:
    """SimpleTuner's TensorBoard log of these validations."""
    folder = run / "logs" / "simpletuner"
    with SummaryWriter(str(folder)) as writer:
        for step in range(1, losses + 1):
            writer.add_scalar("train_loss", 1 / step, step)
            if step - 1 in steps:
                writer.add_scalar("clip/mean", 31.25, step)
        for step, colours in steps.items():
            for (name, text), colour in zip(PROMPTS.items(), colours, strict=True):
                drawn = composite(panel("green"), panel(colour), text)
                pixels = np.asarray(drawn).transpose(2, 0, 1)
                writer.add_image(f"{name} - (64, 64)", pixels, step)
    made_old(run)
    (log,) = folder.glob("events.out.tfevents.*")
    return log


def counts(store: Path) -> dict[str, int]:
    tables = ("scalars", "config", "log_files", "logged_pictures", "scores", "images")
    return {name: int(str(rows(store, COUNTS.format(name))[0]["n"])) for name in tables}


def states_add_up(root: Path, report: IngestReport) -> bool:
    """Every file below is in one state, and so is every picture in a log."""
    n_files = sum(path.is_file() for path in root.rglob("*"))
    return report.tally.seen >= n_files and report.n_left == 0


def test_a_picture_that_lies_in_five_places_is_scored_once(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log_composites(run, {100: ["red", "blue"]})
    media = run / "wandb/run-1/files/media/images"
    media.mkdir(parents=True)
    for folder in (run / "checkpoint-100/assets", run / "assets", media):
        folder.mkdir(parents=True, exist_ok=True)
        for place, path in enumerate(sorted((run / "validation_images").glob("*.png"))):
            shutil.copy(path, folder / f"image_{place}_0.png")
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    assert [row["cosine"] for row in rows(store, SCORES)] == [1.0, 1.0]
    assert dict(report.skipped_by_rule)["copy_of_picture"] == 6
    assert states_add_up(tmp_path / "runs", report)
    assert counts(store)["logged_pictures"] == 2
    assert len(copies(store)) == 6


def test_a_copy_says_what_it_is_a_copy_of(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log_composites(run, {100: ["red", "blue"]})
    (found,) = LogScanner(outline(tmp_path / "runs")).runs()
    copies = [one.detail for one in found.skipped if one.rule == "copy_of_picture"]
    assert sorted(copies) == [
        f"same picture as validation_images/step_100_{name}_0_64x64.png" for name in ("blue", "red")
    ]


def copies(store: Path) -> list[dict[str, object]]:
    query = next(each for each in ready_queries() if each.name == "copies")
    return run_query(store, query.sql).to_dicts()


def test_every_skipped_copy_is_listed_with_what_counts_in_its_place(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log = log_composites(run, {100: ["red", "blue"]}).relative_to(run).as_posix()
    for path in (run / "benchmarks/base_model").glob("*.png"):
        name = path.name.replace("_64x64", "_0_64x64")
        shutil.copy(path, run / "validation_images" / f"step_0_{name}")
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    ingest(tmp_path / "runs", store)
    found = copies(store)
    names = ("blue", "red")
    said = [(row["source"], row["tag"], row["step"], row["original"]) for row in found]
    files = [f"validation_images/step_100_{name}_0_64x64.png" for name in names]
    bases = [f"benchmarks/base_model/{name}_64x64.png" for name in names]
    assert said == [
        ("tensorboard", "blue - (64, 64)", 100, files[0]),
        ("tensorboard", "red - (64, 64)", 100, files[1]),
        *((None, None, None, base) for base in bases),
    ]
    assert all(str(row["copy"]).startswith(f"{log}#") for row in found[:2])
    assert [row["copy"] for row in found[2:]] == [
        f"validation_images/step_0_{name}_0_64x64.png" for name in names
    ]
    assert check_store(store) == ()

    (run / "validation_images/step_100_red_0_64x64.png").unlink()
    ingest(tmp_path / "runs", store)
    assert [row["tag"] for row in copies(store)] == ["blue - (64, 64)", None, None]


def test_scan_shows_the_logs_and_what_a_copy_is_a_copy_of(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log = log_composites(run, {100: ["red", "blue"]}, losses=5)
    shown = CliRunner().invoke(cli, ["scan", str(tmp_path / "runs")])
    path = log.relative_to(run).as_posix()
    assert f"a: log {path} (tensorboard): 5 scalars under 1 tag, 2 pictures" in shown.stderr
    assert "2 copy_of_picture" in shown.stderr and "1 log" in shown.stderr
    assert "same picture as validation_images/step_100_" in shown.stderr
    without = CliRunner().invoke(cli, ["scan", "--no-logs", str(tmp_path / "runs")])
    assert "tensorboard" not in without.stderr and "copy_of_picture" not in without.stderr


def test_pictures_whose_files_were_deleted_are_cut_out_of_the_log(tmp_path: Path) -> None:
    run = write_simpletuner_run(
        tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"], 200: ["blue", "blue"]}
    )
    log_composites(run, {100: ["red", "blue"], 200: ["blue", "blue"]})
    for path in (run / "validation_images").glob("step_100_*"):
        path.unlink()
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    assert [(row["step"], row["prompt_id"], row["cosine"]) for row in rows(store, SCORES)] == [
        (100, "blue", 1.0),
        (100, "red", 1.0),
        (200, "blue", 1.0),
        (200, "red", 0.0),
    ]
    paths = rows(store, "SELECT path FROM current_images WHERE step = 100 AND panel = 'checkpoint'")
    assert all("events.out.tfevents" in str(row["path"]) for row in paths)
    assert report.tally.refused == 0


def test_adapters_in_a_log_are_the_runs_that_their_files_would_be(tmp_path: Path) -> None:
    colours = {100: ["red", "blue"]}
    config = {"use_ema": False}
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, colours, config=config)
    with SummaryWriter(str(run / "logs" / "simpletuner")) as writer:
        for name, colour in (("red", "red"), ("red__style", "blue"), ("fox__style", "blue")):
            drawn = np.asarray(composite(panel("green"), panel(colour), "x"))
            writer.add_image(f"{name} - (64, 64)", drawn.transpose(2, 0, 1), 100)
    made_old(run)
    store, embedder = tmp_path / "s.duckdb", MeanColourEmbedder()
    report = ingest(tmp_path / "runs", store, embedder)
    query = "SELECT run, prompt_id, panel, round(cosine, 3) AS cosine FROM current_scores"
    found = rows(store, f"{query} WHERE step = 100 AND panel = 'checkpoint' ORDER BY ALL")
    assert [tuple(row.values()) for row in found] == [
        ("a", "blue", "checkpoint", 1.0),
        ("a", "red", "checkpoint", 1.0),
        ("a@style", "red", "checkpoint", 0.0),
    ]
    assert [problem.reason for problem in report.problems] == ["no_prompt_text"]
    assert states_add_up(tmp_path / "runs", report)
    again = ingest(tmp_path / "runs", store, embedder)
    assert (again.n_scores, again.timings.read_s) == (0, 0.0)
    assert again.tally.seen == report.tally.seen


def test_a_video_in_a_log_is_a_clip_cut_like_the_files(tmp_path: Path) -> None:
    """As torch's add_video leaves it, which needs moviepy: an animated GIF in a picture's place."""
    config = {"use_ema": False}
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {}, config=config)
    colours = ["red", "blue", "red", "green"]
    frames = [composite(panel("green"), panel(colour), PROMPTS["red"]) for colour in colours]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:], duration=125)
    with SummaryWriter(str(run / "logs" / "simpletuner")) as writer:
        image = Summary.Image(encoded_image_string=gif.getvalue())
        value = Summary.Value(tag="red - (64, 64)", image=image)
        writer._get_file_writer().add_summary(Summary(value=[value]), 100)
    made_old(run)
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    query = "SELECT panel, round(cosine, 2) AS cosine, n_frames FROM current_scores"
    assert rows(store, f"{query} WHERE step = 100 ORDER BY panel") == [
        {"panel": "base", "cosine": 0.0, "n_frames": 4},
        {"panel": "checkpoint", "cosine": 0.5, "n_frames": 4},
    ]
    assert report.tally.refused == 0


def test_a_second_ingest_reads_and_scores_nothing_and_a_grown_log_only_what_is_new(
    tmp_path: Path,
) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log = log_composites(run, {100: ["red", "blue"], 300: ["red", "red"]}, losses=50)
    whole = log.read_bytes()
    store, embedder = tmp_path / "s.duckdb", MeanColourEmbedder()
    log.write_bytes(whole[: len(whole) - 60])  # the last picture is still being written
    ingest(tmp_path / "runs", store, embedder)
    first, n_pictures = counts(store), embedder.n_pictures
    assert first["scalars"] == 50 and first["logged_pictures"] == 3
    again = ingest(tmp_path / "runs", store, embedder)
    assert (counts(store), embedder.n_pictures) == (first, n_pictures)
    assert (again.n_scores, again.logs.n_scalars) == (0, 0)
    assert again.timings.read_s == 0.0  # not even the pictures in the log are read again
    log.write_bytes(whole)
    grown = ingest(tmp_path / "runs", store, embedder)
    assert (grown.logs.n_scalars, grown.logs.n_pictures, grown.tally.scored) == (0, 1, 1)
    assert counts(store)["scalars"] == 50


def test_a_log_that_was_replaced_by_another_of_its_name_is_read_from_its_start(
    tmp_path: Path,
) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log = log_composites(run, {}, losses=20)
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    other = tmp_path / "other"
    with SummaryWriter(str(other)) as writer:
        for step in range(30):
            writer.add_scalar("lr", step, step)
    shutil.copy(next(other.glob("events*")), log)
    ingest(tmp_path / "runs", store)
    assert rows(store, "SELECT tag, count(*) AS n FROM scalars GROUP BY ALL ORDER BY tag") == [
        {"tag": "lr", "n": 30},
        {"tag": "train_loss", "n": 20},
    ]


def test_a_grid_of_diffusers_is_cut_to_its_pictures_and_dated_by_the_log(tmp_path: Path) -> None:
    """The log has epochs 1 and 2; the losses before them steps 10 and 20."""
    shutil.copytree(RECORDED / "accelerate", tmp_path / "runs/a/logs")
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    note = ["step_by_the_log"]
    assert rows(store, SCORES) == [
        {
            "step": step,
            "prompt_id": "validation",
            "image_index": index,
            "panel": "only",
            "cosine": cosine,
            "epoch": epoch,
            "notes": note,
        }
        for step, epoch in ((10, 1), (20, 2))
        for index, cosine in ((0, 1.0), (1, 0.0))
    ]
    assert rows(store, "SELECT run, layout FROM run_summary") == [{"run": "a", "layout": "tracker"}]
    assert report.tally.refused == 0
    ingest(tmp_path / "runs", store)
    assert counts(store)["scores"] == 4


def test_a_grid_of_an_unknown_number_of_pictures_is_refused(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path / "runs/a/logs/dreambooth")) as writer:
        grid = np.stack([panel("red").transpose(2, 0, 1)] * 3)
        writer.add_images("validation", grid, 1)
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    assert (report.tally.scored, report.tally.refused) == (0, 1)
    assert report.problems[0].reason == "grid_count_unknown"


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_folder_of_wandb_alone_is_a_run_with_its_captions_as_prompts(
    tmp_path: Path, mode: str
) -> None:
    first = min((RECORDED / f"wandb_{mode}" / "wandb").iterdir())
    shutil.copytree(first, tmp_path / "runs" / "wandb" / first.name)
    for path in (tmp_path / "runs").rglob("red - 32x32*"):
        path.unlink()
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    assert [(row["step"], row["prompt_id"], row["cosine"]) for row in rows(store, SCORES)] == [
        (10, "validation_0", 1.0),
        (10, "validation_1", 1.0),
        (20, "validation_0", 1.0),
        (20, "validation_1", 1.0),
    ]
    assert rows(
        store,
        "SELECT tag, count(*) AS n, max(value) AS last, max(scale) AS scale FROM scalars "
        "GROUP BY tag ORDER BY tag",
    ) == [
        {"tag": "clip/mean", "n": 20, "last": 50.0, "scale": 100.0},
        {"tag": "train_loss", "n": 20, "last": 1.0, "scale": 1.0},
    ]
    hidden = rows(store, "SELECT raw FROM run_config WHERE key = 'hub_token'")
    assert hidden == [{"raw": "(hidden)"}]


def test_a_training_that_wandb_resumed_in_a_second_folder_counts_every_step_once(
    tmp_path: Path,
) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    shutil.copytree(RECORDED / "wandb_online" / "wandb", run / "wandb")
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    first, second = (path.name for path in sorted((run / "wandb").iterdir()))
    losses = "SELECT step, path FROM current_scalars WHERE tag = 'train_loss' ORDER BY step"
    assert [(row["step"], Path(row["path"]).parent.name) for row in rows(store, losses)] == [
        (step, first if step < 15 else second) for step in range(1, 23)
    ]
    assert report.logs.notes == ()
    assert states_add_up(tmp_path / "runs", report)


@pytest.mark.parametrize("first", ["both at once", "one after the other"])
def test_a_run_that_wandb_resumed_under_its_id_is_one_run(tmp_path: Path, first: str) -> None:
    """Nothing but W&B's folders: the second goes on at step 15 and logs step 20 again."""
    before, after = sorted((RECORDED / "wandb_online" / "wandb").iterdir())
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    shutil.copytree(before, runs / "wandb" / before.name)
    other = before.name.replace("abc123", "other")
    shutil.copytree(before, runs / "wandb" / other)
    if first == "one after the other":
        ingest(runs, store)
    shutil.copytree(after, runs / "wandb" / after.name)
    for path in runs.rglob("red - 32x32*"):
        path.unlink()
    report = ingest(runs, store)
    assert [row["run"] for row in rows(store, "SELECT run FROM run_summary ORDER BY run")] == [
        f"wandb/{before.name}",
        f"wandb/{other}",
    ]
    places = """
        SELECT step, prompt_id, path FROM current_scores WHERE run LIKE '%abc123' ORDER BY ALL
    """
    assert [
        (row["step"], row["prompt_id"], after.name in str(row["path"]))
        for row in rows(store, places)
    ] == [(step, f"validation_{number}", step == 20) for step in (10, 20) for number in (0, 1)]
    losses = """
        SELECT count(*) AS n FROM current_scalars
        WHERE run LIKE '%abc123' AND tag = 'train_loss'
    """
    assert rows(store, losses) == [{"n": 22}]
    assert states_add_up(runs, report)
    again = ingest(runs, store)
    assert (again.n_scores, again.logs.n_scalars) == (0, 0)


def test_a_log_beside_the_runs_belongs_to_the_run_that_it_is_called_after(tmp_path: Path) -> None:
    write_folder_run(tmp_path / "all/output/lora-a", PROMPTS, {100: ["red", "blue"]})
    write_folder_run(tmp_path / "all/output/lora-b", PROMPTS, {100: ["red", "blue"]})
    with SummaryWriter(str(tmp_path / "all/logs/lora-b/train")) as writer:
        writer.add_scalar("loss", 0.5, 1)
    with SummaryWriter(str(tmp_path / "all/logs/other/train")) as writer:
        writer.add_scalar("loss", 0.7, 1)
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "all", store)
    assert rows(store, "SELECT run, value FROM current_scalars") == [
        {"run": "output/lora-b", "value": 0.5}
    ]
    assert dict(report.skipped_by_rule)["not_in_a_run"] == 1


def test_simpletuners_metrics_and_ai_toolkits_losses_are_scalars_too(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    line = {"schema_version": 1, "step": 101, "timestamp": "2026-08-22T10:00:00+00:00"}
    metrics = [{"metrics": {"clip/mean": 30.0, "train_loss": 0.5}, **line}, {**line, "step": 102}]
    text = json.dumps(metrics[0]) + "\n{torn" + json.dumps(metrics[0] | {"step": 103}) + "\n"
    (run / "training_metrics.jsonl").write_text(text + json.dumps(metrics[1]))
    with sqlite3.connect(run / "loss_log.db") as database:
        database.executescript(
            "CREATE TABLE steps (step INTEGER PRIMARY KEY, wall_time REAL);"
            "CREATE TABLE metrics (step INTEGER, key TEXT, value_real REAL, value_text TEXT);"
            "INSERT INTO steps VALUES (1, 1.7e9), (2, 1.7e9);"
            "INSERT INTO metrics VALUES (1, 'loss/loss', 0.25, NULL), (2, 'note', NULL, 'x');"
        )
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    assert rows(store, "SELECT source, tag, step, value FROM scalars ORDER BY ALL") == [
        {"source": "ai_toolkit_losses", "tag": "loss/loss", "step": 1, "value": 0.25},
        {"source": "simpletuner_metrics", "tag": "clip/mean", "step": 101, "value": 30.0},
        {"source": "simpletuner_metrics", "tag": "clip/mean", "step": 103, "value": 30.0},
        {"source": "simpletuner_metrics", "tag": "train_loss", "step": 101, "value": 0.5},
        {"source": "simpletuner_metrics", "tag": "train_loss", "step": 103, "value": 0.5},
    ]
    assert report.logs.notes == ()
    with (run / "training_metrics.jsonl").open("a") as file:
        file.write("\nno metrics\n")
    assert "no metrics" in ingest(tmp_path / "runs", store).logs.notes[0]


def test_a_log_that_cannot_be_read_is_refused_and_stops_no_other(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log_composites(run, {}, losses=5)
    (run / "loss_log.db").write_text("no database")
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb")
    assert [problem.reason for problem in report.problems] == ["log_unreadable"]
    assert report.logs.n_scalars == 5
    assert states_add_up(tmp_path / "runs", report)


def test_no_logs_leaves_them_unread(tmp_path: Path) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    log_composites(run, {100: ["red", "blue"]}, losses=5)
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store, read_logs=False)
    assert counts(store)["scalars"] == 0
    assert report.logs.n_files == 0


def test_settings_are_typed_and_replaced_as_a_whole(tmp_path: Path) -> None:
    run = write_simpletuner_run(
        tmp_path / "runs/a",
        PROMPTS,
        {100: ["red", "blue"]},
        config={"learning_rate": "1e-4", "use_ema": "false", "betas": [0.9, 0.99], "gone": 1},
    )
    store = tmp_path / "s.duckdb"
    ingest(tmp_path / "runs", store)
    typed = """
        SELECT key, kind, number, raw FROM run_config WHERE key <> 'user_prompt_library'
        ORDER BY key
    """
    assert rows(store, typed) == [
        {"key": "betas.0", "kind": "number", "number": 0.9, "raw": "0.9"},
        {"key": "betas.1", "kind": "number", "number": 0.99, "raw": "0.99"},
        {"key": "gone", "kind": "number", "number": 1.0, "raw": "1"},
        {"key": "learning_rate", "kind": "number", "number": 1e-4, "raw": "1e-4"},
        {"key": "max_train_steps", "kind": "number", "number": 1000.0, "raw": "1000"},
        {"key": "use_ema", "kind": "boolean", "number": 0.0, "raw": "false"},
    ]
    settings = json.loads((run / "config.json").read_text())
    del settings["gone"]
    (run / "config.json").write_text(json.dumps(settings))
    ingest(tmp_path / "runs", store)
    assert "gone" not in [row["key"] for row in rows(store, typed)]


@pytest.mark.parametrize("colour", ["red", "blue"])
def test_a_picture_logged_anew_after_a_resume_replaces_the_one_before(
    tmp_path: Path, colour: str
) -> None:
    """Nobody kept files; the log has step 100 twice, and the later one is the run's."""
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {200: ["red", "blue"]})
    log_composites(run, {100: ["green", "green"]})
    second = tmp_path / "second"
    folder = run / "logs" / "simpletuner"
    with SummaryWriter(str(second)) as writer:
        for name, text in PROMPTS.items():
            drawn = composite(panel("green"), panel(colour), text)
            writer.add_image(f"{name} - (64, 64)", np.asarray(drawn).transpose(2, 0, 1), 100)
    shutil.copy(next(second.glob("events*")), folder / "events.out.tfevents.2")
    store = tmp_path / "s.duckdb"
    report = ingest(tmp_path / "runs", store)
    found = {row["prompt_id"]: row["cosine"] for row in rows(store, SCORES) if row["step"] == 100}
    assert found == {name: float(name == colour) for name in PROMPTS}
    assert dict(report.skipped_by_rule)["logged_again"] == 2


def test_scan_reads_logs_without_the_database_and_without_polars() -> None:
    code = (
        "import sys, clipstore.commands.scan; "
        "print([name for name in ('polars', 'duckdb', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
