"""Logs under a watch: when they are read, whose they are, and one real watch beside a training that
goes on writing them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from torch.utils.tensorboard import SummaryWriter

from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import survey
from clipstore.storage.store import run_query
from clipstore.watching.lookout import LONGEST_WAIT, Lookout
from clipstore.watching.rounds import Rounds
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import panel, write_folder_run
from tests.test_watch import Clock
from tests.tiny_clip import build_tiny_clip
from tests.watch_process import WatchProcess

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUIET_S, LOG_S = 5.0, 60.0
EVENTS = "events.out.tfevents.1.host"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lookout(tmp_path: Path, clock: Clock) -> Lookout:
    return Lookout([tmp_path], QUIET_S, LOG_S, clock)


def grow(log: Path, n_bytes: int = 10) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(b"x" * n_bytes)


def test_a_log_that_never_stays_quiet_is_due_once_a_minute(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    log = tmp_path / "a" / EVENTS
    grow(log)
    lookout.take_in()
    due_at = []
    for second in range(1, 181):
        clock.now = float(second)
        grow(log)
        due = lookout.look()
        if due:
            assert due == {log}
            due_at.append(second)
            lookout.done(due)
    assert due_at == [60, 120, 180]


def test_a_log_that_does_not_grow_is_never_due(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    grow(tmp_path / EVENTS)
    lookout.take_in()
    clock.now = 1000.0
    assert lookout.look() == frozenset()


def test_growth_while_a_log_is_being_read_is_due_the_next_time(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    log = tmp_path / EVENTS
    grow(log)
    lookout.take_in()
    grow(log)
    clock.now = 60.0
    due = lookout.look()
    grow(log)  # while the round reads
    clock.now = 70.0
    lookout.done(due)
    clock.now = 129.0
    assert lookout.look() == frozenset()
    clock.now = 130.0
    assert lookout.look() == {log}


def test_a_log_waits_for_pictures_that_are_being_written_but_not_for_ever(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    log, picture = tmp_path / EVENTS, tmp_path / "1.png"
    grow(log)
    lookout.take_in()
    grow(log)
    seen = []
    for clock.now in (60.0, 60.0 + LONGEST_WAIT * QUIET_S - 1, 60.0 + LONGEST_WAIT * QUIET_S):
        grow(picture)
        seen.append(lookout.look())
    assert seen == [frozenset(), frozenset(), {log}]


def test_a_log_that_could_not_be_read_comes_again_after_the_time_that_was_said(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    log = tmp_path / EVENTS
    grow(log)
    lookout.take_in()
    grow(log)
    clock.now = 60.0
    lookout.again(lookout.look(), 10.0)
    clock.now = 69.0
    assert (lookout.look(), lookout.next_look_s) == (frozenset(), 1.0)
    clock.now = 70.0
    assert lookout.look() == {log}


def test_where_there_are_logs_the_next_look_is_when_they_may_be_due(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    grow(tmp_path / EVENTS)
    lookout.take_in()
    clock.now = 20.0
    lookout.look()
    assert lookout.next_look_s == 40.0
    clock.now = 61.0
    lookout.look()
    assert lookout.next_look_s == LOG_S


def test_new_rows_of_a_database_of_losses_lie_in_the_file_beside_it(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    """As ai-toolkit writes it: the database stays as it is until SQLite moves the rows."""
    with sqlite3.connect(tmp_path / "loss_log.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE metrics (step INTEGER)")
        database.commit()
        lookout.take_in()
        before = (tmp_path / "loss_log.db").stat()
        database.execute("INSERT INTO metrics VALUES (1)")
        database.commit()
        assert (tmp_path / "loss_log.db").stat() == before
        clock.now = 60.0
        assert lookout.look() == {tmp_path / "loss_log.db"}
    database.close()


class WatchedLogs:
    """Rounds over `all/`, in which runs/ are and, apart from them, logs/."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "all"
        self.store = folder / "s.duckdb"
        self.rounds = Rounds(
            [self.root.resolve()],
            self.store,
            lambda root, files: survey(outline(root, only_of=files)),
            lambda _found: MeanColourEmbedder(),
            IngestOptions(workers=0),
            StopSwitch(),
        )


