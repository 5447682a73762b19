"""Failures of what is to be read: paths, layouts, patterns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clipstore.errors.base import ClipstoreError


class NothingFound(ClipstoreError):
    """A path holds no run that any layout recognises."""

    def __init__(self, root: Path, seen_files: int, layouts: Sequence[str]) -> None:
        what = (
            "the folder is empty"
            if seen_files == 0
            else f"none of its {seen_files:,} files looks like a run's pictures"
        )
        super().__init__(
            f"found no runs in {root}: {what}.\n"
            f"Layouts tried: {', '.join(layouts)}. A run is a trainer's output folder with its "
            "sample pictures, or a folder with step_000500/name.png and the prompt in name.txt. "
            "For any other naming say --pattern '{run}/{step}_{prompt_id}.png'."
        )


class PathMissing(ClipstoreError):
    """A path that was given does not exist or is not of the kind asked for."""

    exit_code = 2

    def __init__(self, path: Path, wanted: str) -> None:
        what = "is not" if path.exists() else "does not exist; wanted"
        super().__init__(f"{path} {what} {wanted}.")


class PathNotText(ClipstoreError):
    """A path whose name is not UTF-8; runs are stored by their path."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        super().__init__(
            f"the path {shown} is not UTF-8, and runs are stored by their path. Rename the "
            "folder, then run this again."
        )


class LayoutConflict(ClipstoreError):
    """Two layouts claim the same folder; clipstore does not guess."""

    exit_code = 2

    def __init__(self, folder: Path, claims: Sequence[tuple[str, str]]) -> None:
        listed = "".join(f"\n  {name}: {reason}" for name, reason in claims)
        super().__init__(
            f"{folder} looks like more than one layout:{listed}\n"
            f"Choose with {' or '.join(f'--layout {name}' for name, _ in claims)}."
        )


class LayoutUnknown(ClipstoreError):
    """--layout names none that there is."""

    exit_code = 2

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no layout {name!r}. There are: {', '.join(known)}.")


class PatternError(ClipstoreError):
    """--pattern cannot be followed."""

    exit_code = 2

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(
            f"--pattern {pattern!r}: {why}.\n"
            "A pattern is a path below the folder that is read, for example "
            "'{run}/samples/{step}_{prompt_id}_{index}.png'. Fields: step or epoch, prompt_id, and "
            "if you like run, index and any others; {name:d} is a whole number."
        )


class PatternMismatch(ClipstoreError):
    """A picture that --pattern should fit does not."""

    exit_code = 2

    def __init__(self, pattern: str, path: Path, why: str) -> None:
        super().__init__(
            f"{path} does not fit --pattern {pattern!r}: {why}.\n"
            "Correct the pattern, move the file out of this folder, or give a folder without it."
        )


class ReadersFailed(ClipstoreError):
    """A reading process ended before it could read anything."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"a process that reads pictures could not start (status {status}); what it printed "
            "stands above. Run `clipstore doctor`, or read in this process with --workers 0."
        )
