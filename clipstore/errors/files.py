"""Failures of files and addresses that the user gives: prompts, scores, pairs, rules, a webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clipstore.errors.base import ClipstoreError


class PromptFileError(ClipstoreError):
    """A prompt file given by the user cannot be used."""

    exit_code = 2

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"cannot read prompts from {path}: {why}\n"
            "Accepted: JSON {id: text}, JSON or JSONL objects with id and prompt, CSV or TSV with "
            "a 'prompt' column, PartiPrompts' TSV (Prompt, Category, Challenge)."
        )


class ImportRefused(ClipstoreError):
    """A file of scores or runs that cannot be imported as a whole."""

    exit_code = 2

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"nothing was imported from {path}: {why}\n"
            "Scores: CSV, TSV, JSONL or Parquet with run, step, prompt_id, score and, if you like, "
            "image_index, prompt, panel. Runs: run, planned_steps and any settings."
        )


class RulesFileError(ClipstoreError):
    """A file of rule constants that cannot be used."""

    exit_code = 2

    def __init__(self, path: Path, why: str, known: Mapping[str, Sequence[str]]) -> None:
        listed = "\n".join(f"[{section}] {', '.join(names)}" for section, names in known.items())
        super().__init__(
            f"cannot take rules from {path}: {why}.\n"
            f"It may be TOML or JSON, with any of these names in its section:\n{listed}"
        )


class PairsMissing(ClipstoreError):
    """--pairs names nothing that holds pairs."""

    exit_code = 2

    def __init__(self, where: Path, why: str) -> None:
        super().__init__(
            f"found no pairs of picture and text in {where}: {why}\n"
            "A pair is a picture with its text beside it, name.png and name.txt, in any folders "
            "below DIR; or a row of a CSV, TSV or JSONL file with file_name (from that file's "
            "folder) and prompt."
        )


class CalibrationRefused(ClipstoreError):
    """The pairs that were given cannot carry a band."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no calibration was made: {why}.\n"
            "It takes pictures that show what their text says, with different texts of the kind of "
            "your validation prompts, 30 at least and 200 if there are so many. Nothing was stored."
        )


class WebhookRefused(ClipstoreError):
    """--webhook names nothing that can be posted to. The address itself is never repeated."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(f"the address given as --webhook is not usable: {why}.")
