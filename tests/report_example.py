"""Eight runs as a page shows them, with drawn pictures: the verdicts are the analysis's own.

Invariant: seeded, so that every test and every screenshot sees the same page.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image, ImageDraw

from clipstore.analysis.compare import compare_runs
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from clipstore.modelidentity import Band
from clipstore.report.data import ReportData
from clipstore.report.gather import PageExtras, gather_report
from clipstore.report.gathersection import RunComparisons
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import (
    CONFIG_COLUMNS,
    INGEST_COLUMNS,
    MODEL_COLUMNS,
    PICTURE_COLUMNS,
    PROBLEM_COLUMNS,
    PROMPT_STEP_COLUMNS,
    RUN_COLUMNS,
    RUN_STEP_COLUMNS,
    STEP_TIME_COLUMNS,
    ReportTables,
)
from clipstore.types import TRAINED_PANELS, content_id

NOW = datetime(2031, 11, 23, 19, 5, tzinfo=UTC)
MODEL = "openai/clip-vit-large-patch14-336"
BAND = Band(0.22, 0.30, 0.39)
PLANNED_STEPS = 10_000
PANEL_PX = 256
QUANTILES = (10, 25, 50, 75, 90)
BASE_MEAN = 0.262

SUBJECTS = (
    "a red fox asleep",
    "an old lighthouse",
    "a glass teapot with mint tea",
    "two children flying a kite",
    "a steam locomotive",
    "a bowl of ripe apricots",
    "a heron standing on one leg",
    "a violin maker at work",
)
SETTINGS = (
    "in falling snow, soft morning light",
    "on a rocky coast, long exposure",
    "in the style of a woodcut",
    "seen from above, muted colours",
    "as a watercolour on rough paper",
    "under a stormy sky, film grain",
)
PROMPTS = tuple(f"{subject}, {setting}" for subject in SUBJECTS for setting in SETTINGS)

CURVES: dict[str, tuple[float, ...]] = {
    # mean at each validation, every 500 steps
    "sdxl-lora/lr-1e-3": (0.26, 0.272, 0.278, 0.262, 0.235, 0.215, 0.205, 0.202, *[0.2] * 12),
    "sdxl-lora/lr-3e-4-rank-8": tuple(0.262 - 0.02 * math.exp(-k / 2) for k in range(20)),
    "sdxl-lora/text-encoder-on": tuple(0.205 + 0.003 * math.sin(k) for k in range(18)),
    "sdxl-lora/lr-1e-4": tuple(0.325 - 0.06 * math.exp(-k / 3) for k in range(20)),
    "sdxl-lora/lr-1e-4-ema": tuple(0.318 - 0.055 * math.exp(-k / 4) for k in range(20)),
    "sdxl-lora/lr-5e-5": tuple(0.337 - 0.07 * math.exp(-k / 5) for k in range(20)),
    "sdxl-lora/lr-1e-5": tuple(0.262 + 0.0022 * k for k in range(12)),
    "sdxl-lora/lr-2e-5-warmup": (0.262, 0.268, 0.271),
}


def example_data(
    folder: Path, *, size_cap_bytes: int = 12_000_000, with_pictures: bool = True
) -> ReportData:
    """The whole example; `folder` receives the picture files."""
    verdicts, tables = example_inputs(folder)
    return gather_report(
        verdicts,
        tables,
        generated_at=NOW,
        version="0.1.0",
        size_cap_bytes=size_cap_bytes,
        wishes=PictureWishes(embed=with_pictures),
        extras=PageExtras(comparisons=compared(_scores())),
    )


def compared(scores: pl.DataFrame) -> RunComparisons:
    """As `clipstore compare` would."""
    bands = {content_id(MODEL): BAND}
    return RunComparisons(
        of_runs=compare_runs(scores, bands, CompareOptions()),
        against_base=compare_runs(scores, bands, CompareOptions(against_base=True)),
    )


def example_inputs(folder: Path) -> tuple[tuple[Verdict, ...], ReportTables]:
    """Verdicts and frames; the pictures of the prompts that the page will show are on disk, but for
    one that is missing."""
    scores = _scores()
    verdicts = verdicts_from_scores(scores, _planned(), {content_id(MODEL): BAND})
    tables = replace(scores_to_tables(scores, folder), step_times=_times(), config=_config())
    _draw_pictures(tables)
    return verdicts, tables


def empty_tables() -> ReportTables:
    """A store in which nothing was ever scored."""
    return ReportTables(
        run_step=pl.DataFrame(schema=RUN_STEP_COLUMNS),
        prompt_step=pl.DataFrame(schema=PROMPT_STEP_COLUMNS),
        pictures=pl.DataFrame(schema=PICTURE_COLUMNS),
        problems=pl.DataFrame(schema=PROBLEM_COLUMNS),
        ingests=pl.DataFrame(schema=INGEST_COLUMNS),
        runs=pl.DataFrame(schema=RUN_COLUMNS),
        models=pl.DataFrame(schema=MODEL_COLUMNS),
    )


def small_inputs(
    *,
    run: str = "run-a",
    model: str = MODEL,
    prompts: tuple[str, ...] = ("a fox", "a lighthouse", "a teapot"),
    n_validations: int = 1,
    root: str = "/data/runs/run-a",
) -> tuple[tuple[Verdict, ...], ReportTables]:
    """One run whose picture files do not exist."""
    rows = [
        (run, 500 * (k + 1), f"p{i}", text, "only", 0.24 + 0.01 * i + 0.001 * k)
        for k in range(n_validations)
        for i, text in enumerate(prompts)
    ]
    scores = rows_to_scores(rows, model)
    runs = pl.DataFrame({"run_id": [content_id(run)], "run": [run], "planned_steps": [None]})
    verdicts = verdicts_from_scores(scores, runs, {content_id(model): BAND})
    tables = scores_to_tables(scores, Path(root).parent)
    return verdicts, replace(
        tables, runs=tables.runs.with_columns(root=pl.lit(root)), models=models_frame(model)
    )


def many_runs(n_runs: int, n_validations: int) -> tuple[tuple[Verdict, ...], ReportTables]:
    """Copies of one small run under other names: for sizes, not for statistics."""
    verdicts, tables = small_inputs(n_validations=n_validations)
    names = [f"sweep/run-{k}" for k in range(n_runs)]

    def spread(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([frame.with_columns(run=pl.lit(name)) for name in names])

    return tuple(replace(verdicts[0], run=name) for name in names), replace(
        tables,
        run_step=spread(tables.run_step),
        prompt_step=spread(tables.prompt_step),
        pictures=spread(tables.pictures),
        runs=spread(tables.runs),
    )


def models_frame(*names: str, band: Band | None = BAND) -> pl.DataFrame:
    edges = (
        (None, None, None)
        if band is None
        else (band.poor_below_cosine, band.low_cosine, band.high_cosine)
    )
    return pl.DataFrame(
        [
            (
                name,
                "ce19dc912ca5cd21c8a653c79e251e808ccabcd1",
                "5d0c2f6a" * 8,
                "pil-bicubic-shortest336-center336-v1",
                "float32",
                "torch 2.13.0, transformers 5.23.0",
                *edges,
            )
            for name in names
        ],
        schema=MODEL_COLUMNS,
        orient="row",
    )


def scores_to_tables(scores: pl.DataFrame, folder: Path) -> ReportTables:
    """The frames that the store's views would give for these scores."""
    by_prompt = (
        scores.group_by("model", "run", "step", "panel", "prompt_id", "text_id", "text")
        .agg(pl.col("cosine").mean())
        .with_columns(
            is_truncated=pl.col("text").str.len_chars() > 300,
            asks_for_words=pl.col("text").str.contains('"'),
        )
        .sort("run", "panel", "step", "prompt_id")
    )
    run_step = prompts_to_run_step(by_prompt)
    runs = sorted(set(scores["run"].to_list()))
    is_base = pl.col("panel") == "base"
    pictures = scores.with_columns(
        path=pl.concat_str(
            pl.lit(f"{folder}/"),
            "run",
            pl.lit("/validation_images/step_"),
            "step",
            pl.lit("_"),
            "prompt_id",
            pl.lit("_512x512.png"),
        ),
        left=pl.when(is_base).then(0).otherwise(PANEL_PX).cast(pl.Int64),
        top=pl.lit(0, pl.Int64),
        right=pl.when(is_base).then(PANEL_PX).otherwise(2 * PANEL_PX).cast(pl.Int64),
        bottom=pl.lit(PANEL_PX, pl.Int64),
        # The base panel is the same picture in every composite of a prompt.
        crop_id=pl.when(is_base)
        .then(pl.concat_str(pl.lit("base "), "text_id"))
        .otherwise(pl.concat_str("run_id", "step", "prompt_id", "text_id", separator=" "))
        .map_elements(content_id, return_dtype=pl.Int64),
    )
    return ReportTables(
        run_step=run_step,
        prompt_step=by_prompt,
        pictures=pictures,
        problems=_problems(folder / runs[0]),
        ingests=pl.DataFrame([(3480, 312, 3130, 3, 35, 48)], schema=INGEST_COLUMNS, orient="row"),
        runs=pl.DataFrame(
            [(run, f"{folder}/{run}", "simpletuner") for run in runs],
            schema=RUN_COLUMNS,
            orient="row",
        ),
        models=models_frame(MODEL),
    )


