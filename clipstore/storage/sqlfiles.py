"""The statements that lie in `sql/`, found by listing its folders.

Invariant: no other module holds SQL over the store's tables. A file's name is its statement's
name: a view, a table to merge into, a read, a ready question. Nothing here runs anything.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal

from clipstore.resources import resource_folder

Kind = Literal["schema", "views", "merge", "reads", "checks", "queries"]

_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)\b(?!\$)")


@dataclass(frozen=True)
class ReadyQuery:
    """A question that comes with clipstore."""

    name: str
    """What `clipstore query` calls it; the file's name."""
    help: str
    """Its first comment lines, joined."""
    sql: str
    parameters: tuple[str, ...]
    """Names of its parameters in order of appearance. Every one may be None: all, or a default."""


@dataclass(frozen=True)
class Migration:
    """One numbered schema file."""

    version: int
    name: str
    sql: str
    sha256: str


def read_statement(kind: Kind, name: str) -> str:
    """The text of `sql/<kind>/<name>.sql`. A name that does not exist is a `FileNotFoundError`."""
    return (resource_folder("sql") / kind / f"{name}.sql").read_text(encoding="utf-8")


def statement_names(kind: Kind) -> tuple[str, ...]:
    """The names of all statements of a kind, sorted."""
    return tuple(sorted(path.stem for path in (resource_folder("sql") / kind).glob("*.sql")))


def ready_queries() -> tuple[ReadyQuery, ...]:
    """Every question in `sql/queries`, by name."""
    return tuple(
        _ready_query(name, read_statement("queries", name)) for name in statement_names("queries")
    )


def migrations() -> tuple[Migration, ...]:
    """The schema files in the order in which they are applied."""
    found = []
    for stem in statement_names("schema"):
        number, _, name = stem.partition("_")
        sql = read_statement("schema", stem)
        found.append(Migration(int(number), name, sql, _digest(sql)))
    return tuple(sorted(found, key=lambda migration: migration.version))


def views_in_order() -> tuple[tuple[str, str], ...]:
    """(name, SQL) of every view, each after the views that it reads."""
    texts = {name: read_statement("views", name) for name in statement_names("views")}
    # Lists in a fixed order: a set's differs from one process to the next, and so would the hash.
    needs = {
        name: [other for other in texts if other != name and other in words]
        for name, words in ((name, _words(text)) for name, text in texts.items())
    }
    return tuple((name, texts[name]) for name in TopologicalSorter(needs).static_order())


def views_sha256() -> str:
    """Identity of the views' text: when it differs from the store's, they are made again."""
    return _digest("\n".join(sql for _, sql in views_in_order()))


def sql_parameters(sql: str) -> tuple[str, ...]:
    """Names of the `$parameters` of a statement, in order of appearance."""
    return tuple(dict.fromkeys(_PARAMETER.findall(_without_comments_and_strings(sql))))


def _ready_query(name: str, sql: str) -> ReadyQuery:
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return ReadyQuery(name, " ".join(lines), sql, sql_parameters(sql))


def _words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", _without_comments_and_strings(sql)))


def _without_comments_and_strings(sql: str) -> str:
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", sql)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
