"""Prompt files of kohya's trainers: lines with flags, TOML subsets, JSON lists; and such lines.

Invariant: a prompt's place in the result is the number that the trainer writes into file names,
so exactly the lines that the trainer drops are dropped here, and a text is what is left before
the first " --".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from clipstore.sources.textfiles import Unreadable, read_text, text_problem, text_to_json
from clipstore.types import Prompt

MAX_BYTES = 16 * 2**20

_FLAG = re.compile(r" --(?:[nwhdslgfi]|ss|cn|ctr|rcfg|fs|ei|ci|of)(?: |$)", re.I)


def read_sample_prompts(path: Path) -> tuple[str, ...]:
    """The texts of a .txt, .toml or .json prompt file in the trainer's order. Raises `Unreadable`.

    A text that cannot be stored makes the file unreadable: leaving it out would move the others.
    """
    text = read_text(path, max_bytes=MAX_BYTES)
    if path.suffix == ".toml":
        texts = toml_to_texts(text)
    elif path.suffix == ".json":
        texts = _entries_to_texts(text_to_json(text))
    else:
        texts = lines_to_texts(text)
    return _checked(texts)


def lines_to_texts(text: str) -> tuple[str, ...]:
    """Blank lines and lines that begin with # are no prompts and take no number."""
    return tuple(
        line_to_text(line.strip())
        for line in re.split(r"\r\n|\n|\r", text)
        if line.strip() and not line.startswith("#")
    )


def line_to_text(line: str) -> str:
    """A line without its flags."""
    return line.split(" --", maxsplit=1)[0]


def toml_to_texts(text: str) -> tuple[str, ...]:
    """`[prompt]` with its `[[prompt.subset]]` list. Raises `Unreadable`."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not TOML ({error})") from None
    shared = values.get("prompt")
    subsets = shared.get("subset") if isinstance(shared, dict) else None
    if not isinstance(shared, dict) or not isinstance(subsets, list):
        raise Unreadable("it has no [[prompt.subset]] list")
    return _entries_to_texts(
        [{**shared, **subset} if isinstance(subset, dict) else subset for subset in subsets]
    )


def user_prompts_to_samples(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """--prompts as this trainer would have read the same file.

    Ids that are plain positions are counted again without the comment lines, and known flags are
    taken off; other ids are left alone.
    """
    is_positional = [prompt.prompt_id for prompt in prompts] == [*map(str, range(len(prompts)))]
    if is_positional:
        kept = [prompt for prompt in prompts if not prompt.text.startswith("#")]
        prompts = [_with_id(prompt, str(number)) for number, prompt in enumerate(kept)]
    return tuple(
        Prompt(prompt.prompt_id, _FLAG.split(prompt.text)[0], prompt.source, prompt.tags)
        for prompt in prompts
    )


def _with_id(prompt: Prompt, prompt_id: str) -> Prompt:
    return Prompt(prompt_id, prompt.text, prompt.source, prompt.tags)


def _entries_to_texts(entries: object) -> tuple[str, ...]:
    if not isinstance(entries, list):
        raise Unreadable("it holds no list of prompts")
    texts = []
    for number, entry in enumerate(entries):
        text = entry.get("prompt", "") if isinstance(entry, dict) else entry
        if not isinstance(text, str):
            raise Unreadable(f"its prompt {number} is no text")
        texts.append(text if isinstance(entry, dict) else line_to_text(text))
    return tuple(texts)


def _checked(texts: tuple[str, ...]) -> tuple[str, ...]:
    for number, text in enumerate(texts):
        bad = text_problem(text)
        if bad is not None:
            raise Unreadable(f"{bad} (in prompt {number})")
    return texts
