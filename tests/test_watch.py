"""Watching: what a round does, what a look sees, and one real watch beside a real writer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.errors import StoreCorrupt, WebhookRefused
from clipstore.modelidentity import Band
from clipstore.pipeline import ingest
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import survey
from clipstore.storage.store import run_query
from clipstore.watching.lookout import LONGEST_WAIT, Lookout
from clipstore.watching.rounds import Rounds
from clipstore.watching.waking import Waker
from clipstore.watching.watch import Pace, watch
from clipstore.watching.webhook import Webhook
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import made_old, write_folder_run
from tests.tiny_clip import build_tiny_clip
from tests.watch_process import WatchProcess, holding

LOG_SECONDS = 60.0
PROMPTS = {f"red{n}": f"a red square {n}" for n in range(6)}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def write_steps(root: Path, steps: range) -> Path:
    """A run that has been reddish from its first step on: every score is about .9."""
    for step in steps:
        folder = root / f"step_{step:06d}"
        folder.mkdir(parents=True)
        for number, (name, text) in enumerate(PROMPTS.items()):
            shade = np.random.default_rng([step, number]).integers(70, 110, 2)
            Image.new("RGB", (64, 64), (255, *map(int, shade))).save(folder / f"{name}.png")
            (folder / f"{name}.txt").write_text(text)
    return made_old(root)


class Watched:
    """Rounds over `runs/` with a model that counts how often it is loaded."""

    def __init__(self, runs: Path, store: Path) -> None:
        self.runs = runs
        self.store = store
        self.n_loaded = 0
        self.rounds = Rounds(
            [self.runs.resolve()],
            self.store,
            lambda root, files: survey(outline(root, only_of=files)),
            self._load,
            IngestOptions(workers=0),
            StopSwitch(),
        )

    def _load(self, _found: object) -> MeanColourEmbedder:
        self.n_loaded += 1
        return MeanColourEmbedder(band=Band(0.3, 0.6, 0.9))

    def files(self, run: str) -> list[Path]:
        return [path.resolve() for path in (self.runs / run).rglob("*.png")]

    def n_scores(self) -> int:
        return int(run_query(self.store, "SELECT count(*) FROM scores").item())


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    (tmp_path / "runs").mkdir()
    return Watched(tmp_path / "runs", tmp_path / "s.duckdb")


def test_the_model_is_loaded_once_for_all_rounds(watched: Watched) -> None:
    for step in range(1, 4):
        write_steps(watched.runs / "a", range(step, step + 1))
        watched.rounds.score(watched.files("a"), NOW)
    assert (watched.n_loaded, watched.n_scores()) == (1, 3 * len(PROMPTS))


def test_without_any_run_a_round_does_nothing_and_says_so(watched: Watched) -> None:
    done = watched.rounds.score(None, NOW)
    assert done.is_complete
    assert "found no runs" in done.trouble[0]
    assert (watched.n_loaded, watched.store.exists()) == (0, False)


def test_a_round_reads_only_the_runs_of_its_files(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    write_steps(watched.runs / "b", range(1, 2))
    done = watched.rounds.score(watched.files("b"), NOW)
    assert done.report is not None
    assert done.report.tally.scored == len(PROMPTS)
    assert run_query(watched.store, "SELECT name FROM runs")["name"].to_list() == ["b"]


def test_a_changed_verdict_is_news_once_with_what_was_said_before(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    (first,) = watched.rounds.score(None, NOW).changes
    write_steps(watched.runs / "a", range(2, 12))
    (second,) = watched.rounds.score(watched.files("a"), NOW + timedelta(minutes=1)).changes
    write_steps(watched.runs / "a", range(12, 13))
    third = watched.rounds.score(watched.files("a"), NOW + timedelta(minutes=2)).changes

    assert (first.before, first.verdict) == (None, "cannot tell yet")
    assert (second.before, second.verdict) == ("cannot tell yet", "in band: judge by eye")
    assert (second.run, second.last_step) == ("a", 11)
    assert third == ()


def test_a_held_database_ends_the_round_and_the_files_come_again(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    watched.rounds.score(None, NOW)
    write_steps(watched.runs / "a", range(2, 3))
    with holding(watched.store):
        blocked = watched.rounds.score(watched.files("a"), NOW)
    free = watched.rounds.score(watched.files("a"), NOW)

    assert not blocked.is_complete
    assert "PID" in blocked.trouble[0]
    assert free.is_complete
    assert watched.n_scores() == 2 * len(PROMPTS)


def test_a_verdict_that_a_held_database_kept_back_is_told_in_a_later_round(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader lets others read, so that all goes on but for what has to be written."""
    monkeypatch.setattr(ingest, "MERGE_WAIT_SECONDS", 0.1)
    write_steps(watched.runs / "a", range(1, 2))
    watched.rounds.score(None, NOW)
    write_steps(watched.runs / "b", range(1, 2))
    with holding(watched.store, "read"):
        held = watched.rounds.score(watched.files("b"), NOW + timedelta(minutes=1))
    free = watched.rounds.score(watched.files("b"), NOW + timedelta(minutes=2))

    assert (held.changes, held.is_complete) == ((), False)
    assert [(each.run, each.before, each.verdict) for each in free.changes] == [
        ("b", None, "cannot tell yet")
    ]
    assert free.is_complete
    assert free.report is not None
    assert free.report.n_scores == 0  # they were written the round before


