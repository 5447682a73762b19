"""How this CPU multiplies matrices fastest without giving up float32, found by trying it.

Invariant: a faster way is taken only when its numbers were compared with the plain way's, on
products of the network's own shapes; torch's global settings are changed around our own work only
and put back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

MATMUL_TOLERANCE = 1e-5
"""Largest difference of two products, over the largest value of the product. Another order of
adding in float32 gives 1e-6; bfloat16 gives 3e-3 and TF32 4e-4."""

FASTER = 1.05
"""So many times faster must the other way be to be taken. From processor to processor it was .9 to
1.5 times as fast."""

TIMED_ROWS = 1200
"""Enough to keep a product busy, and to be done with all trials in about a second."""

SHORT_TIMED_ROWS = 600
"""Enough to show it, and a slow core is done in a second: on two cores float16 was 1.2 times slower
with 64 rows, and 3.5 times with 577 or 1200."""

CLEARLY_FASTER = 1.25
"""So many times faster must fewer threads be than torch's own choice to be taken: a timing of tens
of milliseconds is noisy, but a container with two of 64 cores shows far more."""


@dataclass(frozen=True)
class CpuTuning:
    """Settings that hold while our own network runs."""

    matmul_precision: str
    """torch's name: "highest", or "medium", which lets it take another library for the product."""
    threads: int

    @contextmanager
    def applied(self) -> Iterator[None]:
        before = torch.get_float32_matmul_precision(), torch.get_num_threads()
        torch.set_float32_matmul_precision(self.matmul_precision)
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before[0])
            torch.set_num_threads(before[1])


def tune_cpu(network: nn.Module, rows: int) -> CpuTuning:
    """The best settings for this network with so many rows (tokens) in a product."""
    shapes = sorted(
        {(m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)}
    )
    threads = torch.get_num_threads()
    if not shapes:
        return CpuTuning("highest", threads)
    rows = min(rows, TIMED_ROWS)
    largest = max(shapes, key=lambda shape: shape[0] * shape[1])

    def seconds(tuning: CpuTuning) -> float:
        return _seconds(rows, largest, tuning)

    precision = "highest"
    plain, other = CpuTuning("highest", threads), CpuTuning("medium", threads)
    if all(_relative_difference(rows, *shape) <= MATMUL_TOLERANCE for shape in shapes) and (
        seconds(plain) > FASTER * seconds(other)
    ):
        precision = "medium"
    return CpuTuning(precision, choose_threads(threads, lambda n: seconds(CpuTuning(precision, n))))


def slowdown(network: nn.Module, dtype: torch.dtype) -> float:
    """How many times as long as in float32 a product of the network takes in `dtype`; 1.0 for a
    network without products."""
    shapes = {
        (m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)
    }
    if not shapes:
        return 1.0
    shape = max(shapes, key=lambda shape: shape[0] * shape[1])
    tuning = CpuTuning("highest", torch.get_num_threads())
    plain, short = (_seconds(SHORT_TIMED_ROWS, shape, tuning, d) for d in (torch.float32, dtype))
    return short / plain


def choose_threads(most: int, seconds: Callable[[int], float]) -> int:
    """How many threads, from `most` down by halves; `seconds` tells how long a product takes.

    torch starts a thread per core that it sees, also where a container may use only a few of them.
    """
    best, best_seconds = most, seconds(most)
    while best > 1:
        fewer = best // 2
        fewer_seconds = seconds(fewer)
        if best_seconds < CLEARLY_FASTER * fewer_seconds:
            return best
        best, best_seconds = fewer, fewer_seconds
    return best


def _relative_difference(rows: int, n_in: int, n_out: int) -> float:
    left, right = _operands(rows, n_in, n_out)
    threads = torch.get_num_threads()
    with CpuTuning("highest", threads).applied():
        plain = left @ right.T
    with CpuTuning("medium", threads).applied():
        other = left @ right.T
    difference = float((other - plain).abs().max() / plain.abs().max())
    return difference if difference == difference else float("inf")  # noqa: PLR0124  NaN


def _seconds(
    rows: int, shape: tuple[int, int], tuning: CpuTuning, dtype: torch.dtype = torch.float32
) -> float:
    """The shortest of three, as disturbances only add."""
    left, right = (operand.to(dtype) for operand in _operands(rows, *shape))
    took = []
    with tuning.applied():
        for _ in range(3):
            started = time.perf_counter()
            torch.nn.functional.linear(left, right)
            took.append(time.perf_counter() - started)
    return min(took[1:])  # the first starts the threads


def _operands(rows: int, n_in: int, n_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn((rows, n_in), generator=generator),
        torch.randn((n_out, n_in), generator=generator),
    )
