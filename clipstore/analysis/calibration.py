"""True and shuffled pairs of a CLIP model to its chance level, its poor edge and its band.

Invariant: the rule stands here and nowhere else, with every constant and its reason; the same
cosines always give the same band. What a text is held against is never its own picture, nor a
picture of an equal text, nor an equal picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from clipstore.analysis.calibrationrules import CalibrationRules
from clipstore.errors import CalibrationRefused
from clipstore.modelidentity import Band

Floats = NDArray[np.float64]

DECIMALS = 4
"""Edges are rounded to a tenth of what sentences print: finer than any interval here."""


@dataclass(frozen=True)
class Level:
    """A mean cosine and its interval."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Calibration:
    """What the pairs say of one model."""

    band: Band
    chance: Level
    """Pictures held against the texts of other pictures."""
    true: Level
    """Pictures held against their own text; several pictures of one text count once."""
    true_sd: float
    """SD of single true pairs."""
    n_pairs: int
    n_texts: int
    """Different texts: what the intervals rest on."""
    n_shuffled: int
    """Pairs of a picture and another picture's text."""
    share_above_chance: float
    """Share of the pictures that score higher with their own text than with others on average."""
    is_wide: bool
    """The true level's interval is wider than it should be; see `n_texts_wanted`."""
    n_texts_wanted: int
    """About how many different texts would make the interval narrow enough."""
    rules: CalibrationRules

    def to_sentence(self) -> str:
        """How the band was derived, in one line."""
        return (
            f"{self.n_pairs} true pairs with {self.n_texts} texts: chance {self.chance.mean:.4f} "
            f"({self.chance.low:.4f} to {self.chance.high:.4f}), true {self.true.mean:.4f} "
            f"({self.true.low:.4f} to {self.true.high:.4f}), SD {self.true_sd:.4f}; poor below "
            f"{self.rules.poor_share:.4f} of the way, band from {self.rules.unseen_share:.4f} of "
            "the way from there before the lower limit of true to "
            f"{self.rules.high_sds:.2f} SD above true"
        )


def pairs_to_calibration(
    cosines: NDArray[np.floating],
    text_of_picture: NDArray[np.integer],
    picture_ids: NDArray[np.integer],
    rules: CalibrationRules | None = None,
) -> Calibration:
    """Chance level, poor edge and band from `cosines` (n_pictures, n_texts), all finite.

    `text_of_picture` (n_pictures,) is the column of each picture's own text; equal texts share a
    column and every column has a picture. `picture_ids` (n_pictures,) are equal for equal pictures.

    Intervals treat texts as drawn from all texts of their kind: with G texts, Student's t with
    G - 1 degrees of freedom. The chance level's is that of a mean over pairs of texts (Hoeffding's
    projection: each text counts through its own row and column).

    Raises `CalibrationRefused` when the pairs cannot carry a band.
    """
    rules = rules or CalibrationRules()
    n_pictures, n_texts = cosines.shape
    if n_texts < 2:
        raise CalibrationRefused(
            f"there are {n_pictures} pictures with the same text, so no picture can be held "
            "against another text"
            if n_pictures > 1
            else "there is one pair, so its picture can be held against no other text"
        )
    if n_texts < rules.min_texts:
        raise CalibrationRefused(
            f"there are {n_pictures} pairs with {n_texts} different texts, and fewer than "
            f"{rules.min_texts} say too little of how true pairs spread"
        )
    own = cosines[np.arange(n_pictures), text_of_picture].astype(np.float64)  # (n_pictures,)
    other = _other_texts(text_of_picture, picture_ids, n_texts)  # (n_pictures, n_texts)
    by_text = np.bincount(text_of_picture, own) / np.bincount(text_of_picture)  # (n_texts,)
    true = _level(float(by_text.mean()), by_text, rules)
    chance_mean = float(cosines[other].mean())
    # A text counts through its pictures' rows and through its column: twice its share.
    rows = _mean_where(cosines, other, axis=1)  # (n_pictures,)
    rows_by_text = np.bincount(text_of_picture, rows) / np.bincount(text_of_picture)
    chance = _level(chance_mean, rows_by_text + _mean_where(cosines, other, axis=0), rules)
    if true.low <= chance.high:
        raise CalibrationRefused(
            f"its true pairs score {true.mean:.3f} ({true.low:.3f} to {true.high:.3f}) and "
            f"shuffled ones {chance.mean:.3f} ({chance.low:.3f} to {chance.high:.3f}), so the "
            "model does not tell them apart"
        )
    sd = float(own.std(ddof=1))
    poor = chance.mean + rules.poor_share * (true.mean - chance.mean)
    allowed = rules.max_half_width_share * (true.mean - poor)
    band = Band(
        poor_below_cosine=round(poor, DECIMALS),
        low_cosine=round(true.low - rules.unseen_share * (true.mean - poor), DECIMALS),
        high_cosine=round(min(1.0, true.mean + rules.high_sds * sd), DECIMALS),
    )
    if not band.poor_below_cosine < band.low_cosine < band.high_cosine:
        raise CalibrationRefused(
            f"its true pairs are too uncertain ({true.low:.3f} to {true.high:.3f}): the band would "
            f"begin at {band.low_cosine:.3f}, not above poor ({band.poor_below_cosine:.3f}) and "
            f"below its end ({band.high_cosine:.3f})"
        )
    return Calibration(
        band=band,
        chance=chance,
        true=true,
        true_sd=sd,
        n_pairs=n_pictures,
        n_texts=n_texts,
        n_shuffled=int(other.sum()),
        share_above_chance=float((own > rows).mean()),
        is_wide=true.half_width > allowed,
        n_texts_wanted=int(np.ceil(n_texts * (true.half_width / allowed) ** 2)),
        rules=rules,
    )


def _other_texts(
    text_of_picture: NDArray[np.integer], picture_ids: NDArray[np.integer], n_texts: int
) -> NDArray[np.bool_]:
    """(n_pictures, n_texts): true where the text belongs to no picture equal to this one."""
    _, number = np.unique(picture_ids, return_inverse=True)
    shown = np.zeros((int(number.max()) + 1, n_texts), dtype=bool)
    shown[number, text_of_picture] = True
    return ~shown[number]


def _mean_where(values: NDArray[np.floating], where: NDArray[np.bool_], *, axis: int) -> Floats:
    """Means over `axis` of the values that count; the overall mean where none does."""
    counts = where.sum(axis=axis)
    sums = np.where(where, values, 0.0).sum(axis=axis)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), values[where].mean())
    return means


def _level(mean: float, parts: Floats, rules: CalibrationRules) -> Level:
    """`mean` with an interval from the spread of one part per text."""
    n = len(parts)
    t = float(stdtrit(n - 1, (1 + rules.confidence) / 2))
    half = t * float(parts.std(ddof=1)) / n**0.5
    return Level(mean, mean - half, mean + half)
