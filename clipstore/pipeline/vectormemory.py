"""Vectors that are there already, so that no picture and no text goes through a model twice.

Invariant: a vector belongs to a panel's content, or to a text, under one model, wherever it was
seen. Memory stays flat: the most recent vectors are held whole; for the others the store is asked,
a batch at a time, and of what it has only the ids are held, 8 bytes each. What cannot be found goes
through the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipstore.errors import ClipstoreError
from clipstore.storage.store import open_store

Vector = NDArray[np.float32]  # (dimension,)

MAX_VECTORS = 32768
"""100 MB of the 768 numbers of ViT-L: the base panels of hundreds of prompts in every run."""
_IDS_PER_SORT = 4096


class VectorMemory:
    """The vectors of one model by crop_id or by text_id. Not to be shared between threads."""

    def __init__(
        self,
        stored_ids: NDArray[np.int64],
        read_stored: Callable[[Collection[int]], Mapping[int, Vector]],
        max_vectors: int = MAX_VECTORS,
    ) -> None:
        """`stored_ids` (n,) are those that `read_stored` may have; it is asked for nothing else."""
        self._ids = np.unique(stored_ids)
        self._read_stored = read_stored
        self._max_vectors = max_vectors
        self._recent: OrderedDict[int, Vector] = OrderedDict()
        self._evicted: set[int] = set()

    def recent(self, one: int) -> Vector | None:
        """The vector of that id if it is held; asks nobody."""
        vector = self._recent.get(one)
        if vector is not None:
            self._recent.move_to_end(one)
        return vector

    def find(self, ids: Collection[int]) -> dict[int, Vector]:
        """Those vectors that are held or stored."""
        found = {one: vector for one in ids if (vector := self.recent(one)) is not None}
        elsewhere = [one for one in ids if one not in found and self._may_have(one)]
        if elsewhere:
            stored = self._read_stored(elsewhere)
            self.remember(stored)
            found.update(stored)
        return found

    def remember(self, vectors: Mapping[int, Vector]) -> None:
        """Hold these; the longest unused ones go."""
        self._recent.update(vectors)
        while len(self._recent) > self._max_vectors:
            self._evicted.add(self._recent.popitem(last=False)[0])
        if len(self._evicted) > _IDS_PER_SORT:
            self._ids = np.union1d(self._ids, np.fromiter(self._evicted, dtype=np.int64))
            self._evicted.clear()

    def _may_have(self, one: int) -> bool:
        if one in self._evicted:
            return True
        place = int(np.searchsorted(self._ids, one))
        return place < len(self._ids) and int(self._ids[place]) == one


def stored_vectors(
    store: Path,
    model_id: int,
    reading: Callable[[], AbstractContextManager[None]],
    kind: Literal["vectors_of_crops", "vectors_of_texts"],
) -> Callable[[Collection[int]], Mapping[int, Vector]]:
    """What reads vectors of one model from a store. `reading` is held while the store is open."""

    def read(ids: Collection[int]) -> Mapping[int, Vector]:
        try:
            with reading(), open_store(store) as reader:
                frame = reader.read(kind, {"model_id": model_id, "ids": list(ids)})
        except ClipstoreError:
            # Held by another program, say: embedding them again is slower and just as right.
            return {}
        return {one: np.asarray(vector, dtype=np.float32) for one, vector in frame.iter_rows()}

    return read
