"""Tensors from a checkpoint's files into a network of transformers: all of them, and no others.

Invariant: a network that is not wholly made of the files' tensors is refused, as is one with
values that are not finite; nothing of a file is run as code, and nothing is fetched.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import huggingface_hub.utils
import torch
import transformers.utils.logging
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from clipstore.errors import ModelRefused
from clipstore.model.weights import ModelFiles

UNREADABLE = (
    *(SafetensorError, StrictDataclassError, pickle.UnpicklingError, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What torch, safetensors and transformers raise for files that are not what they claim to be."""


def load_config(files: ModelFiles, kind: Any) -> Any:
    """config.json as a configuration class of transformers. Raises `ModelRefused`."""
    try:
        config = kind.from_dict(dict(files.config))
    except UNREADABLE as error:
        raise ModelRefused(
            files.name, f"its config.json is no {files.family}'s: {error}"
        ) from error
    # Set whatever the file says: names other than these can mean code fetched from the hub.
    config._attn_implementation = "sdpa"
    return config


def load_tokenizer(files: ModelFiles, kind: Any) -> Any:
    """The folder's tokenizer as a tokenizer class of transformers. Raises `ModelRefused`."""
    try:
        return kind.from_pretrained(files.folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises no narrower class
        raise ModelRefused(files.name, f"its tokenizer cannot be read: {error}") from error


def load_network(files: ModelFiles, config: Any, kind: Any) -> Any:
    """The network with exactly the tensors of the files, in float32, ready to infer."""
    try:
        network, info = kind.from_pretrained(
            None,  # tensors come as `state_dict`, so that nothing else is looked for or fetched
            config=config,
            state_dict=read_tensors(files),
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
        f"have besides {files.family}'s": sorted(info["unexpected_keys"]),
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
    refuse_infinite(files.name, network)
    return network.eval().requires_grad_(False)


def refuse_infinite(name: str, network: nn.Module) -> None:
    """Raise `ModelRefused` when a weight is not a finite number."""
    for key, tensor in network.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelRefused(name, f"its weights {key} are not finite: the file is damaged.")


def read_tensors(files: ModelFiles) -> dict[str, Tensor]:
    """All named tensors of the weights' files. Raises `ModelRefused`."""
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


def count_patches(name: str, vision_config: Any, side_px: int) -> int:
    """Into how many patches a picture is cut. Raises `ModelRefused` when the network takes others
    than square ones of `side_px` pixels."""
    side, patch, channels = (
        getattr(vision_config, key) for key in ("image_size", "patch_size", "num_channels")
    )
    if (channels, side) != (3, side_px) or not isinstance(patch, int) or patch < 1:
        raise ModelRefused(
            name,
            f"its network takes {(channels, side)} channels and pixels, in patches of {patch}; its "
            f"preprocessor_config.json makes {(3, side_px)}.",
        )
    return int(side_px // patch) ** 2


def activation_bytes(vision_config: Any) -> int:
    """Per token in half precision: the residual stream with its queries, keys and values, and the
    wide layer twice, before and after its activation function."""
    return int(2 * (6 * vision_config.hidden_size + 2 * vision_config.intermediate_size))


@contextmanager
def quiet_transformers() -> Iterator[None]:
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
