"""Functions out of a trainer's own files, and what they are called with.

Invariant: nothing of the trainers' code is kept: it is read from a git checkout and run as it is.
"""

from __future__ import annotations
import __future__

import ast
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parents[1] / "layouts"


FOX, CAT = "a red fox, in the snow", "a cat"


COLOURS = {FOX: "red", CAT: "blue"}


SIDE = 64


Truth = dict[str, object]


class Clock:
    """Stands in for the module `time`: 2026-05-04 12:00:00 UTC, and a second later at each call."""

    def __init__(self) -> None:
        self._seconds = 1_777_896_000

    def time(self) -> float:
        self._seconds += 1
        return float(self._seconds)

    def strftime(self, form: str, *_now: object) -> str:
        return time.strftime(form, time.gmtime(self.time()))

    def localtime(self) -> None:
        return None


def taken_from(
    checkout: Path, revision: str, path: str, names: Sequence[str], given: Mapping[str, object]
) -> dict[str, Any]:
    """The functions and classes of these names, also of methods, with `given` as their globals."""
    source = subprocess.run(
        ["git", "-C", str(checkout), "show", f"{revision}:{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names
    ]
    for node in wanted:
        node.decorator_list = []
    namespace: dict[str, Any] = dict(given)
    flags = __future__.annotations.compiler_flag
    for node in wanted:
        exec(compile(ast.Module([node], []), path, "exec", flags), namespace)
    return namespace


def picture(prompt: str) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), COLOURS[prompt])


def fresh(name: str) -> Path:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def new_files(folder: Path, save: Callable[[], object]) -> list[str]:
    """Paths below `folder` of the pictures that `save` made there."""
    before = set(folder.rglob("*"))
    save()
    made = [
        path
        for path in set(folder.rglob("*")) - before
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    ]
    return sorted(path.relative_to(folder).as_posix() for path in made)


def keep_truth(name: str, truth: Iterable[Truth]) -> None:
    lines = sorted(json.dumps(row, sort_keys=True) for row in truth)
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def saved(
    folder: Path, save: Callable[[], object], step: int, prompt: str, **more: object
) -> list[Truth]:
    """What was asked for, of each picture that came of it."""
    return [
        {"path": path, "step": step, "prompt": prompt, **more} for path in new_files(folder, save)
    ]


def textured(prompt: str, seed: int) -> Image.Image:
    """A picture that no other one equals."""
    shades = np.random.default_rng([seed, len(prompt)]).integers(40, 200, (4, 4, 3), np.uint8)
    return Image.fromarray(shades).resize((256, 256), Image.Resampling.NEAREST)
