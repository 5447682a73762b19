"""The rows behind the cards, looked up by run and text.

Invariant: a picture belongs to a card only when it was scored against the card's very text, and
of a prompt's several pictures at a step the first one is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

import polars as pl

from clipstore.report.carddata import PromptText
from clipstore.report.pictureregister import Panel
from clipstore.report.shortids import name_to_short_id
from clipstore.types import TRAINED_PANELS, Box

MAX_TEXT = 1_000
"""Characters of a prompt on the page; CLIP itself reads about 300."""

_Rows = list[dict[str, object]]
_KEY = ("run", "text_id")


class ModelTables(NamedTuple):
    """The rows of one model, at least those of its cards."""

    scores: pl.DataFrame
    """`tables.PROMPT_STEP_COLUMNS`."""
    pictures: pl.DataFrame
    """`tables.PICTURE_COLUMNS`."""


@dataclass(frozen=True)
class Course:
    """One prompt's scores over a run."""

    prompt_id: str
    """At the last step."""
    steps: tuple[int, ...]
    """Ascending."""
    cosines: tuple[float, ...]


@dataclass(frozen=True)
class PictureRow:
    """One picture of a prompt."""

    step: int
    cosine: float
    panel: Panel


class CardRows:
    """Filtered once for all cards; every lookup after that is a dictionary's."""

    def __init__(
        self, wanted: pl.DataFrame, tables: ModelTables, roots: Mapping[str, PurePath]
    ) -> None:
        """`wanted`: run and text_id of the cards."""
        trained = tables.scores.filter(
            pl.col("panel").is_in(TRAINED_PANELS) & pl.col("cosine").is_finite()
        )
        scores = trained.join(wanted, on=_KEY, how="semi").sort("run", "text_id", "step", "panel")
        base = tables.scores.filter((pl.col("panel") == "base") & pl.col("cosine").is_finite())
        base = base.join(wanted, on=_KEY, how="semi").sort("run", "text_id", "step")
        self._roots = roots
        self._scores = _by_key(scores)
        self._base_scores = _by_key(base)
        self._pictures = _by_key(_pictures_of(scores, tables.pictures, TRAINED_PANELS))
        self._base_pictures = _by_key(_pictures_of(base, tables.pictures, ("base",)))
        self._prompts = {
            int(row["text_id"]): PromptText(
                text_id=int(row["text_id"]),
                short_id=name_to_short_id(str(row["text"])),
                text=str(row["text"])[:MAX_TEXT],
                n_characters=len(str(row["text"])),
                is_truncated=bool(row["is_truncated"]),
                asks_for_words=bool(row["asks_for_words"]),
            )
            for row in scores.unique("text_id", keep="first", maintain_order=True).iter_rows(
                named=True
            )
        }

    def prompt(self, text_id: int) -> PromptText:
        return self._prompts[text_id]

    def course(self, run: str, text_id: int) -> Course:
        rows = {_integer(row["step"]): row for row in reversed(self._scores[run, text_id])}
        steps = tuple(sorted(rows))
        return Course(
            str(rows[steps[-1]]["prompt_id"]),
            steps,
            tuple(_number(rows[step]["cosine"]) for step in steps),
        )

    def base_cosine(self, run: str, text_id: int) -> float | None:
        rows = self._nearest_to_last(self._base_scores, run, text_id)
        return _number(rows[0]["cosine"]) if rows else None

    def base_picture(self, run: str, text_id: int) -> PictureRow | None:
        rows = self._nearest_to_last(self._base_pictures, run, text_id)
        return self._picture(run, rows[0]) if rows else None

    def pictures(self, run: str, text_id: int) -> list[PictureRow]:
        """The first of every step, ascending."""
        first = {
            _integer(row["step"]): row for row in reversed(self._pictures.get((run, text_id), []))
        }
        return [self._picture(run, first[step]) for step in sorted(first)]

    def n_images(self, run: str, text_id: int) -> int:
        """At the last step."""
        last = self.course(run, text_id).steps[-1]
        return sum(row["step"] == last for row in self._pictures.get((run, text_id), []))

    def _nearest_to_last(
        self, found: Mapping[tuple[str, int], _Rows], run: str, text_id: int
    ) -> _Rows:
        """Those of the last step where there are any (composites repeat the base panel), else of
        the first: base pictures are drawn before training."""
        rows = found.get((run, text_id), [])
        last = self.course(run, text_id).steps[-1]
        same = [row for row in rows if row["step"] == last]
        return same or rows

    def _picture(self, run: str, row: dict[str, object]) -> PictureRow:
        path = Path(str(row["path"]))
        box = Box(*(_integer(row[edge]) for edge in ("left", "top", "right", "bottom")))
        return PictureRow(
            step=_integer(row["step"]),
            cosine=_number(row["cosine"]),
            panel=Panel(
                path, path_in_run(path, self._roots.get(run)), box, _integer(row["crop_id"])
            ),
        )


def path_in_run(path: PurePath, root: PurePath | None) -> str:
    """The path below the run's folder; the bare file name for a file elsewhere."""
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name


def _pictures_of(
    scores: pl.DataFrame, pictures: pl.DataFrame, panels: tuple[str, ...]
) -> pl.DataFrame:
    """The pictures of these prompts and steps, with the text they were scored against."""
    return (
        pictures.filter(pl.col("panel").is_in(panels))
        .join(
            scores.select("run", "step", "prompt_id", "text_id").unique(),
            on=["run", "step", "prompt_id"],
        )
        .sort("run", "text_id", "step", "image_index", "path")
    )


def _by_key(rows: pl.DataFrame) -> dict[tuple[str, int], _Rows]:
    return {
        (str(run), _integer(text_id)): part.to_dicts()
        for (run, text_id), part in rows.partition_by(
            *_KEY, as_dict=True, maintain_order=True
        ).items()
    }


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number was expected, not {value!r}")
    return value


def _number(value: object) -> float:
    return float(str(value)) if not isinstance(value, float) else value
