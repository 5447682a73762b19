"""How far clipstore's cosines are from transformers' in float32, on real and drawn pictures.

    python -m benchmarks.scorer_parts.errors JOB.json ANSWER.json

Invariant: the reference shares no code with clipstore. Pillow decodes, transformers' own
processor makes the pixels, `CLIPModel` in float32 the vectors. Only where Pillow's `convert` would
lose what a picture shows (alpha, 16 bits) does the reference do what clipstore documents: white
behind transparency, 16 bits divided by 257.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from benchmarks.scorer_parts.errorpictures import ErrorPicture
from benchmarks.scorer_parts.widesums import SumsInFloat32
from clipstore.model.embed import load_clip
from clipstore.model.preprocessorfile import read_preprocessing
from clipstore.model.vectors import DtypeChoice
from clipstore.model.weights import find_model
from clipstore.pictures.images import DecodedPicture, RawPicture, decode_picture, read_picture

MEAN_BOUND = 1e-4
MAX_BOUND = 3e-4
BATCH = 8


@dataclass(frozen=True)
class ErrorJob:
    """What to compare."""

    model: str
    """Folder in transformers' format."""
    device: str
    dtypes: tuple[DtypeChoice, ...]
    """For clipstore's image tower; "auto" is what a user gets who asks for nothing."""
    pictures: tuple[ErrorPicture, ...]
    prompts: tuple[str, ...]
    """Every picture is compared with each of them."""
    wide_sums: bool = False
    """Do float16 as a GPU would (`widesums`), not as torch does it on a CPU."""


@dataclass(frozen=True)
class PathError:
    """One way through clipstore."""

    wanted: str
    """What was asked for."""
    ran: str
    """What clipstore chose, after its probe."""
    n_pictures: int
    mean: float
    largest: float
    """Of |Δcosine|, over all pictures and prompts."""

    @property
    def holds_bound(self) -> bool:
        return self.mean < MEAN_BOUND and self.largest < MAX_BOUND


@dataclass(frozen=True)
class KindError:
    """One kind of file, clipstore's default way."""

    kind: str
    n_pictures: int
    n_same_pixels: int
    """Pictures of which every byte that the model looks at is the reference's."""
    largest_pixel_difference: int
    """Of 255."""
    mean: float
    largest: float


@dataclass(frozen=True)
class ErrorReport:
    """One model's errors."""

    model: str
    n_real: int
    n_drawn: int
    n_prompts: int
    mean_cosine: float
    spread: float
    """Standard deviation of a prompt's cosines over the pictures, mean over prompts."""
    paths: tuple[PathError, ...]
    kinds: tuple[KindError, ...]


@dataclass(frozen=True)
class _OurCosines:
    """What clipstore made of the pictures."""

    wanted: DtypeChoice
    ran: str
    cosines: NDArray[np.float64]  # (n, n_prompts)


def main() -> None:
    """Compare, answer."""
    raw = json.loads(Path(sys.argv[1]).read_text())
    pictures = tuple(ErrorPicture(**entry) for entry in raw.pop("pictures"))
    job = ErrorJob(
        model=raw["model"],
        device=raw["device"],
        dtypes=tuple(raw["dtypes"]),
        pictures=pictures,
        prompts=tuple(raw["prompts"]),
        wide_sums=raw["wide_sums"],
    )
    Path(sys.argv[2]).write_text(json.dumps(asdict(measure_errors(job))))


def measure_errors(job: ErrorJob) -> ErrorReport:
    """Everything of one model."""
    true_pixels, true_cosines = _reference(job)
    pixels = np.stack(list(_our_pixels(job)))  # (n, side, side, 3)
    ours = [_our_cosines(job, dtype, pixels) for dtype in job.dtypes]
    paths = [_compare(each, true_cosines) for each in ours]
    drawn = sum(picture.source == "drawn" for picture in job.pictures)
    return ErrorReport(
        model=Path(job.model).name,
        n_real=len(job.pictures) - drawn,
        n_drawn=drawn,
        n_prompts=len(job.prompts),
        mean_cosine=float(true_cosines.mean()),
        spread=float(true_cosines.std(axis=0).mean()),
        paths=tuple(paths),
        kinds=tuple(_by_kind(job.pictures, true_pixels, true_cosines, pixels, ours[0].cosines)),
    )


