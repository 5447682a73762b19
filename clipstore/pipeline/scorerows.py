"""The rows that there is one of for every picture: kept as tuples, left as columns.

Invariant: the fields are the table's columns in their order. Whole columns cost a tenth or less
of rows that polars takes apart itself, and that cost is a picture's, in the process that runs the
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.storage.tables import TABLE_SCHEMAS


class ImageRow(NamedTuple):
    """One panel of a file, as `sql/schema` describes the table images."""

    run_id: int
    step: int
    epoch: int | None
    prompt_id: str
    image_index: int
    panel: str
    path: str
    file_sha256: str
    file_size_bytes: int
    file_modified_ns: int
    box_left: int
    box_top: int
    box_right: int
    box_bottom: int
    crop_method: str
    crop_confidence: float
    notes: tuple[str, ...]
    crop_id: int
    ingest_id: int
    seen_at: int
    """Microseconds since 1970, UTC."""


class ScoreRow(NamedTuple):
    """One score, as of the table scores."""

    model_id: int
    run_id: int
    step: int
    prompt_id: str
    image_index: int
    panel: str
    text_id: int
    crop_id: int
    cosine: float
    ingest_id: int
    scored_at: int
    """Microseconds since 1970, UTC."""


def images_to_frame(rows: Sequence[ImageRow]) -> pl.DataFrame:
    """`rows`, at least one, as the table images."""
    return _to_frame("images", ImageRow._fields, rows)


def scores_to_frame(rows: Sequence[ScoreRow]) -> pl.DataFrame:
    """`rows`, at least one, as the table scores."""
    return _to_frame("scores", ScoreRow._fields, rows)


def vectors_to_frame(
    table: str, id_column: str, model_id: int, ids: NDArray[np.int64], vectors: NDArray[np.float32]
) -> pl.DataFrame:
    """Vectors (n, dimension) of contents `ids` (n,) as a table. One not finite is left out."""
    is_finite = np.isfinite(vectors).all(axis=1)
    kept = vectors if is_finite.all() else vectors[is_finite]
    return pl.DataFrame(
        {
            "model_id": pl.repeat(model_id, len(kept), dtype=pl.Int64, eager=True),
            id_column: ids[is_finite],
            "vector": pl.Series(kept, dtype=pl.Array(pl.Float32, vectors.shape[1])).arr.to_list(),
        },
        schema=TABLE_SCHEMAS[table],
    )


def _to_frame(
    table: str, fields: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    columns = zip(fields, zip(*rows, strict=True), strict=True)
    return pl.DataFrame([_to_series(name, values, schema[name]) for name, values in columns])


def _to_series(name: str, values: tuple[object, ...], dtype: pl.DataType) -> pl.Series:
    if isinstance(dtype, pl.Datetime):
        return pl.Series(name, values, dtype=pl.Int64).cast(dtype)
    if isinstance(dtype, pl.List):
        # Few differ, and a list costs a hundred times what its number does.
        numbers: dict[Any, int] = {}
        places = [numbers.setdefault(value, len(numbers)) for value in values]
        return pl.Series(name, [list(value) for value in numbers], dtype=dtype).gather(places)
    return pl.Series(name, values, dtype=dtype)
