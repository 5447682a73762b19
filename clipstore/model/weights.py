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
from typing import Literal

from clipstore.errors import ModelMissing, ModelRefused
from clipstore.model import hub
from clipstore.model.bands import DEFAULT_MODEL_PICKLE_SHA256, find_band
from clipstore.model.foreignnames import refuse_foreign_name
from clipstore.model.formats import (
    TOKENIZER_FILES,
    Format,
    format_of_folder,
    format_of_name,
    list_lacking_settings,
)
from clipstore.model.modelsettings import (
    find_family,
    find_tokenizer,
    read_config,
    read_json_object,
    read_open_clip_config,
    read_preprocessor_settings,
)
from clipstore.modelidentity import Band, Family

KNOWN_PICKLES = frozenset({DEFAULT_MODEL_PICKLE_SHA256})
"""sha256 of .bin files that are loaded without asking."""

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, complete and allowed to be loaded."""

    name: str
    """Hub id, or the folder's name."""
    revision: str
    """Hub commit; empty for a local folder."""
    library: Literal["transformers", "open_clip"]
    folder: Path
    weights: tuple[Path, ...]
    """One file, or the shards in the order of their names."""
    weights_sha256: str
    """Of the file; of several, the sha256 over one line "hash  name" per shard."""
    is_pickle: bool
    tokenizer_sha256: str
    """Over one line "hash  name" per tokenizer file that is there."""
    config: Mapping[str, object]
    """The library's configuration of the network, known to be of an implemented kind."""
    family: Family | None
    """None for open_clip's, whose network says."""
    tokenizer_class: str
    """Of transformers, see `modelsettings.TOKENIZERS`; empty for open_clip's."""
    preprocessing: Mapping[str, object]
    """What `preprocessorfile.read_preprocessing` takes; empty for open_clip's."""
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
    is for tests; None takes the user's own. Raises `ModelMissing`, `ModelNameForeign`,
    `ModelRefused`, `DiskFull`.
    """
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        files = format_of_folder(folder)
        lacking = list_lacking(folder, files)
        if lacking:
            raise ModelMissing(name_or_folder, f"the folder {folder} lacks {_listed(lacking)}.")
        return _check_files(folder, folder.name, "", files, allow_pickle)
    refuse_foreign_name(name_or_folder)
    name, files = format_of_name(name_or_folder)
    if not HUB_NAME.fullmatch(name):
        raise ModelMissing(name_or_folder, "there is no such folder.")
    cache = cache or hub.cache_folder()
    snapshot = hub.cached_snapshot(name, files.config, cache)
    lacking = list_lacking(snapshot, files)
    if lacking:
        if offline or hub.is_hub_offline():
            reason = "--offline" if offline else "HF_HUB_OFFLINE"
            raise ModelMissing(
                name,
                f"{reason} forbids a download, there is no folder of that name here, and the cache "
                f"{cache} lacks {_listed(lacking)}.",
            )
        snapshot = _download(name, files, snapshot, cache, allow_pickle, announce)
        lacking = list_lacking(snapshot, files)
    if snapshot is None or lacking:
        raise ModelMissing(name, f"the hub's copy lacks {_listed(lacking)}.")
    return _check_files(snapshot, name, snapshot.name, files, allow_pickle)


def list_lacking(folder: Path | None, files: Format) -> list[str]:
    """What `folder` must have and has not, in words with file names. None counts as empty."""
    if folder is None:
        return ["all of its files"]
    lacking = list_lacking_settings(folder, files)
    if (folder / files.safetensors).is_file():
        return lacking
    if files.shard_index and (folder / files.shard_index).is_file():
        shards = _list_shards(folder, files.shard_index)
        return lacking + [shard for shard in shards if not (folder / shard).is_file()]
    if not (folder / files.pickle).is_file():
        lacking.append(f"{files.safetensors} (or {files.pickle})")
    return lacking


def _download(
    name: str,
    files: Format,
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
    small = [f for f in files.settings if f in listed]
    folder = hub.fetch_files(name, revision, small, cache)
    if (folder / files.config).is_file():
        _read_config(folder, name, files)
    if files.safetensors in listed:
        large = [files.safetensors]
    elif files.shard_index and files.shard_index in listed:
        folder = hub.fetch_files(name, revision, [files.shard_index], cache)
        large = [files.shard_index, *_list_shards(folder, files.shard_index)]
    elif files.pickle in listed:
        large = [files.pickle]
        _check_pickle(name, files, listed[files.pickle].sha256, allow_pickle)
    else:
        raise ModelMissing(name, f"the hub has neither {files.safetensors} nor {files.pickle}.")
    sizes = [listed[f].size_bytes for f in large if f in listed]
    known = [size for size in sizes if size is not None]
    size = f"{sum(known) / 1e9:,.2f} GB" if len(known) == len(sizes) else "size unknown"
    announce(f"Downloading {_listed(large)} of {name} ({size}) into {cache}.")
    return hub.fetch_files(name, revision, large, cache)


def _read_config(folder: Path, name: str, files: Format) -> Mapping[str, object]:
    if files.library == "open_clip":
        return read_open_clip_config(folder, name)
    return read_config(folder, name)


def _check_files(
    folder: Path, name: str, revision: str, files: Format, allow_pickle: bool
) -> ModelFiles:
    config = _read_config(folder, name, files)
    family: Family | None = None
    tokenizer_class, preprocessing = "", dict[str, object]()
    if files.library == "transformers":
        preprocessing = dict(read_preprocessor_settings(folder, name))
        family = find_family(config)
        tokenizer_class = find_tokenizer(folder, name, family)
    if (folder / files.safetensors).is_file():
        filenames = [files.safetensors]
    elif files.shard_index and (folder / files.shard_index).is_file():
        filenames = _list_shards(folder, files.shard_index)
    else:
        filenames = [files.pickle]
    is_pickle = filenames == [files.pickle]
    weights = tuple(folder / filename for filename in filenames)
    sha256 = hash_weights(weights, name)
    if is_pickle:
        _check_pickle(name, files, sha256, allow_pickle)
    return ModelFiles(
        name=name,
        revision=revision,
        library=files.library,
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
        band=find_band(folder, sha256, hub_name=name if revision and family else None),
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


def _list_shards(folder: Path, shard_index: str) -> list[str]:
    """File names of the weights' parts; plain names only, so that none leads out of the folder."""
    index = read_json_object(folder / shard_index, str(folder))
    listed = index.get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) else set()
    if not names or not all(
        isinstance(n, str) and n.endswith(".safetensors") and Path(n).name == n for n in names
    ):
        raise ModelRefused(str(folder), f"{shard_index} does not list safetensors files.")
    return sorted(names)


def _check_pickle(name: str, files: Format, sha256: str | None, allow_pickle: bool) -> None:
    if sha256 in KNOWN_PICKLES or allow_pickle:
        return
    raise ModelRefused(
        name,
        f"{files.pickle} is a pickle, a format that can run code when opened, and its hash is not "
        f"one that clipstore knows:\n  sha256 {sha256 or 'unknown'}\n"
        "If you trust where it comes from, pass --allow-pickle. Safer: a copy of the model with "
        f"{files.safetensors}.",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
