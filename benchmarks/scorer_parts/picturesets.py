"""Sets of pictures on disk, laid out as runs that clipstore ingests.

Invariant: peers and clipstore read the same files. A prompt is used at several steps, as in
validation; a composite's checkpoint panel is where the manifest says, so that peers, who cannot
find it, are told.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from benchmarks.scorer_parts.content import draw_picture, write_prompts
from clipstore.demo.composite import SEPARATOR, stitch_base_and_checkpoint

PICTURES_PER_PROMPT = 4
VERSION = 1
"""Of what is drawn; another one is never mixed with files that lie in the work folder."""
BASE_SEED = 1_000_000


@dataclass(frozen=True)
class PictureFormat:
    """One kind of file that trainers leave."""

    name: str
    side_px: int
    suffix: str
    quality: int | None = None
    """Of JPEG and WebP; None for PNG, which is saved with Pillow's defaults as trainers do."""
    is_composite: bool = False
    """SimpleTuner's [base | checkpoint] with labels and footer."""


FORMATS = {
    each.name: each
    for each in (
        PictureFormat("png-1024", 1024, "png"),
        PictureFormat("png-512", 512, "png"),
        PictureFormat("jpeg-1024", 1024, "jpg", quality=95),
        PictureFormat("webp-1024", 1024, "webp", quality=90),
        PictureFormat("composite-1024", 1024, "png", is_composite=True),
    )
}


@dataclass(frozen=True)
class PictureEntry:
    """One file to score."""

    path: str
    """Absolute."""
    prompt: str
    box: tuple[int, int, int, int] | None
    """The checkpoint panel of a composite, Pillow's order; None for the whole picture."""


@dataclass(frozen=True)
class PictureSet:
    """One format's files."""

    format: PictureFormat
    root: Path
    """What `clipstore ingest` is given."""
    entries: tuple[PictureEntry, ...]

    @property
    def mean_bytes(self) -> float:
        """Of a file."""
        sizes = [Path(entry.path).stat().st_size for entry in self.entries]
        return sum(sizes) / max(1, len(sizes))


@dataclass(frozen=True)
class _Place:
    """Where a picture belongs."""

    seed: int
    name: str
    prompt: str
    step: int


def make_picture_set(form: PictureFormat, count: int, folder: Path) -> PictureSet:
    """`count` files of one format under `folder`; drawn once, on all cores."""
    root = folder / f"{form.name}-{count}-v{VERSION}"
    manifest = root.with_suffix(".json")
    if not manifest.exists():
        shutil.rmtree(root, ignore_errors=True)
        places = _places(count)
        texts = {place.name: place.prompt for place in places}
        entries = _write_all(_writer(form, root / "run", texts), places)
        manifest.write_text(json.dumps([asdict(entry) for entry in entries]))
    return PictureSet(form, root, tuple(_read_manifest(manifest)))


def warm_page_cache(pictures: PictureSet) -> None:
    """Read every file once, so that no contestant waits for the disk."""
    for entry in pictures.entries:
        Path(entry.path).read_bytes()


def _read_manifest(manifest: Path) -> Iterator[PictureEntry]:
    for entry in json.loads(manifest.read_text()):
        box = None if entry["box"] is None else tuple(entry["box"])
        yield PictureEntry(entry["path"], entry["prompt"], box)


def _places(count: int) -> list[_Place]:
    prompts = write_prompts(-(-count // PICTURES_PER_PROMPT))
    return [
        _Place(
            seed=number,
            name=f"p{number % len(prompts)}",
            prompt=prompts[number % len(prompts)],
            step=100 * (1 + number // len(prompts)),
        )
        for number in range(count)
    ]


def _write_all(
    write: Callable[[_Place], PictureEntry], places: Sequence[_Place]
) -> list[PictureEntry]:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(write, places, chunksize=4))


def _writer(
    form: PictureFormat, run: Path, texts: dict[str, str]
) -> Callable[[_Place], PictureEntry]:
    run.mkdir(parents=True)
    if form.is_composite:
        (run / "validation_images").mkdir()
        (run / "benchmarks" / "base_model").mkdir(parents=True)
        (run / "user_prompt_library.json").write_text(json.dumps(texts))
        return _CompositeWriter(form, run)
    (run / "prompts.json").write_text(json.dumps(texts))
    return _PlainWriter(form, run)


@dataclass(frozen=True)
class _PlainWriter:
    """run/step_000100/p0.png, clipstore's folder layout. A class, so that workers can have it."""

    form: PictureFormat
    run: Path

    def __call__(self, place: _Place) -> PictureEntry:
        path = self.run / f"step_{place.step:06}" / f"{place.name}.{self.form.suffix}"
        path.parent.mkdir(exist_ok=True)
        image = draw_picture(self.form.side_px, place.seed)
        if self.form.quality is None:
            image.save(path)
        else:
            image.save(path, quality=self.form.quality)
        return PictureEntry(str(path.resolve()), place.prompt, None)


@dataclass(frozen=True)
class _CompositeWriter:
    """run/validation_images/step_100_p0_0_1024x1024.png, as SimpleTuner saves them."""

    form: PictureFormat
    run: Path

    def __call__(self, place: _Place) -> PictureEntry:
        side = self.form.side_px
        base, checkpoint = self._base(place), draw_picture(side, place.seed)
        name = f"step_{place.step}_{place.name}_0_{side}x{side}.png"
        path = self.run / "validation_images" / name
        stitch_base_and_checkpoint(base, checkpoint, place.step, place.prompt).save(path)
        left = side + SEPARATOR
        return PictureEntry(str(path.resolve()), place.prompt, (left, 0, left + side, side))

    def _base(self, place: _Place) -> Image.Image:
        """The base model's picture of this prompt, the same at every step."""
        side = self.form.side_px
        base = draw_picture(side, BASE_SEED + int(place.name[1:]))
        path = self.run / "benchmarks" / "base_model" / f"{place.name}_{side}x{side}.png"
        if place.step == 100:
            base.save(path)
        return base