def prompts_to_run_step(by_prompt: pl.DataFrame) -> pl.DataFrame:
    """What the view `run_step` gives for these prompt means."""
    return (
        by_prompt.group_by("model", "run", "step", "panel")
        .agg(
            pl.len().cast(pl.Int64).alias("n_prompts"),
            pl.len().cast(pl.Int64).alias("n_images"),
            pl.col("cosine").mean().alias("mean"),
            pl.col("cosine").min().alias("min"),
            *(pl.col("cosine").quantile(q / 100, "linear").alias(f"p{q}") for q in QUANTILES),
            pl.col("cosine").max().alias("max"),
            (pl.col("cosine") < BAND.poor_below_cosine).mean().alias("share_poor"),
            pl.col("cosine")
            .is_between(BAND.low_cosine, BAND.high_cosine)
            .mean()
            .alias("share_in_band"),
        )
        .sort("run", "panel", "step")
    )


def _scores() -> pl.DataFrame:
    rng = np.random.default_rng(20311123)
    difficulty = rng.normal(0, 0.028, len(PROMPTS))
    difficulty -= difficulty.mean()
    rows = []
    for run, means in CURVES.items():
        steps = [500 * (k + 1) for k in range(len(means))]
        for step, mean in zip(steps, means, strict=True):
            shake = rng.normal(0, 0.002)
            for i, text in enumerate(PROMPTS):
                cosine = mean + difficulty[i] + shake + rng.normal(0, 0.012)
                base = BASE_MEAN + difficulty[i] + 0.01 * math.sin(7 * i)
                rows.append((run, step, f"p{i:02d}", text, "checkpoint", cosine))
                rows.append((run, step, f"p{i:02d}", text, "base", base))
    return rows_to_scores(rows, MODEL)


