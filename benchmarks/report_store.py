"""What `clipstore report` costs on a database of many runs, each score with the row of its file.

    python -m benchmarks.report_store FOLDER [--runs 200 --prompts 5000 --steps 10] [--pictures]

Writes the database once into FOLDER, through spool and merge like an ingest; a later call takes the
one that lies there. Then makes the page in a process of its own and prints its size, processor time
and memory. With --pictures the files are there, too: links to a few hundred drawn photographs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image, ImageFilter

from clipstore.modelidentity import Band, Model
from clipstore.sources.flatsettings import flatten_settings
from clipstore.storage.merge import merge_parts
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.types import content_id

START = datetime(2031, 11, 23, 8, tzinfo=UTC)
MODEL = Model(
    "drawn/scores", "", "ab" * 32, "pil-1", "float32", 4, 100.0, "", Band(0.22, 0.30, 0.39)
)
SIDE_PX = 512
N_DRAWN = 400
SUBJECTS = (
    "fox",
    "lighthouse",
    "teapot",
    "violinist",
    "market",
    "glacier",
    "owl",
    "bridge",
    "loaf",
)
STYLES = ("a photograph", "an oil painting", "a pencil sketch", "a poster", "a long exposure")
PLACES = ("at dawn", "in a small kitchen", "under a heavy sky", "beside a canal", "on a table")


def prompt_texts(n_prompts: int) -> list[str]:
    """As long as those of common prompt sets, no two the same."""
    return [
        f"{STYLES[i % 5]} of a {SUBJECTS[i % 9]} {PLACES[i % 7 % 5]}, number {i} of its series, "
        f"{'with fine detail and soft light' if i % 3 else 'seen from far away'}"
        for i in range(n_prompts)
    ]


def write_store(store: Path, n_runs: int, n_prompts: int, n_steps: int) -> None:
    """One part a run: a file behind every score, base pictures at the first validation."""
    rng = np.random.default_rng(20311123)
    texts = prompt_texts(n_prompts)
    names = [f"prompt_{i:05d}" for i in range(n_prompts)]
    text_ids = np.array([content_id(text) for text in texts])
    difficulty = rng.normal(0, 0.03, n_prompts)
    write_part(spool_folder(store), _once(texts, text_ids))
    for r in range(n_runs):
        level, gain = rng.uniform(0.2, 0.34), rng.uniform(0.0, 0.05)
        steps = 500 * (1 + np.arange(n_steps))
        means = level - gain * np.exp(-np.arange(n_steps) / 2) + rng.normal(0, 0.002, n_steps)
        trained = means[:, None] + difficulty + rng.normal(0, 0.012, (n_steps, n_prompts))
        base = (0.26 + difficulty)[None]
        write_part(
            spool_folder(store),
            _run_tables(store, r, names, text_ids, steps, np.concatenate([base, trained])),
        )
    merge_parts(store, wait_seconds=10)


def _once(texts: list[str], text_ids: npt.NDArray[np.int64]) -> dict[str, pl.DataFrame]:
    model = {
        **{name: getattr(MODEL, name) for name in TABLE_SCHEMAS["models"] if hasattr(MODEL, name)},
        "poor_below_cosine": 0.22,
        "band_low_cosine": 0.30,
        "band_high_cosine": 0.39,
        "probe_cosines": [],
        "seen_at": START,
    }
    prompts = pl.DataFrame({"text_id": text_ids, "text": texts}).with_columns(
        is_blank=pl.lit(value=False)
    )
    return {
        "models": pl.DataFrame([model], schema=TABLE_SCHEMAS["models"], orient="row"),
        "prompts": prompts,
    }


def _run_tables(
    store: Path,
    number: int,
    names: list[str],
    text_ids: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
    cosines: npt.NDArray[np.float64],
) -> dict[str, pl.DataFrame]:
    """`cosines`: (1 + n_steps, n_prompts), the base model's first."""
    n_prompts = len(names)
    run = f"sweep/run-{number:03d}"
    root = store.absolute().parent / run
    run_id = content_id(os.fspath(root), "")
    # Base pictures are the same in every run, so their pixels are.
    owner = np.array([-1, *[number] * len(steps)])
    crops = (owner[:, None] + 1) * 10**9 + np.r_[0, steps][:, None] * 10**5 + np.arange(n_prompts)
    rows = pl.DataFrame(
        {
            "step": np.repeat(np.r_[steps[0], steps], n_prompts),
            "panel": np.repeat(["base", *["checkpoint"] * len(steps)], n_prompts),
            "prompt_id": np.tile(names, 1 + len(steps)),
            "text_id": np.tile(text_ids, 1 + len(steps)),
            "crop_id": crops.ravel(),
            "cosine": cosines.ravel(),
        }
    ).with_columns(
        run_id=pl.lit(run_id),
        image_index=pl.lit(0),
        ingest_id=pl.lit(1),
        model_id=pl.lit(MODEL.model_id),
        scored_at=pl.lit(START),
        seen_at=pl.lit(START),
        epoch=pl.lit(None),
        path=pl.format("{}/{}-{}.jpg", "step", "panel", "prompt_id"),
        file_sha256=pl.col("crop_id").cast(pl.String),
        file_size_bytes=pl.lit(90_000),
        file_modified_ns=pl.lit(int(START.timestamp()) * 10**9) + pl.col("step") * 10**10,
        box_left=pl.lit(0),
        box_top=pl.lit(0),
        box_right=pl.lit(SIDE_PX),
        box_bottom=pl.lit(SIDE_PX),
        crop_method=pl.lit("whole"),
        crop_confidence=pl.lit(1.0),
        notes=pl.lit([], dtype=pl.List(pl.String)),
    )
    settings = {"learning_rate": [1e-5, 3e-5, 1e-4][number % 3], "rank": 8 << number % 4}
    config = [
        {"run_id": run_id, "source": "settings", **one._asdict(), "seen_at": START}
        for one in flatten_settings(settings)
    ]
    known = {
        "run_id": run_id,
        "name": run,
        "root": os.fspath(root),
        "layout": "folder",
        "layout_reason": "drawn",
        "variant": "",
        "planned_steps": 500 * len(steps) * (1 + number % 2),
        "config": "{}",
        "seen_at": START + timedelta(seconds=number),
    }
    run_prompts = pl.DataFrame({"prompt_id": names, "text_id": text_ids}).with_columns(
        run_id=pl.lit(run_id), source=pl.lit("drawn"), tags=pl.lit("{}"), seen_at=pl.lit(START)
    )
    return {
        "runs": pl.DataFrame([known], schema=TABLE_SCHEMAS["runs"], orient="row"),
        "config": pl.DataFrame(config, schema=TABLE_SCHEMAS["config"], orient="row"),
        "run_prompts": run_prompts,
        "images": rows.select(list(TABLE_SCHEMAS["images"])),
        "scores": rows.select(list(TABLE_SCHEMAS["scores"])),
    }


