"""The texts of a SimpleTuner run's prompt ids, from every place that states them.

Invariant: --prompts wins; then the library that the config names, then user_prompt_library*.json
in the run, then the config's `validation_prompt`, then the blank prompt, then the model card where
its order is certain. An id for which the trainer ran two texts keeps none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from clipstore.errors import PromptFileError
from clipstore.simpletuner.settings import (
    SAVED_CONFIG,
    FilesByParts,
    checkpoint_files,
    find_library,
    newest_checkpoint_first,
)
from clipstore.sources.modelcard import MAX_CARD_BYTES, card_to_texts, match_card
from clipstore.sources.prompts import (
    PromptBook,
    RefusedPrompt,
    list_ids,
    load_prompt_file,
    prompts_to_book,
)
from clipstore.sources.textfiles import Unreadable, read_text
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.types import Picture, Problem, Prompt

SINGLE_ID = "validation"
BLANK_ID = "unconditional"
OWN_IDS = frozenset({SINGLE_ID, BLANK_ID})
"""Ids that SimpleTuner itself gives; every run may have them."""

LIBRARY_PATTERN = "user_prompt_library*.json"
MODEL_CARD = "README.md"
SOME_BUILT_IN_IDS = frozenset(
    {
        "alien_landscape",
        "cyberpunk_hacker",
        "enchanted_castle",
        "fairy_garden",
        "fantasy_dragon",
        "floating_islands",
        "medieval_market",
        "neon_cityscape",
        "pirate_ship",
        "space_station",
        "steampunk_airship",
        "vintage_diner_sign",
    }
)
"""Some keys of SimpleTuner's built-in image prompts: enough to recognise the library. Its texts
are under another licence and are not here."""

EXPORT_BUILT_IN = (
    'python -c "import json, simpletuner.helpers.prompts as p; '
    "json.dump(p.prompts, open('prompts.json', 'w'))\""
)
"""Run where SimpleTuner is installed; `helpers.prompts` in a checkout older than v3."""


@dataclass(frozen=True)
class RunPrompts:
    """What is known of a run's prompts."""

    book: PromptBook
    advice: tuple[str, ...]
    has_library: bool
    """True when a library of several prompts belongs to the run, built-in or the user's."""
    single_by_step: tuple[tuple[int, Prompt], ...] = ()
    """(step of a checkpoint, its `validation_prompt`) by step, where the checkpoints carry the
    settings they were trained with; empty when they all agree or another source has the text."""

    def find(self, picture: Picture) -> Prompt | Problem:
        """The text a picture was made from: of the single prompt that of the next checkpoint,
        since a resume may have edited it."""
        prompt = self.book.find(picture.prompt_id)
        if prompt is not None and prompt.prompt_id == SINGLE_ID:
            later = (known for step, known in self.single_by_step if step >= picture.step)
            return next(later, prompt)
        return prompt or self._no_text_problem(picture)

    def _no_text_problem(self, picture: Picture) -> Problem:
        refused = self.book.refused.get(picture.prompt_id)
        if refused is not None:
            return Problem(picture.path, "prompt", refused.reason, refused.why, picture=picture)
        return Problem(
            picture.path,
            "prompt",
            "no_prompt_text",
            f"no text for prompt {picture.prompt_id!r} beside the run; pass --prompts FILE with "
            "it.",
            picture=picture,
        )


def gather_prompts(
    folder: Path,
    files: FilesByParts,
    config: TrainerConfig | None,
    search_root: Path,
    user_prompts: Sequence[Prompt],
) -> RunPrompts:
    """All texts but the model card's."""
    paths, advice = _library_paths(folder, files, config, search_root)
    library: dict[str, Prompt] = {}
    refused: list[RefusedPrompt] = []
    for path in paths:
        try:
            loaded = load_prompt_file(path)
        except PromptFileError as error:
            advice.append(str(error))
            continue
        refused += loaded.refused
        advice += [f"{path.name}: {item.prompt_id}: {item.why}" for item in loaded.refused]
        for prompt in loaded.prompts:
            known = library.setdefault(prompt.prompt_id, prompt)
            if known.text != prompt.text:
                refused.append(_two_texts(known, prompt))
    single, single_problem = _single_prompt(config)
    if single_problem is not None:
        refused.append(single_problem)
    blank = Prompt(BLANK_ID, "", "SimpleTuner's blank prompt")
    own = [blank] if single is None else [single, blank]
    is_blank_off = config is not None and config.flag("validation_disable_unconditional") is True
    for prompt in own:
        known = library.get(prompt.prompt_id, prompt)
        if known.text != prompt.text and not (prompt is blank and is_blank_off):
            refused.append(_two_texts(known, prompt))
    book = prompts_to_book(user_prompts, tuple(library.values()), own, refused=refused)
    is_from_config = single is not None and book.find(SINGLE_ID) is single
    return RunPrompts(
        book,
        tuple(advice),
        has_library=bool(paths) or uses_built_in(config),
        single_by_step=_single_by_step(files, single.text) if single and is_from_config else (),
    )


