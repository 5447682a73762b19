"""Which prompts of a run the page shows with pictures, and their cards.

Invariant: a card's pictures are chosen by rule, never by eye: the last validation, the first
picture of the prompt, and beside it the base model's picture of the same prompt.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import NamedTuple

import polars as pl

from clipstore.report.carddata import CardPicture, PromptCard, RunPrompts
from clipstore.report.thumbnails import ThumbnailMaker
from clipstore.types import TRAINED_PANELS, Box

N_CARDS = 3
"""Cards at either end: enough to see a pattern, few enough that many runs fit on one page."""
MAX_TEXT = 1_000
"""Characters of a prompt on the page; CLIP itself reads about 300."""


class RunTables(NamedTuple):
    """One run's rows of one model."""

    root: PurePath | None
    """The run's folder; None when unknown."""
    scores: pl.DataFrame
    """`tables.PROMPT_STEP_COLUMNS`."""
    pictures: pl.DataFrame
    """`tables.PICTURE_COLUMNS`."""


def tables_to_run_prompts(run: str, tables: RunTables, maker: ThumbnailMaker) -> RunPrompts | None:
    """The cards of one run.

    None when no trained panel has a finite cosine for a prompt with a text. With fewer prompts
    than cards none is shown twice; ties go by prompt id.
    """
    trained = tables.scores.filter(
        pl.col("panel").is_in(TRAINED_PANELS)
        & pl.col("cosine").is_finite()
        & (pl.col("text").str.strip_chars() != "")
    )
    if trained.is_empty():
        return None
    step = trained.select(pl.col("step").max()).item()
    ranked = trained.filter(pl.col("step") == step).sort("cosine", "prompt_id")
    n_prompts = ranked.height
    n_lowest = min(N_CARDS, (n_prompts + 1) // 2)
    n_highest = min(N_CARDS, n_prompts - n_lowest)
    lowest = ranked.head(n_lowest)
    highest = ranked.tail(n_highest).sort(["cosine", "prompt_id"], descending=[True, False])
    return RunPrompts(
        run=run,
        step=step,
        n_prompts=n_prompts,
        lowest=tuple(_card(row, tables, maker) for row in lowest.iter_rows(named=True)),
        highest=tuple(_card(row, tables, maker) for row in highest.iter_rows(named=True)),
    )


def _card(row: dict[str, object], tables: RunTables, maker: ThumbnailMaker) -> PromptCard:
    text = str(row["text"])
    step = int(str(row["step"]))
    own = pl.col("prompt_id") == row["prompt_id"]
    pictures = tables.pictures.filter(own).sort("image_index", "path")
    shown = pictures.filter((pl.col("panel") == row["panel"]) & (pl.col("step") == step))
    base_scores = tables.scores.filter(own & (pl.col("panel") == "base"))
    base_pictures = pictures.filter(pl.col("panel") == "base")
    base_cosine = _nearest_step(base_scores, step)
    return PromptCard(
        prompt_id=str(row["prompt_id"]),
        text=text[:MAX_TEXT],
        n_characters=len(text),
        is_truncated=bool(row["is_truncated"]),
        asks_for_words=bool(row["asks_for_words"]),
        cosine=float(str(row["cosine"])),
        base_cosine=None if base_cosine.is_empty() else base_cosine["cosine"][0],
        n_images=shown.height,
        trained=_picture(shown, tables.root, maker),
        base=_picture(_nearest_step(base_pictures, step), tables.root, maker),
    )


def _nearest_step(rows: pl.DataFrame, step: int) -> pl.DataFrame:
    """The rows of `step` where there are any (composites repeat the base panel), else the first
    step's: base pictures are drawn before training."""
    same = rows.filter(pl.col("step") == step)
    return same if not same.is_empty() else rows.filter(pl.col("step") == pl.col("step").min())


def _picture(
    rows: pl.DataFrame, root: PurePath | None, maker: ThumbnailMaker
) -> CardPicture | None:
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    path = Path(row["path"])
    box = Box(row["left"], row["top"], row["right"], row["bottom"])
    return CardPicture(
        step=row["step"],
        cosine=row["cosine"],
        path=path_in_run(path, root),
        picture=maker.make(path, box),
    )


def path_in_run(path: PurePath, root: PurePath | None) -> str:
    """The path below the run's folder; the bare file name for a file elsewhere."""
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name
