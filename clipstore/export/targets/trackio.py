"""`--to trackio`: a Trackio project in DIR/trackio with a run per run and model.

Invariant: nothing connects, and no thread writes: rows go through the call that trackio's own
import of CSV files makes, in one transaction a run, with the pictures' times. `trackio.log` would
do neither, and turns failures into warnings. A run that is exported again takes the place of the
one before. The only module that imports trackio.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

from clipstore.errors import LibraryMissing
from clipstore.export.curves import RunCurves, curves_of_runs
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader
from clipstore.types import content_id

try:
    from trackio import Api, sqlite_storage
except ImportError:
    # trackio asks for a Pillow before 13, whose pixels differ: asked for together, pip goes back
    # to a trackio of the first months.
    raise LibraryMissing(
        "--to trackio", "trackio 0.43 or newer", "pip install trackio; pip install 'pillow>=13'"
    ) from None

NAME = "trackio"
PROJECT = "clipstore"
FOLDER = "trackio"
ID_KEY = "clipstore_id"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """DIR/trackio/clipstore.db, for `TRACKIO_DIR=DIR/trackio trackio show`: the curves over the
    optimizer step, the verdict among the run's settings."""
    folder = request.folder.absolute() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    # Trackio takes this from the environment, once, when it is imported.
    sqlite_storage.TRACKIO_DIR = folder
    return tuple(_export_run(curves, folder) for curves in curves_of_runs(reader, request.runs))


def _export_run(curves: RunCurves, folder: Path) -> Exported:
    own_id = f"{content_id(curves.run, curves.model):016x}"
    run_id = uuid.uuid4().hex
    rows: dict[int, dict[str, float]] = {}
    for curve in curves.curves:
        for point in curve.points:
            rows.setdefault(point.step, {})[f"{curves.group}/{curve.name}"] = point.value
    steps = sorted(rows)
    seconds = dict(curves.seconds_by_step)
    last = max(seconds.values(), default=0.0)
    verdict = curves.verdict
    sqlite_storage.SQLiteStorage.bulk_log(
        project=PROJECT,
        run=curves.run,
        run_id=run_id,
        metrics_list=[rows[step] for step in steps],
        steps=steps,
        timestamps=[_timestamp(seconds.get(step, last)) for step in steps],
        config={
            "_Group": curves.model,
            "_Created": _timestamp(last),
            ID_KEY: own_id,
            "model": curves.model,
            "planned_steps": verdict.planned_steps,
            "verdict": verdict.verdict,
            "reason": next(iter(verdict.reasons), ""),
        },
    )
    for one in Api().runs(PROJECT):
        if one.id != run_id and (one.config or {}).get(ID_KEY) == own_id:
            one.delete()
    return Exported(f"{folder / PROJECT}.db {curves.run}", f"{len(steps):,} steps")


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
