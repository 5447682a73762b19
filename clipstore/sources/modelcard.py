"""The prompts in a SimpleTuner model card (README.md), matched to prompt ids only when certain.

Invariant: the card lists texts by position and never says which id they belong to, so a match is
made only where one order is possible: the tracker's log gives the order, or all but one text have
a fixed place (the blank prompt is `unconditional`, the single prompt `validation` comes last).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

MAX_CARD_BYTES = 8 * 2**20
BLANK_TEXT = "unconditional (blank prompt)"

_TEXT_LINE = re.compile(r"- text: '((?:[^']|'')*)'")
_URL_LINE = re.compile(r"\s+url: \./assets/image_([0-9]+)_([0-9]+)\.\w+")
_UNKNOWN_TEXT = re.compile(r"no prompt available|prompt not found \(.*\)")


@dataclass(frozen=True)
class CardMatch:
    """What a card adds."""

    texts: dict[str, str]
    """Prompt id → text; empty when the match is not certain."""
    why_not: str = ""
    """Why nothing was matched, as a sentence without its subject; empty when all went well."""


def card_to_texts(card: str) -> tuple[str, ...] | None:
    """The widget's texts, one per prompt in the trainer's order, "" for the blank prompt.

    None when there is no widget or any entry is not exactly what SimpleTuner writes.
    """
    parts = re.split(r"(?m)^---\s*$", card, maxsplit=2)
    if len(parts) < 3 or parts[0].strip():
        return None
    texts: list[str] = []
    pending: str | None = None
    for line in parts[1].splitlines():
        if line.startswith("- text:"):
            match = _TEXT_LINE.fullmatch(line)
            if match is None or pending is not None or _UNKNOWN_TEXT.fullmatch(match[1]):
                return None
            pending = match[1].replace("''", "'")
            pending = "" if pending == BLANK_TEXT else pending
        elif pending is not None and (url := _URL_LINE.fullmatch(line)) is not None:
            if url[2] == "0":
                texts.append(pending)
            elif not texts or texts[-1] != pending:
                return None
            pending = None
    return tuple(texts) if texts and pending is None else None


def match_card(
    texts: Sequence[str], prompt_ids: Collection[str], logged_order: Sequence[str]
) -> CardMatch:
    """Texts of a card to the ids of the run's last validation.

    `logged_order`: ids as the tracker logged them at that validation; empty when it did not.
    """
    if len(texts) != len(prompt_ids):
        return CardMatch({}, f"has {len(texts)} texts for {len(prompt_ids)} prompt ids")
    if any(one != other and one in other for one in prompt_ids for other in prompt_ids):
        return CardMatch({}, "is unreliable where one prompt id is part of another")
    if len(logged_order) == len(texts) and set(logged_order) == set(prompt_ids):
        matched = dict(zip(logged_order, texts, strict=True))
    else:
        matched = _match_fixed_places(list(texts), set(prompt_ids))
        if len(matched) < len(texts):
            return CardMatch({}, "lists its texts without ids, and several orders are possible")
    if any((prompt_id == "unconditional") != (not text) for prompt_id, text in matched.items()):
        return CardMatch({}, "has its blank prompt in another place than the pictures")
    return CardMatch(matched)


def _match_fixed_places(texts: list[str], ids: set[str]) -> dict[str, str]:
    matched: dict[str, str] = {}
    if "unconditional" in ids and texts[0] == "":
        matched["unconditional"] = texts.pop(0)
        ids.remove("unconditional")
    if "validation" in ids and texts:
        matched["validation"] = texts.pop()
        ids.remove("validation")
    if len(ids) == 1 and len(texts) == 1:
        matched[ids.pop()] = texts[0]
    return matched
