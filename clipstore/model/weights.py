"""Which files a model is loaded from, and whether they may be loaded at all. No torch.

Invariant: nothing connects while the model is here or the user said offline; a download is
announced before it starts; a pickle is opened only if its hash is known or the user vouches for
it; code that comes with a model never runs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipstore.errors import ModelMissing, ModelRefused
from clipstore.model import hub
from clipstore.model.bands import DEFAULT_MODEL_PICKLE_SHA256, find_band
from clipstore.model.modelsettings import (
    find_family,
    find_tokenizer,
    read_config,
    read_json_object,
    read_preprocessor_settings,
)
from clipstore.types import Band, Family

KNOWN_PICKLES = frozenset({DEFAULT_MODEL_PICKLE_SHA256})
"""sha256 of .bin files that are loaded without asking."""

SAFETENSORS = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"

TOKENIZER_FILES = (
    "tokenizer.json",
    "spiece.model",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)

SETTINGS_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    *TOKENIZER_FILES,
)
"""All that may be needed besides weights, as far as a model has them."""

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, complete and allowed to be loaded."""

    name: str
    """Hub id, or the folder's name."""
    revision: str
    """Hub commit; empty for a local folder."""
    folder: Path
    weights: tuple[Path, ...]
    """One file, or the shards in the order of their names."""
    weights_sha256: str
    """Of the file; of several, the sha256 over one line "hash  name" per shard."""
    is_pickle: bool
    tokenizer_sha256: str
    """Over one line "hash  name" per tokenizer file that is there."""
    config: Mapping[str, object]
    """config.json, known to describe a model of the family."""
    family: Family
    tokenizer_class: str
    """Of transformers; see `modelsettings.TOKENIZERS`."""
    preprocessing: Mapping[str, object]
    """What `preprocess.read_preprocessing` takes."""
    band: Band | None


def find_model(
    name_or_folder: str,
    *,
    offline: bool,
    allow_pickle: bool,
    announce: Callable[[str], None],
    cache: Path | None = None,
) -> ModelFiles:
    """Find a model: a folder here, else the hub's cache, else, unless `offline`, the hub.

    `announce` is called with a sentence before anything connects and before a download. `cache`
    is for tests; None takes the user's own. Raises `ModelMissing`, `ModelRefused`, `DiskFull`.
    """
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        lacking = list_lacking(folder)
        if lacking:
            raise ModelMissing(name_or_folder, f"the folder {folder} lacks {_listed(lacking)}.")
        return _check_files(folder, folder.name, "", allow_pickle)
    if not HUB_NAME.fullmatch(name_or_folder):
        raise ModelMissing(name_or_folder, "there is no such folder.")
    cache = cache or hub.cache_folder()
    snapshot = hub.cached_snapshot(name_or_folder, cache)
    lacking = list_lacking(snapshot)
    if lacking:
        if offline or hub.is_hub_offline():
            reason = "--offline" if offline else "HF_HUB_OFFLINE"
            raise ModelMissing(
                name_or_folder,
                f"{reason} forbids a download, there is no folder of that name here, and the cache "
                f"{cache} lacks {_listed(lacking)}.",
            )
        snapshot = _download(name_or_folder, snapshot, cache, allow_pickle, announce)
        lacking = list_lacking(snapshot)
    if snapshot is None or lacking:
        raise ModelMissing(name_or_folder, f"the hub's copy lacks {_listed(lacking)}.")
    return _check_files(snapshot, name_or_folder, snapshot.name, allow_pickle)


def list_lacking(folder: Path | None) -> list[str]:
    """What `folder` must have and has not, in words with file names. None counts as empty."""
    if folder is None:
        return ["all of its files"]
    lacking = [] if (folder / "config.json").is_file() else ["config.json"]
    if not any(
        (folder / f).is_file() for f in ("preprocessor_config.json", "processor_config.json")
    ):
        lacking.append("preprocessor_config.json")
    has_words = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    if not has_words and not any(
        (folder / f).is_file() for f in ("tokenizer.json", "spiece.model")
    ):
        lacking.append("tokenizer.json (or vocab.json with merges.txt, or spiece.model)")
    if (folder / SAFETENSORS).is_file():
        return lacking
    if (folder / SHARD_INDEX).is_file():
        shards = _list_shards(folder)
        return lacking + [shard for shard in shards if not (folder / shard).is_file()]
    if not (folder / PICKLE).is_file():
        lacking.append(f"{SAFETENSORS} (or {PICKLE})")
    return lacking


