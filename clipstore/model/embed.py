"""Pictures and texts to unit vectors: the only module that imports torch and transformers.

Invariant: what comes out is what transformers' `CLIPModel` computes in float32 from the
checkpoint's own files, and a vector depends on its own picture or text alone, not on what is
embedded with it. A model that is not wholly loaded from those files is refused.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import huggingface_hub.utils
import numpy as np
import PIL
import torch
import transformers.utils.logging
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from clipstore.errors import DeviceMissing, ModelRefused
from clipstore.model.modelsettings import TokenIds, check_token_ids
from clipstore.model.preprocess import Preprocessing, read_preprocessing
from clipstore.model.vectors import TextVectors, replace_lone_surrogates
from clipstore.model.weights import ModelFiles, find_model
from clipstore.types import Model

GPU_BATCH = 64
TEXT_BATCH = 8
CPU_BATCH_TOKENS = 2400
"""Image tokens per batch on a CPU: enough rows for its matrix products, while an interrupted
ingest loses seconds and a short last batch wastes little. 4 pictures of ViT-L/14-336."""

UNREADABLE = (
    *(SafetensorError, StrictDataclassError, pickle.UnpicklingError, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What torch, safetensors and transformers raise for files that are not what they claim to be."""


class ClipEmbedder:
    """One loaded model; satisfies `embedder.Embedder`. Not to be shared between threads, except
    for its `preprocessing`."""

    def __init__(
        self,
        model: Model,
        device: str,
        preprocessing: Preprocessing,
        network: Any,  # a CLIPModel; transformers' types are loose
        tokenizer: Any,
    ) -> None:
        self.model = model
        self.device = device
        self.preprocessing = preprocessing
        self.batch_size = choose_batch_size(device, network.config.vision_config)
        """Pictures per forward pass; smaller calls are filled up with zeros to this size."""
        self.text_batch_size = TEXT_BATCH
        self._level_table = torch.from_numpy(preprocessing.level_table()).to(device)  # (3, 256)
        self._network = network
        self._tokenizer = tokenizer
        self._max_tokens = int(
            min(network.config.text_config.max_position_embeddings, tokenizer.model_max_length)
        )
        """Tokens that the text tower reads, start and end included: 77 for CLIP."""

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepared pixels (n, side, side, 3) to unit vectors (n, dimension).

        A row is not finite where the arithmetic overflowed; the caller must look.
        """
        side = self.preprocessing.side_px
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(f"wanted (n, {side}, {side}, 3) uint8, got {pixels.shape}")
        vectors = np.empty((len(pixels), self.model.dimension), dtype=np.float32)
        for start in range(0, len(pixels), self.batch_size):
            rows = pixels[start : start + self.batch_size]
            # One shape for every batch: with another, the same row comes out different by 2e-6.
            batch = torch.zeros((self.batch_size, side, side, 3), dtype=torch.uint8)
            batch[: len(rows)] = torch.from_numpy(rows)
            with torch.inference_mode():
                values = _look_up(batch.to(self.device), self._level_table)
                output = self._network.get_image_features(pixel_values=values)
                units = _unit_rows(output)  # (batch_size, dimension)
            vectors[start : start + len(rows)] = units[: len(rows)]
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        """Texts to unit vectors (n, dimension), with what the tokenizer made of them.

        Longer texts are cut so that the end token stays: the vector is read there.
        """
        readable = [replace_lone_surrogates(text) for text in texts]
        vectors = np.empty((len(texts), self.model.dimension), dtype=np.float32)
        whole = self._tokenizer(readable, verbose=False)["input_ids"] if readable else []
        counts = np.array([len(ids) for ids in whole], dtype=np.int64)
        for start in range(0, len(readable), self.text_batch_size):
            rows = readable[start : start + self.text_batch_size]
            tokens = self._tokenizer(
                rows + [""] * (self.text_batch_size - len(rows)),
                truncation=True,
                max_length=self._max_tokens,
                padding="max_length",
                return_tensors="pt",
            )
            with torch.inference_mode():
                output = self._network.get_text_features(
                    input_ids=tokens["input_ids"].to(self.device),
                    attention_mask=tokens["attention_mask"].to(self.device),
                )
                units = _unit_rows(output)  # (text_batch_size, dimension)
            vectors[start : start + len(rows)] = units[: len(rows)]
        return TextVectors(vectors, counts, counts > self._max_tokens)


def load_clip(
    name_or_folder: str,
    *,
    device: str = "auto",
    offline: bool = False,
    allow_pickle: bool = False,
    announce: Callable[[str], None],
) -> ClipEmbedder:
    """Load a CLIP checkpoint in transformers' format: a hub id or a folder.

    `device` is auto, cuda, mps or cpu. `announce` gets a sentence before anything connects; see
    `weights.find_model`. Raises `DeviceMissing`, `ModelMissing`, `ModelRefused`, `DiskFull`.
    """
    chosen = choose_device(device)
    files = find_model(
        name_or_folder, offline=offline, allow_pickle=allow_pickle, announce=announce
    )
    preprocessing = read_preprocessing(files.preprocessing, files.name)
    with _quiet_transformers():
        config = _load_config(files)
        _check_input(files.name, config.vision_config, preprocessing.side_px)
        tokenizer = _load_tokenizer(files)
        check_token_ids(
            files.name,
            TokenIds(
                network_end=config.text_config.eos_token_id,
                network_size=config.text_config.vocab_size,
                end=tokenizer.eos_token_id,
                pad=tokenizer.pad_token_id,
                highest=max(tokenizer.get_vocab().values()),
            ),
        )
        network = _load_network(files, config)
    model = Model(
        name=files.name,
        revision=files.revision,
        weights_sha256=files.weights_sha256,
        preprocessing=preprocessing.version,
        dtype="float32",
        dimension=config.projection_dim,
        logit_scale=float(network.logit_scale.exp()),
        software=f"torch {torch.__version__}, transformers {transformers.__version__}, "
        f"pillow {PIL.__version__}",
        band=files.band,
        backend=f"torch-{chosen}",
        tokenizer_sha256=files.tokenizer_sha256,
    )
    return ClipEmbedder(model, chosen, preprocessing, network.to(chosen), tokenizer)


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


def choose_batch_size(device: str, vision_config: Any) -> int:
    """Pictures per forward pass: a power of two."""
    if device != "cpu":
        return GPU_BATCH
    tokens: int = (vision_config.image_size // vision_config.patch_size) ** 2 + 1
    return 1 << max(0, min(32, CPU_BATCH_TOKENS // tokens).bit_length() - 1)


def _check_input(name: str, vision_config: Any, side_px: int) -> None:
    takes = (vision_config.num_channels, vision_config.image_size)
    if takes != (3, side_px) or not isinstance(vision_config.patch_size, int):
        raise ModelRefused(
            name,
            f"its network takes {takes} channels and pixels, its preprocessor_config.json makes "
            f"{(3, side_px)}.",
        )


def _load_config(files: ModelFiles) -> Any:
    try:
        config = CLIPConfig.from_dict(dict(files.config))
    except UNREADABLE as error:
        raise ModelRefused(files.name, f"its config.json is no CLIP's: {error}") from error
    # Set whatever the file says: names other than these can mean code fetched from the hub.
    config._attn_implementation = "sdpa"
    return config


def _load_tokenizer(files: ModelFiles) -> Any:
    try:
        return CLIPTokenizer.from_pretrained(files.folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises no narrower class
        raise ModelRefused(files.name, f"its tokenizer cannot be read: {error}") from error


def _load_network(files: ModelFiles, config: Any) -> Any:
    """The network with exactly the tensors of the files, in float32, ready to infer."""
    loader: Any = CLIPModel
    try:
        network, info = loader.from_pretrained(
            None,  # tensors come as `state_dict`, so that nothing else is looked for or fetched
            config=config,
            state_dict=_read_tensors(files),
            dtype=torch.float32,
            attn_implementation="sdpa",
            ignore_mismatched_sizes=True,  # reported below, with names
            output_loading_info=True,
            local_files_only=True,
        )
    except UNREADABLE as error:
        raise ModelRefused(files.name, f"its weights cannot be loaded: {error}") from error
    wrong = {
        "lack": sorted(info["missing_keys"]),
        "have besides CLIP's": sorted(info["unexpected_keys"]),
        "have in another shape": sorted(str(key[0]) for key in info["mismatched_keys"]),
    }
    for how, keys in wrong.items():
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise ModelRefused(
                files.name,
                f"its weights {how} {', '.join(keys[:3])}{more}. A network that is partly random "
                "must not score.",
            )
    for key, tensor in network.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelRefused(
                files.name, f"its weights {key} are not finite: the file is damaged."
            )
    return network.eval().requires_grad_(False)


def _read_tensors(files: ModelFiles) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for path in files.weights:
        try:
            if files.is_pickle:
                read = torch.load(path, map_location="cpu", weights_only=True)
            else:
                read = load_file(path)
        except UNREADABLE as error:
            raise ModelRefused(files.name, f"{path} cannot be read: {error}") from error
        if not isinstance(read, dict) or not all(isinstance(t, Tensor) for t in read.values()):
            raise ModelRefused(files.name, f"{path} does not hold named tensors only.")
        tensors.update(read)
    return tensors


def _look_up(pixels: Tensor, level_table: Tensor) -> Tensor:
    """Bytes (n, side, side, 3) to the network's input (n, 3, side, side) by the table (3, 256)."""
    planes = [
        torch.index_select(level_table[channel], 0, pixels[..., channel].flatten().int())
        for channel in range(3)
    ]
    n, height, width, _ = pixels.shape
    return torch.stack([plane.view(n, height, width) for plane in planes], dim=1)


def _unit_rows(output: Any) -> NDArray[np.float32]:
    """Features (n, dimension), as transformers returns them, to vectors of length 1."""
    features: Tensor = output if isinstance(output, Tensor) else output.pooler_output
    features = features.float()
    units: NDArray[np.float32] = (features / features.norm(dim=-1, keepdim=True)).cpu().numpy()
    return units


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """No progress bars and warnings of the library while we load; its settings are put back."""
    chatter: Any = transformers.utils.logging
    hub: Any = huggingface_hub.utils
    verbosity, had_bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    hub_had_bars = not hub.are_progress_bars_disabled()
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    try:
        yield
    finally:
        chatter.set_verbosity(verbosity)
        if had_bars:
            chatter.enable_progress_bar()
        if not hub_had_bars:
            hub.disable_progress_bars()