def _reference(job: ErrorJob) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """transformers' pixels (n, side, side, 3) and cosines (n, n_prompts)."""
    network = CLIPModel.from_pretrained(job.model, dtype=torch.float32).to(job.device).eval()
    processor = CLIPImageProcessorPil.from_pretrained(job.model)
    images = [_pillow_rgb(Path(picture.path)) for picture in job.pictures]
    resized = [
        processor(images=[image], do_rescale=False, do_normalize=False, return_tensors="np")
        for image in images
    ]
    pixels = np.concatenate([each["pixel_values"] for each in resized])  # (n, 3, side, side)
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = processor(images=images[start : start + BATCH], return_tensors="pt")
            output = network.get_image_features(pixel_values=batch["pixel_values"].to(job.device))
            vectors.append(_units(output.pooler_output))
        tokens = CLIPTokenizer.from_pretrained(job.model)(
            list(job.prompts),
            padding="max_length",
            truncation=True,
            max_length=network.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        texts = _units(network.get_text_features(**tokens.to(job.device)).pooler_output)
    cosines = np.concatenate(vectors) @ texts.T
    return pixels.transpose(0, 2, 3, 1).astype(np.uint8), cosines


def _our_cosines(job: ErrorJob, dtype: DtypeChoice, pixels: NDArray[np.uint8]) -> _OurCosines:
    is_wide = job.wide_sums and dtype == "float16"
    with SumsInFloat32() if is_wide else nullcontext():
        embedder = load_clip(
            job.model, device=job.device, dtype=dtype, offline=True, announce=lambda _sentence: None
        )
        images = embedder.embed_images(pixels).astype(np.float64)
    texts = embedder.embed_texts(job.prompts).vectors.astype(np.float64)
    ran = embedder.model.dtype
    if is_wide and ran == "float16":
        ran += ", summed in float32"
    return _OurCosines(dtype, ran, images @ texts.T)


def _compare(ours: _OurCosines, true_cosines: NDArray[np.float64]) -> PathError:
    errors = np.abs(ours.cosines - true_cosines)
    return PathError(
        wanted=ours.wanted,
        ran=ours.ran,
        n_pictures=len(errors),
        mean=float(errors.mean()),
        largest=float(errors.max()),
    )


def _our_pixels(job: ErrorJob) -> Iterator[NDArray[np.uint8]]:
    """Every picture as the image tower gets it, the same for every dtype."""
    files = find_model(job.model, offline=True, allow_pickle=False, announce=lambda _sentence: None)
    preprocessing = read_preprocessing(files.preprocessing, files.name, files.family)
    for picture in job.pictures:
        now = time.time_ns()
        raw = read_picture(Path(picture.path), now_ns=now)
        decoded = decode_picture(raw, now_ns=now) if isinstance(raw, RawPicture) else raw
        if not isinstance(decoded, DecodedPicture):
            raise ValueError(f"{picture.path}: {decoded.detail}")
        yield preprocessing.prepare(decoded.rgb)


def _pillow_rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        if image.mode.startswith("I;16"):
            return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
        if image.mode == "RGBA":
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image.convert("RGB")


def _units(features: torch.Tensor) -> NDArray[np.float64]:
    exact = features.double()
    units: NDArray[np.float64] = (exact / exact.norm(dim=-1, keepdim=True)).cpu().numpy()
    return units


def _by_kind(
    pictures: Sequence[ErrorPicture],
    true_pixels: NDArray[np.uint8],
    true_cosines: NDArray[np.float64],
    pixels: NDArray[np.uint8],
    cosines: NDArray[np.float64],
) -> Iterator[KindError]:
    kinds = np.array([picture.kind for picture in pictures])
    for kind in dict.fromkeys(kinds.tolist()):
        chosen = kinds == kind
        difference = np.abs(pixels[chosen].astype(np.int16) - true_pixels[chosen])
        errors = np.abs(cosines[chosen] - true_cosines[chosen])
        yield KindError(
            kind=kind,
            n_pictures=int(chosen.sum()),
            n_same_pixels=int((difference.max(axis=(1, 2, 3)) == 0).sum()),
            largest_pixel_difference=int(difference.max()),
            mean=float(errors.mean()),
            largest=float(errors.max()),
        )


if __name__ == "__main__":
    main()
