"""Prompt files to `Prompt`s, and the look-up from a picture's prompt id to its text.

Invariant: a text is attached to an id only where the file says so. Ids that a file does not give
are positions, counted from "0" over its prompts in order: the third line of prompts.txt is "2".
An id with two different texts is never resolved by guessing.

Accepted: JSON {id: text} or {id: {"prompt"|"caption"|"tags": text, …}}; JSON lists and JSONL of
texts or objects with id|prompt_id|shortname and prompt; CSV and TSV with a column `prompt`;
PartiPrompts' TSV (Prompt, Category, Challenge, Note). Further columns become tags. Any other text
file is one prompt per line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipstore.errors import PromptFileError
from clipstore.sources.promptrows import PromptRow, RowRefused, text_to_rows
from clipstore.sources.textfiles import Unreadable, read_text, text_problem
from clipstore.types import Prompt

MAX_PROMPT_FILE_BYTES = 64 * 2**20
SHOWN = 5
"""How many examples a message lists."""
IDS_SHOWN = 12


@dataclass(frozen=True)
class RefusedPrompt:
    """A prompt of a file that cannot be used, while the others can."""

    prompt_id: str
    """Its id, or the place ("line 3") where there is none."""
    why: str
    is_ambiguous: bool = False
    """True when the file gives this id different texts."""

    @property
    def reason(self) -> str:
        """The code under which its pictures are counted."""
        return "ambiguous_prompt" if self.is_ambiguous else "prompt_unusable"


@dataclass(frozen=True)
class PromptFile:
    """What one prompt file holds."""

    prompts: tuple[Prompt, ...]
    refused: tuple[RefusedPrompt, ...]


def read_prompt_file(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a file that the user names.

    Single prompts that no text encoder can take (a NUL, half a surrogate pair) are left out;
    `load_prompt_file` lists them with the reason.

    Raises `PromptFileError` when the file cannot be read, holds no usable prompt, or gives one id
    two different texts.
    """
    loaded = load_prompt_file(path)
    ambiguous = [refused for refused in loaded.refused if refused.is_ambiguous]
    if ambiguous:
        raise PromptFileError(path, " ".join(refused.why for refused in ambiguous[:SHOWN]))
    if not loaded.prompts:
        reasons = [f"{refused.prompt_id}: {refused.why}" for refused in loaded.refused[:SHOWN]]
        raise PromptFileError(path, "; ".join(reasons) or "it holds no prompt.")
    return loaded.prompts


def load_prompt_file(path: Path, *, source: str | None = None) -> PromptFile:
    """All prompts of a file and, apart from them, those it gives in an unusable way.

    `source` is kept with every prompt; the file's name unless given.
    Raises `PromptFileError` when the file as a whole cannot be read.
    """
    try:
        rows = text_to_rows(read_text(path, max_bytes=MAX_PROMPT_FILE_BYTES), path.suffix.lower())
    except Unreadable as error:
        raise PromptFileError(path, f"{error}.") from None
    return _rows_to_file(rows, source or path.name)


def _rows_to_file(rows: Sequence[PromptRow | RowRefused], source: str) -> PromptFile:
    prompts: dict[str, Prompt] = {}
    refused: list[RefusedPrompt] = []
    two_texts: dict[str, list[str]] = {}
    for position, row in enumerate(rows):
        if isinstance(row, RowRefused):
            refused.append(RefusedPrompt(row.prompt_id or row.place, row.why))
            continue
        # SimpleTuner strips the keys of its library before it builds file names from them.
        prompt_id = str(position) if row.prompt_id is None else row.prompt_id.strip()
        problem = _row_problem(prompt_id, row)
        if problem is not None:
            refused.append(RefusedPrompt(_printable(row.prompt_id or row.place), problem))
            continue
        tags = tuple(
            (name, value) for name, value in row.tags if text_problem(name + value) is None
        )
        prompt = Prompt(prompt_id, row.text, source, tags)
        known = prompts.setdefault(prompt_id, prompt)
        if known.text != prompt.text:
            two_texts.setdefault(prompt_id, [known.text]).append(prompt.text)
    for prompt_id, texts in two_texts.items():
        del prompts[prompt_id]
        listed = " and ".join(repr(_shorten(text)) for text in texts[:SHOWN])
        refused.append(
            RefusedPrompt(
                prompt_id, f"the id {prompt_id!r} has more than one text: {listed}.", True
            )
        )
    return PromptFile(tuple(prompts.values()), tuple(refused))


def _row_problem(prompt_id: str, row: PromptRow) -> str | None:
    if not prompt_id:
        return f"its id is empty ({row.place})"
    for what, text in (("id", prompt_id), ("text", row.text)):
        problem = text_problem(text)
        if problem is not None:
            return f"{problem} (in the {what}, {row.place})"
    return None


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class PromptBook:
    """Prompts of several sources, best first, looked up by a picture's prompt id."""

    by_id: Mapping[str, Prompt]
    refused: Mapping[str, RefusedPrompt] = field(default_factory=dict)
    """Ids that a source gives in an unusable way."""

    def find(self, prompt_id: str) -> Prompt | None:
        """The prompt of exactly this id, or None."""
        return self.by_id.get(prompt_id)

    def find_for_stem(self, stem: str) -> Prompt | None:
        """The prompt for a picture that a user named: by id, else by number ("007" is "7"), else
        by the text itself. The prompt returned has `stem` as its id; None when nothing fits."""
        prompt = self.by_id.get(stem)
        if prompt is None and re.fullmatch(r"[0-9]{1,9}", stem):
            prompt = self.by_id.get(str(int(stem)))
        if prompt is None:
            same = [candidate for candidate in self.by_id.values() if candidate.text == stem]
            prompt = same[0] if len(same) == 1 else None
        return None if prompt is None else replace(prompt, prompt_id=stem)

    def near(self, prompt_id: str) -> tuple[str, ...]:
        """Known ids that differ only in case, spaces or punctuation: a hint, never a match."""
        plain = _plain(prompt_id)
        return tuple(sorted(known for known in self.by_id if plain and _plain(known) == plain))


def prompts_to_book(
    user: Sequence[Prompt], *sources: Sequence[Prompt], refused: Iterable[RefusedPrompt]
) -> PromptBook:
    """A book in which the user's prompts decide, then the first source that has an id.

    An id that a source gives in an unusable way is not filled from a lesser source: that text
    would be a guess.
    """
    by_id = {prompt.prompt_id: prompt for prompt in user}
    open_refusals = {one.prompt_id: one for one in refused if one.prompt_id not in by_id}
    for source in sources:
        for prompt in source:
            if prompt.prompt_id not in open_refusals:
                by_id.setdefault(prompt.prompt_id, prompt)
    return PromptBook(by_id, open_refusals)


def list_ids(prompt_ids: Collection[str]) -> str:
    """Ids for a sentence, in order; long lists are cut and counted."""
    shown = ", ".join(repr(prompt_id) for prompt_id in sorted(prompt_ids)[:IDS_SHOWN])
    more = len(prompt_ids) - IDS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _plain(prompt_id: str) -> str:
    return re.sub(r"[\W_]+", "", prompt_id.casefold())