def add_model_card(
    prompts: RunPrompts,
    files: FilesByParts,
    last_ids: Collection[str],
    logged_order: Sequence[str],
) -> RunPrompts:
    """The same with the model card's texts for ids that have none.

    `last_ids`: prompt ids of the run's last validation; `logged_order` as for `match_card`.
    """
    if all(prompts.book.find(prompt_id) is not None for prompt_id in last_ids):
        return prompts
    own = [files[(MODEL_CARD,)]] if (MODEL_CARD,) in files else []
    for path in own + newest_checkpoint_first(files, MODEL_CARD)[:1]:
        try:
            texts = card_to_texts(read_text(path, max_bytes=MAX_CARD_BYTES))
        except Unreadable:
            continue
        if texts is None:
            continue
        match = match_card(texts, last_ids, logged_order)
        if match.why_not:
            line = f"the model card {path.name} {match.why_not}, so it is not used for prompts."
            return replace(prompts, advice=(*prompts.advice, line))
        known = prompts.book.by_id
        more = [Prompt(key, text, path.name) for key, text in match.texts.items()]
        book = prompts_to_book(tuple(known.values()), more, refused=prompts.book.refused.values())
        return replace(prompts, book=book)
    return prompts


def advice_on_missing(
    missing: Collection[str], prompts: RunPrompts, config: TrainerConfig | None
) -> str:
    """One sentence on prompt ids without a text: which, and what to pass."""
    advice = f"prompts without a text ({len(missing)}): {list_ids(missing)}. "
    if uses_built_in(config) or SOME_BUILT_IN_IDS & set(missing):
        advice += (
            "SimpleTuner's built-in prompt library is not stored with a run: export it where "
            f"SimpleTuner is installed with\n  {EXPORT_BUILT_IN}\nand pass --prompts prompts.json."
        )
    else:
        advice += "Pass --prompts FILE with these ids, for example JSON {id: text}."
    near = {key: names for key in missing if (names := prompts.book.near(key))}
    if near:
        pairs = ", ".join(f"{key!r} is not {list_ids(names)}" for key, names in near.items())
        advice += f" Ids must match exactly: {pairs}."
    return advice


def uses_built_in(config: TrainerConfig | None) -> bool:
    """True when the config asks for SimpleTuner's built-in prompts, by true or by name."""
    key = "validation_prompt_library"
    return (
        config is not None
        and config.has(key)
        and bool(config.flag(key) or config.text(key))
        and (config.flag(key) is not False)
    )


def _library_paths(
    folder: Path, files: FilesByParts, config: TrainerConfig | None, search_root: Path
) -> tuple[list[Path], list[str]]:
    """The library that the config names, else those in the run's folder."""
    named = None if config is None else config.text("user_prompt_library")
    advice = []
    if config is not None and named is not None:
        path = find_library(named, folder, config, search_root)
        if path is not None:
            return [path], []
        advice.append(
            f"{config.path.name} names the prompt library {named!r}, which is not found beside "
            "the run, its config or in their parent folders; pass it with --prompts FILE."
        )
    own = [
        path
        for parts, path in files.items()
        if len(parts) == 1 and fnmatch(parts[0], LIBRARY_PATTERN)
    ]
    return sorted(own), advice


def _single_prompt(config: TrainerConfig | None) -> tuple[Prompt | None, RefusedPrompt | None]:
    """The config's one `validation_prompt`, or why it cannot be used."""
    if config is None:
        return None, None
    if "validation_prompt" in config.escaped:
        why = f"its text in {config.path.name} holds a NUL or half a surrogate pair."
        return None, RefusedPrompt(SINGLE_ID, why)
    text = config.values.get("validation_prompt")
    if not isinstance(text, str) or text == "None":  # the trainer runs "" but not "None"
        return None, None
    return Prompt(SINGLE_ID, text, config.path.name), None


def _single_by_step(files: FilesByParts, text: str) -> tuple[tuple[int, Prompt], ...]:
    """The `validation_prompt` of every checkpoint that has its settings; nothing when all of them
    are `text`."""
    found = []
    for step, path in checkpoint_files(files, SAVED_CONFIG):
        try:
            single, _ = _single_prompt(read_trainer_config(path))
        except Unreadable:
            continue
        if single is not None:
            source = f"{path.parent.name}/{path.name}"
            found.append((step, Prompt(SINGLE_ID, single.text, source)))
    return tuple(found) if any(prompt.text != text for _, prompt in found) else ()


def _two_texts(one: Prompt, other: Prompt) -> RefusedPrompt:
    return RefusedPrompt(
        one.prompt_id,
        f"the run has two texts for {one.prompt_id!r}: {one.text[:60]!r} ({one.source}) and "
        f"{other.text[:60]!r} ({other.source}); say which with --prompts FILE.",
        is_ambiguous=True,
    )
