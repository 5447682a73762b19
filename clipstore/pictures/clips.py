"""Bytes of a clip (mp4, an animated WebP, a GIF in a log) to the frames that are scored.

Invariant: which frames is a rule that looks at nothing but their times, even from the first to the
last, so that clips of one length are compared at the same places. The only module that imports av.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from clipstore.addresses import address_to_part
from clipstore.pictures.images import (
    MAX_PIXELS,
    MIN_SIDE_PX,
    STILL_WRITING_SECONDS,
    RawPicture,
)
from clipstore.types import Problem

if TYPE_CHECKING:
    import av

FRAMES_PER_CLIP = 8
"""Enough to see whether a clip follows its prompt from end to end, at the cost of 8 pictures. Part
of what a score means: a change makes scores that do not compare with those before."""
MAX_FRAMES = 20_000
"""Ten minutes at 30 a second; validation clips have some hundred."""


@dataclass(frozen=True)
class Clip:
    """The chosen frames."""

    frames: tuple[NDArray[np.uint8], ...]  # each (height, width, 3)
    n_frames: int
    """In the whole clip."""


def is_clip(raw: RawPicture) -> bool:
    """By its first bytes: mp4, a WebP whose header says that it is animated, or a GIF in a log."""
    return _is_mp4(raw.data) or _is_animated_webp(raw.data) or is_logged_gif(raw)


def is_logged_gif(raw: RawPicture) -> bool:
    """A GIF inside a log, which is how TensorBoard keeps videos. GIF files are nobody's samples."""
    return raw.data[:6] in (b"GIF87a", b"GIF89a") and address_to_part(raw.path) is not None


def frames_to_score(starts: Sequence[float]) -> tuple[int, ...]:
    """Numbers, from 0, of the frames shown at FRAMES_PER_CLIP times, evenly from the first frame's
    to the last one's; each frame once where there are no more and they are shown equally long.

    `starts` (n_frames,) is when each frame begins, rising, in any unit. A frame that is shown long
    may come several times: writers store equal frames as one.
    """
    gaps = {later - earlier for earlier, later in pairwise(starts)}
    if len(starts) <= FRAMES_PER_CLIP and len(gaps) <= 1:
        return tuple(range(len(starts)))
    first, length = starts[0], starts[-1] - starts[0]
    times = (first + length * place / (FRAMES_PER_CLIP - 1) for place in range(FRAMES_PER_CLIP))
    return tuple(bisect_right(starts, time) - 1 for time in times)


def decode_clip(raw: RawPicture, *, now_ns: int) -> Clip | Problem:
    """The frames to score, as 8-bit RGB. A broken clip is a `Problem`, pending while young."""
    if _is_mp4(raw.data):
        return _decode_mp4(raw, now_ns)
    return _decode_animation(raw, now_ns)


def _decode_animation(raw: RawPicture, now_ns: int) -> Clip | Problem:
    try:
        with Image.open(io.BytesIO(raw.data), formats=("WEBP", "GIF")) as image:
            n_frames = getattr(image, "n_frames", 1)
            refused = _refusal(raw, *image.size, n_frames)
            if refused is not None:
                return refused
            starts = [0.0]
            for frame in ImageSequence.Iterator(image):
                frame.load()  # only then is its duration known
                starts.append(starts[-1] + float(frame.info.get("duration", 0)))
            wanted = frames_to_score(starts[:-1])
            pixels = {
                number: np.asarray(_on_white(frame), dtype=np.uint8)
                for number, frame in enumerate(ImageSequence.Iterator(image))
                if number in wanted
            }
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return _broken(raw, str(error), now_ns)
    return Clip(tuple(pixels[number] for number in wanted), n_frames)


def _on_white(frame: Image.Image) -> Image.Image:
    if not frame.has_transparency_data:
        return frame.convert("RGB")
    background = Image.new("RGBA", frame.size, "white")
    return Image.alpha_composite(background, frame.convert("RGBA")).convert("RGB")


def _decode_mp4(raw: RawPicture, now_ns: int) -> Clip | Problem:
    try:
        import av  # noqa: PLC0415 - optional, and heavy
    except ModuleNotFoundError:
        return Problem(
            raw.path,
            "decode",
            "video_needs_av",
            "a video; pip install 'clipstore[video]' to have its frames scored, then ingest again.",
        )
    try:
        with av.open(io.BytesIO(raw.data), mode="r") as container:
            times = [frame.time for frame in islice(_frames(container), MAX_FRAMES + 1)]
            stream = container.streams.video[0]
            refused = _refusal(raw, stream.width, stream.height, len(times))
            if refused is not None:
                return refused
        # Read anew: how many frames there are is known for sure only after the last one.
        wanted = frames_to_score(_rising(times))
        with av.open(io.BytesIO(raw.data), mode="r") as container:
            pixels = dict(_chosen(container, wanted))
        frames = tuple(pixels[number] for number in wanted)
    except (av.FFmpegError, OSError, ValueError, LookupError) as error:
        return _broken(raw, str(error), now_ns)
    return Clip(frames, len(times))


def _rising(times: Sequence[float | None]) -> list[float]:
    """Times of frames in seconds; their numbers where the file has no usable times."""
    known = [round(time * 1000) / 1000 for time in times if time is not None]
    if len(known) < len(times) or any(b <= a for a, b in pairwise(known)):
        return [float(number) for number in range(len(times))]
    gaps = [later - earlier for earlier, later in pairwise(known)]
    if gaps and max(gaps) - min(gaps) < 0.0025:  # a rate that no millisecond divides, 24 a second
        return [float(number) for number in range(len(times))]
    return known


def _frames(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    stream = container.streams.video[0]
    stream.thread_type = "NONE"  # each reading process has a core
    yield from container.decode(stream)


def _chosen(
    container: av.container.InputContainer, wanted: Collection[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for number, frame in enumerate(_frames(container)):
        if number in wanted:
            yield number, np.ascontiguousarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def _refusal(raw: RawPicture, width: int, height: int, n_frames: int) -> Problem | None:
    if n_frames == 0:
        return Problem(raw.path, "decode", "no_frames", "it holds no picture.")
    if n_frames > MAX_FRAMES:
        detail = f"more than {MAX_FRAMES:,} frames; no validation clip is so long."
        return Problem(raw.path, "decode", "too_large", detail)
    if width * height > MAX_PIXELS:
        detail = f"{width} x {height} pixels; more than {MAX_PIXELS:,} are not decoded."
        return Problem(raw.path, "decode", "too_large", detail)
    if min(width, height) < MIN_SIDE_PX:
        detail = f"{width} x {height} pixels is too small to hold a picture."
        return Problem(raw.path, "decode", "tiny", detail)
    return None


def _broken(raw: RawPicture, why: str, now_ns: int) -> Problem:
    pending = abs(now_ns - raw.modified_ns) < STILL_WRITING_SECONDS * 1_000_000_000
    advice = (
        "It was written just now: the next ingest tries again."
        if pending
        else "Restore or delete the file."
    )
    detail = f"the clip cannot be decoded ({why}). {advice}"
    return Problem(raw.path, "decode", "truncated", detail, pending)


def _is_mp4(data: bytes) -> bool:
    return data[4:8] == b"ftyp"


def _is_animated_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and bool(data[20] & 0b10)
