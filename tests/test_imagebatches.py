"""Batches on a device that a test plays: what is in flight, what happens when memory runs out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipstore.errors import DeviceFailed, DeviceFull
from clipstore.model.device import CudaDevice, PlainDevice
from clipstore.model.embedder import Pictures
from clipstore.model.imagebatches import (
    ImageBatches,
    TowerSize,
    choose_batch_size,
    choose_call_size,
)

LARGE_336 = TowerSize(tokens=577, bytes_per_token=2 * (6 * 1024 + 2 * 4096))
BASE_32 = TowerSize(tokens=50, bytes_per_token=2 * (6 * 768 + 2 * 3072))


class PlayedDevice:
    """Satisfies `device.Device`: has memory for `fits` pictures, and writes down what is asked."""

    def __init__(self, fits: int = 1000) -> None:
        self.name = "cuda"
        self.charges_by_row = False
        self.fits = fits
        self.log: list[str] = []

    def free_bytes(self) -> int | None:
        return 10**9

    def upload(self, pixels: Pictures, rows: int) -> Tensor:
        self.log.append(f"upload {len(pixels)} of {rows}")
        if rows > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        batch = np.zeros((rows, *pixels[0].shape), dtype=np.uint8)
        batch[: len(pixels)] = np.stack(list(pixels))
        return torch.from_numpy(batch)

    def download(self, values: Tensor) -> Later:
        self.log.append("in line")
        return Later(self, values)

    def is_out_of_memory(self, error: RuntimeError) -> bool:
        return isinstance(error, torch.OutOfMemoryError)

    def release_memory(self) -> None:
        self.log.append("release")

    def arithmetic(self) -> AbstractContextManager[None]:
        return nullcontext()

    def compile(self, network: nn.Module) -> nn.Module:
        return network


class Later:
    """Satisfies `embedder.Arriving`: there when it was waited for."""

    def __init__(self, device: PlayedDevice, units: Tensor) -> None:
        self._device = device
        self._units = units
        self.is_there = False

    def wait(self) -> NDArray[np.float32]:
        self._device.log.append("wait")
        self.is_there = True
        return self._units.numpy()


class MeanColour:
    """A tower: unit vectors of mean colours."""

    def __init__(self, device: PlayedDevice) -> None:
        self._device = device

    def __call__(self, batch: Tensor) -> Tensor:
        self._device.log.append("compute")
        return mean_colours(batch)


def mean_colours(batch: Tensor) -> Tensor:
    means = batch.float().mean(dim=(1, 2)) + 1
    return means / means.norm(dim=1, keepdim=True)


def pictures(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, 2, 2, 3)).astype(np.uint8)


def vectors_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return mean_colours(torch.from_numpy(pixels)).numpy()


def test_a_call_puts_all_its_batches_in_line_and_waits_for_none() -> None:
    device = PlayedDevice()
    batches = ImageBatches(device, MeanColour(device), size=2)
    call = batches.start(pictures(5), 3)
    assert device.log == [
        *("upload 2 of 2", "compute", "in line"),
        *("upload 2 of 2", "compute", "in line"),
        *("upload 1 of 2", "compute", "in line"),
    ]
    assert not call.is_there
    next_call = batches.start(list(pictures(2)), 3)
    np.testing.assert_array_equal(call.wait(), vectors_of(pictures(5)))
    assert device.log[-3:] == ["wait"] * 3, "of its own batches, not of those in line behind"
    assert (call.is_there, next_call.is_there) == (True, False)
    np.testing.assert_array_equal(next_call.wait(), vectors_of(pictures(2)))
    np.testing.assert_array_equal(call.wait(), vectors_of(pictures(5)))


def test_a_row_of_zeros_is_not_computed_where_it_would_cost_what_a_picture_costs() -> None:
    device = PlayedDevice()
    device.charges_by_row = True
    ImageBatches(device, MeanColour(device), size=4).start(pictures(6), 3).wait()
    assert [line for line in device.log if line.startswith("upload")] == [
        *("upload 4 of 4", "upload 2 of 2")
    ]
    assert (PlainDevice("cpu").charges_by_row, PlainDevice("mps").charges_by_row) == (True, False)
    assert not CudaDevice(PlayedCuda(), "cpu").charges_by_row


@pytest.mark.parametrize("fits", range(1, 65))
def test_no_picture_is_lost_when_memory_holds_fewer_than_a_batch(fits: int) -> None:
    device = PlayedDevice(fits)
    batches = ImageBatches(device, MeanColour(device), size=64)
    pixels = pictures(150)
    np.testing.assert_array_equal(batches.start(pixels, 3).wait(), vectors_of(pixels))
    assert batches.size == 1 << (fits.bit_length() - 1), "the largest halving that fits"
    assert device.log.count("release") == 6 - (fits.bit_length() - 1)


def test_memory_that_runs_out_midway_costs_only_the_batch_that_failed() -> None:
    device = PlayedDevice()
    batches = ImageBatches(device, MeanColour(device), size=4)
    pixels = pictures(12)

    def run_out_after_two(batch: Tensor) -> Any:
        if device.log.count("compute") == 2:
            device.fits = 2
            device.log.append("full")
            raise torch.OutOfMemoryError("CUDA out of memory")
        return MeanColour(device)(batch)

    batches._tower = run_out_after_two
    device.log.clear()
    with pytest.raises(DeviceFull):  # it stays full: `log` keeps the two computations
        batches.start(pixels, 3)
    assert device.log.count("compute") == 2

    device = PlayedDevice()
    batches = ImageBatches(device, MeanColour(device), size=4)
    batches.start(pixels[:4], 3).wait()
    device.fits = 2
    np.testing.assert_array_equal(batches.start(pixels, 3).wait(), vectors_of(pixels))
    assert batches.size == 2
    device.log.clear()
    batches.start(pixels, 3).wait()
    assert "release" not in device.log, "the size that fits is remembered"


def test_a_compiled_tower_is_left_for_the_plain_one_when_its_batch_does_not_fit() -> None:
    """It is compiled for one shape; for another one it would be compiled again."""
    device = PlayedDevice()
    shapes = []

    def compiled_for_eight(batch: Tensor) -> Tensor:
        shapes.append(len(batch))
        return MeanColour(device)(batch)

    batches = ImageBatches(device, compiled_for_eight, size=8, plain=MeanColour(device))
    pixels = pictures(20)
    np.testing.assert_array_equal(batches.start(pixels, 3).wait(), vectors_of(pixels))
    assert shapes == [8, 8, 8]
    device.fits = 3
    for _ in range(2):
        np.testing.assert_array_equal(batches.start(pixels, 3).wait(), vectors_of(pixels))
    assert batches.size == 2
    assert shapes == [8, 8, 8], "no other shape ever reaches it, and no picture is lost"
    assert device.log.count("release") == 2, "8, 4, and from then on 2"


def test_a_device_without_room_for_one_picture_is_an_error_that_says_so() -> None:
    device = PlayedDevice(fits=0)
    with pytest.raises(DeviceFull, match="cuda ran out of memory with a single picture"):
        ImageBatches(device, MeanColour(device), size=8).start(pictures(3), 3).wait()


ILLEGAL = "CUDA error: an illegal memory access was encountered\nCompile with DSA"


def test_any_other_failure_of_a_gpu_is_told_and_not_taken_for_a_lack_of_memory() -> None:
    device = PlayedDevice()

    def break_down(_batch: Tensor) -> Tensor:
        raise RuntimeError(ILLEGAL)

    with pytest.raises(DeviceFailed, match=r"cuda failed: CUDA error: an illegal memory access"):
        ImageBatches(device, break_down, size=8).start(pictures(3), 3).wait()
    assert "release" not in device.log
    device.name = "cpu"
    with pytest.raises(RuntimeError, match="illegal"):
        ImageBatches(device, break_down, size=8).start(pictures(3), 3).wait()


def test_a_failure_that_shows_only_when_waited_for_is_told_too() -> None:
    class Broken(Later):
        def wait(self) -> NDArray[np.float32]:
            raise RuntimeError(ILLEGAL)

    device = PlayedDevice()
    device.download = lambda values: Broken(device, values)
    call = ImageBatches(device, mean_colours, size=8).start(pictures(3), 3)
    with pytest.raises(DeviceFailed, match="the same command goes on"):
        call.wait()


def overflowing(batch: Tensor) -> Tensor:
    """As a short dtype does on bright pictures."""
    units = mean_colours(batch)
    units[batch[:, 0, 0, 0] > 120, 1] = torch.inf
    return units


def test_rows_that_overflow_are_computed_once_more_in_float32() -> None:
    pixels = pictures(23)
    assert (pixels[:, 0, 0, 0] > 120).sum() > 4, "more than one batch of them"
    batches = ImageBatches(PlayedDevice(), overflowing, size=4, exact=mean_colours)
    np.testing.assert_array_equal(batches.start(pixels, 3).wait(), vectors_of(pixels))


def test_rows_that_overflow_in_float32_too_stay_so_for_the_caller_to_see() -> None:
    pixels = pictures(23)
    bright = pixels[:, 0, 0, 0] > 120
    for exact in (None, overflowing):
        found = ImageBatches(PlayedDevice(), overflowing, 4, exact).start(pixels, 3).wait()
        np.testing.assert_array_equal(np.isfinite(found).all(axis=1), ~bright)
        np.testing.assert_array_equal(found[~bright], vectors_of(pixels)[~bright])


class TestTheBatchSize:
    def test_fits_the_device_and_the_picture_s_tokens(self) -> None:
        assert [choose_batch_size("cpu", size, None) for size in (LARGE_336, BASE_32)] == [4, 32]
        assert [choose_batch_size("cuda", size, 80 * 10**9) for size in (LARGE_336, BASE_32)] == [
            64,
            512,
        ]
        assert choose_batch_size("mps", LARGE_336, None) == 64

    def test_fits_the_memory_that_is_free(self) -> None:
        sizes = [choose_batch_size("cuda", LARGE_336, mb * 10**6) for mb in (1000, 200, 30, 0)]
        assert sizes == [16, 4, 1, 1]

    def test_gives_a_gpu_several_batches_per_call(self) -> None:
        assert choose_call_size("cuda", 64) == 256
        assert choose_call_size("cuda", 512) == 1024
        assert choose_call_size("cpu", 4) == 4


class PlayedCuda:
    """`torch.cuda` as far as copies go: writes down streams and events."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.copying = False

    def Stream(self) -> str:
        return "copies"

    def current_stream(self) -> PlayedStream:
        return PlayedStream(self)

    def Event(self, *, blocking: bool) -> PlayedEvent:
        assert blocking, "who waits must not take a core from the readers"
        return PlayedEvent(self, len([e for e in self.log if e.startswith("made")]))

    def stream(self, _stream: str) -> AbstractContextManager[None]:
        return nullcontext()

    def mem_get_info(self) -> tuple[int, int]:
        return 5, 9

    def empty_cache(self) -> None:
        self.log.append("empty")


