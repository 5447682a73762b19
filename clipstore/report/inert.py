"""Text from outside made harmless, once for each place of the page it can end up in.

Invariant: a run, prompt, path, model or error text reaches the page only through one of these
functions (HTML escaping on top is jinja's). What they return shows the text and does nothing.
"""

from __future__ import annotations

import html
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

_NOT_SHOWN = frozenset({"Cc", "Cs", "Cn"})
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder what is around them: a run could display as another one's name."""

_ABSOLUTE_PATH = re.compile(
    r"(?<![\w/.:<…])(?:/(?:[^/\s'\"<>,;:()]+/)+|[A-Za-z]:\\(?:[^\\\s'\"<>,;:()]+\\)+)"
)
_HOME = re.compile(r"(?<![\w/.:<…])/(?:home|Users)/[^/\s'\"<>,;:()]+")
"""A home folder alone, whose last part is a person."""
_HOST = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s'\"<>,;]+|[\w.+-]+@[\w.-]+(?=:)", re.IGNORECASE)


def visible_text(text: str) -> str:
    """The text without characters that HTML forbids, that cannot be written as UTF-8 or that
    reverse their surroundings; each becomes U+FFFD. Line ends and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if (unicodedata.category(character) in _NOT_SHOWN and character not in "\n\t")
        or character in _DIRECTION_MARKS
        else character
        for character in text
    )


def shorten(text: str, n_characters: int) -> str:
    """At most `n_characters`, cut in the middle: both ends of a path tell runs apart."""
    if len(text) <= n_characters:
        return text
    head = (n_characters - 1) // 2
    return f"{text[:head]}…{text[len(text) - (n_characters - 1 - head) :]}"


def text_for_plotly(text: str) -> str:
    """Text for a trace name or customdata. Plotly draws a subset of HTML there, and a style or a
    link in it would reach the network."""
    return html.escape(visible_text(text).replace("\n", " "), quote=False)


def text_for_markdown(text: str) -> str:
    """One line of plain text: no markup, no link, no table border, no mention."""
    line = " ".join(visible_text(text).split())
    line = re.sub(r"([\\`*_{}\[\]<>|~#!&])", r"\\\1", line)
    line = line.replace("://", "\\://").replace("www.", "www\\.")
    return line.replace("@", "@\N{ZERO WIDTH SPACE}")


def code_for_markdown(text: str) -> str:
    """A code span that shows the text and ends where it ends, also inside a table."""
    line = " ".join(visible_text(text).split()).replace("|", "\\|")
    runs = re.findall(r"`+", line)
    fence = "`" * (1 + max(map(len, runs), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def json_for_script(value: object) -> str:
    """JSON that cannot end the script element it stands in, nor open a comment in it.

    Keys are sorted; NaN and infinities become null; only ASCII is written.
    """
    text = json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_finite(item) for item in value]
    return value


def strip_hosts_and_folders(text: str, known_folders: Sequence[str]) -> str:
    """As `strip_folders`, and addresses lose their host: a tracker's name is its owner's."""
    return strip_folders(_HOST.sub(r"\1…", text), known_folders)


def strip_folders(text: str, known_folders: Sequence[str]) -> str:
    """The text with absolute paths cut down to what says nothing of this machine.

    `known_folders` (absolute, for example the runs' roots) may hold blanks; other absolute paths
    are recognised by their form and keep their last part only.
    """
    for folder in sorted(set(known_folders), key=len, reverse=True):
        bare = folder.rstrip("/\\")
        if len(bare) > 1:
            text = re.sub(re.escape(bare) + r"(?=[/\\]|\W|$)", "…", text)
    return _ABSOLUTE_PATH.sub("…/", _HOME.sub("…", text))
