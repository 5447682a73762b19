"""The columns and types of the tables that parts carry, as polars sees them.

Invariant: the same columns in the same order as `sql/schema` makes them; a test compares the two.
They live apart from the spool because who builds the frames needs only this.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from clipstore.storage.columntypes import BOOLEAN, DOUBLE, FLOAT, INTEGER, TEXT, TIME
from clipstore.storage.judgedtables import JUDGED_NULLABLE_COLUMNS, JUDGED_SCHEMAS

TABLE_SCHEMAS: Mapping[str, pl.Schema] = {
    "models": pl.Schema(
        {
            "model_id": INTEGER,
            "name": TEXT,
            "revision": TEXT,
            "weights_sha256": TEXT,
            "preprocessing": TEXT,
            "dtype": TEXT,
            "dimension": INTEGER,
            "logit_scale": DOUBLE,
            "software": TEXT,
            "poor_below_cosine": DOUBLE,
            "band_low_cosine": DOUBLE,
            "band_high_cosine": DOUBLE,
            "seen_at": TIME,
            "backend": TEXT,
            "tokenizer_sha256": TEXT,
            "family": TEXT,
            "logit_bias": DOUBLE,
            "probe_cosines": pl.List(DOUBLE),
        }
    ),
    "runs": pl.Schema(
        {
            "run_id": INTEGER,
            "name": TEXT,
            "root": TEXT,
            "layout": TEXT,
            "layout_reason": TEXT,
            "variant": TEXT,
            "planned_steps": INTEGER,
            "config": TEXT,
            "seen_at": TIME,
        }
    ),
    "prompts": pl.Schema({"text_id": INTEGER, "text": TEXT, "is_blank": BOOLEAN}),
    "run_prompts": pl.Schema(
        {
            "run_id": INTEGER,
            "prompt_id": TEXT,
            "text_id": INTEGER,
            "source": TEXT,
            "tags": TEXT,
            "seen_at": TIME,
        }
    ),
    "prompt_tokens": pl.Schema(
        {
            "model_id": INTEGER,
            "text_id": INTEGER,
            "token_count": INTEGER,
            "is_truncated": BOOLEAN,
        }
    ),
    "images": pl.Schema(
        {
            "run_id": INTEGER,
            "step": INTEGER,
            "epoch": INTEGER,
            "prompt_id": TEXT,
            "image_index": INTEGER,
            "panel": TEXT,
            "path": TEXT,
            "file_sha256": TEXT,
            "file_size_bytes": INTEGER,
            "file_modified_ns": INTEGER,
            "box_left": INTEGER,
            "box_top": INTEGER,
            "box_right": INTEGER,
            "box_bottom": INTEGER,
            "crop_method": TEXT,
            "crop_confidence": DOUBLE,
            "notes": pl.List(TEXT),
            "crop_id": INTEGER,
            "ingest_id": INTEGER,
            "seen_at": TIME,
        }
    ),
    "scores": pl.Schema(
        {
            "model_id": INTEGER,
            "run_id": INTEGER,
            "step": INTEGER,
            "prompt_id": TEXT,
            "image_index": INTEGER,
            "panel": TEXT,
            "text_id": INTEGER,
            "crop_id": INTEGER,
            "cosine": FLOAT,
            "ingest_id": INTEGER,
            "scored_at": TIME,
        }
    ),
    "embeddings": pl.Schema({"model_id": INTEGER, "crop_id": INTEGER, "vector": pl.List(FLOAT)}),
    "text_embeddings": pl.Schema(
        {"model_id": INTEGER, "text_id": INTEGER, "vector": pl.List(FLOAT)}
    ),
    "problems": pl.Schema(
        {
            "run_id": INTEGER,
            "path": TEXT,
            "stage": TEXT,
            "reason": TEXT,
            "detail": TEXT,
            "is_pending": BOOLEAN,
            "file_size_bytes": INTEGER,
            "file_modified_ns": INTEGER,
            "ingest_id": INTEGER,
            "seen_at": TIME,
        }
    ),
    "ingests": pl.Schema(
        {
            "ingest_id": INTEGER,
            "root": TEXT,
            "model_id": INTEGER,
            "started_at": TIME,
            "finished_at": TIME,
            "clipstore_version": TEXT,
            "n_seen": INTEGER,
            "n_scored": INTEGER,
            "n_known": INTEGER,
            "n_pending": INTEGER,
            "n_refused": INTEGER,
            "n_skipped": INTEGER,
            "skipped_by_rule": TEXT,
        }
    ),
    "calibrations": pl.Schema(
        {
            "weights_sha256": TEXT,
            "tokenizer_sha256": TEXT,
            "preprocessing": TEXT,
            "name": TEXT,
            "chance_cosine": DOUBLE,
            "true_cosine": DOUBLE,
            "true_low_cosine": DOUBLE,
            "true_high_cosine": DOUBLE,
            "poor_below_cosine": DOUBLE,
            "band_low_cosine": DOUBLE,
            "band_high_cosine": DOUBLE,
            "n_pairs": INTEGER,
            "n_texts": INTEGER,
            "is_wide": BOOLEAN,
            "pairs": TEXT,
            "derived": TEXT,
            "clipstore_version": TEXT,
            "calibrated_at": TIME,
        }
    ),
    **JUDGED_SCHEMAS,
    "scalars": pl.Schema(
        {
            "run_id": INTEGER,
            "source": TEXT,
            "path": TEXT,
            "tag": TEXT,
            "step": INTEGER,
            "wall_time": TIME,
            "value": DOUBLE,
            "scale": DOUBLE,
        }
    ),
    "config": pl.Schema(
        {
            "run_id": INTEGER,
            "source": TEXT,
            "key": TEXT,
            "kind": TEXT,
            "number": DOUBLE,
            "raw": TEXT,
            "seen_at": TIME,
        }
    ),
    "log_files": pl.Schema(
        {
            "run_id": INTEGER,
            "path": TEXT,
            "source": TEXT,
            "position": INTEGER,
            "last_step": INTEGER,
            "head_sha256": TEXT,
            **dict.fromkeys(("head_bytes", "n_scalars", "n_pictures", "n_damaged"), INTEGER),
            "detail": TEXT,
            "seen_at": TIME,
        }
    ),
    "logged_pictures": pl.Schema(
        {
            "run_id": INTEGER,
            **dict.fromkeys(("source", "log", "path", "tag"), TEXT),
            "item": INTEGER,
            "n_items": INTEGER,
            "caption": TEXT,
            "step": INTEGER,
            "last_step": INTEGER,
            "wall_time": TIME,
        }
    ),
    "picture_copies": pl.Schema(
        {"run_id": INTEGER, **dict.fromkeys(("path", "rule", "original"), TEXT), "seen_at": TIME}
    ),
}
"""Columns and types of every table that parts carry; the store's own, in the same order."""

NULLABLE_COLUMNS: Mapping[str, frozenset[str]] = {
    "models": frozenset({"poor_below_cosine", "band_low_cosine", "band_high_cosine"}),
    "runs": frozenset({"planned_steps"}),
    "images": frozenset({"epoch"}),
    "problems": frozenset({"run_id", "file_size_bytes", "file_modified_ns"}),
    "ingests": frozenset({"model_id", "finished_at"}),
    "scalars": frozenset({"wall_time", "value"}),
    "config": frozenset({"number"}),
    "log_files": frozenset({"last_step"}),
    "logged_pictures": frozenset({"caption", "last_step", "wall_time"}),
    **JUDGED_NULLABLE_COLUMNS,
}
"""The columns that may be null, by table; all others must not be."""
