"""The column types of the store, as polars sees them."""

from __future__ import annotations

import polars as pl

INTEGER: pl.DataType = pl.Int64()
TEXT: pl.DataType = pl.String()
BOOLEAN: pl.DataType = pl.Boolean()
DOUBLE: pl.DataType = pl.Float64()
FLOAT: pl.DataType = pl.Float32()
TIME: pl.DataType = pl.Datetime("us", "UTC")
