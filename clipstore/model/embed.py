"""Pictures and texts to unit vectors: a loaded model as the pipeline uses it.

Invariant: in float32 on the CPU what comes out is what the reference implementation computes from
the checkpoint's own files, within 1e-5 of its cosines; in a short dtype it is as near as
`precision` promises. A vector depends on its own picture or text alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from torch import nn

from clipstore.errors import DeviceFull, ModelRefused
from clipstore.model.checkpoint import quiet_transformers
from clipstore.model.clip import load_clip_towers
from clipstore.model.cputuning import slowdown, tune_cpu
from clipstore.model.device import Device, choose_device, list_devices, open_device
from clipstore.model.embedder import Arriving, Pictures
from clipstore.model.imagebatches import (
    CPU_BATCH_TOKENS,
    ImageBatches,
    TowerSize,
    choose_batch_size,
    choose_call_size,
)
from clipstore.model.imagetower import unit_rows
from clipstore.model.precision import choose_tower, compile_tower, pays_to_compile, resolve_dtype
from clipstore.model.preprocess import Preprocessing
from clipstore.model.preprocessorfile import read_preprocessing
from clipstore.model.siglip import load_siglip_towers
from clipstore.model.towers import TextTower, Towers
from clipstore.model.vectors import DtypeChoice, TextVectors, replace_lone_surrogates
from clipstore.model.weights import ModelFiles, find_model
from clipstore.modelidentity import Model

__all__ = ["ClipEmbedder", "choose_device", "list_devices", "load_clip"]

CPU_TEXT_BATCH = 8
GPU_TEXT_BATCH = 64
"""A library of thousands of prompts is some tens of calls. Chosen, not measured on a GPU."""


class ClipEmbedder:
    """One loaded model; satisfies `embedder.Embedder`. Not to be shared between threads, except
    for its `preprocessing`."""

    def __init__(
        self,
        model: Model,
        device: Device,
        preprocessing: Preprocessing,
        images: ImageBatches,
        texts: TextTower,
        network: nn.Module,
    ) -> None:
        """`network` is the image tower's that `images` runs."""
        self.model = model
        """May be replaced by what `identity.settle_identity` makes of it."""
        self.device = device.name
        self.preprocessing = preprocessing
        self.batches = images
        self.batch_size = choose_call_size(device.name, images.size)
        self.text_batch_size = CPU_TEXT_BATCH if device.name == "cpu" else GPU_TEXT_BATCH
        self._device = device
        self._texts = texts
        self._network = network

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepared pixels (n, side, side, 3) to unit vectors (n, dimension).

        A row is not finite where the arithmetic overflowed; the caller must look. Raises
        `DeviceFull` when there is no memory for a single picture.
        """
        return self.start_images(pixels).wait()

    def start_images(self, pixels: Pictures) -> Arriving:
        """The same, handed to the device. On a GPU it returns as soon as all is in line there."""
        side = self.preprocessing.side_px
        for one in pixels:
            if one.dtype != np.uint8 or one.shape != (side, side, 3):
                raise ValueError(
                    f"wanted ({side}, {side}, 3) uint8 each, got {one.shape} {one.dtype}"
                )
        return self.batches.start(pixels, self.model.dimension)

    def bfloat16_speed(self) -> float | None:
        """How many times as fast as in float32 the image tower's products are in bfloat16, by a
        trial of a second; None on a GPU."""
        if self.device != "cpu":
            return None
        return 1 / slowdown(self._network, torch.bfloat16)

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        """Texts to unit vectors (n, dimension), with what the tokenizer made of them.

        Longer texts are cut as the reference cuts them: the end token, where there is one, stays.
        Raises `DeviceFull` when there is no memory for a single text.
        """
        readable = [replace_lone_surrogates(text) for text in texts]
        vectors = np.empty((len(texts), self.model.dimension), dtype=np.float32)
        counts = np.array(self._texts.count_tokens(readable), dtype=np.int64)
        running: list[tuple[slice, Arriving]] = []
        start = 0
        while start < len(readable):
            units = self._try_texts(readable[start : start + self.text_batch_size])
            if units is None:
                self._device.release_memory()
                self.text_batch_size //= 2
                continue
            running.append((slice(start, start + self.text_batch_size), units))
            start += self.text_batch_size
        # All are in line by now: a GPU waits for nothing between them.
        for place, units in running:
            rows = vectors[place]
            rows[:] = units.wait()[: len(rows)]
        return TextVectors(vectors, counts, counts > self._texts.max_tokens)

    def _try_texts(self, rows: Sequence[str]) -> Arriving | None:
        """One batch handed to the device; None when memory ran out."""
        filled = [*rows, *[""] * (self.text_batch_size - len(rows))]
        try:
            with self._device.arithmetic(), torch.inference_mode():
                units = unit_rows(self._texts.features(filled, self.device))  # (batch, dimension)
                return self._device.download(units)
        except RuntimeError as error:
            if not self._device.is_out_of_memory(error):
                raise
            if self.text_batch_size == 1:
                raise DeviceFull(self.device) from error
            return None


def load_clip(
    name_or_folder: str,
    *,
    device: str = "auto",
    dtype: DtypeChoice = "auto",
    offline: bool = False,
    allow_pickle: bool = False,
    expected_pictures: int | None = None,
    announce: Callable[[str], None],
) -> ClipEmbedder:
    """Load a CLIP or SigLIP checkpoint in transformers' or open_clip's format: a hub id (for
    open_clip's files "hf-hub:" and the id) or a folder.

    `device` is auto, cuda, mps or cpu; `expected_pictures` lets a large job pay for compiling.
    `announce` gets a sentence before anything connects, see `weights.find_model`, and about a
    dtype other than float32. Raises `DeviceMissing` and what `find_model` raises.
    """
    device_name = choose_device(device)
    files = find_model(
        name_or_folder, offline=offline, allow_pickle=allow_pickle, announce=announce
    )
    with quiet_transformers():
        towers, preprocessing = _load_towers(files)
    place = _open_device(device_name, towers)
    towers.text.to(place.name)
    wanted = resolve_dtype(dtype, place.name)
    chosen = choose_tower(towers, preprocessing, place, wanted, announce)
    size = choose_batch_size(
        place.name, TowerSize(towers.image_tokens, towers.bytes_per_token), place.free_bytes()
    )
    if pays_to_compile(place.name, expected_pictures):
        chosen = compile_tower(chosen, preprocessing, place, size, announce)
    images = ImageBatches(place, chosen.tower, size, chosen.exact, chosen.plain)
    model = Model(
        name=files.name,
        revision=files.revision,
        weights_sha256=files.weights_sha256,
        preprocessing=preprocessing.version,
        dtype=chosen.dtype,
        dimension=towers.dimension,
        logit_scale=towers.logit_scale,
        software=f"torch {torch.__version__}, {towers.software}, pillow {PIL.__version__}",
        band=files.band,
        backend=f"torch-{place.name}",
        tokenizer_sha256=files.tokenizer_sha256,
        family=towers.family,
        logit_bias=towers.logit_bias,
    )
    return ClipEmbedder(model, place, preprocessing, images, towers.text, towers.image)


def _open_device(name: str, towers: Towers) -> Device:
    """The device, tuned to the image tower where it is the CPU."""
    return open_device(name, tune_cpu(towers.image, CPU_BATCH_TOKENS) if name == "cpu" else None)


def _load_towers(files: ModelFiles) -> tuple[Towers, Preprocessing]:
    if files.family is None:
        if importlib.util.find_spec("open_clip") is None:
            raise ModelRefused(
                files.name,
                "its files are open_clip's, and that is not installed: "
                "pip install 'clipstore[openclip]'.",
            )
        # An optional dependency, and with torchvision a slow one.
        from clipstore.model.openclip import load_open_clip  # noqa: PLC0415

        return load_open_clip(files)
    preprocessing = read_preprocessing(files.preprocessing, files.name, files.family)
    load_towers = load_siglip_towers if files.family == "siglip" else load_clip_towers
    return load_towers(files, preprocessing.side_px), preprocessing
