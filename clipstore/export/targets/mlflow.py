"""`--to mlflow`: an MLflow database in DIR with a run per run and model.

Invariant: nothing connects: the database is a file. A run that is exported again takes the place of
the one before, which MLflow keeps among the deleted. The only module that imports mlflow.
"""

from __future__ import annotations

from pathlib import Path

from clipstore.errors import LibraryMissing
from clipstore.export.curves import RunCurves, curves_of_runs
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader
from clipstore.types import content_id

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag
except ModuleNotFoundError:
    raise LibraryMissing("--to mlflow", "mlflow", "pip install mlflow") from None

NAME = "mlflow"
EXPERIMENT = "clipstore"
ID_TAG = "clipstore.id"
METRICS_PER_BATCH = 1_000
"""MLflow's own limit."""


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """DIR/mlflow.db, for `mlflow ui --backend-store-uri sqlite:///DIR/mlflow.db`: the curves over
    the optimizer step, the verdict as tags."""
    folder = request.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    address = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    experiment_id = (
        experiment.experiment_id
        if experiment is not None
        else client.create_experiment(EXPERIMENT, artifact_location=(folder / "mlruns").as_uri())
    )
    return tuple(
        _export_run(client, experiment_id, curves, folder)
        for curves in curves_of_runs(reader, request.runs)
    )


def _export_run(
    client: MlflowClient, experiment_id: str, curves: RunCurves, folder: Path
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
    return Exported(f"{folder / 'mlflow.db'} {curves.run}", f"{len(metrics):,} points")


def _milliseconds(seconds: dict[int, float], step: int) -> int:
    return int(1000 * seconds.get(step, max(seconds.values(), default=0.0)))
