"""Scored pictures to the rows of a spool part, in the store's own tables.

Invariant: rows are added as plain values and leave as whole frames with the store's schema, so
that a part can be merged without looking at the code that wrote it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore import __version__
from clipstore.modelidentity import Model
from clipstore.pipeline.reading import ReadPicture
from clipstore.pipeline.runpaths import path_in_run
from clipstore.pipeline.scorerows import (
    ImageRow,
    ScoreRow,
    images_to_frame,
    scores_to_frame,
    vectors_to_frame,
)
from clipstore.sources.flatsettings import flatten_settings
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.types import Problem, Prompt, Run, Skipped

OWN_SETTINGS = "settings"
"""The source of settings that the trainer's own files have, in the table config."""

Row = dict[str, object]


class PartRows:
    """The rows of the part that is being filled."""

    def __init__(self, ingest_id: int, model: Model, keep_embeddings: bool) -> None:
        self._ingest_id = ingest_id
        self._model = model
        self._keep_embeddings = keep_embeddings
        self._rows: dict[str, list[Row]] = {}
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._images: list[ImageRow] = []
        self._scores: list[ScoreRow] = []

    def write(self, store: Path) -> None:
        """Write all rows as one part and start the next; nothing to write is no part."""
        self.take()(store)

    def take(self) -> Callable[[Path], None]:
        """Start the next part; what is returned writes this one beside a store, in any thread.

        Without rows it writes nothing.
        """
        rows, self._rows = self._rows, {}
        frames, self._frames = self._frames, {}
        images, self._images = self._images, []
        scores, self._scores = self._scores, []

        def write(store: Path) -> None:
            if images:
                frames.setdefault("images", []).append(images_to_frame(images))
                frames.setdefault("scores", []).append(scores_to_frame(scores))
            _write_rows(rows, frames, store)

        return write

    def add_model(self) -> None:
        model, band = self._model, self._model.band
        self._add(
            "models",
            model_id=model.model_id,
            name=model.name,
            revision=model.revision,
            weights_sha256=model.weights_sha256,
            preprocessing=model.preprocessing,
            dtype=model.dtype,
            dimension=model.dimension,
            logit_scale=model.logit_scale,
            software=model.software,
            poor_below_cosine=None if band is None else band.poor_below_cosine,
            band_low_cosine=None if band is None else band.low_cosine,
            band_high_cosine=None if band is None else band.high_cosine,
            seen_at=_now(),
            backend=model.backend,
            tokenizer_sha256=model.tokenizer_sha256,
            family=model.family,
            logit_bias=model.logit_bias,
            probe_cosines=list(model.probe_cosines),
        )

    def add_run(self, run: Run, prompts: Sequence[Prompt]) -> None:
        self._add(
            "runs",
            run_id=run.run_id,
            name=run.name,
            root=str(run.root),
            layout=run.layout,
            layout_reason=run.layout_reason,
            variant=run.variant,
            planned_steps=run.planned_steps,
            config=json.dumps(run.config, sort_keys=True, default=str),
            seen_at=_now(),
        )
        self.add_settings(run, OWN_SETTINGS, run.config)
        self.add_prompts(run, prompts)

    def add_settings(self, run: Run, source: str, values: Mapping[str, object]) -> None:
        """All that one source says of the run's settings, as JSON values."""
        now = _now()
        by_key = {setting.key: setting for setting in flatten_settings(values)}
        for setting in by_key.values():
            self._add("config", run_id=run.run_id, source=source, **setting._asdict(), seen_at=now)

    def add_frame(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of a table in bulk, with its columns."""
        self._frames.setdefault(table, []).append(frame)

    def add_prompts(self, run: Run, prompts: Sequence[Prompt]) -> None:
        """What the run's prompt ids stand for, without saying anything new of the run."""
        for prompt in prompts:
            self._add("prompts", text_id=prompt.text_id, text=prompt.text, is_blank=prompt.is_blank)
            self._add(
                "run_prompts",
                run_id=run.run_id,
                prompt_id=prompt.prompt_id,
                text_id=prompt.text_id,
                source=prompt.source,
                tags=json.dumps(dict(prompt.tags), ensure_ascii=False, sort_keys=True),
                seen_at=_now(),
            )

    def add_token_count(self, text_id: int, token_count: int, is_truncated: bool) -> None:
        self._add(
            "prompt_tokens",
            model_id=self._model.model_id,
            text_id=text_id,
            token_count=token_count,
            is_truncated=is_truncated,
        )

    def add_scores(
        self, run: Run, prompt: Prompt, read: ReadPicture, cosines: Sequence[float]
    ) -> None:
        """One image row and one score row per panel, `cosines` in the order of the panels."""
        picture, path = read.picture, path_in_run(read.picture.path, run)
        now_us = time.time_ns() // 1000
        for panel, cosine in zip(read.panels, cosines, strict=True):
            self._images.append(
                ImageRow(
                    run_id=run.run_id,
                    step=picture.step,
                    epoch=picture.epoch,
                    prompt_id=picture.prompt_id,
                    image_index=picture.image_index,
                    panel=panel.panel,
                    path=path,
                    file_sha256=read.sha256,
                    file_size_bytes=read.size_bytes,
                    file_modified_ns=read.modified_ns,
                    box_left=panel.box.left,
                    box_top=panel.box.top,
                    box_right=panel.box.right,
                    box_bottom=panel.box.bottom,
                    crop_method=read.crop_method,
                    crop_confidence=read.crop_confidence,
                    notes=read.notes,
                    crop_id=panel.crop_id,
                    ingest_id=self._ingest_id,
                    seen_at=now_us,
                )
            )
            self._scores.append(
                ScoreRow(
                    model_id=self._model.model_id,
                    run_id=run.run_id,
                    step=picture.step,
                    prompt_id=picture.prompt_id,
                    image_index=picture.image_index,
                    panel=panel.panel,
                    text_id=prompt.text_id,
                    crop_id=panel.crop_id,
                    cosine=cosine,
                    ingest_id=self._ingest_id,
                    scored_at=now_us,
                )
            )

    def add_embeddings(self, crop_ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """`vectors` (n, dimension), of the contents `crop_ids`. One that is not finite is not
        kept."""
        self._add_vectors("embeddings", "crop_id", crop_ids, vectors)

    def add_text_vectors(self, text_ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """`vectors` (n, dimension), of the texts `text_ids`. One that is not finite is not kept."""
        self._add_vectors("text_embeddings", "text_id", text_ids, vectors)

    def _add_vectors(
        self, table: str, id_column: str, ids: Sequence[int], vectors: NDArray[np.float32]
    ) -> None:
        if self._keep_embeddings and len(ids):
            numbers = np.array(ids, np.int64)
            model_id = self._model.model_id
            self.add_frame(table, vectors_to_frame(table, id_column, model_id, numbers, vectors))

    def add_problem(self, run: Run | None, problem: Problem) -> None:
        try:
            status = problem.path.stat()
        except OSError:
            status = None
        self._add(
            "problems",
            run_id=None if run is None else run.run_id,
            path=str(problem.path) if run is None else path_in_run(problem.path, run),
            stage=problem.stage,
            reason=problem.reason,
            detail=problem.detail,
            is_pending=problem.pending,
            file_size_bytes=None if status is None else status.st_size,
            file_modified_ns=None if status is None else status.st_mtime_ns,
            ingest_id=self._ingest_id,
            seen_at=_now(),
        )

    def add_copies(self, run: Run, skipped: Sequence[Skipped]) -> None:
        """Those of `skipped` that say what they are copies of."""
        copies = [(one, one.copy_of) for one in skipped if one.copy_of is not None]
        if not copies:
            return
        frame = pl.DataFrame(
            {
                "run_id": pl.repeat(run.run_id, len(copies), dtype=pl.Int64, eager=True),
                "path": [path_in_run(one.path, run) for one, _ in copies],
                "rule": [one.rule for one, _ in copies],
                "original": [path_in_run(original, run) for _, original in copies],
                "seen_at": pl.repeat(_now(), len(copies), eager=True),
            },
            schema=TABLE_SCHEMAS["picture_copies"],
        )
        self.add_frame("picture_copies", frame)

    def add_ingest(
        self,
        root: str,
        started_at: datetime,
        counts: Mapping[str, int],
        skipped_by_rule: Mapping[str, int],
    ) -> None:
        """`counts` of files by column name: n_seen, n_scored, …"""
        self._add(
            "ingests",
            ingest_id=self._ingest_id,
            root=root,
            model_id=self._model.model_id,
            started_at=started_at,
            finished_at=_now(),
            clipstore_version=__version__,
            skipped_by_rule=json.dumps(skipped_by_rule, sort_keys=True),
            **counts,
        )

    def _add(self, table: str, **row: object) -> None:
        self._rows.setdefault(table, []).append(row)


def _write_rows(
    rows: Mapping[str, list[Row]], frames: Mapping[str, list[pl.DataFrame]], store: Path
) -> None:
    tables = {
        name: pl.DataFrame(table, schema=TABLE_SCHEMAS[name], orient="row")
        for name, table in rows.items()
    }
    for name, bulk in frames.items():
        tables[name] = pl.concat([*([tables[name]] if name in tables else []), *bulk])
    if any(table.height for table in tables.values()):
        write_part(spool_folder(store), tables)


def _now() -> datetime:
    return datetime.now(UTC)
