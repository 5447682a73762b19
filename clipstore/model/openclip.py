"""OpenCLIP checkpoints, through the library open_clip: what its own forward pass makes of them.

The pixels are ours, by open_clip's rule for scoring (`Preprocessing.library`), so that torchvision,
which open_clip needs for its own, decides nothing. The tokenizer is open_clip's.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import open_clip
import torch
from torch import Tensor

from clipstore.errors import ModelRefused
from clipstore.model.checkpoint import UNREADABLE, read_tensors, refuse_infinite
from clipstore.model.openclippixels import read_open_clip_preprocessing
from clipstore.model.preprocess import Preprocessing
from clipstore.model.towers import Towers
from clipstore.model.weights import ModelFiles

IGNORED_TENSORS = frozenset({"text.transformer.embeddings.position_ids"})
"""Counted up, not learned; older files have it."""


class OpenClipTextTower:
    """Satisfies `towers.TextTower`."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self.max_tokens = int(network.context_length)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if isinstance(self._tokenizer, open_clip.SimpleTokenizer):
            return [len(self._tokenizer.encode(text)) + 2 for text in texts]
        cleaned = [self._tokenizer.clean_fn(text) for text in texts]
        return [
            len(self._tokenizer.tokenizer(text, verbose=False)["input_ids"]) for text in cleaned
        ]

    def features(self, texts: Sequence[str], device: str) -> Tensor:
        tokens = self._tokenizer(list(texts), context_length=self.max_tokens)
        features: Tensor = self._network.encode_text(tokens.to(device))
        return features

    def to(self, device: str) -> None:
        self._network.to(device)


def load_open_clip(files: ModelFiles) -> tuple[Towers, Preprocessing]:
    """The towers and the pixels that they take. Raises `ModelRefused`."""
    with _quiet_open_clip():
        network, tokenizer = _create(files)
    preprocessing = read_open_clip_preprocessing(network.visual.preprocess_cfg, files.name)
    _fill(files, network)
    stated: Any = files.config["model_cfg"]
    vision: Mapping[str, Any] = stated["vision_cfg"]
    patch = vision.get("patch_size") or 16
    width = vision.get("width") or 1024
    bias = getattr(network, "logit_bias", None)
    image = network.visual
    # The text tower keeps the rest of the network, which moves without the image tower.
    texts = copy.copy(network)
    texts._modules = {key: part for key, part in network._modules.items() if key != "visual"}
    towers = Towers(
        family="clip" if bias is None else "siglip",
        image=image,
        text=OpenClipTextTower(texts, tokenizer),
        dimension=int(stated["embed_dim"]),
        logit_scale=float(network.logit_scale.exp()),
        logit_bias=0.0 if bias is None else float(bias),
        image_tokens=(preprocessing.side_px // patch) ** 2 + 1,
        bytes_per_token=2 * (6 + 2 * 4) * width,
        software=f"open_clip {open_clip.__version__}",
    )
    return towers, preprocessing


def _create(files: ModelFiles) -> tuple[Any, Any]:
    """The network with random weights, and its tokenizer; both from the folder alone."""
    place = f"local-dir:{files.folder}"
    try:
        network = open_clip.create_model(
            place, load_weights=False, pretrained_image=False, pretrained_text=False
        )
        tokenizer = open_clip.get_tokenizer(place)
    except UNREADABLE as error:
        raise ModelRefused(files.name, f"open_clip cannot make it: {error}") from error
    return network, tokenizer


def _fill(files: ModelFiles, network: Any) -> None:
    """Exactly the tensors of the files into the network."""
    tensors = {
        key: tensor for key, tensor in read_tensors(files).items() if key not in IGNORED_TENSORS
    }
    for key in ("logit_scale", "logit_bias"):  # some files have a number, some a list of one
        if key in tensors and tensors[key].numel() == 1:
            own = getattr(network, key, None)
            if own is not None:
                tensors[key] = tensors[key].reshape(own.shape)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise ModelRefused(
            files.name, f"its weights are not those of the network in its config: {error}"
        ) from error
    refuse_infinite(files.name, network)
    network.to(torch.float32).eval().requires_grad_(False)


@contextmanager
def _quiet_open_clip() -> Iterator[None]:
    """It warns that the network is random, which `_fill` ends."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
