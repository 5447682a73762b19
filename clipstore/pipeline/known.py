"""What the store already holds, so that nothing is scored twice.

Invariant: size and modification time may say "known" without reading the file only when the file
was last changed well before it was scored; otherwise its hash decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.addresses import address_to_part
from clipstore.pipeline.runpaths import path_in_run
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.store import open_store
from clipstore.types import Picture, Run

RACY_NS = 2_000_000_000
"""A file changed within this time of being scored may have changed again unseen: file systems
keep times as coarse as two seconds. As git does for files newer than its index."""


@dataclass(frozen=True)
class _KnownFile:
    size_bytes: int
    modified_ns: int
    seen_ns: int
    sha256: str


class KnownFiles:
    """The files scored under one model, by run and path."""

    def __init__(
        self,
        files: Mapping[tuple[int, str], _KnownFile],
        run_names: Mapping[int, str],
        crop_ids: NDArray[np.int64],
        text_ids: NDArray[np.int64],
    ) -> None:
        self._files = files
        self.run_names = run_names
        """Names in the store by run_id."""
        self.crop_ids = crop_ids
        """The panels' contents whose vectors are in the store, (n,)."""
        self.text_ids = text_ids
        """The texts whose vectors are, (n,)."""

    @classmethod
    def load(cls, store: Path, model_id: int, run_ids: Sequence[int]) -> KnownFiles:
        """Read the store and the parts that still wait beside it.

        Raises the store's errors: without knowing what is scored, all would be scored again.
        """
        files: dict[tuple[int, str], _KnownFile] = {}
        with open_store(store) as reader:
            scored = reader.read("known_images", {"model_id": model_id, "run_ids": list(run_ids)})
            names = reader.read("run_names")
            crops = reader.read("known_crops", {"model_id": model_id})
            texts = reader.read("known_texts", {"model_id": model_id})
        for frame in (scored, *_waiting_images(store, model_id)):
            for row in frame.iter_rows(named=True):
                files[row["run_id"], row["path"]] = _KnownFile(
                    row["file_size_bytes"],
                    row["file_modified_ns"],
                    int(row["seen_at"].timestamp() * 1e9),
                    row["file_sha256"],
                )
        return cls(
            files,
            dict(zip(names["run_id"].to_list(), names["name"].to_list(), strict=True)),
            crops["crop_id"].to_numpy().astype(np.int64),
            texts["text_id"].to_numpy().astype(np.int64),
        )

    def has_file(self, run: Run, picture: Picture) -> bool:
        """Whether the file is scored and untouched, judged without reading it."""
        known = self._files.get((run.run_id, path_in_run(picture.path, run)))
        if known is None:
            return False
        part = address_to_part(picture.path)
        if part is not None:
            # Logs only grow: what lies there was read whole, and stays.
            return part.length == known.size_bytes
        try:
            now = picture.path.stat()
        except OSError:
            return False
        return (
            now.st_size == known.size_bytes
            and now.st_mtime_ns == known.modified_ns
            and known.seen_ns - known.modified_ns > RACY_NS
        )

    def content(self, run: Run, picture: Picture) -> str | None:
        """The SHA-256 with which the file is scored; None when it is not."""
        known = self._files.get((run.run_id, path_in_run(picture.path, run)))
        return None if known is None else known.sha256


def _waiting_images(store: Path, model_id: int) -> list[pl.DataFrame]:
    """Images with a score under this model in parts that could not be merged yet."""
    frames = []
    for part in list_parts(spool_folder(store)):
        images, scores = part / "images.parquet", part / "scores.parquet"
        if images.exists() and scores.exists():
            scored = pl.read_parquet(scores).filter(pl.col("model_id") == model_id)
            key = ["run_id", "step", "prompt_id", "image_index", "panel"]
            frames.append(pl.read_parquet(images).join(scored, on=key, how="semi"))
    return frames