class PlayedStream:
    def __init__(self, cuda: PlayedCuda) -> None:
        self._cuda = cuda

    def __str__(self) -> str:
        return "computing"

    def wait_stream(self, stream: str) -> None:
        self._cuda.log.append(f"computing waits for {stream}")


class PlayedEvent:
    def __init__(self, cuda: PlayedCuda, number: int) -> None:
        cuda.log.append(f"made {number}")
        self._cuda = cuda
        self._number = number

    def record(self, stream: object) -> None:
        self._cuda.log.append(f"record {self._number} on {stream}")

    def query(self) -> bool:
        return f"host waits for {self._number}" in self._cuda.log

    def synchronize(self) -> None:
        self._cuda.log.append(f"host waits for {self._number}")


def test_cuda_copies_take_turns_with_two_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = PlayedCuda()
    device = CudaDevice(cuda, place="cpu")
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda _self, _stream: cuda.log.append("kept for computing")
    )
    cuda.log.clear()
    one, two, three = (np.full((n, 2, 2, 3), n, np.uint8) for n in (1, 2, 3))
    for pixels in (one, two, three):
        batch = device.upload(pixels, 3)
        assert batch[: len(pixels)].unique().tolist() == [len(pixels)]
        assert not batch[len(pixels) :].any(), "filled up with zeros"
    turn = "host waits for {0}", "record {0} on copies", "computing waits for copies"
    assert cuda.log == [line.format(n) for n in (0, 1, 0) for line in (*turn, "kept for computing")]
    assert device.free_bytes() == 5
    device.release_memory()
    assert cuda.log[-1] == "empty"


