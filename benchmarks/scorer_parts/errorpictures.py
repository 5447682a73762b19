"""The pictures that errors are measured on: crops of real ones and drawn ones, in every format.

Invariant: each kind of file that clipstore scores is there, from real and from drawn content, in
square and other shapes. Seeded: the same sources give the same files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.scorer_parts.content import draw_picture

VERSION = 1
SIDES_PX = (512, 640, 768, 896, 1024)
SHAPES = ((1, 1), (1, 1), (1, 0.75), (0.6, 1))
"""(width, height) by the side; half of the pictures are square."""


@dataclass(frozen=True)
class FileKind:
    """One way to save a picture."""

    name: str
    suffix: str
    change: Callable[[Image.Image], Image.Image]
    """RGB to the mode that is saved."""
    settings: dict[str, object]


@dataclass(frozen=True)
class ErrorPicture:
    """One file."""

    path: str
    kind: str
    source: str
    """The real picture's file name, or "drawn"."""


def _same(image: Image.Image) -> Image.Image:
    return image


def _with_alpha(image: Image.Image) -> Image.Image:
    """Opaque in the middle, fading to nothing at the left edge."""
    columns = np.linspace(0, 510, image.width).clip(0, 255).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(columns, (image.height, 1))))
    return image


def _to_16_bit(image: Image.Image) -> Image.Image:
    """Grey with low bytes of their own, mode I;16."""
    grey = np.asarray(image.convert("L"), np.uint16)
    low = np.arange(grey.size, dtype=np.uint32).reshape(grey.shape) * 37 % 256
    return Image.fromarray((grey * 256 + low).astype(np.uint16))


KINDS = (
    FileKind("PNG RGB", "png", _same, {}),
    FileKind("PNG RGB, compress_level 1", "png", _same, {"compress_level": 1}),
    FileKind("PNG RGBA", "png", _with_alpha, {}),
    FileKind("PNG palette", "png", lambda image: image.quantize(256), {}),
    FileKind("PNG grey", "png", lambda image: image.convert("L"), {}),
    FileKind("PNG grey 16-bit", "png", _to_16_bit, {}),
    FileKind("JPEG q75", "jpg", _same, {"quality": 75}),
    FileKind("JPEG q95", "jpg", _same, {"quality": 95}),
    FileKind("JPEG q95 4:4:4", "jpg", _same, {"quality": 95, "subsampling": 0}),
    FileKind("JPEG progressive", "jpg", _same, {"quality": 90, "progressive": True}),
    FileKind("WebP q90", "webp", _same, {"quality": 90}),
    FileKind("WebP lossless", "webp", _same, {"lossless": True}),
)


def make_error_pictures(count: int, real: Sequence[Path], folder: Path) -> list[ErrorPicture]:
    """`count` files under `folder`, two thirds of them crops of `real` where there are any."""
    root = folder / f"error-{count}-{len(real)}-v{VERSION}"
    manifest = root.with_suffix(".json")
    if manifest.exists():
        return [ErrorPicture(**entry) for entry in json.loads(manifest.read_text())]
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(4)
    sources = cycle(random.permutation(np.array(real, dtype=object))) if real else None
    pictures = []
    for number, kind in enumerate(islice(cycle(KINDS), count)):
        side = int(random.choice(SIDES_PX))
        across, down = SHAPES[int(random.integers(len(SHAPES)))]
        size = (round(side * across), round(side * down))
        # Every kind gets both: the third pass over the kinds is drawn.
        if sources is None or number // len(KINDS) % 3 == 2:
            source, image = "drawn", draw_picture(side, 7000 + number).crop((0, 0, *size))
        else:
            path: Path = next(sources)
            source, image = path.name, _crop(path, size, random)
        target = root / f"{number:04}.{kind.suffix}"
        kind.change(image).save(target, **kind.settings)
        pictures.append(ErrorPicture(str(target), kind.name, source))
    manifest.write_text(json.dumps([asdict(picture) for picture in pictures]))
    return pictures


def _crop(path: Path, size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A part of about that size at its own resolution; all of a smaller picture."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    width, height = min(size[0], image.width), min(size[1], image.height)
    left = int(random.integers(image.width - width + 1))
    top = int(random.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))