def test_a_log_beside_the_runs_is_read_for_the_run_that_it_is_called_after(tmp_path: Path) -> None:
    watched = WatchedLogs(tmp_path)
    for name in ("lora-a", "lora-b"):
        write_folder_run(watched.root / "output" / name, {"x": "a red square"}, {100: ["red"]})
    with SummaryWriter(str(watched.root / "logs/lora-b/train")) as writer:
        writer.add_scalar("loss", 0.5, 1)
    with SummaryWriter(str(watched.root / "logs/unknown/train")) as writer:
        writer.add_scalar("loss", 0.7, 1)
    logs = sorted(watched.root.resolve().rglob("events*"))

    done = watched.rounds.score(logs, NOW)

    assert done.report is not None
    assert (done.report.tally.scored, done.report.tally.skipped) == (1, 2)
    assert run_query(watched.store, "SELECT name FROM runs")["name"].to_list() == ["output/lora-b"]
    assert run_query(watched.store, "SELECT value FROM scalars")["value"].to_list() == [0.5]


def test_a_log_that_has_no_pictures_yet_is_no_run_and_becomes_one(tmp_path: Path) -> None:
    watched = WatchedLogs(tmp_path)
    folder = watched.root / "a"
    folder.mkdir(parents=True)
    settings = {"validation_prompt": "a red square", "num_validation_images": 1}
    (folder / "hparams.yml").write_text(yaml.safe_dump(settings | {"validation_steps": 10}))
    with SummaryWriter(str(folder / "logs")) as writer:
        writer.add_scalar("loss", 0.5, 1)
        writer.flush()
        (log,) = folder.resolve().rglob("events*")
        first = watched.rounds.score([log], NOW)
        writer.add_images("validation", panel("red").transpose(2, 0, 1)[None], 10)
        writer.flush()
        second = watched.rounds.score([log], NOW)
    assert (first.report, first.is_complete) == (None, True)
    assert second.report is not None
    assert second.report.tally.scored == 1
    assert run_query(watched.store, "SELECT step, cosine FROM scores").rows() == [(10, 1.0)]


TRAINER = """
import sys, time
import numpy as np
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1], flush_secs=1)
print("started", flush=True)
step = 0
while sys.stdin.readline() != "stop\\n":
    for _ in range(10):
        step += 1
        writer.add_scalar("train_loss", 1 / step, step)
    grid = np.zeros((2, 3, 32, 32), dtype=np.uint8)
    grid[0, 0] = grid[1, 2] = 255  # red, blue
    writer.add_images("validation", grid, step)
    writer.flush()
"""


def test_a_watch_scores_the_pictures_of_a_log_while_the_training_writes_it(tmp_path: Path) -> None:
    model = build_tiny_clip(tmp_path / "model")
    run, store = tmp_path / "runs" / "a", tmp_path / "s.duckdb"
    run.mkdir(parents=True)
    settings = {"validation_prompt": "a red square", "num_validation_images": 2}
    (run / "hparams.yml").write_text(yaml.safe_dump(settings | {"validation_steps": 10}))
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(run / "logs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    count = "SELECT (SELECT count(*) FROM scores), (SELECT count(*) FROM scalars)"
    arguments = (run.parent, "--model", model, "--db", store, "--log-seconds", "0.5")
    with training, WatchProcess(*arguments, "--workers", "1") as watching:
        assert training.stdin is not None and training.stdout is not None
        assert training.stdout.readline() == "started\n"
        for n_validations in range(1, 4):
            training.stdin.write("go on\n")
            training.stdin.flush()
            expected = (2 * n_validations, 10 * n_validations)
            watching.until(
                lambda now=expected: store.exists() and run_query(store, count).row(0) == now
            )
            assert training.poll() is None  # the log is open for writing all the while
        watching.until(lambda: bool(watching.lines))
        training.stdin.write("stop\n")

    assert watching.code == 130, watching.err
    assert "Traceback" not in watching.err
    (news,) = map(json.loads, watching.lines)
    assert (news["run"], news["before"], news["verdict"]) == ("a", None, "cannot tell yet")
    (log,) = (run / "logs").glob("events*")
    position = run_query(store, "SELECT position FROM log_files").item()
    assert position == log.stat().st_size
