"""One model on one device, measured step by step in this process: what bounds it, what an ingest
makes of that, what its arithmetic costs in exactness, what compiling brings.

Invariant: a step needs no other's result but the loaded model, so that one that fails or finds no
time takes nothing away from the rest.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.scorer_parts.ceilings import measure_decoding, measure_model
from benchmarks.scorer_parts.content import write_prompts
from benchmarks.scorer_parts.errorpictures import ErrorPicture
from benchmarks.scorer_parts.errors import ErrorJob, ErrorReport, measure_errors
from benchmarks.scorer_parts.models import Checkpoint
from benchmarks.scorer_parts.ours import steady_state, watched_calls
from benchmarks.scorer_parts.picturesets import PictureSet, warm_page_cache
from clipstore.model.embed import ClipEmbedder, load_clip
from clipstore.model.precision import COMPILE_FROM_PICTURES
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.survey import survey

PROMPTS = 8


@dataclass(frozen=True)
class LoopFigures:
    """One kind of file: the three numbers."""

    form: str
    n_files: int
    model_per_s: float
    """The model alone, on pixels that lie in memory."""
    decode_per_s: float
    """Files to pixels on all cores, no model beside it."""
    steady_per_s: float | None
    """A whole ingest between its first and its last call of the model; None with too few calls."""
    whole_per_s: float
    """The same ingest from its beginning to the end of its merge."""
    model_share: float | None
    """Of the steady time, that the main thread spent on the model."""

    @property
    def ratio(self) -> float | None:
        """Of the ingest to the lower one of the two that bound it."""
        if self.steady_per_s is None:
            return None
        return self.steady_per_s / min(self.model_per_s, self.decode_per_s)


@dataclass(frozen=True)
class CompileFigures:
    """The image tower compiled, and not."""

    plain_per_s: float
    compiled_per_s: float
    seconds: float
    """That compiling took."""


@dataclass
class ModelFigures:
    """What is known of one model so far."""

    name: str
    device: str
    dtype: str = ""
    batch_size: int = 0
    load_s: float = 0.0
    model_per_s: float | None = None
    loops: list[LoopFigures] = field(default_factory=list)
    errors: ErrorReport | None = None
    compiled: CompileFigures | None = None
    said: list[str] = field(default_factory=list)
    """What clipstore announced about dtype and compiling."""


class MeasuredModel:
    """Takes the steps; `figures` grows."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        self._folder = checkpoint.folder
        self._embedder: ClipEmbedder | None = None
        self.figures = ModelFigures(checkpoint.architecture.name, device)

    def measure_alone(self) -> None:
        """Load, and run on pixels in memory."""
        embedder = self._loaded()
        self.figures.dtype = embedder.model.dtype
        self.figures.batch_size = embedder.batches.size
        self.figures.model_per_s = measure_model(embedder)

    def measure_loop(self, pictures: PictureSet, workers: int) -> None:
        """Decode alone, then ingest."""
        embedder = self._loaded()
        warm_page_cache(pictures)
        found = survey(outline(pictures.root))
        listed = [one for contents in found.outline.runs() for one in contents.pictures]
        decode_per_s = measure_decoding(listed, embedder.preprocessing, workers)
        side = embedder.preprocessing.side_px
        embedder.embed_images(np.zeros((embedder.batch_size, side, side, 3), np.uint8))
        with tempfile.TemporaryDirectory() as folder, watched_calls(embedder) as calls:
            began = time.perf_counter()
            options = IngestOptions(workers=workers)
            store = Path(folder) / "scores.duckdb"
            report = ingest_surveyed([found], store, embedder, options)
            seconds = time.perf_counter() - began
        if report.n_embedded != len(listed):
            raise ValueError(f"{report.n_embedded:,} of {len(listed):,} files went through")
        steady = steady_state(calls)
        self.figures.loops.append(
            LoopFigures(
                form=pictures.format.name,
                n_files=len(listed),
                model_per_s=self.figures.model_per_s or measure_model(embedder),
                decode_per_s=decode_per_s,
                steady_per_s=None if steady is None else steady.pictures / steady.seconds,
                whole_per_s=len(listed) / seconds,
                model_share=None if steady is None else steady.model_seconds / steady.seconds,
            )
        )

    def measure_errors(self, pictures: Sequence[ErrorPicture]) -> None:
        """clipstore's own choice of dtype and float32, both against transformers in float32."""
        self.figures.errors = measure_errors(
            ErrorJob(
                model=str(self._folder),
                device=self.figures.device,
                dtypes=("auto", "float32"),
                pictures=tuple(pictures),
                prompts=tuple(write_prompts(PROMPTS)),
            )
        )

    def measure_compiling(self) -> None:
        """Load as a large job does."""
        if self.figures.device != "cuda":
            raise ValueError("clipstore compiles on a GPU only")
        plain_per_s = measure_model(self._loaded())
        began = time.perf_counter()
        compiled = self._load(expected_pictures=COMPILE_FROM_PICTURES)
        seconds = time.perf_counter() - began - self.figures.load_s
        self.figures.compiled = CompileFigures(plain_per_s, measure_model(compiled), seconds)

    def _loaded(self) -> ClipEmbedder:
        if self._embedder is None:
            began = time.perf_counter()
            self._embedder = self._load(expected_pictures=None)
            self.figures.load_s = time.perf_counter() - began
        return self._embedder

    def _load(self, expected_pictures: int | None) -> ClipEmbedder:
        return load_clip(
            str(self._folder),
            device=self.figures.device,
            offline=True,
            expected_pictures=expected_pictures,
            announce=self.figures.said.append,
        )
