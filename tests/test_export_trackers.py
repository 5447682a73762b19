"""What the libraries of W&B, MLflow and Trackio read of an export, and an MLflow server."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from clipstore.commands.export import command as export_command
from clipstore.errors import LibraryMissing, ServerFailed
from clipstore.export.targets import ExportRequest, load_target
from clipstore.logged import LogPosition
from clipstore.logs import wandb as wandb_log
from clipstore.storage.store import open_store
from tests.exported_store import STEPS, export, fill


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill(tmp_path / "s.duckdb")


@pytest.mark.parametrize(
    ("target", "install"),
    [
        ("wandb", "pip install wandb"),
        ("mlflow", "pip install mlflow"),
        ("trackio", "pip install trackio; pip install 'pillow>=13'"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, target: str, install: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == target]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, target, None)
    monkeypatch.delitem(sys.modules, f"clipstore.export.targets.{target}", raising=False)

    with pytest.raises(LibraryMissing, match=install):
        load_target(target)


def test_wandb_gets_every_point_once_and_offline(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not among the test's libraries")
    command = [sys.executable, "-m", "clipstore", "export", "--to", "wandb", str(tmp_path / "out")]
    for _ in range(2):  # in processes of their own: one keeps wandb's count of steps
        subprocess.run([*command, "--db", str(store)], check=True)

    (place,) = (tmp_path / "out" / "wandb").glob("offline-run-*")
    (log,) = place.glob("*.wandb")
    assert not wandb_log.is_log(log.name)
    chunks = list(wandb_log.read(log, LogPosition()))
    points = [
        (step, pytest.approx(value))
        for chunk in chunks
        for tag, step, value in zip(
            chunk.scalars.tags, chunk.scalars.steps, chunk.scalars.values, strict=True
        )
        if tag == "clipstore/clip_mean"
    ]
    assert points == list(STEPS.items())


def test_mlflow_gets_every_point_once(store: Path, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not among the test's libraries")
    for _ in range(2):
        export(store, "mlflow", tmp_path / "out")

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/out/mlflow.db")
    experiment = client.get_experiment_by_name("clipstore")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "clipstore/clip_mean")
    assert [(one.step, pytest.approx(one.value)) for one in history] == list(STEPS.items())
    assert run.data.tags["clipstore.verdict"] == "cannot tell yet"


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """A real one on loopback, with a database of its own."""
    why = "mlflow with its server is not among the test's libraries"
    pytest.importorskip("mlflow.server.fastapi_app", reason=why)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("--backend-store-uri", f"sqlite:///{tmp_path}/server.db")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", *places]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--workers", "1"], cwd=tmp_path, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_an_mlflow_server_gets_every_point_once(store: Path, mlflow_server: str) -> None:
    for _ in range(2):
        with open_store(store) as reader:
            request = ExportRequest(Path(), server=mlflow_server)
            (done,) = load_target("mlflow").export(reader, request)

    assert done.place == f"{mlflow_server.removeprefix('http://')} a"
    client = pytest.importorskip("mlflow").MlflowClient(tracking_uri=mlflow_server)
    experiment = client.get_experiment_by_name("clipstore")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "clipstore/clip_mean")
    assert [(one.step, pytest.approx(one.value)) for one in history] == list(STEPS.items())


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("http://me:secret@127.0.0.1:9", "the server at 127.0.0.1:9 does not answer"),
        ("127.0.0.1:5000", "must begin with http://"),
    ],
)
def test_a_server_that_is_not_there_is_said_at_once_without_the_password(
    store: Path, server: str, said: str
) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not among the test's libraries")
    with open_store(store) as reader, pytest.raises(ServerFailed, match=said) as caught:
        load_target("mlflow").export(reader, ExportRequest(Path(), server=server))
    assert "secret" not in str(caught.value)


def test_a_server_that_is_no_mlflow_is_said(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not among the test's libraries")
    (tmp_path / "health").write_text("<html>")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        request = ExportRequest(Path(), server=f"http://127.0.0.1:{server.server_port}")
        with open_store(store) as reader, pytest.raises(ServerFailed, match="not as MLflow does"):
            load_target("mlflow").export(reader, request)
        server.shutdown()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["csv", "--server", "http://127.0.0.1:5000"], "--server goes with --to mlflow only"),
        (["csv"], "Say where to"),
        (["mlflow", "DIR", "--server", "http://127.0.0.1:5000"], "either DIR or"),
    ],
)
def test_an_export_goes_to_one_place(options: list[str], said: str) -> None:
    result = CliRunner().invoke(export_command, ["--to", *options])
    assert result.exit_code == 2
    assert said in result.output


def test_trackio_gets_every_point_once_at_the_time_of_its_pictures(
    store: Path, tmp_path: Path
) -> None:
    why = "trackio is not among the test's libraries"
    trackio = pytest.importorskip("trackio", minversion="0.43", reason=why)
    fill(store, run="b")
    for runs in ((), (), ("a",)):
        export(store, "trackio", tmp_path / "out", runs=runs)

    assert sorted(run.name for run in trackio.Api().runs("clipstore")) == ["a", "b"]
    with sqlite3.connect(tmp_path / "out" / "trackio" / "clipstore.db") as project:
        rows = project.execute("SELECT run_name, step, metrics, timestamp FROM metrics").fetchall()
    assert [
        (step, pytest.approx(json.loads(metrics)["clipstore/clip_mean"]))
        for run, step, metrics, _ in rows
        if run == "a"
    ] == list(STEPS.items())
    assert {time for *_, time in rows} == {"2023-11-14T22:13:20+00:00"}
    configs = {run.name: run.config for run in trackio.Api().runs("clipstore")}
    assert configs["a"]["verdict"] == "cannot tell yet"
