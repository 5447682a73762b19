"""Vectors at hand: the recent ones are held, the others are asked of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from clipstore.pipeline.vectormemory import VectorMemory

NONE = np.empty(0, dtype=np.int64)


class Store:
    """Has a vector for every id it holds, and remembers what it was asked for."""

    def __init__(self, *ids: int) -> None:
        self.ids = ids
        self.asked: list[list[int]] = []

    def read(self, crop_ids: Collection[int]) -> Mapping[int, np.ndarray]:
        self.asked.append(sorted(crop_ids))
        return {one: vector(one) for one in crop_ids if one in self.ids}


def vector(number: int) -> np.ndarray:
    return np.full(3, number, dtype=np.float32)


def test_the_store_is_asked_once_and_only_for_what_it_may_have() -> None:
    store = Store(5, 7)
    memory = VectorMemory(np.array([7, 5], dtype=np.int64), store.read)
    assert sorted(memory.find([4, 5, 6, 7])) == [5, 7]
    assert sorted(memory.find([5, 7, 8])) == [5, 7]
    assert store.asked == [[5, 7]]


def test_what_was_pushed_out_is_asked_of_the_store() -> None:
    store = Store(*range(10_000))
    memory = VectorMemory(NONE, store.read, max_vectors=2)
    for number in range(10_000):
        memory.remember({number: vector(number)})
    assert memory.recent(0) is None
    assert store.asked == []
    assert memory.find([0, 9_999])[0].tolist() == [0, 0, 0]
    assert store.asked == [[0]]


def test_what_is_used_stays() -> None:
    memory = VectorMemory(NONE, Store().read, max_vectors=2)
    memory.remember({1: vector(1), 2: vector(2)})
    assert memory.recent(1) is not None
    memory.remember({3: vector(3)})
    assert (memory.recent(1) is None, memory.recent(2) is None) == (False, True)


def test_what_the_store_does_not_give_is_not_found() -> None:
    memory = VectorMemory(np.array([5], dtype=np.int64), Store().read)
    assert memory.find([5]) == {}
