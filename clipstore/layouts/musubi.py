"""kohya's musubi-tuner: pictures in sample/, named as sd-scripts does and with a frame.

Invariant: what the two trainers of kohya share is in `clipstore.kohya`. Of videos frames are
scored; a picture of layers (Qwen-Image-Layered) is a grid and is refused by its size.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clipstore.kohya.names import parse_musubi
from clipstore.kohya.run import has_samples, read_output_folder
from clipstore.kohya.settings import SAMPLE_FOLDER
from clipstore.layouts import ReadContext
from clipstore.sources.imageheaders import file_to_size
from clipstore.types import Picture, Problem, Run, RunContents

NAME = "musubi"
_FORM = "<output name>_<step, or e and epoch>_<prompt>_<time>_<seed>_000.png"
_ALIGNMENT_PX = 8
"""Every sample's sides are multiples of this; a grid has borders of 2 px."""


def claims(folder: Path) -> str | None:
    """A folder whose sample/ has a picture or video with musubi-tuner's name."""
    if not has_samples(folder, parse_musubi):
        return None
    return f"{SAMPLE_FOLDER}/ holds pictures named as musubi-tuner names them"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """One run per output name and training."""
    run = Run(context.run_name, folder, NAME, claims(folder) or "--layout musubi asks for it")
    runs = read_output_folder(run, context.other_runs, context.user_prompts, parse_musubi, _FORM)
    return tuple(map(_without_grids, runs))


def _without_grids(contents: RunContents) -> RunContents:
    """All pictures of a prompt have one size, so one of each is looked at."""
    first: dict[str, Picture] = {}
    for picture in contents.pictures:
        first.setdefault(picture.prompt_id, picture)
    grids = {prompt_id for prompt_id, picture in first.items() if _is_grid(picture.path)}
    if not grids:
        return contents
    problems = [
        Problem(
            one.path,
            "cut",
            "grid_not_cut",
            "it is several layers in one picture, which are not taken apart; leave it out.",
        )
        for one in contents.pictures
        if one.prompt_id in grids
    ]
    return replace(
        contents,
        pictures=tuple(one for one in contents.pictures if one.prompt_id not in grids),
        prompts=tuple(one for one in contents.prompts if one.prompt_id not in grids),
        problems=(*contents.problems, *problems),
    )


def _is_grid(path: Path) -> bool:
    size = file_to_size(path)
    return size is not None and any(side % _ALIGNMENT_PX for side in size)
