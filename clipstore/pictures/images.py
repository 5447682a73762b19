"""Bytes on disk to pixels: read once, decode, crop. The only place that cuts.

Invariant: what is hashed is what is decoded, because both come from one read, and a file that
changed during that read is not scored. A wrong score is worse than a refusal, so a mode that
Pillow would distort silently (16-bit, alpha, rotation) is normalised with a note or refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from clipstore.addresses import PartOfFile, address_to_file, address_to_part
from clipstore.pictures.pngdecode import decode_plain_png
from clipstore.types import Box, Problem, content_id

MAX_FILE_BYTES = 256 * 2**20
"""No validation picture comes near this; a file that does is something else."""
MAX_PIXELS = 64 * 10**6
"""Four panels of 4096 x 4096 just fit; beyond, a small file can claim all memory."""
MIN_SIDE_PX = 16
STILL_WRITING_SECONDS = 60
"""A broken file younger than this may be half-written; older ones stay broken."""

ACCEPTED_FORMATS = ("PNG", "JPEG", "WEBP")
_PLAIN_MODES = frozenset({"RGB", "L", "1"})


@dataclass(frozen=True)
class RawPicture:
    """A file's bytes and what identifies them."""

    path: Path
    data: bytes
    sha256: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class DecodedPicture:
    """A whole picture as pixels."""

    rgb: NDArray[np.uint8]  # (height, width, 3)
    is_lossy: bool
    """True for JPEG and WebP, whose pixels differ a little from what the trainer drew."""
    notes: tuple[str, ...]
    """What was done to reach RGB, for example "alpha_on_white"."""


def read_picture(path: Path, *, now_ns: int) -> RawPicture | Problem:
    """The file's bytes, read once. Never blocks on a FIFO and never follows a device.

    A file that changes while it is read is a pending `Problem`. Of a log (see `addresses`) the
    bytes of the one picture are read; they stay as they are while the log grows.
    """
    part = address_to_part(path)
    if part is not None:
        return _read_part(path, part, now_ns)
    path = address_to_file(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Problem(path, "read", "vanished", "the file was removed during the scan.", True)
    except PermissionError:
        return Problem(path, "read", "permission", "no permission to read it: chmod it, or skip.")
    except OSError as error:
        return Problem(path, "read", "unreadable", f"the system says: {error.strerror}.")
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        return Problem(path, "read", "not_regular", "not a regular file.")
    with os.fdopen(descriptor, "rb") as file:
        if before.st_size > MAX_FILE_BYTES:
            return Problem(
                path,
                "read",
                "too_large",
                f"{before.st_size:,} bytes; pictures over {MAX_FILE_BYTES:,} bytes are not read.",
            )
        try:
            data = file.read()
        except OSError as error:
            return Problem(path, "read", "unreadable", f"the system says: {error.strerror}.")
        after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or len(
        data
    ) != after.st_size:
        return Problem(path, "read", "changing", "the file changed while it was read.", True)
    raw = RawPicture(path, data, hashlib.sha256(data).hexdigest(), after.st_size, after.st_mtime_ns)
    if not _is_complete(data):
        return _broken(raw, "it ends before the picture does.", now_ns)
    return raw


def decode_picture(raw: RawPicture, *, now_ns: int) -> DecodedPicture | Problem:
    """Decode to 8-bit RGB. Bad bytes are a `Problem`, whatever Pillow raises on them.

    Pillow defines the pixels; a faster decoder reads what it reads alike.
    """
    plain = decode_plain_png(raw.data, max_pixels=MAX_PIXELS, min_side_px=MIN_SIDE_PX)
    if plain is not None:
        return DecodedPicture(plain, is_lossy=False, notes=())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(raw.data), formats=ACCEPTED_FORMATS)
            refused = _refusal_by_header(raw.path, image)
            if refused is not None:
                return refused
            image.load()
    except UnidentifiedImageError:
        return Problem(
            raw.path, "decode", "not_image", "not a PNG, JPEG or WebP file, whatever its name says."
        )
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return _broken(raw, f"it cannot be decoded ({error}).", now_ns)
    return _image_to_rgb(raw.path, image)