def test_a_verdict_that_another_command_wrote_meanwhile_is_news_all_the_same(
    watched: Watched,
) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    watched.rounds.score(None, NOW)
    write_steps(watched.runs / "a", range(2, 12))
    other = Watched(watched.runs, watched.store)
    other.rounds.score(None, NOW + timedelta(minutes=1))
    write_steps(watched.runs / "a", range(12, 13))
    (change,) = watched.rounds.score(watched.files("a"), NOW + timedelta(minutes=2)).changes
    assert (change.before, change.verdict) == ("cannot tell yet", "in band: judge by eye")


def test_what_a_watch_scored_and_could_not_judge_the_next_one_judges(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    ingest.ingest_surveyed(
        [survey(outline(watched.runs))],
        watched.store,
        MeanColourEmbedder(band=Band(0.3, 0.6, 0.9)),
        IngestOptions(workers=0),
    )
    (change,) = watched.rounds.score(None, NOW).changes
    assert (change.run, change.verdict) == ("a", "cannot tell yet")
    assert watched.rounds.score(None, NOW).changes == ()


def test_a_damaged_database_ends_the_watching(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    watched.store.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreCorrupt):
        watched.rounds.score(None, NOW)


def test_a_run_that_is_removed_or_renamed_stops_nothing(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    write_steps(watched.runs / "b", range(1, 2))
    watched.rounds.score(None, NOW)
    shutil.rmtree(watched.runs / "a")
    (watched.runs / "b").rename(watched.runs / "c")

    done = watched.rounds.score(watched.files("c"), NOW)

    assert done.is_complete
    names = run_query(watched.store, "SELECT name FROM runs ORDER BY name")["name"].to_list()
    assert names == ["a", "b", "c"]
    shutil.rmtree(watched.runs)
    assert watched.rounds.score(None, NOW).is_complete


def test_a_half_written_picture_is_pending_and_scored_once_when_it_is_whole(
    watched: Watched,
) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    picture = watched.files("a")[0]
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])

    first = watched.rounds.score([picture], NOW)
    picture.write_bytes(whole)
    second = watched.rounds.score(first.pending, NOW)

    assert first.pending == {picture}
    assert second.pending == frozenset()
    assert watched.n_scores() == len(PROMPTS)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lookout(tmp_path: Path, clock: Clock) -> Lookout:
    return Lookout([tmp_path], 5.0, LOG_SECONDS, clock)


