"""What looking at the pictures costs, beside DuckDB merely handing out the same vectors.

    python -m benchmarks.picture_findings [--runs 40] [--validations 25] [--prompts 100]

Makes a store through the spool (vectors of 768 numbers, prompt vectors too), then prints for both:
CPU seconds of this process, their ratio, and the peak of resident memory. CPU time, because the
findings are asked for on machines that train.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.storage.store import merge_parts, open_store
from clipstore.types import content_id
from tests.store_rows import MODEL, NOON, model_row, prompt_rows, run_id_of, run_row, write_rows

DIMENSION = 768


def unit(rng: np.random.Generator, n: int) -> np.ndarray:
    vectors = rng.standard_normal((n, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors_frame(table: str, key: str, ids: np.ndarray, vectors: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"model_id": np.full(len(ids), MODEL.model_id), key: ids})
    column = pl.Series("vector", vectors).cast(pl.List(pl.Float32))
    return frame.with_columns(column).select(TABLE_SCHEMAS[table].names())


def make_store(store: Path, n_runs: int, n_validations: int, n_prompts: int) -> None:
    """Runs whose pictures drift slowly, as a long flat training's do."""
    rng = np.random.default_rng(0)
    texts = {f"p{number}": f"prompt {number}" for number in range(n_prompts)}
    text_ids = np.array([content_id(text) for text in texts.values()])
    write_rows(
        store,
        {"models": [model_row() | {"dimension": DIMENSION}]},
        {"runs": [run_row(f"run-{number}") for number in range(n_runs)]},
        prompt_rows("run-0", texts),
    )
    tables = {"text_embeddings": vectors_frame(
        "text_embeddings", "text_id", text_ids, unit(rng, n_prompts)
    )}  # fmt: skip
    write_part(spool_folder(store), tables)
    n = n_validations * n_prompts
    for number in range(n_runs):
        home, way = unit(rng, n_prompts), unit(rng, n_prompts)
        share = np.linspace(0, 1, n_validations)[:, None, None]
        vectors = home + share * way + 0.3 * unit(rng, n).reshape(n_validations, n_prompts, -1)
        vectors = vectors.reshape(n, -1) / np.linalg.norm(vectors.reshape(n, -1), axis=1)[:, None]
        crop_ids = rng.integers(0, 2**62, n)
        scores = pl.DataFrame(
            {
                "model_id": np.full(n, MODEL.model_id),
                "run_id": np.full(n, run_id_of(f"run-{number}")),
                "step": np.repeat(100 * np.arange(1, n_validations + 1), n_prompts),
                "prompt_id": list(texts) * n_validations,
                "image_index": np.zeros(n, np.int64),
                "panel": ["only"] * n,
                "text_id": np.tile(text_ids, n_validations),
                "crop_id": crop_ids,
                "cosine": rng.normal(0.28, 0.03, n),
                "ingest_id": np.zeros(n, np.int64),
                "scored_at": [NOON] * n,
            }
        )
        vectors_of_run = vectors_frame("embeddings", "crop_id", crop_ids, vectors)
        write_part(spool_folder(store), {"scores": scores, "embeddings": vectors_of_run})
        merge_parts(store, wait_seconds=10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--validations", type=int, default=25)
    parser.add_argument("--prompts", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "x.duckdb"
        make_store(store, given.runs, given.validations, given.prompts)
        with open_store(store) as reader:
            verdicts = verdicts_from_reader(reader)
            started = time.process_time()
            n_read = 0
            for run in range(given.runs):  # in pieces, as large stores must be read
                wanted = {"model_id": MODEL.model_id, "run_ids": [run_id_of(f"run-{run}")]}
                n_read += reader.read("picture_vectors", wanted).height
            reading = time.process_time() - started
            started = time.process_time()
            looked = with_pictures(reader, verdicts, asked=True).verdicts
            looking = time.process_time() - started
    moving = sum(
        any(note.code == "MOVING_WHILE_FLAT" for note in verdict.pictures.notes)
        for verdict in looked
        if verdict.pictures is not None
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{n_read:,} pictures of {given.runs} runs: reading their vectors {reading:.2f} s CPU, "
        f"all findings {looking:.2f} s CPU, ratio {looking / reading:.1f}; "
        f"{looking / n_read * 1e5:.1f} s per 100,000 pictures; peak {peak_mb:,.0f} MB; "
        f"{moving} of {len(looked)} runs noted as moving\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
