"""The two ways in which checkpoints lie in a folder, by file names. No torch.

Invariant: a format says which files make a model and which of them may be downloaded; what is in
them is read elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TOKENIZER_FILES = (
    "tokenizer.json",
    "spiece.model",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)

OPEN_CLIP_PREFIX = "hf-hub:"
"""How open_clip writes a hub id; it asks for the open_clip files of a hub model that has both."""


@dataclass(frozen=True)
class Format:
    """The files of a checkpoint."""

    library: Literal["transformers", "open_clip"]
    config: str
    safetensors: str
    shard_index: str | None
    """Lists the parts of weights in several files; None where the library has no such thing."""
    pickle: str
    settings: tuple[str, ...]
    """All that may be needed besides weights, as far as a model has them."""


TRANSFORMERS = Format(
    library="transformers",
    config="config.json",
    safetensors="model.safetensors",
    shard_index="model.safetensors.index.json",
    pickle="pytorch_model.bin",
    settings=(
        "config.json",
        "preprocessor_config.json",
        "processor_config.json",
        *TOKENIZER_FILES,
    ),
)

OPEN_CLIP = Format(
    library="open_clip",
    config="open_clip_config.json",
    safetensors="open_clip_model.safetensors",
    shard_index=None,
    pickle="open_clip_pytorch_model.bin",
    settings=("open_clip_config.json", *TOKENIZER_FILES),
)


def format_of_folder(folder: Path) -> Format:
    """open_clip's only when the folder has nothing of transformers'."""
    if (folder / OPEN_CLIP.config).is_file() and not (folder / TRANSFORMERS.config).is_file():
        return OPEN_CLIP
    return TRANSFORMERS


def format_of_name(name: str) -> tuple[str, Format]:
    """(hub id, format) of a name that is no folder."""
    if name.startswith(OPEN_CLIP_PREFIX):
        return name.removeprefix(OPEN_CLIP_PREFIX), OPEN_CLIP
    return name, TRANSFORMERS


def list_lacking_settings(folder: Path, files: Format) -> list[str]:
    """What a model cannot do without besides its weights and is not in `folder`, in words."""
    lacking = [] if (folder / files.config).is_file() else [files.config]
    if files.library == "open_clip":
        return lacking  # its config has the pixels' settings, and the library a tokenizer
    if not any(
        (folder / f).is_file() for f in ("preprocessor_config.json", "processor_config.json")
    ):
        lacking.append("preprocessor_config.json")
    has_words = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    if not has_words and not any(
        (folder / f).is_file() for f in ("tokenizer.json", "spiece.model")
    ):
        lacking.append("tokenizer.json (or vocab.json with merges.txt, or spiece.model)")
    return lacking
