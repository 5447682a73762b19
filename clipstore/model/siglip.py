"""SigLIP and SigLIP 2 of fixed resolution in transformers' format: what `SiglipModel` computes.

The text vector is read at the last of 64 positions whatever stands there, so every text is filled
up to that length, and padding is attended to as in training: no mask. SigLIP takes the punctuation
out of a text and SigLIP 2 does not; both were trained on lower case.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import transformers
from torch import Tensor, nn
from transformers import Siglip2Tokenizer, SiglipConfig, SiglipModel, SiglipTokenizer

from clipstore.errors import ModelRefused
from clipstore.model.checkpoint import (
    activation_bytes,
    count_patches,
    load_config,
    load_network,
    load_tokenizer,
)
from clipstore.model.towers import Towers
from clipstore.model.weights import ModelFiles


class SiglipImageTower(nn.Module):
    """`SiglipModel.get_image_features` without the text tower."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.vision = network.vision_model

    def forward(self, values: Tensor) -> Tensor:
        features: Tensor = self.vision(pixel_values=values).pooler_output
        return features


class SiglipTextTower:
    """Satisfies `towers.TextTower`."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._text = network.text_model
        self._tokenizer = tokenizer
        self.max_tokens = int(network.config.text_config.max_position_embeddings)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        whole = self._tokenizer(list(texts), verbose=False)["input_ids"] if texts else []
        return [len(ids) for ids in whole]

    def features(self, texts: Sequence[str], device: str) -> Tensor:
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_tokens,
            padding="max_length",
            return_tensors="pt",
        )
        features: Tensor = self._text(input_ids=tokens["input_ids"].to(device)).pooler_output
        return features

    def to(self, device: str) -> None:
        self._text.to(device)


def load_siglip_towers(files: ModelFiles, side_px: int) -> Towers:
    """The towers for pictures of `side_px` pixels. Raises `ModelRefused`."""
    config = load_config(files, SiglipConfig)
    patches = count_patches(files.name, config.vision_config, side_px)
    text, vision = config.text_config, config.vision_config
    if not vision.vision_use_head or text.projection_size != vision.hidden_size:
        raise ModelRefused(
            files.name,
            f"its towers do not meet in one space: the picture's vector has {vision.hidden_size} "
            f"numbers{'' if vision.vision_use_head else ' for every patch'}, the text's "
            f"{text.projection_size}.",
        )
    tokenizer = _load_tokenizer(files)
    highest = max(tokenizer.get_vocab().values())
    if highest >= text.vocab_size or tokenizer.pad_token_id is None:
        raise ModelRefused(
            files.name,
            f"its tokenizer has ids up to {highest} and pads with {tokenizer.pad_token_id}; its "
            f"network knows ids below {text.vocab_size}.",
        )
    network = load_network(files, config, SiglipModel)
    return Towers(
        family="siglip",
        image=SiglipImageTower(network),
        text=SiglipTextTower(network, tokenizer),
        dimension=vision.hidden_size,
        logit_scale=float(network.logit_scale.exp()),
        logit_bias=float(network.logit_bias),
        image_tokens=patches,
        bytes_per_token=activation_bytes(config.vision_config),
        software=f"transformers {transformers.__version__}",
    )


def _load_tokenizer(files: ModelFiles) -> Any:
    """SigLIP 2's where the folder has no SentencePiece file, or says so; else SigLIP's."""
    if files.tokenizer_class != "SiglipTokenizer":
        return load_tokenizer(files, Siglip2Tokenizer)
    lacking = [
        package
        for package, module in (("sentencepiece", "sentencepiece"), ("protobuf", "google.protobuf"))
        if not _is_installed(module)
    ]
    if lacking:
        raise ModelRefused(
            files.name,
            f"SigLIP's tokenizer needs {' and '.join(lacking)}: pip install 'clipstore[siglip]'.",
        )
    return load_tokenizer(files, SiglipTokenizer)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in is not there
        return False
