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

from clipstore.pipeline.partrows import path_in_run
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
        base_vectors: Mapping[int, NDArray[np.float32]],
    ) -> None:
        self._files = files
        self.run_names = run_names
        """Names in the store by run_id."""
        self.base_vectors = base_vectors
        """Unit vectors (dimension,) of the base panels by crop_id."""

    @classmethod
    def load(cls, store: Path, model_id: int, run_ids: Sequence[int]) -> KnownFiles:
        """Read the store and the parts that still wait beside it.

        Raises the store's errors: without knowing what is scored, all would be scored again.
        """
        files: dict[tuple[int, str], _KnownFile] = {}
        with open_store(store) as reader:
            scored = reader.read("known_images", {"model_id": model_id, "run_ids": list(run_ids)})
            names = reader.read("run_names")
            vectors = reader.read(
                "known_base_vectors", {"model_id": model_id, "run_ids": list(run_ids)}
            )
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
            {
                crop_id: np.asarray(vector, dtype=np.float32)
                for crop_id, vector in vectors.select("crop_id", "vector").iter_rows()
            },
        )

    def has_file(self, run: Run, picture: Picture) -> bool:
        """Whether the file is scored and untouched, judged without reading it."""
        known = self._files.get((run.run_id, path_in_run(picture.path, run)))
        if known is None:
            return False
        try:
            now = picture.path.stat()
        except OSError:
            return False
        return (
            now.st_size == known.size_bytes
            and now.st_mtime_ns == known.modified_ns
            and known.seen_ns - known.modified_ns > RACY_NS
        )

    def has_content(self, run: Run, picture: Picture, sha256: str) -> bool:
        """Whether the file is scored with this very content."""
        known = self._files.get((run.run_id, path_in_run(picture.path, run)))
        return known is not None and known.sha256 == sha256


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
