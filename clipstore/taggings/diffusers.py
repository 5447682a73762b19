"""Pictures that diffusers' training scripts log: one grid a validation in TensorBoard, single
pictures with captions in W&B.

Invariant: a grid is cut only when the run's settings say how many pictures it joins. TensorBoard's
step of these scripts is an epoch in some and an optimizer step in others: the settings decide, else
the step of the numbers that were logged just before.
Source: `log_validation` of diffusers' examples; `add_images` of torch joins row by row, at most
eight in a row, without lines between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clipstore.addresses import address_of_cell
from clipstore.logged import LoggedPicture
from clipstore.sources.trainerconfig import TrainerConfig
from clipstore.taggings import DATED_NOTE, RunFacts, TagReading
from clipstore.types import GridCell, Panel, Picture, Problem, Prompt

NAME = "diffusers"

LAYOUTS = ("diffusers", "tracker")
PROMPT_ID = "validation"
TAGS = ("validation", "test", "test_without_lora")
COLUMNS = 8
"""torch's add_images puts so many pictures into a row."""
_CAPTION = re.compile(r"(?P<number>[0-9]{1,4}): (?P<text>.*)", re.S)
_CONDITIONED = ("controlnet_model_name_or_path", "conditioning_image_column")


class _Place(NamedTuple):
    step: int
    epoch: int | None
    notes: tuple[str, ...]


def read(logged: Sequence[LoggedPicture], facts: RunFacts) -> TagReading:
    """As `Tagging.read`."""
    run = facts.contents.run
    if run.layout not in LAYOUTS:
        return TagReading()
    config = TrainerConfig(run.root / "hparams.yml", run.config)
    pictures: dict[Path, tuple[Picture, ...] | Problem] = {}
    captioned = [(one, match) for one in logged if (match := _caption(one)) is not None]
    ids = _texts_to_ids([match["text"] for _, match in captioned])
    for one, match in captioned:
        # W&B gets these with no step and gives them that of the last numbers.
        placed, prompt_id = _Place(one.step, None, (DATED_NOTE,)), ids[match["text"]]
        index = int(match["number"]) if len(ids) == 1 else 0
        pictures[one.path] = (_picture(one, placed, prompt_id, index, None),)
    prompts = [Prompt(prompt_id, text, "caption in the log") for text, prompt_id in ids.items()]
    own_text = config.text("validation_prompt")
    for one in logged:
        if one.path in pictures or one.caption is not None:
            continue
        is_own_tag = one.tag in TAGS
        if is_own_tag or _is_prompt(one.tag, config):
            prompt_id = PROMPT_ID if is_own_tag else one.tag[:60]
            pictures[one.path] = _cut_grid(one, prompt_id, config, with_input=not is_own_tag)
            text = own_text if is_own_tag else one.tag
            if text is not None:
                prompts.append(Prompt(prompt_id, text, "settings in the log"))
    return TagReading(pictures, tuple({one.prompt_id: one for one in prompts}.values()))


def _caption(one: LoggedPicture) -> re.Match[str] | None:
    return _CAPTION.fullmatch(one.caption) if one.caption and one.tag in TAGS else None


def _texts_to_ids(texts: Sequence[str]) -> dict[str, str]:
    """As the layout of these scripts has them: one text, the usual case, is `validation`."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) <= 1:
        return {text: PROMPT_ID for text in distinct}
    return {text: f"{PROMPT_ID}_{number}" for number, text in enumerate(distinct)}


def _is_prompt(tag: str, config: TrainerConfig) -> bool:
    """The scripts with a conditioning picture log each prompt under itself."""
    return any(config.text(key) for key in _CONDITIONED) and " " in tag.strip()


def _place(one: LoggedPicture, config: TrainerConfig) -> _Place:
    before = one.last_step
    by_epoch = config.has("validation_epochs") and not config.has("validation_steps")
    if config.has("validation_steps") or before is None:
        return _Place(one.step, None, ("step_is_epoch",) if by_epoch else ())
    if by_epoch or one.step < before // 2:
        return _Place(before, one.step, (DATED_NOTE,))
    return _Place(one.step, None, ())


def _cut_grid(
    one: LoggedPicture, prompt_id: str, config: TrainerConfig, *, with_input: bool
) -> tuple[Picture, ...] | Problem:
    count = _grid_count(config.values)
    if count is None:
        detail = (
            "it joins several pictures, and no settings in the log say how many "
            "(num_validation_images), so that it cannot be cut; keep hparams.yml beside the log."
        )
        return Problem(one.path, "cut", "grid_count_unknown", detail)
    placed, first = _place(one, config), int(with_input)
    total = count + first
    columns = min(total, COLUMNS)
    rows = -(-total // columns)
    return tuple(
        _picture(one, placed, prompt_id, number - first, GridCell(number, columns, rows))
        for number in range(first, total)
    )


def _grid_count(values: Mapping[str, object]) -> int | None:
    count = TrainerConfig(Path(), values).whole("num_validation_images")
    return count if count is not None and 1 <= count <= 1000 else None


def _picture(
    one: LoggedPicture, placed: _Place, prompt_id: str, index: int, cell: GridCell | None
) -> Picture:
    panel: Panel = "only" if placed.step else "base"
    path = one.path
    if cell is not None:
        path = address_of_cell(path, cell.place)
    return Picture(
        *(path.parent, path.name, placed.step, prompt_id, index, panel, placed.epoch),
        notes=placed.notes,
        cell=cell,
    )
