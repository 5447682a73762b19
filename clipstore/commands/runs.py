"""`clipstore runs`: what is in the store."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from clipstore.modelidentity import Band
from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows, print_table, visible_text
from clipstore.storage.store import default_store_path, open_current
from clipstore.textcurve import BlockScale, means_to_blocks, scale_of_curves

EDGES = ("poor_below_cosine", "band_low_cosine", "band_high_cosine")
SCHEMA_VERSION = 1
"""Of the machine forms; raised when a column changes its meaning or goes away."""


@click.command("runs")
@db_option
@format_option
def command(db: Path | None, form: Format) -> int:
    """List the runs in the database: how many validations, the curve, and clip/mean at its end.

    The curve is one block a validation. All means in the band are drawn alike: there CLIP does not
    tell models apart.
    """
    with open_current(default_store_path(db)) as reader:
        frame = reader.read("runs_listed")
    scales = _scales_by_model(frame)
    curve = pl.Series(
        "curve",
        [
            None if means is None else means_to_blocks(means, scales[model])
            for model, means in frame.select("model", "means").iter_rows()
        ],
        pl.String,
    )
    listed = frame.with_columns(means=curve).rename({"means": "curve"}).drop(EDGES)
    console = result_console()
    if form != "table":
        versioned = listed.select(pl.lit(SCHEMA_VERSION).alias("schema_version"), pl.all())
        print_rows(versioned.to_dicts(), versioned.columns, form, console)
    else:
        print_table(listed.to_dicts(), listed.columns, console, unbroken=("curve",))
        for model, scale in scales.items():
            console.print(visible_text(f"{model}: {scale.legend()}"), markup=False, soft_wrap=True)
    return 0


def _scales_by_model(frame: pl.DataFrame) -> dict[str, BlockScale]:
    scales = {}
    scored = frame.filter(pl.col("means").is_not_null()).sort("model")
    for (model,), rows in scored.partition_by("model", as_dict=True, maintain_order=True).items():
        edges = rows.select(EDGES).row(0)
        band = None if None in edges else Band(*edges)
        scales[str(model)] = scale_of_curves(rows["means"].to_list(), band)
    return scales