def _download(
    name: str,
    snapshot: Path | None,
    cache: Path,
    allow_pickle: bool,
    announce: Callable[[str], None],
) -> Path:
    """Bring what is needed and lacking into the cache; refusals come before the weights do."""
    # A copy that is begun is completed at its own commit: half of another one is no model.
    revision = snapshot.name if snapshot else "main"
    announce(f"{name} is not complete in {cache}: asking {hub.endpoint()} for its files.")
    listed = hub.list_files(name, revision)
    small = [f for f in SETTINGS_FILES if f in listed]
    folder = hub.fetch_files(name, revision, small, cache)
    if (folder / "config.json").is_file():
        read_config(folder, name)
    if SAFETENSORS in listed:
        large = [SAFETENSORS]
    elif SHARD_INDEX in listed:
        folder = hub.fetch_files(name, revision, [SHARD_INDEX], cache)
        large = [SHARD_INDEX, *_list_shards(folder)]
    elif PICKLE in listed:
        large = [PICKLE]
        _check_pickle(name, listed[PICKLE].sha256, allow_pickle)
    else:
        raise ModelMissing(name, f"the hub has neither {SAFETENSORS} nor {PICKLE} of it.")
    sizes = [listed[f].size_bytes for f in large if f in listed]
    known = [size for size in sizes if size is not None]
    size = f"{sum(known) / 1e9:,.2f} GB" if len(known) == len(sizes) else "size unknown"
    announce(f"Downloading {_listed(large)} of {name} ({size}) into {cache}.")
    return hub.fetch_files(name, revision, large, cache)


def _check_files(folder: Path, name: str, revision: str, allow_pickle: bool) -> ModelFiles:
    config = read_config(folder, name)
    preprocessing = read_preprocessor_settings(folder, name)
    family = find_family(config)
    tokenizer_class = find_tokenizer(folder, name, family)
    if (folder / SAFETENSORS).is_file():
        filenames = [SAFETENSORS]
    elif (folder / SHARD_INDEX).is_file():
        filenames = _list_shards(folder)
    else:
        filenames = [PICKLE]
    is_pickle = filenames == [PICKLE]
    weights = tuple(folder / filename for filename in filenames)
    sha256 = hash_weights(weights, name)
    if is_pickle:
        _check_pickle(name, sha256, allow_pickle)
    return ModelFiles(
        name=name,
        revision=revision,
        folder=folder,
        weights=weights,
        weights_sha256=sha256,
        is_pickle=is_pickle,
        tokenizer_sha256=hash_files(
            [folder / file for file in TOKENIZER_FILES if (folder / file).is_file()], name
        ),
        config=config,
        family=family,
        tokenizer_class=tokenizer_class,
        preprocessing=preprocessing,
        band=find_band(folder, sha256, hub_name=name if revision else None),
    )


def hash_weights(weights: Sequence[Path], name: str) -> str:
    """The identity of the weights; see `ModelFiles.weights_sha256`."""
    return hash_file(weights[0], name) if len(weights) == 1 else hash_files(weights, name)


def hash_files(paths: Sequence[Path], name: str) -> str:
    """sha256 over one line "hash  name" per file. Raises `ModelRefused`."""
    lines = "".join(f"{hash_file(path, name)}  {path.name}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()


def hash_file(path: Path, name: str) -> str:
    """sha256 of a model's file. Raises `ModelRefused` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelRefused(name, f"{path} cannot be read: {error.strerror}.") from error


def _list_shards(folder: Path) -> list[str]:
    """File names of the weights' parts; plain names only, so that none leads out of the folder."""
    index = read_json_object(folder / SHARD_INDEX, str(folder))
    listed = index.get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) else set()
    if not names or not all(
        isinstance(n, str) and n.endswith(".safetensors") and Path(n).name == n for n in names
    ):
        raise ModelRefused(str(folder), f"{SHARD_INDEX} does not list safetensors files.")
    return sorted(names)


def _check_pickle(name: str, sha256: str | None, allow_pickle: bool) -> None:
    if sha256 in KNOWN_PICKLES or allow_pickle:
        return
    raise ModelRefused(
        name,
        f"{PICKLE} is a pickle, a format that can run code when opened, and its hash is not one "
        f"that clipstore knows:\n  sha256 {sha256 or 'unknown'}\n"
        "If you trust where it comes from, pass --allow-pickle. Safer: a copy of the model with "
        f"{SAFETENSORS}.",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
