"""The texts that generators write into picture files: PNG text chunks and EXIF comments.

Invariant: no pixel is decoded, and a file without such texts, or none at all, has none.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image

from clipstore.sources.textfiles import Unreadable, read_bytes, read_start

START_BYTES = (2**16, 2**21)
"""Texts stand before the pixels in a PNG or JPEG. A second, longer look is for ComfyUI's graphs,
which reach 0.5 MB."""
MAX_BYTES = 64 * 2**20

_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_MAKE, _MODEL = 0x010F, 0x0110
"""ComfyUI writes "prompt:…" and "workflow:…" into these when it saves WebP."""


def file_to_texts(path: Path) -> Mapping[str, str]:
    """Key to text: a PNG's own keys; from EXIF `parameters`, `prompt` and `workflow`."""
    try:
        for n_bytes in START_BYTES:
            data = read_start(path, n_bytes)
            if data[8:12] == b"WEBP" and len(data) == n_bytes:  # its EXIF is behind the pixels
                data = read_bytes(path, max_bytes=MAX_BYTES)
            texts = _bytes_to_texts(data)
            if texts or len(data) < n_bytes:
                return texts
    except Unreadable:
        pass
    return {}


def _bytes_to_texts(data: bytes) -> Mapping[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                texts = {str(k): v for k, v in image.info.items() if isinstance(v, str)}
                if image.format == "PNG":  # whose EXIF none of these tools writes
                    return texts
                exif = image.getexif()
                comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)
                texts |= _split_tags(exif.get(_MAKE), exif.get(_MODEL))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return {}
    text = _comment_to_text(comment)
    return texts if text is None else {"parameters": text, **texts}


def _split_tags(*values: object) -> dict[str, str]:
    texts = {}
    for value in values:
        key, separator, text = value.partition(":") if isinstance(value, str) else ("", "", "")
        if separator and key in ("prompt", "workflow"):
            texts[key] = text
    return texts


def _comment_to_text(comment: object) -> str | None:
    """EXIF's UserComment: eight bytes name the character set. Byte order is the writer's guess."""
    if isinstance(comment, str):
        return comment
    if not isinstance(comment, bytes) or len(comment) < 8:
        return None
    name, body = comment[:8], comment[8:]
    if name == b"UNICODE\0":
        big, little = (body.decode(code, "replace") for code in ("utf-16-be", "utf-16-le"))
        return max(big, little, key=lambda text: sum(map(str.isascii, text)))
    return body.decode("utf-8", "replace").rstrip("\0") if name == b"ASCII\0\0\0" else None
