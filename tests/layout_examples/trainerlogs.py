"""What the trainers' own loggers write, into tests/logs/."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Optional

from tests.layout_examples import ai_toolkit, simpletuner
from tests.layout_examples.taking import HERE, Clock, taken_from

LOGS = HERE.parent / "logs"
LAST_STEP, RESUMED_AT = 20, 15


def ai_toolkit_losses(checkout: Path) -> None:
    """The `UILogger` of ai-toolkit: a training to step 20, and the same database after it was
    resumed from the checkpoint of step 15, when the logger deletes the later steps first."""
    folder = _emptied("ai_toolkit")
    logger = taken_from(
        checkout,
        ai_toolkit.COMMIT,
        "toolkit/logging_aitk.py",
        ["UILogger"],
        {"os": os, "sqlite3": sqlite3, "time": Clock(), **vars(typing)},
    )["UILogger"]

    def train(path: Path, first: int, loss: float) -> None:
        log = logger(log_file=str(path))
        log.start()
        for step in range(first, LAST_STEP + 1):
            log.log({"learning_rate": 1e-4})
            log.log({"loss/loss": loss / step})
            log.commit(step=step)
        log.finish()

    train(folder / "loss_log.db", 1, loss=1.0)
    (folder / "resumed").mkdir()
    shutil.copy(folder / "loss_log.db", folder / "resumed" / "loss_log.db")
    train(folder / "resumed" / "loss_log.db", RESUMED_AT, loss=2.0)


def simpletuner_metrics(checkout: Path) -> None:
    """SimpleTuner's `LocalMetricsTracker`; its HTML report is not made."""
    folder = _emptied("simpletuner")
    seconds = iter(range(10_000))

    def now() -> str:
        at = datetime(2026, 8, 22, 10, tzinfo=UTC) + timedelta(seconds=next(seconds))
        return at.isoformat()

    given: dict[str, Any] = {
        **{"os": os, "json": json, "Path": Path, "Any": Any, "SCHEMA_VERSION": 1},
        "GeneralTracker": type("GeneralTracker", (), {}),
        **{"METRICS_FILENAME": "training_metrics.jsonl", "REPORT_REFRESH_INTERVAL": 100},
        **{"MANIFEST_FILENAME": "training_metrics.json", "_CONFIG_KEYS": ("learning_rate",)},
        **{"math": math, "_utc_now": now, "Optional": Optional},
    }
    path = "simpletuner/helpers/training/local_metrics.py"
    names = ["_append_json_line", "_atomic_write_json", "_coerce_scalar", "_filtered_config"]
    given = taken_from(checkout, simpletuner.COMMIT, path, [*names, "read_manifest"], given)
    given["render_static_report"] = lambda *_all, **_more: None
    tracker = taken_from(checkout, simpletuner.COMMIT, path, ["LocalMetricsTracker"], given)
    log = tracker["LocalMetricsTracker"]("fox", str(folder), "foxes")
    log.store_init_configuration({"learning_rate": 1e-4})
    for step in range(1, LAST_STEP + 1):
        log.log({"train_loss": 1 / step, "learning_rate": 1e-4, "note": "text"}, step=step)
    log.finish()


def _emptied(name: str) -> Path:
    folder = LOGS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
