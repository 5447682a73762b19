"""`--to wandb`: an offline W&B run per run and model, to be sent with `wandb sync`.

Invariant: nothing connects. A run keeps its W&B id over exports, and an offline run of ours that is
exported again takes the place of the one before. The only module that imports wandb.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from clipstore.errors import LibraryMissing
from clipstore.export.curves import RunCurves, curves_of_runs
from clipstore.export.targets import Exported, ExportRequest
from clipstore.logs.wandb import OWN_RUNS
from clipstore.storage.store import Reader
from clipstore.types import content_id

try:
    import wandb
except ModuleNotFoundError:
    raise LibraryMissing("--to wandb", "wandb", "pip install wandb") from None

NAME = "wandb"
PROJECT = "clipstore"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """DIR/wandb/offline-run-*-clipstore-ID for each run: the curves over the optimizer step, the
    verdict in the summary."""
    request.folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        _export_run(curves, request.folder) for curves in curves_of_runs(reader, request.runs)
    )


def _export_run(curves: RunCurves, folder: Path) -> Exported:
    run_id = f"{OWN_RUNS}{content_id(curves.run, curves.model):016x}"
    older = set((folder / "wandb").glob(f"offline-run-*-{run_id}"))
    rows = _by_step(curves)
    with wandb.init(
        mode="offline",
        dir=folder,
        project=PROJECT,
        id=run_id,
        name=curves.run,
        group=curves.model,
        config={"clipstore_model": curves.model, "planned_steps": curves.verdict.planned_steps},
        settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
    ) as run:
        for step, values in rows.items():
            run.log(dict(values), step=step)
        run.summary[f"{curves.group}/verdict"] = curves.verdict.verdict
        run.summary[f"{curves.group}/reason"] = next(iter(curves.verdict.reasons), "")
        place = Path(run.dir).parent
    for one in older - {place}:
        shutil.rmtree(one)
    return Exported(str(place), f"{len(rows):,} steps; send it with: wandb sync {place}")


def _by_step(curves: RunCurves) -> Mapping[int, Mapping[str, float]]:
    rows: dict[int, dict[str, float]] = {}
    for curve in curves.curves:
        for point in curve.points:
            rows.setdefault(point.step, {})[f"{curves.group}/{curve.name}"] = point.value
    return dict(sorted(rows.items()))
