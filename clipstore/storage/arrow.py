"""From any Arrow stream to a polars frame.

polars remembers the class of every object that it was given, for ever. A class of duckdb's so
remembered outlives its extension module, which then prints a list of "leaked" objects when
Python exits; so polars only ever sees the class below.
"""

from __future__ import annotations

from typing import Protocol

import polars as pl
import polars.selectors as cs


class ArrowStream(Protocol):
    """What can hand out an Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Stream:
    def __init__(self, source: ArrowStream) -> None:
        self._source = source

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._source.__arrow_c_stream__(requested_schema)


def stream_to_frame(source: ArrowStream) -> pl.DataFrame:
    """All rows, in types that JSON and arithmetic expect: times in UTC whatever the session's zone
    is called; decimals, as sums and quotients of SQL come, as Int64 where they are whole and fit,
    else as Float64."""
    frame = pl.DataFrame(_Stream(source))
    return frame.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC")).with_columns(
        _decimal_to_number(column) for column in frame.select(cs.decimal())
    )


def _decimal_to_number(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Decimal) and column.dtype.scale == 0:
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() == column.null_count():
            return whole
    return column.cast(pl.Float64)