def test_vectors_are_waited_for_at_their_own_place_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = PlayedCuda()
    device = CudaDevice(cuda, place="cpu")
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda _self, _stream: None)
    batches = ImageBatches(device, mean_colours, size=2)
    call = batches.start(pictures(4), 3)
    assert [line for line in cuda.log if "on computing" in line] == [
        "record 2 on computing",
        "record 3 on computing",
    ]
    next_call = batches.start(pictures(2), 3)
    assert not call.is_there
    np.testing.assert_array_equal(call.wait(), vectors_of(pictures(4)))
    assert cuda.log[-2:] == ["host waits for 2", "host waits for 3"]
    assert (call.is_there, next_call.is_there) == (True, False)


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    ],
)
def test_a_lack_of_memory_has_several_names_on_cuda(said: str) -> None:
    device = CudaDevice(PlayedCuda(), "cpu")
    assert device.is_out_of_memory(torch.OutOfMemoryError("x"))
    assert device.is_out_of_memory(RuntimeError(said))
    assert not device.is_out_of_memory(RuntimeError("CUDA out of luck"))


def test_float32_means_float32_on_cuda_and_the_settings_are_put_back() -> None:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def settings() -> tuple[bool, ...]:
        short_sums = matmul.allow_fp16_reduced_precision_reduction
        return cudnn.allow_tf32, matmul.allow_tf32, short_sums

    before = settings()
    try:
        cudnn.allow_tf32 = matmul.allow_tf32 = True
        matmul.allow_fp16_reduced_precision_reduction = True
        with pytest.raises(KeyError), CudaDevice(PlayedCuda(), "cpu").arithmetic():
            assert settings() == (False, False, False)
            raise KeyError
        assert settings() == (True, True, True)
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before[:2]
        matmul.allow_fp16_reduced_precision_reduction = before[2]
