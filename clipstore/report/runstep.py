"""Prompt means to one row per run, step and panel: what the view `run_step` gives for them.

Invariant: the figures are the view's, which stands beside them on the page; computed here, the
prompt means are read from the store once.
"""

from __future__ import annotations

import polars as pl

QUANTILES_PERCENT = (10, 25, 50, 75, 90)


def prompt_means_to_run_step(means: pl.DataFrame, bands: pl.DataFrame) -> pl.DataFrame:
    """`tables.RUN_STEP_COLUMNS`, by model, run, panel and step.

    means: model, run_id, run, step, panel, n_images and cosine, one row a prompt, blank ones left
    out. bands: `tables.MODEL_COLUMNS`; the shares are null for a model without a band.
    """
    edges = bands.select(
        pl.col("name").alias("model"), "poor_below_cosine", "low_cosine", "high_cosine"
    )
    cosine = pl.col("cosine")
    return (
        means.join(edges, on="model", how="left")
        .group_by("model", "run_id", "run", "panel", "step")
        .agg(
            pl.len().cast(pl.Int64).alias("n_prompts"),
            pl.col("n_images").sum().cast(pl.Int64),
            cosine.mean().alias("mean"),
            cosine.min().alias("min"),
            *(cosine.quantile(q / 100, "linear").alias(f"p{q}") for q in QUANTILES_PERCENT),
            cosine.max().alias("max"),
            (cosine < pl.col("poor_below_cosine")).mean().alias("share_poor"),
            ((cosine >= pl.col("low_cosine")) & (cosine <= pl.col("high_cosine")))
            .mean()
            .alias("share_in_band"),
        )
        .sort("model", "run", "panel", "step", "run_id")
        .drop("run_id")
    )