def write_pictures(folder: Path, n_runs: int, n_prompts: int, n_steps: int) -> None:
    """Every file that the store names, as a hard link to one of `N_DRAWN` pictures."""
    drawn = folder / "drawn"
    drawn.mkdir()
    rng = np.random.default_rng(1)
    for i in range(N_DRAWN):
        _draw(rng).save(drawn / f"{i}.jpg", quality=90)
    for r in range(n_runs):
        for s in range(n_steps):
            place = folder / f"sweep/run-{r:03d}/{500 * (s + 1)}"
            place.mkdir(parents=True)
            for p in range(n_prompts):
                picture = drawn / f"{(7 * p + 31 * s + 101 * r) % N_DRAWN}.jpg"
                (place / f"checkpoint-prompt_{p:05d}.jpg").hardlink_to(picture)
                if s == 0:
                    (place / f"base-prompt_{p:05d}.jpg").hardlink_to(drawn / f"{p % N_DRAWN}.jpg")


def _draw(rng: np.random.Generator) -> Image.Image:
    """Blurred noise of several sizes, which packs about as well as a photograph does."""
    layers = np.zeros((SIDE_PX, SIDE_PX, 3))
    for cells, weight in ((4, 110), (16, 60), (64, 30), (256, 14)):
        noise = rng.normal(0, 1, (cells, cells, 3)) * 40 + 128
        layer = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize((SIDE_PX, SIDE_PX), 3)
        layers += (np.asarray(layer, float) - 128) / 40 * weight / 2
    image = Image.fromarray((layers + rng.uniform(70, 180, 3)).clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def main() -> None:
    """Make what is missing, make the page, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--size", default="12mb")
    asked = parser.parse_args()
    store, size = asked.folder / "clipstore.duckdb", (asked.runs, asked.prompts, asked.steps)
    if not store.exists():
        asked.folder.mkdir(parents=True, exist_ok=True)
        if asked.pictures:
            write_pictures(asked.folder, *size)
        write_store(store, *size)
    page = asked.folder / "report.html"
    command = [sys.executable, "-m", "clipstore", "report", "--html", os.fspath(page)]
    command += ["--db", os.fspath(store), "--now", "2031-11-24", "--size", asked.size]
    started = time.monotonic()
    subprocess.run(command + ([] if asked.pictures else ["--no-images"]), check=True)
    wall_s = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.write(
        f"{asked.runs} runs x {asked.prompts} prompts x {asked.steps} validations: "
        f"{page.stat().st_size / 1e6:.2f} MB, {used.ru_utime + used.ru_stime:.0f} s of processor "
        f"time, {wall_s:.0f} s by the clock, {used.ru_maxrss / 1e6:.2f} GB; load average "
        f"{os.getloadavg()[1]:.0f}\n"
    )


if __name__ == "__main__":
    main()
