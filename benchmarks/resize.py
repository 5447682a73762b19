"""Pillow's bicubic, bit for bit, in torch: is it exact, and is it faster than Pillow?

    python -m benchmarks.resize [--device cuda] [--rounds N]

Compares three ways to do Pillow's two passes of 8-bit fixed point with matrix products, and torch's
own `interpolate`, with Pillow: the pixels on some hundreds of shapes, then the time of one picture
of 1024 x 1024 to 336 x 336. What was measured, and why the reading processes keep Pillow, is in
decoders.md. Nothing of clipstore runs this.

Source of the arithmetic: Pillow's src/libImaging/Resample.c. Coefficients are float64, divided by
their sum, rounded to 22 bits behind the point; each pass adds half, shifts and clips to a byte.
From Pillow 13 on the vertical pass comes first where the height loses more than twice what the
width does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL import __version__ as PILLOW_VERSION
from torch import Tensor

from clipstore.model.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing

PRECISION_BITS = 22
HALF_BITS = 11
"""A coefficient is split here: products of either part with bytes add up exactly in float32."""
SUPPORT = 2.0
SHARPNESS = -0.5
"""Of the cubic, a in Keys' paper; Pillow's."""
BLOCK = 16
"""Output columns that share a window of the input in the banded way."""

Resize = Callable[[Tensor, int, int], Tensor]
"""(height, width, 3) bytes, new height, new width → bytes."""


def coefficients(n_in: int, n_out: int) -> NDArray[np.int64]:
    """Pillow's fixed-point weights as a full matrix (n_out, n_in)."""
    scale = n_in / n_out
    filter_scale = max(scale, 1.0)
    support = SUPPORT * filter_scale
    matrix = np.zeros((n_out, n_in), np.int64)
    for out in range(n_out):
        centre = (out + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), n_in)
        weights = [
            _cubic((place - centre + 0.5) * (1.0 / filter_scale)) for place in range(first, last)
        ]
        total = 0.0
        for weight in weights:  # in this order: the last bit of the sum decides roundings
            total += weight
        for place, weight in zip(range(first, last), weights, strict=True):
            fixed = weight / total * (1 << PRECISION_BITS)
            matrix[out, place] = int(fixed - 0.5) if fixed < 0 else int(fixed + 0.5)
    return matrix


def _cubic(x: float) -> float:
    a, x = SHARPNESS, abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0


class InFloat64:
    """One product of full matrices a pass: every sum is below 2^53."""

    def __init__(self, n_in: int, n_out: int, device: str) -> None:
        self._matrix = torch.from_numpy(coefficients(n_in, n_out)).double().to(device)

    def __call__(self, rows: Tensor) -> Tensor:
        """Bytes (n, n_in) to bytes (n, n_out)."""
        return _to_bytes((rows.double() @ self._matrix.T).long())


class InTwoFloat32:
    """Two products of full matrices a pass, of the high and the low bits."""

    def __init__(self, n_in: int, n_out: int, device: str) -> None:
        fixed = coefficients(n_in, n_out)
        self._parts = [torch.from_numpy(part).float().to(device) for part in _split(fixed)]

    def __call__(self, rows: Tensor) -> Tensor:
        """As above. Exact where a sum of bytes times 11 bits stays below 2^24: 32 weights."""
        values = rows.float()
        high, low = ((values @ part.T).int() for part in self._parts)
        return _to_bytes((high << HALF_BITS) + low)


