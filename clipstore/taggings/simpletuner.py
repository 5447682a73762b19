"""SimpleTuner's pictures in TensorBoard and W&B: "validation - (1024, 1024)".

Invariant: they are the composites of validation_images/, at the same step, and go through the same
box finder with the same hints. The tag has no index: pictures are counted by their resolution. An
adapter's pictures have its suffix behind the prompt's id, as the files do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from clipstore.logged import LoggedPicture
from clipstore.simpletuner.files import BASE_PICTURES
from clipstore.simpletuner.names import split_adapter
from clipstore.simpletuner.prompts import OWN_IDS, RunPrompts, gather_prompts
from clipstore.simpletuner.settings import config_to_drawn_panels, config_to_sizes
from clipstore.sources.listing import list_tree
from clipstore.sources.trainerconfig import TrainerConfig
from clipstore.taggings import RunFacts, TagReading
from clipstore.types import CompositeHints, Picture, Problem, Prompt, Run, Size

NAME = "simpletuner"

LAYOUTS = ("simpletuner", "tracker")
"""Runs that may be SimpleTuner's."""
_TAG = re.compile(
    r"(?P<name>.*) - (?:\((?P<w>[0-9]{1,6}), (?P<h>[0-9]{1,6})\)"
    r"|(?P<w2>[0-9]{1,6})x(?P<h2>[0-9]{1,6})|unknown)",
    re.S,
)
_TENSORBOARDX_TAG = re.compile(
    r"(?P<name>.*)_-_(?:_(?P<w>[0-9]{1,6})__(?P<h>[0-9]{1,6})_|unknown)", re.S
)
_NOT_IN_ITS_TAGS = re.compile(r"[^-/\w.]")


class _Named(NamedTuple):
    shortname: str
    label: Size | None


def read(logged: Sequence[LoggedPicture], facts: RunFacts) -> TagReading:
    """As `Tagging.read`."""
    run = facts.contents.run
    if run.layout not in LAYOUTS:
        return TagReading()
    config = TrainerConfig(run.root / "config.json", run.config)
    ids = {prompt.prompt_id for prompt in (*facts.contents.prompts, *facts.user_prompts)}
    ids |= set(OWN_IDS)
    if any("__" in one.tag for one in logged):
        ids |= _gathered(facts, config).book.by_id.keys()
    pictures: dict[Path, tuple[Picture, ...] | Problem] = {}
    variants: dict[Path, str] = {}
    for one in logged:
        named = _tag_to_name(one.tag, ids)
        if named is None:
            continue
        prompt_id, slug = split_adapter(named.shortname, ids)
        if slug != run.variant:
            variants[one.path] = slug
        else:
            pictures[one.path] = (_to_picture(one, prompt_id, named.label, run, config),)
    prompts = _prompts(pictures, facts, config) if pictures else ()
    return TagReading(pictures, prompts, variants=variants)


def _tag_to_name(tag: str, ids: Collection[str]) -> _Named | None:
    match = _TAG.fullmatch(tag)
    if match is not None:
        width, height = match["w"] or match["w2"], match["h"] or match["h2"]
        return _Named(match["name"], Size(int(width), int(height)) if width else None)
    match = _TENSORBOARDX_TAG.fullmatch(tag)
    if match is None:
        return None
    label = Size(int(match["w"]), int(match["h"])) if match["w"] else None
    whole = _id_written_as(match["name"], ids)
    if whole is not None:
        return _Named(whole, label)
    left, separator, slug = match["name"].rpartition("__")
    prompt_id = _id_written_as(left, ids)
    return _Named(match["name"] if prompt_id is None else f"{prompt_id}{separator}{slug}", label)


def _id_written_as(text: str, ids: Collection[str]) -> str | None:
    """The one id that tensorboardX writes so."""
    known = [one for one in ids if _NOT_IN_ITS_TAGS.sub("_", one) == text]
    return known[0] if len(known) == 1 else None


def _to_picture(
    one: LoggedPicture, prompt_id: str, label: Size | None, run: Run, config: TrainerConfig
) -> Picture:
    sizes = config_to_sizes(config)
    panels = config_to_drawn_panels(config)
    base = run.root.joinpath(*BASE_PICTURES)
    suffix = f"__{run.variant}" if run.variant else ""
    base_picture = None
    if label is not None:
        path = base / f"{prompt_id}{suffix}_{label.width_px}x{label.height_px}.png"
        base_picture = path if path.is_file() else None
    hints = CompositeHints(
        label_size=label,
        panel_sizes=tuple(size for size in sizes if size != label),
        base_picture=base_picture,
        base_folder_complete=base.is_dir() and any(base.glob(f"*{suffix}_*")),
        ema_comparison=panels.ema,
        base_comparison=panels.base,
        input_stitching=panels.conditioning,
    )
    notes = ("ema_weights",) if panels.is_ema_only else ()
    index = sizes.index(label) if label in sizes else 0 if label else max(1, len(sizes))
    place = (one.path.parent, one.path.name)
    return Picture(*place, one.step, prompt_id, index, "checkpoint", None, hints, notes)


def _prompts(
    pictures: dict[Path, tuple[Picture, ...] | Problem], facts: RunFacts, config: TrainerConfig
) -> tuple[Prompt, ...]:
    """Texts as the layout finds them. Of a text that changed the last one: a log that outlived its
    pictures says no more."""
    known = {prompt.prompt_id for prompt in facts.contents.prompts}
    placed = [one for some in pictures.values() if isinstance(some, tuple) for one in some]
    if all(one.prompt_id in known for one in placed):
        return ()
    gathered = _gathered(facts, config)
    found = {one.prompt_id: gathered.find(one) for one in sorted(placed, key=lambda one: one.step)}
    return tuple(one for one in found.values() if isinstance(one, Prompt))


def _gathered(facts: RunFacts, config: TrainerConfig) -> RunPrompts:
    root = facts.contents.run.root
    files = {file.parts: file.path for file in list_tree(root).beside_samples()}
    return gather_prompts(root, files, config, facts.search_root, facts.user_prompts)
