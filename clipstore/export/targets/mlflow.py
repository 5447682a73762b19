"""`--to mlflow`: a run per run and model in an MLflow database in DIR, or on an MLflow server.

Invariant: nothing connects but for --server. A run that is exported again takes the place of the
one before, once it is whole; MLflow keeps the older among the deleted. The only module that imports
mlflow.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from clipstore.errors import LibraryMissing, ServerFailed
from clipstore.export.curves import RunCurves, curves_of_runs
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader
from clipstore.types import content_id

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
except ModuleNotFoundError:
    raise LibraryMissing("--to mlflow", "mlflow", "pip install mlflow") from None

NAME = "mlflow"
EXPERIMENT = "clipstore"
ID_TAG = "clipstore.id"
METRICS_PER_BATCH = 1_000
"""MLflow's own limit."""
ANSWER_SECONDS = 15.0
"""MLflow's client tries for minutes when nobody answers; this is asked once before."""


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """DIR/mlflow.db, for `mlflow ui --backend-store-uri sqlite:///DIR/mlflow.db`, or the server:
    the curves over the optimizer step, the verdict as tags."""
    if request.server is not None:
        return _export_to_server(reader, request, request.server)
    folder = request.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "mlflow.db"
    client = MlflowClient(tracking_uri=f"sqlite:///{database}")
    return _export_runs(reader, request, client, str(database), (folder / "mlruns").as_uri())


def _export_to_server(reader: Reader, request: ExportRequest, server: str) -> tuple[Exported, ...]:
    host = _host(server)
    _ask_whether_it_is_there(server, host)
    try:
        return _export_runs(reader, request, MlflowClient(tracking_uri=server), host)
    except MlflowException as error:
        first_line = str(error).splitlines()[0]
        what_to_do = (
            "Runs that were whole before stand there; export again when the server does its part."
        )
        raise ServerFailed(host, f"refused: {first_line}", what_to_do) from None


def _host(server: str) -> str:
    """Host and port: the rest of an address may hold a password."""
    try:
        parts = urlsplit(server)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        why = "is no address of a server: it must begin with http:// or https:// and name a host"
        raise ServerFailed("--server", why, "For example --server http://127.0.0.1:5000.")
    return host if port is None else f"{host}:{port}"


def _ask_whether_it_is_there(server: str, host: str) -> None:
    try:
        address = f"{server.rstrip('/')}/health"
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer:
            is_mlflow = answer.read(100).strip() == b"OK"
    except urllib.error.HTTPError:
        return  # it wants a password first, for example; what it refuses then is said
    except (OSError, http.client.HTTPException) as error:
        why = f"does not answer ({getattr(error, 'reason', error)})"
        raise ServerFailed(host, why, "Start it, or leave --server out and name a DIR.") from None
    if not is_mlflow:
        why = "answers, but not as MLflow does"
        raise ServerFailed(host, why, f"Look whether {host} is the MLflow server's port.")


def _export_runs(
    reader: Reader,
    request: ExportRequest,
    client: MlflowClient,
    place: str,
    artifacts: str | None = None,
) -> tuple[Exported, ...]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    experiment_id = (
        experiment.experiment_id
        if experiment is not None
        else client.create_experiment(EXPERIMENT, artifact_location=artifacts)
    )
    with contextlib.redirect_stdout(sys.stderr):  # MLflow prints where each run can be looked at
        return tuple(
            _export_run(client, experiment_id, curves, place)
            for curves in curves_of_runs(reader, request.runs)
        )


def _export_run(
    client: MlflowClient, experiment_id: str, curves: RunCurves, place: str
) -> Exported:
    own_id = f"{content_id(curves.run, curves.model):016x}"
    older = client.search_runs([experiment_id], f"tags.`{ID_TAG}` = '{own_id}'")
    run_id = client.create_run(experiment_id, run_name=curves.run).info.run_id
    seconds = dict(curves.seconds_by_step)
    metrics = [
        Metric(
            f"{curves.group}/{curve.name}",
            point.value,
            _milliseconds(seconds, point.step),
            point.step,
        )
        for curve in curves.curves
        for point in curve.points
    ]
    for start in range(0, len(metrics), METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_PER_BATCH])
    verdict = curves.verdict
    tags = {
        ID_TAG: own_id,
        "clipstore.run": curves.run,
        "clipstore.model": curves.model,
        "clipstore.verdict": verdict.verdict,
        "clipstore.reason": next(iter(verdict.reasons), ""),
    }
    params = (
        []
        if verdict.planned_steps is None
        else [Param("planned_steps", str(verdict.planned_steps))]
    )
    client.log_batch(run_id, params=params, tags=[RunTag(*tag) for tag in tags.items()])
    client.set_terminated(run_id)
    for one in older:
        client.delete_run(one.info.run_id)
    return Exported(f"{place} {curves.run}", f"{len(metrics):,} points")


def _milliseconds(seconds: dict[int, float], step: int) -> int:
    return int(1000 * seconds.get(step, max(seconds.values(), default=0.0)))
