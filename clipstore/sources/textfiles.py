"""Small text files of unknown origin to text: prompts, configs, captions, logs.

Invariant: reading never blocks (a FIFO named config.json), never follows an endless device, never
takes more memory than the caller allows, and any bytes end as text or as one `Unreadable`.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import json5

MAX_JSON5_CHARACTERS = 128 * 2**10
"""The json5 parser is written in Python: about 0.5 s for 72 kB, measured."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its first half
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# An unclosed string or comment runs to the end of the text, so that matching stays linear.
_STRING = r'"(?:\\.|[^"\\])*(?:"|\Z)'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.S)
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.S)


class Unreadable(Exception):
    """Why a file's content cannot be used, as the end of a sentence. Always caught by clipstore;
    the caller names the file and says what happens next."""


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading. Raises `Unreadable`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"the system says: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)  # fdopen would refuse a folder and leave it open
        raise Unreadable("it is not a regular file")
    return os.fdopen(descriptor, "rb")


def read_start(path: Path, n_bytes: int) -> bytes:
    """At most the first `n_bytes` of a regular file. Raises `Unreadable`."""
    with open_regular(path) as file:
        try:
            return file.read(n_bytes)
        except OSError as error:
            raise Unreadable(f"the system says: {error.strerror}") from None


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """The content of a regular file. Raises `Unreadable`."""
    data = read_start(path, max_bytes + 1)
    if len(data) > max_bytes:
        raise Unreadable(f"it is larger than {max_bytes:,} bytes")
    return data


def read_text(path: Path, *, max_bytes: int) -> str:
    """The content as text, line ends as they are. Raises `Unreadable`."""
    return bytes_to_text(read_bytes(path, max_bytes=max_bytes))


def bytes_to_text(data: bytes) -> str:
    """Text by byte order mark, else UTF-8, else UTF-16 where every second byte is zero.

    Raises `Unreadable` for anything else.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode(data, encoding)
    if 0 in data[:2]:
        # Windows tools write UTF-16 without a mark; real texts start with an ASCII character.
        return _decode(data, "utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
    return _decode(data, "utf-8")


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"byte {error.start + 1:,} is not {encoding.upper()} text; save the file as UTF-8"
        ) from None


Pairs = Callable[[Iterable[tuple[str, object]]], object]


def text_to_json(text: str, *, pairs: Pairs = dict) -> object:
    """JSON as people write it: strictly first, then without comments (`//`, `#`, `/* */`) and
    trailing commas, then as JSON5 when the text is short. `pairs` builds objects.

    Raises `Unreadable` with the strict parser's complaint.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=str)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        complaint = f"it is not JSON ({error})"
    bare = _LAST_COMMA.sub(_keep_string, _COMMENT.sub(_keep_string, text))
    try:
        return json.loads(bare, object_pairs_hook=pairs, parse_constant=str)
    except (ValueError, RecursionError):
        pass
    if len(text) <= MAX_JSON5_CHARACTERS:
        try:
            value: object = json5.loads(text, object_pairs_hook=pairs)
        except (ValueError, RecursionError):
            pass
        else:
            return value
    raise Unreadable(complaint)


def _keep_string(match: re.Match[str]) -> str:
    return match[1] or " "


def text_problem(text: str) -> str | None:
    """Why a text cannot be stored or given to a text encoder, or None when it can."""
    if "\0" in text:
        return "it contains a NUL character"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            return (
                f"character {error.start + 1} is half of a surrogate pair "
                f"(\\u{ord(text[error.start]):04x}), which is no character"
            )
    return None


def storable(text: str) -> str:
    """The text with lone surrogates and NUL written as escapes."""
    if text_problem(text) is None:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