def _read_part(address: Path, part: PartOfFile, now_ns: int) -> RawPicture | Problem:
    try:
        descriptor = os.open(part.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Problem(address, "read", "unreadable", f"the system says: {error.strerror}.")
    with os.fdopen(descriptor, "rb"):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Problem(address, "read", "not_regular", "its log is not a regular file.")
        data = b""
        if part.length <= min(MAX_FILE_BYTES, status.st_size - part.start):
            data = os.pread(descriptor, part.length, part.start)
    sha256 = hashlib.sha256(data).hexdigest()
    raw = RawPicture(address, data, sha256, part.length, status.st_mtime_ns)
    if len(data) != part.length or not _is_complete(data):
        return _broken(raw, "its log does not hold all of it.", now_ns)
    return raw


def crop_pixels(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The pixels inside `box` as a contiguous copy of their own, (box height, box width, 3)."""
    return np.ascontiguousarray(rgb[box.top : box.bottom, box.left : box.right])


def pixels_to_crop_id(rgb: NDArray[np.uint8]) -> int:
    """Identity of a crop's content: equal pixels of equal shape are one crop, wherever they lie."""
    height, width = rgb.shape[:2]
    return content_id(f"{width}x{height}", rgb.tobytes())


def whole_box(rgb: NDArray[np.uint8]) -> Box:
    """The box that is the entire picture."""
    return Box(0, 0, rgb.shape[1], rgb.shape[0])


def _refusal_by_header(path: Path, image: Image.Image) -> Problem | None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        return Problem(
            path,
            "decode",
            "too_large",
            f"{width} x {height} pixels; more than {MAX_PIXELS:,} are not decoded.",
        )
    if min(width, height) < MIN_SIDE_PX:
        return Problem(
            path, "decode", "tiny", f"{width} x {height} pixels is too small to hold a picture."
        )
    if getattr(image, "is_animated", False):
        return Problem(path, "decode", "animated", "an animation; only still pictures are scored.")
    return None


def _image_to_rgb(path: Path, image: Image.Image) -> DecodedPicture | Problem:
    notes: list[str] = []
    is_lossy = image.format in ("JPEG", "WEBP")
    if image.getexif().get(0x0112, 1) != 1:
        image = ImageOps.exif_transpose(image)
        notes.append("exif_rotated")
    if image.mode.startswith("I"):
        # convert("RGB") clips 16-bit grey to white, so scale it first.
        grey = np.asarray(image, dtype=np.uint32) // 257
        image = Image.fromarray(grey.astype(np.uint8))
        notes.append("grey_16_bit")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image.convert("RGBA"))
        notes.append("alpha_on_white")
    elif image.mode == "CMYK":
        notes.append("cmyk")
    elif image.mode not in _PLAIN_MODES and image.mode != "P":
        return Problem(
            path, "decode", "mode", f"pixel mode {image.mode} has no defined conversion to RGB."
        )
    rgb = np.asarray(image.convert("RGB"), dtype=np.uint8)
    return DecodedPicture(rgb, is_lossy, tuple(notes))


def _is_complete(data: bytes) -> bool:
    """Whether the file's own end marker is there. Pillow accepts a PNG without its last chunk,
    and such a file is still being written: its hash will change."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND\xaeB`\x82" in data
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    if data[:3] == b"\xff\xd8\xff":
        return b"\xff\xd9" in data[-65536:]
    if data[4:8] == b"ftyp":
        return _has_whole_boxes(data)
    return len(data) > 0


def _has_whole_boxes(data: bytes) -> bool:
    """Whether an mp4's boxes end where the file does, the one without which it cannot be read,
    which most writers write last, among them."""
    kinds, at = set(), 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kinds.add(data[at + 4 : at + 8])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(data) - at
        if size < 8:
            return False
        at += size
    return at == len(data) and b"moov" in kinds


def _broken(raw: RawPicture, what: str, now_ns: int) -> Problem:
    pending = abs(now_ns - raw.modified_ns) < STILL_WRITING_SECONDS * 1_000_000_000
    advice = (
        "It was written just now: the next ingest tries again."
        if pending
        else "Restore or delete the file."
    )
    return Problem(raw.path, "decode", "truncated", f"{what} {advice}", pending)
