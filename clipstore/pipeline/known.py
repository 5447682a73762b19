"""What the store already holds, so that nothing is scored twice.

Invariant: size and modification time may say "known" without reading the file only when the file
was last changed well before it was scored; otherwise its hash decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.addresses import address_to_part
from clipstore.pipeline.runpaths import path_in_run
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.store import open_store
from clipstore.types import Picture, Run, content_id

RACY_NS = 2_000_000_000
"""A file changed within this time of being scored may have changed again unseen: file systems
keep times as coarse as two seconds. As git does for files newer than its index."""


class _KnownFile(NamedTuple):
    """A file as it was when it was scored."""

    size_bytes: int
    modified_ns: int
    seen_ns: int
    sha256: str


class KnownFiles:
    """The files scored under one model, by run and path. A hundred bytes a file."""

    def __init__(
        self,
        frames: Sequence[pl.DataFrame],
        run_names: Mapping[int, str],
        crop_ids: NDArray[np.int64],
        text_ids: NDArray[np.int64],
        originals: Mapping[tuple[int, str], str],
    ) -> None:
        """Of several rows for one file the last one of `frames` counts."""
        keys, run_ids, facts, sha256 = _frames_to_columns(frames)
        # Of equal keys np.unique gives the first, so the newest rows come first.
        self._keys, newest = np.unique(keys[::-1], return_index=True)
        rows = len(keys) - 1 - newest
        self._facts, self._sha256 = facts[rows], sha256[rows]
        of_runs, counts = np.unique(run_ids[rows], return_counts=True)
        self.n_by_run: Mapping[int, int] = dict(zip(of_runs.tolist(), counts.tolist(), strict=True))
        """How many files of a run are scored, by run_id."""
        self.run_names = run_names
        """Names in the store by run_id."""
        self.crop_ids = crop_ids
        """The panels' contents whose vectors are in the store, (n,)."""
        self.text_ids = text_ids
        """The texts whose vectors are, (n,)."""
        self._originals = originals
        """By run_id and path of a copy told by its pixels: the picture that counts."""

    @classmethod
    def load(cls, store: Path, model_id: int, run_ids: Sequence[int]) -> KnownFiles:
        """Read the store and the parts that still wait beside it.

        Raises the store's errors: without knowing what is scored, all would be scored again.
        """
        with open_store(store) as reader:
            scored = reader.read("known_images", {"model_id": model_id, "run_ids": list(run_ids)})
            names = reader.read("run_names")
            crops = reader.read("known_crops", {"model_id": model_id})
            texts = reader.read("known_texts", {"model_id": model_id})
            copies = reader.read("known_pixel_copies", {"run_ids": list(run_ids)})
        return cls(
            [scored, *_waiting_images(store, model_id)],
            dict(zip(names["run_id"].to_list(), names["name"].to_list(), strict=True)),
            crops["crop_id"].to_numpy().astype(np.int64),
            texts["text_id"].to_numpy().astype(np.int64),
            {(run_id, path): original for run_id, path, original in copies.iter_rows()},
        )

    def has_file(self, run: Run, picture: Picture) -> bool:
        """Whether the file is scored and untouched, judged without reading it."""
        known = self._find(run, picture)
        if known is None:
            return False
        path = picture.path
        part = address_to_part(path)
        if part is not None:
            # Logs only grow: what lies there was read whole, and stays.
            return part.length == known.size_bytes
        try:
            now = path.stat()
        except OSError:
            return False
        return (
            now.st_size == known.size_bytes
            and now.st_mtime_ns == known.modified_ns
            and known.seen_ns - known.modified_ns > RACY_NS
        )

    def copy_of(self, run: Run, picture: Picture) -> Path | None:
        """The picture whose pixels this one was found to have, when it was read."""
        if not self._originals:
            return None
        original = self._originals.get((run.run_id, path_in_run(picture.path, run)))
        return None if original is None else run.root / original

    def content(self, run: Run, picture: Picture) -> str | None:
        """The SHA-256 with which the file is scored; None when it is not."""
        known = self._find(run, picture)
        return None if known is None else known.sha256

    def _find(self, run: Run, picture: Picture) -> _KnownFile | None:
        if run.run_id not in self.n_by_run:
            return None
        key = _key(run.run_id, path_in_run(picture.path, run))
        row = int(np.searchsorted(self._keys, key))
        if row == len(self._keys) or int(self._keys[row]) != key:
            return None
        size_bytes, modified_ns, seen_ns = self._facts[row].tolist()
        return _KnownFile(size_bytes, modified_ns, seen_ns, self._sha256[row].decode("ascii"))


def _key(run_id: int, path: str) -> int:
    return content_id(str(run_id), path)


def _frames_to_columns(
    frames: Sequence[pl.DataFrame],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bytes_]]:
    """Keys (n,), run_ids (n,), size and times (n, 3), and SHA-256 in hexadecimal (n,)."""
    keys = [
        np.fromiter(map(_key, frame["run_id"], frame["path"]), np.int64, count=frame.height)
        for frame in frames
    ]
    facts = [
        frame.select(
            "file_size_bytes",
            "file_modified_ns",
            pl.col("seen_at").dt.epoch("us") * 1000,
        ).to_numpy()
        for frame in frames
    ]
    return (
        np.concatenate(keys),
        np.concatenate([frame["run_id"].to_numpy() for frame in frames]),
        np.concatenate(facts),
        np.concatenate([np.array(frame["file_sha256"].to_list(), "S64") for frame in frames]),
    )


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
