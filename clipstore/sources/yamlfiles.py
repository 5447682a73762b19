"""YAML that trainers write, to plain values.

Invariant: no tag ever makes an object; aliases cannot make a small file large; any text ends as a
value or as one `Unreadable`.
"""

from __future__ import annotations

import yaml

from clipstore.sources.textfiles import Unreadable

MAX_CHARACTERS = 2**20
MAX_VALUES = 200_000
"""Values after aliases are followed; real configs have some hundreds."""

_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc] # in C where it was built
    """The safe loader, which also reads Python's ordered dictionaries as the mappings they are."""


def _ordered_dict(loader: yaml.SafeLoader, node: yaml.Node) -> dict[object, object]:
    if not isinstance(node, yaml.SequenceNode):
        raise yaml.constructor.ConstructorError(None, None, "no list of pairs", node.start_mark)
    (pairs,) = loader.construct_sequence(node, deep=True)
    return dict(pairs)


_Loader.add_constructor(
    "tag:yaml.org,2002:python/object/apply:collections.OrderedDict", _ordered_dict
)


def text_to_yaml(text: str) -> object:
    """The one document in a text. Raises `Unreadable`."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"it is longer than {MAX_CHARACTERS:,} characters")
    try:
        value: object = yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        raise Unreadable(f"it is not YAML{line}") from None
    _refuse_large(value)
    return value


def _refuse_large(value: object) -> None:
    waiting, count = [value], 0
    while waiting:
        here = waiting.pop()
        count += 1
        if isinstance(here, dict):
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
        if count + len(waiting) > MAX_VALUES:
            raise Unreadable(f"it expands to more than {MAX_VALUES:,} values")
