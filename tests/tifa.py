"""Published scores of five models with people's ratings, as a user would import them.

Invariant: the numbers are the file's own; only the columns get the names that `import` asks for.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

TIFA160 = Path(__file__).parent / "data" / "tifa160.csv"
MODEL = "openai/clip-vit-base-patch32"


def tifa160() -> pl.DataFrame:
    """model, prompt_id, cosine_vit_b_32, human_mean_1_to_5; 800 rows."""
    return pl.read_csv(TIFA160)


def write_import_file(path: Path) -> None:
    """The cosines as CSV: run, step, prompt_id, score. The models are finished: step 0."""
    tifa160().select(
        pl.col("model").alias("run"),
        pl.lit(0).alias("step"),
        "prompt_id",
        pl.col("cosine_vit_b_32").alias("score"),
    ).write_csv(path)
