"""Pairs of picture and text through a model to its calibration, and that into the store.

Invariant: every listed pair is measured, left out by the limit, or a problem; the pictures go the
same pixel path as those of runs, so that the band speaks of the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore import __version__
from clipstore.analysis.calibration import Calibration, pairs_to_calibration
from clipstore.analysis.calibrationrules import CalibrationRules
from clipstore.errors import CalibrationRefused
from clipstore.model.embedder import Embedder
from clipstore.modelidentity import Model
from clipstore.pictures.images import decode_picture, pixels_to_crop_id, read_picture
from clipstore.sources.pairs import Pair, PairListing
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.types import Problem, Skipped

DEFAULT_LIMIT = 1000
"""Pairs that are measured: their interval is narrow long before, and ViT-L takes about a second a
picture without a GPU."""


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration and what became of every file."""

    calibration: Calibration
    n_listed: int
    """Pairs that there were; `n_left_out` of them were not measured."""
    n_left_out: int
    n_truncated: int
    """Different texts that are longer than the model reads."""
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class _Measured:
    """What is left of a pair once its pixels are gone."""

    text: str
    crop_id: int
    vector: NDArray[np.float32]  # (dimension,)


def calibrate_pairs(
    listing: PairListing,
    embedder: Embedder,
    *,
    limit: int = DEFAULT_LIMIT,
    rules: CalibrationRules | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> CalibrationReport:
    """Measure at most `limit` pairs, evenly spread over the listing, and derive the band.

    `on_progress` gets the number of pictures looked at and of all. Raises `CalibrationRefused`.
    """
    chosen = spread_evenly(listing.pairs, limit)
    measured: list[_Measured] = []
    problems = list(listing.problems)
    for start in range(0, len(chosen), embedder.batch_size):
        batch = chosen[start : start + embedder.batch_size]
        for outcome in _measure(batch, embedder):
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                measured.append(outcome)
        on_progress(start + len(batch), len(chosen))
    if not measured:
        raise CalibrationRefused(
            f"none of the {len(chosen):,} pictures could be read; {problems[-1].path.name}: "
            f"{problems[-1].detail}"
        )
    texts = list(dict.fromkeys(one.text for one in measured))
    column = {text: number for number, text in enumerate(texts)}
    embedded = embedder.embed_texts(texts)
    pictures = np.stack([one.vector for one in measured])  # (n_pictures, dimension)
    calibration = pairs_to_calibration(
        np.clip(pictures @ embedded.vectors.T, -1.0, 1.0),  # (n_pictures, n_texts)
        np.array([column[one.text] for one in measured]),
        np.array([one.crop_id for one in measured]),
        rules,
    )
    return CalibrationReport(
        calibration=calibration,
        n_listed=len(listing.pairs),
        n_left_out=len(listing.pairs) - len(chosen),
        n_truncated=int(embedded.is_truncated.sum()),
        problems=tuple(problems),
        skipped=listing.skipped,
    )


def spread_evenly(pairs: Sequence[Pair], limit: int) -> tuple[Pair, ...]:
    """At most `limit` pairs at equal distances: in a sorted folder the first ones are alike."""
    if len(pairs) <= limit:
        return tuple(pairs)
    return tuple(pairs[number * len(pairs) // limit] for number in range(limit))


def spool_calibration(
    store: Path, model: Model, calibration: Calibration, *, pairs: Path, at: datetime
) -> None:
    """Put the calibration where the next merge takes it into `store`.

    Raises what `spool.write_part` raises.
    """
    band = calibration.band
    row = {
        "weights_sha256": model.weights_sha256,
        "tokenizer_sha256": model.tokenizer_sha256,
        "preprocessing": model.preprocessing,
        "name": model.name,
        "chance_cosine": calibration.chance.mean,
        "true_cosine": calibration.true.mean,
        "true_low_cosine": calibration.true.low,
        "true_high_cosine": calibration.true.high,
        "poor_below_cosine": band.poor_below_cosine,
        "band_low_cosine": band.low_cosine,
        "band_high_cosine": band.high_cosine,
        "n_pairs": calibration.n_pairs,
        "n_texts": calibration.n_texts,
        "is_wide": calibration.is_wide,
        "pairs": str(pairs.absolute()),
        "derived": calibration.to_sentence(),
        "clipstore_version": __version__,
        "calibrated_at": at.astimezone(UTC),
    }
    frame = pl.DataFrame([row], schema=TABLE_SCHEMAS["calibrations"], orient="row")
    write_part(spool_folder(store), {"calibrations": frame})


def _measure(pairs: Sequence[Pair], embedder: Embedder) -> list[_Measured | Problem]:
    """One outcome per pair, in order."""
    outcomes: dict[int, _Measured | Problem] = {}
    crops: dict[int, tuple[int, NDArray[np.uint8]]] = {}  # number → crop_id and prepared pixels
    for number, pair in enumerate(pairs):
        crop = _prepare(pair, embedder)
        if isinstance(crop, Problem):
            outcomes[number] = crop
        else:
            crops[number] = crop
    if crops:
        vectors = embedder.embed_images(np.stack([pixels for _, pixels in crops.values()]))
        for (number, (crop_id, _)), vector in zip(crops.items(), vectors, strict=True):
            pair = pairs[number]
            outcomes[number] = (
                _Measured(pair.text, crop_id, vector)
                if np.all(np.isfinite(vector))
                else Problem(
                    pair.path, "score", "nonfinite", "the model gave NaN or infinity for it."
                )
            )
    return [outcomes[number] for number in range(len(pairs))]


def _prepare(pair: Pair, embedder: Embedder) -> tuple[int, NDArray[np.uint8]] | Problem:
    now_ns = time.time_ns()
    raw = read_picture(pair.path, now_ns=now_ns)
    if isinstance(raw, Problem):
        return raw
    decoded = decode_picture(raw, now_ns=now_ns)
    if isinstance(decoded, Problem):
        return decoded
    try:
        return pixels_to_crop_id(decoded.rgb), embedder.preprocessing.prepare(decoded.rgb)
    except ValueError as error:
        return Problem(pair.path, "decode", "shape", f"the model cannot take it: {error}.")