def rows_to_scores(rows: list[tuple[str, int, str, str, str, float]], model: str) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema=["run", "step", "prompt_id", "text", "panel", "cosine"], orient="row"
    ).with_columns(
        model=pl.lit(model),
        model_id=pl.lit(content_id(model)),
        run_id=pl.col("run").map_elements(content_id, return_dtype=pl.Int64),
        text_id=pl.col("text").map_elements(content_id, return_dtype=pl.Int64),
        image_index=pl.lit(0, pl.Int64),
    )


def _times() -> pl.DataFrame:
    """A validation every twelve minutes."""
    start = int(NOW.timestamp()) * 1_000_000_000
    rows = [
        (run, 500 * (k + 1), start + k * 720_000_000_000)
        for run, means in CURVES.items()
        for k in range(len(means))
    ]
    return pl.DataFrame(rows, schema=STEP_TIME_COLUMNS, orient="row")


def _config() -> pl.DataFrame:
    rates = {run: run.split("lr-")[1].split("-rank")[0] for run in CURVES if "lr-" in run}
    rows: list[tuple[str, str, str | None]] = []
    for run in CURVES:
        rows.append(("learning_rate", run, rates.get(run)))
        rows.append(("output_dir", run, f'"/home/alice/output/{run}"'))
        rows.append(("resolution", run, "1024"))
    return pl.DataFrame(rows, schema=CONFIG_COLUMNS, orient="row")


