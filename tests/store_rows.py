"""Small stores for tests: rows of every table from a few plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from clipstore.modelidentity import Band, Model
from clipstore.sources.flatsettings import flatten_settings
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.types import content_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
BAND = Band(poor_below_cosine=0.22, low_cosine=0.30, high_cosine=0.39)
MODEL = Model("tiny", "", "ab" * 32, "pil-1", "float32", 4, 100.0, "torch 2.13", BAND)
MODEL_WITHOUT_BAND = Model("other", "", "cd" * 32, "pil-1", "float32", 4, 100.0, "torch 2.13")

Row = dict[str, object]
Tables = dict[str, pl.DataFrame]


def frame(table: str, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame([dict(row) for row in rows], schema=TABLE_SCHEMAS[table], orient="row")


def run_id_of(run: str) -> int:
    return content_id(f"/runs/{run}", "")


def model_row(model: Model = MODEL) -> Row:
    band = model.band
    return {
        "model_id": model.model_id,
        "name": model.name,
        "revision": model.revision,
        "weights_sha256": model.weights_sha256,
        "preprocessing": model.preprocessing,
        "dtype": model.dtype,
        "dimension": model.dimension,
        "logit_scale": model.logit_scale,
        "software": model.software,
        "poor_below_cosine": band and band.poor_below_cosine,
        "band_low_cosine": band and band.low_cosine,
        "band_high_cosine": band and band.high_cosine,
        "seen_at": NOON,
        "backend": model.backend,
        "tokenizer_sha256": model.tokenizer_sha256,
        "family": model.family,
        "logit_bias": model.logit_bias,
        "probe_cosines": list(model.probe_cosines),
    }


def run_row(run: str, seen_at: datetime = NOON, **config: object) -> Row:
    return {
        "run_id": run_id_of(run),
        "name": run,
        "root": f"/runs/{run}",
        "layout": "folder",
        "layout_reason": "it has step_000100/",
        "variant": "",
        "planned_steps": 1000,
        "config": json.dumps(config),
        "seen_at": seen_at,
    }


def config_rows(run: str, seen_at: datetime = NOON, **config: object) -> dict[str, list[Row]]:
    """Rows of config, as the trainer's own files say it."""
    return {
        "config": [
            {"run_id": run_id_of(run), "source": "settings", **one._asdict(), "seen_at": seen_at}
            for one in flatten_settings(config)
        ]
    }


def scalar_rows(
    run: str,
    tag: str,
    values: Mapping[int, float],
    *,
    source: str = "tensorboard",
    path: str = "logs/events",
    started_at: datetime = NOON,
    scale: float = 1.0,
) -> dict[str, list[Row]]:
    """Rows of scalars by step, logged a second apart in the order given."""
    return {
        "scalars": [
            {
                "run_id": run_id_of(run),
                "source": source,
                "path": path,
                "tag": tag,
                "step": step,
                "wall_time": started_at + timedelta(seconds=place),
                "value": value,
                "scale": scale,
            }
            for place, (step, value) in enumerate(values.items())
        ]
    }


def prompt_rows(
    run: str, texts: Mapping[str, str], seen_at: datetime = NOON
) -> dict[str, list[Row]]:
    """Rows of prompts, run_prompts and prompt_tokens; texts of more than 60 characters count as
    truncated."""
    return {
        "prompts": [
            {"text_id": content_id(text), "text": text, "is_blank": not text}
            for text in texts.values()
        ],
        "run_prompts": [
            {
                "run_id": run_id_of(run),
                "prompt_id": prompt_id,
                "text_id": content_id(text),
                "source": "prompts.json",
                "tags": "{}",
                "seen_at": seen_at,
            }
            for prompt_id, text in texts.items()
        ],
        "prompt_tokens": [
            {
                "model_id": MODEL.model_id,
                "text_id": content_id(text),
                "token_count": len(text) + 2,
                "is_truncated": len(text) > 60,
            }
            for text in texts.values()
        ],
    }


def score_rows(
    run: str,
    step: int,
    cosines: Mapping[str, float | Sequence[float]],
    texts: Mapping[str, str],
    *,
    panel: str = "only",
    at: datetime = NOON,
    pixels: str = "",
    model: Model = MODEL,
) -> dict[str, list[Row]]:
    """Rows of images, scores and embeddings: per prompt id one cosine, or one for each picture."""
    images: list[Row] = []
    scores: list[Row] = []
    vectors: list[Row] = []
    for prompt_id, values in cosines.items():
        for index, cosine in enumerate([values] if isinstance(values, float) else values):
            crop_id = content_id(run, str(step), prompt_id, str(index), panel, pixels)
            key: Row = {
                "run_id": run_id_of(run),
                "step": step,
                "prompt_id": prompt_id,
                "image_index": index,
                "panel": panel,
                "crop_id": crop_id,
                "ingest_id": 7,
            }
            images.append(
                key
                | {
                    "path": f"step_{step:06}/{panel}-{prompt_id}-{index}.png",
                    "file_sha256": f"{crop_id:016x}",
                    "file_size_bytes": 1000,
                    "file_modified_ns": 1_700_000_000_000_000_000,
                    "box_left": 0,
                    "box_top": 0,
                    "box_right": 64,
                    "box_bottom": 64,
                    "crop_method": "whole",
                    "crop_confidence": 1.0,
                    "notes": [],
                    "seen_at": at,
                }
            )
            scores.append(
                key
                | {
                    "model_id": model.model_id,
                    "text_id": content_id(texts[prompt_id]),
                    "cosine": cosine,
                    "scored_at": at,
                }
            )
            vectors.append(
                {"model_id": model.model_id, "crop_id": crop_id, "vector": [1.0, 0.0, 0.0, 0.0]}
            )
    return {"images": images, "scores": scores, "embeddings": vectors}


def problem_row(
    run: str | None,
    path: str,
    *,
    at: datetime = NOON,
    ingest_id: int = 7,
    reason: str = "truncated",
) -> Row:
    return {
        "run_id": None if run is None else run_id_of(run),
        "path": path,
        "stage": "decode",
        "reason": reason,
        "detail": "the file ends early; copy it again.",
        "is_pending": False,
        "ingest_id": ingest_id,
        "seen_at": at,
    }


def ingest_row(ingest_id: int = 7, *, n_scored: int = 0, n_refused: int = 0) -> Row:
    return {
        "ingest_id": ingest_id,
        "root": "/runs",
        "model_id": MODEL.model_id,
        "started_at": NOON,
        "finished_at": NOON + timedelta(minutes=1),
        "clipstore_version": "0.1.0",
        "n_seen": n_scored + n_refused,
        "n_scored": n_scored,
        "n_known": 0,
        "n_pending": 0,
        "n_refused": n_refused,
        "n_skipped": 0,
        "skipped_by_rule": "{}",
    }


def write_rows(store: Path, *groups: Mapping[str, Sequence[Mapping[str, object]]]) -> Path:
    """One part of the store's spool with all these rows."""
    rows: dict[str, list[Mapping[str, object]]] = {}
    for group in groups:
        for table, some in group.items():
            rows.setdefault(table, []).extend(some)
    tables = {table: frame(table, some) for table, some in rows.items()}
    return write_part(spool_folder(store), tables)