def test_a_file_is_handed_out_when_it_was_quiet_and_once(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    picture = tmp_path / "a" / "1.png"
    picture.parent.mkdir()
    picture.write_bytes(b"1")
    seen = []
    for clock.now in (0.0, 4.9, 5.0):
        seen.append(lookout.look())
    lookout.done({picture})
    clock.now = 99.0

    assert seen == [frozenset(), frozenset(), {picture}]
    assert lookout.look() == frozenset()


def test_a_file_that_still_grows_waits_and_its_neighbours_with_it(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    done, growing = tmp_path / "1.png", tmp_path / "2.png"
    done.write_bytes(b"1")
    seen = []
    for second in range(int(LONGEST_WAIT * 5) + 1):
        clock.now = float(second)
        growing.write_bytes(b"x" * (second + 1))
        seen.append(lookout.look())

    assert set(seen[:-1]) == {frozenset()}
    assert seen[-1] == {done}


def test_what_was_there_at_first_is_new_only_when_it_changes(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    picture = tmp_path / "1.png"
    picture.write_bytes(b"1")
    lookout.take_in()
    for clock.now in (0.0, 6.0):
        assert lookout.look() == frozenset()
    picture.write_bytes(b"22")
    lookout.look()
    clock.now = 11.0
    assert lookout.look() == {picture}


def test_files_come_again_after_the_time_that_was_said(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    picture = tmp_path / "1.png"
    picture.write_bytes(b"1")
    lookout.take_in()
    lookout.again({picture}, 10.0)
    clock.now = 9.0
    assert (lookout.look(), lookout.next_look_s) == (frozenset(), 1.0)
    clock.now = 10.0
    assert lookout.look() == {picture}
    lookout.done({picture})
    assert (lookout.look(), lookout.next_look_s) == (frozenset(), None)


def test_a_round_that_failed_gets_its_files_back_but_not_at_once(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    picture = tmp_path / "1.png"
    picture.write_bytes(b"1")
    lookout.look()
    clock.now = 5.0
    lookout.again(lookout.look(), 10.0)
    clock.now = 6.0
    assert lookout.look() == frozenset()
    clock.now = 15.0
    assert lookout.look() == {picture}


def test_links_hidden_folders_and_other_files_are_not_looked_at(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / ".thumbs").mkdir()
    for name in (".thumbs/1.png", "model.safetensors", "notes.md"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "link.png").symlink_to(tmp_path / ".thumbs/1.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    lookout.look()
    clock.now = 5.0
    assert lookout.look() == frozenset()


def test_a_removed_root_is_seen_again_when_it_is_back(
    lookout: Lookout, clock: Clock, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path)
    assert lookout.look() == frozenset()
    tmp_path.mkdir()
    (tmp_path / "1.png").write_bytes(b"1")
    lookout.look()
    clock.now = 5.0
    assert lookout.look() == {tmp_path / "1.png"}


@pytest.mark.parametrize("poll", [False, True])
def test_a_new_picture_ends_a_wait_where_the_system_notifies(tmp_path: Path, poll: bool) -> None:
    waker = Waker([tmp_path], lambda: False, poll=poll)
    seconds = 1.0 if poll else 120.0
    threading.Timer(0.3, (tmp_path / "1.png").write_bytes, [b"1"]).start()
    started = time.monotonic()
    waker.wait(seconds)
    assert (time.monotonic() - started >= seconds) == poll
    assert bool(waker.why_polling) == poll


def test_a_wait_ends_when_it_shall_stop(tmp_path: Path) -> None:
    waker = Waker([tmp_path], lambda: True, poll=True)
    started = time.monotonic()
    waker.wait(120.0)
    assert time.monotonic() - started < 60


class Receiver:
    """A web server on this machine that answers with the codes it is given, then with 200."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.bodies: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(receiver.codes.pop(0) if receiver.codes else 200)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.bodies.append(b"GET")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path?token=secret-token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_news_that_does_not_get_there_is_tried_again(receiver: Receiver) -> None:
    receiver.codes = [500, 503]
    said: list[str] = []
    with Webhook(receiver.url, said.append, pauses_s=(0.0, 0.0)) as hook:
        hook.send({"run": "é"})
    assert [json.loads(body) for body in receiver.bodies] == [{"run": "é"}] * 3
    assert said == []


@pytest.mark.parametrize(("code", "what"), [(500, "answered 500"), (302, "answered 302")])
def test_tries_are_bounded_and_the_address_is_in_no_message(
    receiver: Receiver, code: int, what: str
) -> None:
    receiver.codes = [code] * 9
    said: list[str] = []
    with Webhook(receiver.url, said.append, pauses_s=(0.0, 0.0)) as hook:
        hook.send({"run": "a"})
    assert len(receiver.bodies) == 3
    assert b"GET" not in receiver.bodies
    assert "after 3 tries" in said[0]
    assert what in said[0]
    assert "secret" not in said[0]


def test_a_host_that_is_not_there_is_a_message_and_no_error() -> None:
    said: list[str] = []
    with Webhook("http://user:pass@127.0.0.1:9/secret", said.append, pauses_s=()) as hook:
        hook.send({"run": "a"})
    assert said[0].startswith("webhook 127.0.0.1:9: not delivered")
    assert not any(word in said[0] for word in ("secret", "pass", "user"))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "secret", "http:///x", "h://["]
)
def test_only_web_addresses_are_posted_to(url: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        Webhook(url, print)
    assert url not in str(caught.value)


WRITER = """
import shutil, sys, time
from pathlib import Path
source, target = map(Path, sys.argv[1:])
for picture in sorted(source.rglob("*")):
    if picture.is_dir():
        continue
    place = target / picture.relative_to(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    data = picture.read_bytes()
    with place.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        if picture.suffix == ".png":
            time.sleep(0.7 if "slow" in picture.name else 0.02)
        file.write(data[len(data) // 2 :])
"""


def test_a_watch_scores_what_a_writer_saves_and_lets_others_into_the_database(
    tmp_path: Path, receiver: Receiver
) -> None:
    model = build_tiny_clip(tmp_path / "model")
    source = write_folder_run(
        tmp_path / "source", {"slow": "a red square", "b": "a cat"}, {1: ["red", "blue"]}
    )
    for step in range(2, 6):
        shutil.copytree(source / "step_000001", source / f"step_{step:06d}")
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    runs.mkdir()
    count = "SELECT count(*), count(DISTINCT crop_id) FROM scores"
    arguments = (runs, "--model", model, "--db", store, "--quiet-seconds", "0.3", "--workers", "1")
    with WatchProcess(*arguments, CLIPSTORE_WEBHOOK=receiver.url) as watching:
        writer = [sys.executable, "-c", WRITER, str(source), str(runs / "a")]
        subprocess.run(writer, check=True)
        watching.until(lambda: store.exists() and run_query(store, count).row(0)[0] == 10)
        with holding(store):  # another program gets in while the watch waits
            shutil.copytree(source / "step_000001", runs / "a" / "step_000009")
            time.sleep(1.0)
        watching.until(lambda: run_query(store, count).row(0)[0] == 12)
        watching.until(lambda: bool(watching.lines))

    assert watching.code == 130, watching.err
    assert "Traceback" not in watching.err
    assert watching.err.count("stopped") == 1
    assert "secret" not in "".join(watching.lines) + watching.err
    (news,) = map(json.loads, watching.lines)
    assert (news["run"], news["before"], news["verdict"]) == ("a", None, "cannot tell yet")
    refused = run_query(store, "SELECT count(*) FROM current_problems").item()
    assert refused == 0


def test_a_loop_scores_first_what_is_there_then_what_comes(watched: Watched) -> None:
    write_steps(watched.runs / "a", range(1, 2))
    stop = StopSwitch()
    told = []

    def tell(done: object) -> None:
        told.append(done)
        if len(told) == 1:
            write_steps(watched.runs / "b", range(1, 2))
        else:
            stop.set()

    roots = [watched.runs.resolve()]
    lookout = Lookout(roots, 0.1, 0.1)
    waker = Waker(roots, lambda: stop.is_set, poll=True)
    watch(watched.rounds, lookout, waker, stop, tell, Pace(look_s=0.1))

    assert [one.report.tally.scored for one in told] == [len(PROMPTS)] * 2


def test_once_is_one_round_and_says_by_its_code_what_is_left(tmp_path: Path) -> None:
    model = build_tiny_clip(tmp_path / "model")
    runs = write_folder_run(tmp_path / "runs" / "a", {"x": "a cat"}, {1: ["red"]}).parent
    Image.new("RGB", (64, 64)).save(runs / "a" / "step_000001" / "y.png")
    made_old(runs)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "clipstore", "watch", str(runs), "--once"),
            *("--model", str(model), "--db", str(tmp_path / "s.duckdb"), "--workers", "0"),
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "1 scored, 1 refused" in done.stderr
    assert "a at step 1: cannot tell yet" in done.stdout