def _planned() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "run_id": [content_id(run) for run in CURVES],
            "run": list(CURVES),
            "planned_steps": [PLANNED_STEPS] * len(CURVES),
        }
    )


def _problems(root: Path) -> pl.DataFrame:
    shots = root / "validation_images"
    rows = [
        (
            f"{shots}/step_500_p{i:02d}_512x512.png",
            "decode",
            "truncated",
            "it ends before the picture does. Restore or delete the file.",
            False,
        )
        for i in range(31)
    ]
    rows += [
        (
            f"{shots}/step_9999_p01_512x512.png",
            "cut",
            "no_confident_cut",
            f"the panels of {shots}/step_9999_p01_512x512.png cannot be told apart: pass the "
            "benchmark folder.",
            False,
        ),
        (
            f"{shots}/step_10000_p01_512x512.png",
            "read",
            "changing",
            "the file changed while it was read.",
            True,
        ),
    ]
    return pl.DataFrame(rows, schema=PROBLEM_COLUMNS, orient="row")


def _draw_pictures(tables: ReportTables) -> None:
    """Composites, base left and checkpoint right, of the prompts at both ends of each last step."""
    trained = tables.prompt_step.filter(pl.col("panel").is_in(TRAINED_PANELS))
    last = trained.filter(pl.col("step") == pl.col("step").max().over("run"))
    ranked = last.sort("cosine").with_columns(
        rank=pl.int_range(pl.len()).over("run"), n=pl.len().over("run")
    )
    shown = ranked.filter((pl.col("rank") < 3) | (pl.col("rank") >= pl.col("n") - 3))
    files = tables.pictures.filter(pl.col("panel") == "checkpoint").join(
        shown.select("run", "step", "prompt_id"), on=["run", "step", "prompt_id"]
    )
    for i, row in enumerate(files.sort("run", "prompt_id").iter_rows(named=True)):
        if i == 4:
            continue
        path = Path(row["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = content_id(row["prompt_id"])
        composite = Image.new("RGB", (2 * PANEL_PX, PANEL_PX))
        composite.paste(_landscape(seed, 0.35), (0, 0))
        composite.paste(_landscape(seed, 1.0), (PANEL_PX, 0))
        composite.save(path, compress_level=1)


def _landscape(seed: int, saturation: float) -> Image.Image:
    rng = np.random.default_rng(seed)
    hue = rng.uniform(0, 255)
    y = np.linspace(0, 1, PANEL_PX)[:, None] * np.ones((1, PANEL_PX))
    hsv = np.stack([(hue + 40 * y) % 255, 150 * saturation * (1 - 0.6 * y), 120 + 120 * y], axis=2)
    image = Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB")
    draw = ImageDraw.Draw(image)
    x, r = rng.uniform(50, 200), rng.uniform(18, 40)
    draw.ellipse((x - r, 60 - r, x + r, 60 + r), fill=(250, 240, 215))
    for depth in range(3):
        base = 150 + 34 * depth
        wave = [
            (px, base + 18 * math.sin(px / rng.uniform(34, 36) + rng.uniform(0, 0.2) + depth * 2))
            for px in range(0, PANEL_PX + 8, 8)
        ]
        shade = int(105 - 28 * depth)
        tint = (shade, int(shade + 12 * saturation), int(shade + 30 * saturation))
        draw.polygon([*wave, (PANEL_PX, PANEL_PX), (0, PANEL_PX)], fill=tint)
    return image
