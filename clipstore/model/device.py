"""What differs between a CPU and a GPU, behind one seam: memory, copies, arithmetic, compiling.

Invariant: no other module calls into `torch.cuda`. The scorer's logic around it (batches, halving,
retries) runs on `Device` alone, so that it is tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipstore.errors import DeviceMissing
from clipstore.model.cputuning import CpuTuning
from clipstore.model.embedder import Arrived, Arriving, Pictures

OUT_OF_CUDA_MEMORY = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
)
"""In errors of other kinds than torch's own of memory: the driver's for page-locked memory, and
what libraries say who find none for their own use beside a training, say."""


class Device(Protocol):
    """Where the networks run."""

    name: str
    """As torch calls it: cpu, cuda, mps."""
    charges_by_row: bool
    """Whether a batch of fewer rows is done sooner. True on a CPU; a GPU is faster, and a compiled
    network works at all, with one shape for all batches. On a CPU cosines of ViT-B/32 in float32
    moved by at most 8e-8 between batches of 1 and 32 pictures; with the "medium" products of
    `cputuning` not at all."""

    def free_bytes(self) -> int | None:
        """Memory that a batch may take; None where that cannot be asked."""
        ...

    def upload(self, pixels: Pictures, rows: int) -> Tensor:
        """Pixels on the device, filled up with zeros to (rows, side, side, 3).

        May return before the copy has ended; what is computed with it waits for it.
        """
        ...

    def download(self, values: Tensor) -> Arriving:
        """Start to bring `values`, which may not be computed yet; waits for nothing that is asked
        of the device later."""
        ...

    def is_out_of_memory(self, error: RuntimeError) -> bool: ...

    def release_memory(self) -> None:
        """Give back what torch keeps for later."""
        ...

    def arithmetic(self) -> AbstractContextManager[None]:
        """In here float32 means float32, and the CPU is used as was found best. Puts all back."""
        ...

    def compile(self, network: nn.Module) -> nn.Module:
        """The network as `torch.compile` makes it, at the first call."""
        ...


class PlainDevice:
    """The CPU, and Apple's GPU: torch's plain calls, nothing overlapped."""

    def __init__(self, name: str, tuning: CpuTuning | None = None) -> None:
        self.name = name
        self.charges_by_row = name == "cpu"
        self._tuning = tuning

    def free_bytes(self) -> int | None:
        return None

    def upload(self, pixels: Pictures, rows: int) -> Tensor:
        batch = torch.empty((rows, *pixels[0].shape), dtype=torch.uint8)
        _fill(batch, pixels)
        return batch.to(self.name)

    def download(self, values: Tensor) -> Arriving:
        return Arrived(values.cpu().numpy())

    def is_out_of_memory(self, error: RuntimeError) -> bool:
        return "out of memory" in str(error) or "can't allocate memory" in str(error)

    def release_memory(self) -> None:
        if self.name == "mps":
            torch.mps.empty_cache()

    def arithmetic(self) -> AbstractContextManager[None]:
        return nullcontext() if self._tuning is None else self._tuning.applied()

    def compile(self, network: nn.Module) -> nn.Module:
        return network


@dataclass(frozen=True)
class _OnItsWay:
    """Satisfies `Arriving`: a copy into page-locked memory, and the event behind it."""

    host: Tensor
    copied: Any

    @property
    def is_there(self) -> bool:
        return bool(self.copied.query())

    def wait(self) -> NDArray[np.float32]:
        self.copied.synchronize()
        values: NDArray[np.float32] = self.host.numpy()
        return values


class CudaDevice:
    """An NVIDIA GPU, or AMD's under the same name. Not yet run on either: see the README.

    Two page-locked buffers take turns: one is filled while the other is being copied and the GPU
    computes on what came before. Vectors come back by a copy that is put in line right behind their
    own batch: `Tensor.cpu()` would be in line behind all that was asked for since, and would keep
    the host waiting until the GPU has nothing left to do. Who waits sleeps: the cores are the
    readers'. `cuda` and `place` are for tests without a GPU.
    """

    def __init__(self, cuda: Any = torch.cuda, place: str = "cuda") -> None:
        self.name = "cuda"
        self.charges_by_row = False
        self._cuda = cuda
        self._place = place
        self._copies = cuda.Stream()
        self._buffers: list[Tensor | None] = [None, None]
        self._copied = [cuda.Event(blocking=True), cuda.Event(blocking=True)]
        self._turn = 0

    def free_bytes(self) -> int | None:
        free, _ = self._cuda.mem_get_info()
        return int(free)

    def upload(self, pixels: Pictures, rows: int) -> Tensor:
        turn, self._turn = self._turn, 1 - self._turn
        # The host runs ahead: what this buffer held two batches ago may still be on its way.
        self._copied[turn].synchronize()
        host = self._buffer(turn, (rows, *pixels[0].shape))
        _fill(host, pixels)
        with self._cuda.stream(self._copies):
            batch = host.to(self._place, non_blocking=True)
            self._copied[turn].record(self._copies)
        computing = self._cuda.current_stream()
        computing.wait_stream(self._copies)
        # Its memory belongs to the copying stream, which must not reuse it while we compute.
        batch.record_stream(computing)
        return batch

    def download(self, values: Tensor) -> Arriving:
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=self._place == "cuda")
        host.copy_(values, non_blocking=True)
        copied = self._cuda.Event(blocking=True)
        copied.record(self._cuda.current_stream())
        return _OnItsWay(host, copied)

    def _buffer(self, turn: int, shape: tuple[int, ...]) -> Tensor:
        buffer = self._buffers[turn]
        if buffer is None or buffer.shape != shape:
            buffer = torch.empty(shape, dtype=torch.uint8, pin_memory=self._place == "cuda")
            self._buffers[turn] = buffer
        return buffer

    def is_out_of_memory(self, error: RuntimeError) -> bool:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        return any(sign in str(error) for sign in OUT_OF_CUDA_MEMORY)

    def release_memory(self) -> None:
        self._cuda.empty_cache()

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        # TF32 is torch's default for convolutions, and has 10 bits where float32 has 23. Sums of
        # float16 products may be split, and their parts rounded to float16, unless forbidden.
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        before = (
            *(cudnn.allow_tf32, matmul.allow_tf32),
            matmul.allow_fp16_reduced_precision_reduction,
        )
        cudnn.allow_tf32 = matmul.allow_tf32 = False
        matmul.allow_fp16_reduced_precision_reduction = False
        try:
            yield
        finally:
            cudnn.allow_tf32, matmul.allow_tf32 = before[:2]
            matmul.allow_fp16_reduced_precision_reduction = before[2]

    def compile(self, network: nn.Module) -> nn.Module:
        return cast(nn.Module, torch.compile(network, dynamic=False))


def _fill(batch: Tensor, pixels: Pictures) -> None:
    """Pixels into the first rows of memory of the host, zeros into the others."""
    rows = batch.numpy()
    np.stack(list(pixels), out=rows[: len(pixels)])
    rows[len(pixels) :] = 0


def open_device(name: str, tuning: CpuTuning | None) -> Device:
    """The device called `name`; `tuning` is for the CPU."""
    return CudaDevice() if name == "cuda" else PlainDevice(name, tuning if name == "cpu" else None)


def choose_device(wanted: str) -> str:
    """ "auto" to the best device here, any other name to itself if it is here.

    Raises `DeviceMissing`.
    """
    available = list_devices()
    if wanted == "auto":
        return available[0]
    if wanted not in available:
        raise DeviceMissing(wanted, available)
    return wanted


def list_devices() -> list[str]:
    """The devices that this torch can use here, the fastest first; "cpu" is always the last."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [*(name for name, is_here in here.items() if is_here), "cpu"]
