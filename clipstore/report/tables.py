"""What the store gives the page, as frames: names, columns and units, said once.

Invariant: frames are read here and nowhere else turned into rows of the page; what the page shows
are the values of `data`. Cosines are raw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from clipstore.report.promptscan import PromptScan

RUN_STEP_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "panel": pl.String,
    "n_prompts": pl.Int64,
    "n_images": pl.Int64,
    "mean": pl.Float64,
    "min": pl.Float64,
    "p10": pl.Float64,
    "p25": pl.Float64,
    "p50": pl.Float64,
    "p75": pl.Float64,
    "p90": pl.Float64,
    "max": pl.Float64,
    "share_poor": pl.Float64,
    "share_in_band": pl.Float64,
}
PROMPT_STEP_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "panel": pl.String,
    "prompt_id": pl.String,
    "text_id": pl.Int64,
    "text": pl.String,
    "is_truncated": pl.Boolean,
    "asks_for_words": pl.Boolean,
    "cosine": pl.Float64,
}
PICTURE_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "prompt_id": pl.String,
    "panel": pl.String,
    "image_index": pl.Int64,
    "path": pl.String,
    "left": pl.Int64,
    "top": pl.Int64,
    "right": pl.Int64,
    "bottom": pl.Int64,
    "crop_id": pl.Int64,
    "cosine": pl.Float64,
}
PROBLEM_COLUMNS = {
    "path": pl.String,
    "stage": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "is_pending": pl.Boolean,
}
INGEST_COLUMNS = {
    "n_seen": pl.Int64,
    "n_scored": pl.Int64,
    "n_known": pl.Int64,
    "n_pending": pl.Int64,
    "n_refused": pl.Int64,
    "n_skipped": pl.Int64,
}
RUN_COLUMNS = {
    "run": pl.String,
    "root": pl.String,
    "layout": pl.String,
}
MODEL_COLUMNS = {
    "name": pl.String,
    "revision": pl.String,
    "weights_sha256": pl.String,
    "preprocessing": pl.String,
    "dtype": pl.String,
    "software": pl.String,
    "poor_below_cosine": pl.Float64,
    "low_cosine": pl.Float64,
    "high_cosine": pl.Float64,
}
DISAGREEMENT_COLUMNS = {
    "run": pl.String,
    "model_a": pl.String,
    "model_b": pl.String,
    "first_step": pl.Int64,
    "last_step": pl.Int64,
    "change_a": pl.Float64,
    "change_b": pl.Float64,
    "disagree": pl.Boolean,
}
STEP_TIME_COLUMNS = {
    "run": pl.String,
    "step": pl.Int64,
    "written_ns": pl.Int64,
}
CONFIG_COLUMNS = {
    "setting": pl.String,
    "run": pl.String,
    "value": pl.String,
}


TRAINER_AGREEMENT_COLUMNS = {
    "run": pl.String,
    "model": pl.String,
    "n_validations": pl.Int64,
    "mean_difference": pl.Float64,
    "largest_difference": pl.Float64,
    "likely_cause": pl.String,
    "trainer_model": pl.String,
}


def _empty(columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(columns))


@dataclass(frozen=True)
class ReportTables:
    """What the store says, as frames; the columns are those named above, more may be there.

    `model` is the label that also stands in `Verdict.model`, one for each `types.Model`.
    """

    run_step: pl.DataFrame
    """`RUN_STEP_COLUMNS`: one row per model, run, step and panel."""
    prompt_step: pl.DataFrame
    """`PROMPT_STEP_COLUMNS`: trained panels and `base`; `cosine` is the mean over the images. All
    rows, or with a `scan` at least those of its cards."""
    pictures: pl.DataFrame
    """`PICTURE_COLUMNS`: one row per scored panel of a file, at least those of the cards; `path`
    absolute, the box in pixels, `crop_id` the identity of the pixels in it."""
    problems: pl.DataFrame
    """`PROBLEM_COLUMNS`: files that are not scores now."""
    ingests: pl.DataFrame
    """`INGEST_COLUMNS`: one row per ingest, the latest last."""
    runs: pl.DataFrame
    """`RUN_COLUMNS`: one row per run; `root` is its absolute folder."""
    models: pl.DataFrame
    """`MODEL_COLUMNS`: the three band columns are null where no band is known."""
    disagreements: pl.DataFrame = field(default_factory=lambda: _empty(DISAGREEMENT_COLUMNS))
    """`DISAGREEMENT_COLUMNS`: one row per run and pair of models; empty with one model."""
    step_times: pl.DataFrame = field(default_factory=lambda: _empty(STEP_TIME_COLUMNS))
    """`STEP_TIME_COLUMNS`: when a validation was, by the run's log or by the pictures' files."""
    config: pl.DataFrame = field(default_factory=lambda: _empty(CONFIG_COLUMNS))
    """`CONFIG_COLUMNS`: settings that differ; the value as written, null where a run lacks it."""

    trainer_agreement: pl.DataFrame = field(
        default_factory=lambda: _empty(TRAINER_AGREEMENT_COLUMNS)
    )
    """`TRAINER_AGREEMENT_COLUMNS`: one row per run and model whose log has a clip/mean."""

    scan: PromptScan | None = None
    """What all prompt means say; None where `prompt_step` has them all."""

    def of_runs(self, runs: Collection[str]) -> ReportTables:
        """Only the rows of these runs; models and ingests stay. Files of no run go."""
        of_run = pl.col("run").is_in(list(runs))
        names_run = "run" in self.problems.columns
        return replace(
            self,
            run_step=self.run_step.filter(of_run),
            prompt_step=self.prompt_step.filter(of_run),
            pictures=self.pictures.filter(of_run),
            problems=self.problems.filter(of_run) if names_run else self.problems,
            runs=self.runs.filter(of_run),
            disagreements=self.disagreements.filter(of_run),
            step_times=self.step_times.filter(of_run),
            config=self.config.filter(of_run),
            trainer_agreement=self.trainer_agreement.filter(of_run),
        )
