"""Which band belongs to which weights.

Invariant: a band is a fact about one set of weights, so it is found by their hash, by a file that
lies beside them, or by the hub's own main branch of that model; never by a folder's name.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from clipstore.errors import ModelRefused
from clipstore.modelidentity import Band
from clipstore.wholefile import write_whole

DEFAULT_MODEL = "openai/clip-vit-large-patch14-336"

DEFAULT_MODEL_PICKLE_SHA256 = "c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801"
"""pytorch_model.bin of `DEFAULT_MODEL`, 1,711,974,081 bytes, at its main branch's commit
ce19dc912ca5cd21c8a653c79e251e808ccabcd1."""

DEFAULT_MODEL_BAND = Band(poor_below_cosine=0.22, low_cosine=0.30, high_cosine=0.39)
"""From .18-.22 pictures hardly follow their prompts; within .30-.39 eyes and scores disagree."""

BAND_FILE = "clipstore_band.json"
"""Optional, beside the weights. An object with `poor_below_cosine`, `low_cosine`, `high_cosine`,
and where known `weights_sha256` (the weights it was derived for) and `derived` (how)."""

BAND_FILE_LIMIT_BYTES = 1 << 20


def find_band(folder: Path, weights_sha256: str, hub_name: str | None) -> Band | None:
    """The band of the weights in `folder`, or None when none is known for them.

    `hub_name` is the hub id when `folder` is the hub cache's snapshot of that model's main branch,
    which only the model's owner can write to; None for any other folder. A band file wins over the
    built-in band. Raises `ModelRefused` when there is a band file that cannot be used.
    """
    path = folder / BAND_FILE
    if path.is_file():
        return read_band(path, weights_sha256)
    if weights_sha256 == DEFAULT_MODEL_PICKLE_SHA256 or hub_name == DEFAULT_MODEL:
        return DEFAULT_MODEL_BAND
    return None


def read_band(path: Path, weights_sha256: str) -> Band:
    """The band that the file at `path` states for the weights with that hash.

    Raises `ModelRefused` when it is not such a file, or was derived for other weights.
    """

    def refusal(why: str) -> ModelRefused:
        return ModelRefused(
            str(path.parent), f"{BAND_FILE} {why}. Correct it, or remove it to go without a band."
        )

    try:
        if path.stat().st_size > BAND_FILE_LIMIT_BYTES:
            raise refusal("is too large to be a band")
        stated = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise refusal(f"cannot be read: {error}") from error
    if not isinstance(stated, dict):
        raise refusal("is not a JSON object")
    derived_for = stated.get("weights_sha256", weights_sha256)
    if derived_for != weights_sha256:
        raise refusal(
            f"was derived for weights with sha256 {derived_for}, but those here have "
            f"{weights_sha256}"
        )
    cosines = [stated.get(f"{edge}_cosine") for edge in ("poor_below", "low", "high")]
    numbers = [c for c in cosines if isinstance(c, (int, float)) and not isinstance(c, bool)]
    if len(numbers) < 3 or not all(math.isfinite(c) and -1 <= c <= 1 for c in numbers):
        raise refusal(
            "must state poor_below_cosine, low_cosine and high_cosine as numbers from -1 to 1"
        )
    poor_below, low, high = numbers
    if not poor_below <= low < high:
        raise refusal(f"must rise: poor_below {poor_below}, low {low}, high {high}")
    return Band(float(poor_below), float(low), float(high))


def write_band(folder: Path, band: Band, weights_sha256: str, derived: str) -> Path:
    """Write the band file of the weights in `folder`, which `read_band` reads; returns its path.

    An older band file there is replaced. Raises `OutputError`, `DiskFull`.
    """
    stated = {
        "poor_below_cosine": band.poor_below_cosine,
        "low_cosine": band.low_cosine,
        "high_cosine": band.high_cosine,
        "weights_sha256": weights_sha256,
        "derived": derived,
    }
    path = folder / BAND_FILE
    write_whole(path, json.dumps(stated, indent=2) + "\n")
    return path
