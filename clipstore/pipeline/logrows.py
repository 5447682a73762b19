"""Logged values to rows of the store's tables.

Invariant: what a log says goes in as it is; only numbers that SQL would rank wrongly (NaN,
infinity) and times that no calendar has become NULL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl

from clipstore.logged import (
    MAX_WALL_TIME_S,
    KnownPicture,
    Scalars,
    tag_to_scale,
    wall_time_to_datetime,
)
from clipstore.pipeline.knownlogs import KnownLog
from clipstore.pipeline.runpaths import path_in_run
from clipstore.sources.textfiles import storable
from clipstore.storage.tables import TABLE_SCHEMAS
from clipstore.types import Run


def scalars_to_frame(run: Run, source: str, log: str, scalars: Scalars) -> pl.DataFrame:
    """Rows of `scalars`."""
    tags = {tag: (storable(tag), tag_to_scale(tag)) for tag in set(scalars.tags)}
    seconds = pl.Series("wall_time", scalars.wall_times_s, pl.Float64)
    # Every comparison with NaN is false, so that it becomes NULL too.
    seconds = seconds.set(~seconds.is_between(0, MAX_WALL_TIME_S), None)
    values = pl.Series("value", scalars.values, pl.Float64)
    schema = TABLE_SCHEMAS["scalars"]
    return pl.DataFrame(
        {
            "run_id": pl.repeat(run.run_id, len(scalars), dtype=pl.Int64, eager=True),
            "source": pl.repeat(source, len(scalars), eager=True),
            "path": pl.repeat(log, len(scalars), eager=True),
            "tag": [tags[tag][0] for tag in scalars.tags],
            "step": scalars.steps,
            "wall_time": (seconds * 1e6).cast(pl.Int64).cast(schema["wall_time"]),
            "value": values.set(~values.is_finite(), None),
            "scale": [tags[tag][1] for tag in scalars.tags],
        },
        schema=schema,
    )


def pictures_to_frame(run: Run, found: Iterable[KnownPicture]) -> pl.DataFrame:
    """Rows of `logged_pictures`."""
    return pl.DataFrame(
        [
            {
                "run_id": run.run_id,
                "source": one.source,
                "log": one.log,
                "path": path_in_run(one.picture.path, run),
                "tag": storable(one.picture.tag),
                "item": one.picture.item,
                "n_items": one.picture.n_items,
                "caption": None if one.picture.caption is None else storable(one.picture.caption),
                "step": one.picture.step,
                "last_step": one.picture.last_step,
                "wall_time": None
                if math.isnan(one.picture.wall_time_s)
                else wall_time_to_datetime(one.picture.wall_time_s),
            }
            for one in found
        ],
        schema=TABLE_SCHEMAS["logged_pictures"],
        orient="row",
    )


def log_to_frame(run: Run, source: str, log: str, known: KnownLog) -> pl.DataFrame:
    """The row of `log_files`."""
    row = {
        "run_id": run.run_id,
        "path": log,
        "source": source,
        "position": known.position.offset,
        "last_step": known.position.last_step,
        "head_sha256": known.head.sha256,
        "head_bytes": known.head.n_bytes,
        "n_scalars": known.n_scalars,
        "n_pictures": known.n_pictures,
        "n_damaged": known.n_damaged,
        "detail": storable(known.detail),
        "seen_at": datetime.now(UTC),
    }
    return pl.DataFrame([row], schema=TABLE_SCHEMAS["log_files"], orient="row")
