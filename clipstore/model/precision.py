"""Which arithmetic the image tower runs in, decided by what it makes of the probe.

Invariant: a short dtype that clipstore chose by itself, or float16 at all, scores only if its
cosines on this machine with these weights are as near to float32's as promised; else float32 does,
and the user is told.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipstore.model.cputuning import slowdown
from clipstore.model.device import Device
from clipstore.model.imagetower import ImageTower, unit_rows
from clipstore.model.preprocess import Preprocessing
from clipstore.model.probe import PROBE_TEXTS, probe_pixels
from clipstore.model.towers import Towers
from clipstore.model.vectors import Dtype, DtypeChoice

MEAN_BOUND = 1e-4
MAX_BOUND = 3e-4
"""Of |cosine - float32's cosine|, over the probe. The spread of one step's pictures is .004."""

COMPILE_FROM_PICTURES = 600_000
"""A compilation takes about a minute, and at a thousand pictures per second a tenth saved brings
that back after so many. Estimated: neither the minute nor the tenth was measured on a GPU yet.
CUDA graphs are not used: they save kernel launches, some 300 of 5 µs for a batch of ViT-L/14-336
whose arithmetic takes 50 ms, and the host hands those out while the GPU is busy with the batch
before; and they hold memory that halving a batch would need back."""

CLEARLY_SLOWER = 1.25
"""So many times longer must float16's products take to be warned of: their timing is noisy."""


@dataclass(frozen=True)
class HalfError:
    """How far a dtype's cosines are from float32's; infinite when any is not finite."""

    mean: float
    largest: float

    @property
    def holds_bound(self) -> bool:
        return self.mean < MEAN_BOUND and self.largest < MAX_BOUND

    def to_words(self) -> str:
        return f"by {self.mean:.1e} on average and {self.largest:.1e} at most"


@dataclass(frozen=True)
class ChosenTower:
    """What scores from now on."""

    tower: ImageTower
    dtype: Dtype
    exact: ImageTower | None
    """float32 on the CPU, for rows that the short dtype cannot hold; None where not needed."""
    plain: ImageTower | None = None
    """Of a compiled `tower`, the same as it was before; None where it is not compiled."""


def resolve_dtype(wanted: DtypeChoice, device_name: str) -> Dtype:
    """ "auto" to float16 on CUDA, where it is several times faster, and to float32 elsewhere."""
    if wanted != "auto":
        return wanted
    return "float16" if device_name == "cuda" else "float32"


def pays_to_compile(device_name: str, n_pictures: int | None) -> bool:
    """Whether a job is so large that compiling the image tower pays for itself.

    On a CPU in float32 it brought nothing (measured); an unknown size counts as small.
    """
    return device_name == "cuda" and (n_pictures or 0) >= COMPILE_FROM_PICTURES


def choose_tower(
    towers: Towers,
    preprocessing: Preprocessing,
    device: Device,
    dtype: Dtype,
    announce: Callable[[str], None],
) -> ChosenTower:
    """The image tower on its device in `dtype`, or in float32 where that fails the probe.

    `towers.text` must be on the device already.
    """
    table = torch.from_numpy(preprocessing.level_table())  # (3, 256)
    exact = ImageTower(towers.image, table, "float32", "cpu")
    if dtype == "float32":
        return ChosenTower(_on_device(towers.image, table, "float32", device), dtype, None)
    if dtype == "float16" and device.name == "cpu":
        _warn_of_slowness(slowdown(towers.image, torch.float16), announce)
    texts = _probe_texts(towers, device)  # (n_texts, dimension)
    pixels = probe_pixels(preprocessing)
    network = copy.deepcopy(towers.image)
    reference = _cosines(_on_device(network, table, "float32", device), pixels, texts, device)
    short = _on_device(network, table, dtype, device)
    error = compare_cosines(_cosines(short, pixels, texts, device), reference)
    if error.holds_bound or (dtype == "bfloat16" and math.isfinite(error.largest)):
        announce(f"image tower in {dtype}: its cosines differ from float32's {error.to_words()}.")
        return ChosenTower(short, dtype, exact)
    announce(
        f"{dtype} was tried for the image tower and differs from float32 {error.to_words()}; "
        f"{MEAN_BOUND:.0e} and {MAX_BOUND:.0e} are allowed. Scoring in float32."
    )
    return ChosenTower(_on_device(towers.image, table, "float32", device), "float32", None)


def compile_tower(
    chosen: ChosenTower,
    preprocessing: Preprocessing,
    device: Device,
    batch_size: int,
    announce: Callable[[str], None],
) -> ChosenTower:
    """The tower compiled for batches of that size, if its vectors stay the same; else as it was."""
    announce(
        f"{COMPILE_FROM_PICTURES:,} pictures or more: compiling the image tower first, which is "
        "estimated to take a minute and to pay from there on."
    )
    pixels = probe_pixels(preprocessing)[:batch_size]
    plain = chosen.tower
    compiled = plain.with_network(device.compile(plain.network))
    try:
        with device.arithmetic():
            before, after = (
                tower(device.upload(pixels, batch_size)).cpu().numpy()
                for tower in (plain, compiled)
            )
    except RuntimeError as error:  # all that torch.compile raises, and a lack of memory
        why = str(error).strip().splitlines() or ["no details"]
        announce(f"compiling the image tower failed; going on without: {why[0]}")
        return chosen
    # Rows have length 1: this is what two pictures' cosine is off from 1.
    off = compare_cosines((before * after).sum(axis=1), (before * before).sum(axis=1))
    if not off.holds_bound:
        announce("the compiled image tower computes other vectors; going on without compiling.")
        return chosen
    return replace(chosen, tower=compiled, plain=plain)


def compare_cosines(ours: NDArray[np.float32], exact: NDArray[np.float32]) -> HalfError:
    """The error of `ours`, both of any one shape."""
    difference = np.abs(ours.astype(np.float64) - exact)
    if not np.isfinite(difference).all():
        return HalfError(math.inf, math.inf)
    return HalfError(float(difference.mean()), float(difference.max()))


def _warn_of_slowness(times: float, announce: Callable[[str], None]) -> None:
    """Before minutes go by without a word."""
    if times > CLEARLY_SLOWER:
        announce(
            "--dtype float16 on this CPU: the model's matrix products take "
            f"{times:.2g} times as long as in float32. Better Ctrl-C and leave --dtype away; "
            "bfloat16 is faster on many CPUs and less exact."
        )


def _on_device(network: nn.Module, table: Tensor, dtype: Dtype, device: Device) -> ImageTower:
    placed = network.to(device.name)
    if dtype == "float16":
        placed = placed.half()
    return ImageTower(placed, table.to(device.name), dtype, device.name)


def _cosines(
    tower: ImageTower, pixels: NDArray[np.uint8], texts: Tensor, device: Device
) -> NDArray[np.float32]:
    with device.arithmetic(), torch.inference_mode():
        units = tower(device.upload(pixels, len(pixels)))
        cosines: NDArray[np.float32] = (units @ texts.T).cpu().numpy()  # (n_pictures, n_texts)
    return cosines


def _probe_texts(towers: Towers, device: Device) -> Tensor:
    with device.arithmetic(), torch.inference_mode():
        return unit_rows(towers.text.features(PROBE_TEXTS, device.name))
