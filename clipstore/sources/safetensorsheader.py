"""The metadata that trainers write into .safetensors files: what a run was set to.

Invariant: only the header is read, and a file that is no safetensors file has no metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from clipstore.sources.textfiles import Unreadable, read_start, text_problem

MAX_HEADER_BYTES = 16 * 2**20
"""A LoRA's header is about 0.1 MB, a full model's about 0.3 MB."""


def read_metadata(path: Path) -> Mapping[str, str]:
    """`__metadata__`, text to text; empty when the file has none or cannot be read."""
    try:
        start = read_start(path, 8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= MAX_HEADER_BYTES:
            return {}
        header = json.loads(read_start(path, 8 + length)[8:])
    except (Unreadable, ValueError, RecursionError):
        return {}
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        return {}
    return {
        key: value
        for key, value in metadata.items()
        if isinstance(value, str) and text_problem(key + value) is None
    }