class InBands:
    """The same two products without most of the zeros: `BLOCK` outputs need a short window."""

    def __init__(self, n_in: int, n_out: int, device: str) -> None:
        fixed = coefficients(n_in, n_out)
        n_blocks = -(-n_out // BLOCK)
        padded = np.zeros((n_blocks * BLOCK, n_in), np.int64)
        padded[:n_out] = fixed
        firsts, lasts = [], []
        for block in range(n_blocks):
            used = np.flatnonzero(padded[block * BLOCK : (block + 1) * BLOCK].any(axis=0))
            firsts.append(int(used[0]))
            lasts.append(int(used[-1]) + 1)
        width = min(n_in, max(last - first for first, last in zip(firsts, lasts, strict=True)))
        firsts = [min(first, n_in - width) for first in firsts]
        windows = np.stack(
            [
                padded[block * BLOCK : (block + 1) * BLOCK, first : first + width].T
                for block, first in enumerate(firsts)
            ]
        )  # (n_blocks, width, BLOCK)
        self._n_out = n_out
        self._places = torch.tensor([range(first, first + width) for first in firsts]).to(device)
        self._parts = [torch.from_numpy(part).float().to(device) for part in _split(windows)]

    def __call__(self, rows: Tensor) -> Tensor:
        """As above."""
        windows = rows.float()[:, self._places].transpose(0, 1)  # (n_blocks, n, width)
        high, low = (torch.bmm(windows, part).int() for part in self._parts)
        sums = (high << HALF_BITS) + low  # (n_blocks, n, BLOCK)
        return _to_bytes(sums.transpose(0, 1).reshape(len(rows), -1)[:, : self._n_out])


def _split(fixed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    high = fixed >> HALF_BITS
    return high, fixed - (high << HALF_BITS)


def _to_bytes(sums: Tensor) -> Tensor:
    return ((sums + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS).clamp(0, 255).to(torch.uint8)


def is_vertical_first(height: int, width: int, to_height: int, to_width: int) -> bool:
    """Which pass Pillow does first; it decides which sums are rounded and clipped."""
    lost = height - to_height
    is_new = int(PILLOW_VERSION.partition(".")[0]) >= 13
    return is_new and lost > 0 and lost > 2 * (width - to_width)


class Exact:
    """Both passes by one of the ways; keeps the matrices of the sizes it has met."""

    def __init__(self, way: type[InFloat64 | InTwoFloat32 | InBands], device: str) -> None:
        self._way = way
        self._device = device
        self._passes: dict[tuple[int, int], Callable[[Tensor], Tensor]] = {}

    def __call__(self, pixels: Tensor, height: int, width: int) -> Tensor:
        planes = pixels.permute(2, 0, 1)  # (3, height, width)
        if is_vertical_first(pixels.shape[0], pixels.shape[1], height, width):
            planes = self._along(planes.transpose(1, 2), height).transpose(1, 2)
            return self._along(planes, width).permute(1, 2, 0)
        planes = self._along(planes, width)
        return self._along(planes.transpose(1, 2), height).permute(2, 1, 0)

    def _along(self, planes: Tensor, n_out: int) -> Tensor:
        """(3, rows, n_in) → (3, rows, n_out)"""
        n_in = planes.shape[2]
        if n_in == n_out:
            return planes
        if (n_in, n_out) not in self._passes:
            self._passes[n_in, n_out] = self._way(n_in, n_out, self._device)
        one_pass = self._passes[n_in, n_out]
        return one_pass(planes.reshape(-1, n_in)).view(3, -1, n_out)


def with_interpolate(pixels: Tensor, height: int, width: int) -> Tensor:
    """torch's own, on bytes: fixed point with fewer bits."""
    planes = pixels.permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(
        planes, (height, width), mode="bicubic", antialias=True
    )
    return resized[0].permute(1, 2, 0)


def with_pillow(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The definition."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def shapes() -> list[tuple[int, int, int, int]]:
    """(height, width, new height, new width): trainers' sizes, odd ones, larger and smaller."""
    path = Preprocessing(224, 224, None, Image.Resampling.BICUBIC, 1 / 255, CLIP_MEAN, CLIP_STD)
    usual = [
        (side, round(side * across), *path.resized_px(side, round(side * across)))
        for side in (512, 640, 768, 1024)
        for across in (1, 0.75, 1.5, 0.4)
    ]
    random = np.random.default_rng(3)
    odd = [tuple(int(n) for n in random.integers(16, 300, 4)) for _ in range(400)]
    edges = [
        (224, 224, 224, 224),
        (224, 300, 224, 224),
        (17, 400, 336, 336),
        (1023, 1025, 335, 337),
    ]
    return [*usual, *odd, *edges]


def share_that_differs(resize: Resize, device: str) -> tuple[float, int, int]:
    """(share of bytes that are not Pillow's, largest difference, pictures that differ anywhere)."""
    random = np.random.default_rng(5)
    n_off = n_bytes = largest = n_pictures = 0
    for number, (height, width, to_height, to_width) in enumerate(shapes()):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        if number % 3 == 0:  # hard edges, where sums leave 0 to 255
            pixels = np.where(pixels > 127, 255, 0).astype(np.uint8)
        ours = resize(torch.from_numpy(pixels).to(device), to_height, to_width).cpu().numpy()
        off = np.abs(ours.astype(int) - with_pillow(pixels, to_height, to_width))
        n_off += int((off > 0).sum())
        n_bytes += off.size
        largest = max(largest, int(off.max()))
        n_pictures += bool(off.any())
    return n_off / n_bytes, largest, n_pictures


def fastest_ms(work: Callable[[], object], rounds: int, device: str) -> float:
    """On a CPU processor time, which other work disturbs least; on a GPU the wall's."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    took = []
    for _ in range(rounds):
        started = clock()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        took.append(clock() - started)
    return 1000 * min(took)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resize", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a reading process has one core
    torch.backends.cuda.matmul.allow_tf32 = False
    pixels = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    on_device = torch.from_numpy(pixels).to(asked.device)
    ways: dict[str, Resize] = {
        "torch, full matrices in float64": Exact(InFloat64, asked.device),
        "torch, full matrices in float32, twice": Exact(InTwoFloat32, asked.device),
        "torch, bands in float32, twice": Exact(InBands, asked.device),
    }
    if asked.device == "cpu":
        ways["torch.nn.functional.interpolate on bytes"] = with_interpolate
    pillow_ms = fastest_ms(lambda: with_pillow(pixels, 336, 336), asked.rounds, "cpu")
    lines = [
        f"torch {torch.__version__} on {asked.device}, Pillow {PILLOW_VERSION}, one thread, best "
        f"of {asked.rounds}; {len(shapes())} shapes.",
        "",
        "| way | bytes that are not Pillow's | pictures that differ | ms, 1024² to 336² | Pillow's "
        "time over it |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| Pillow | definition | | {pillow_ms:.1f} | |",
    ]
    for name, resize in ways.items():
        share, largest, n_pictures = share_that_differs(resize, asked.device)
        resize(on_device, 336, 336)  # makes the matrices
        took = fastest_ms(
            lambda resize=resize: resize(on_device, 336, 336),  # type: ignore[misc]
            asked.rounds,
            asked.device,
        )
        off = f"{share:.2%}, by up to {largest}" if n_pictures else "none"
        lines.append(f"| {name} | {off} | {n_pictures} | {took:.1f} | {pillow_ms / took:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
