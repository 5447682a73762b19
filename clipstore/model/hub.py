"""The Hugging Face hub and its cache on this machine: the only place that may use the network.

`cached_snapshot` never connects; `list_files` and `fetch_files` do, and `weights` calls them only
after it has said so to the user.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
from huggingface_hub.errors import HTTPError as HubConnectionError  # type: ignore[attr-defined]

from clipstore.errors import DiskFull, ModelMissing


@dataclass(frozen=True)
class HubFile:
    """One file of a model on the hub."""

    size_bytes: int | None
    sha256: str | None
    """Known for large files only: the hub keeps those by content."""


def cache_folder() -> Path:
    """Where hub models are kept on this machine: HF_HUB_CACHE, HF_HOME/hub or the default."""
    return Path(constants.HF_HUB_CACHE)


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT or the public one."""
    return str(constants.ENDPOINT)


def is_hub_offline() -> bool:
    """True when HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids every connection."""
    return bool(constants.HF_HUB_OFFLINE)


def cached_snapshot(name: str, config_file: str, cache: Path) -> Path | None:
    """The cached folder of `name`'s main branch, which may be incomplete; None without one.

    It is found by its `config_file`; its own name is the commit. Never connects.
    """
    try:
        config = try_to_load_from_cache(name, config_file, cache_dir=cache)
    except HFValidationError as error:
        raise ModelMissing(
            name, "it is neither a folder here nor a name a hub model can have"
        ) from error
    return Path(config).parent if isinstance(config, str) else None


def list_files(name: str, revision: str) -> Mapping[str, HubFile]:
    """The files of `name` on the hub, by file name. Connects.

    Raises `ModelMissing` when there is no such model, or no way to reach the hub.
    """
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True)
    except (HubConnectionError, OfflineModeIsEnabled, OSError) as error:
        raise _unreachable(name, error) from error
    return {
        sibling.rfilename: HubFile(sibling.size, sibling.lfs.sha256 if sibling.lfs else None)
        for sibling in info.siblings or ()
    }


def fetch_files(name: str, revision: str, filenames: Sequence[str], cache: Path) -> Path:
    """Download these files into the cache, the ones already there excepted. Connects.

    Returns the snapshot's folder. Raises `ModelMissing`, or `DiskFull`; what has arrived stays.
    """
    try:
        return Path(
            snapshot_download(
                name, revision=revision, cache_dir=cache, allow_patterns=list(filenames)
            )
        )
    except (HubConnectionError, OfflineModeIsEnabled, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise DiskFull(cache, "Complete files that arrived are kept.") from error
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> ModelMissing:
    lines = str(error).strip().splitlines() or ["no details"]
    return ModelMissing(name, f"{endpoint()} answered {type(error).__name__}: {lines[0]}")
