"""Every failure a user can meet, each with its exit code and its own message.

Invariant: a message says what was asked, what there is, and what to do next; the command line
prints it without a traceback. Bad pictures are not errors but data: see `types.Problem`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class ClipstoreError(Exception):
    """Base of all failures that clipstore explains."""

    exit_code = 1


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


class RunUnknown(ClipstoreError):
    """A run, a step or a model was named that has no scores."""

    exit_code = 2

    def __init__(self, what: str, known: Iterable[str]) -> None:
        names = list(known)
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        listed = ", ".join(names[:12]) or "none"
        super().__init__(f"{what}. There are: {listed}{more}. See `clipstore runs`.")


class ReadersFailed(ClipstoreError):
    """A reading process ended before it could read anything."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"a process that reads pictures could not start (status {status}); what it printed "
            "stands above. Run `clipstore doctor`, or read in this process with --workers 0."
        )


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


class PathNotText(ClipstoreError):
    """A path whose name is not UTF-8; runs are stored by their path."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        super().__init__(
            f"the path {shown} is not UTF-8, and runs are stored by their path. Rename the "
            "folder, then run this again."
        )


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


class StoreMissing(ClipstoreError):
    """No database where one was expected."""

    exit_code = 10

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no database at {path}. Make one with `clipstore ingest RUNS`, or name another "
            "with --db FILE or the environment variable CLIPSTORE_DB."
        )


class StoreLocked(ClipstoreError):
    """Another process holds the database."""

    exit_code = 11

    def __init__(self, path: Path, holder: str, kept: str = "") -> None:
        super().__init__(
            f"{path} is held by {holder}. Close that program, or try again when it is done."
            + (f"\n{kept}" if kept else "")
        )


class StoreTooNew(ClipstoreError):
    """The database was written by a newer clipstore or DuckDB."""

    exit_code = 12

    def __init__(self, path: Path, found: str, known: str) -> None:
        super().__init__(
            f"{path} was written by a newer version ({found}; this one knows {known}). "
            "Upgrade with `pip install -U clipstore duckdb`; the file was not changed."
        )


class StoreTooOld(ClipstoreError):
    """The database was written by an older clipstore and cannot be upgraded now."""

    exit_code = 11

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} was written by an older clipstore and must be upgraded before it can be "
            f"read, which is not possible now: {why}\n"
            "Close what holds it and see that the file and its folder can be written, then run "
            "this again; no score is lost."
        )


class StoreCorrupt(ClipstoreError):
    """The file is not a database, or a damaged one."""

    exit_code = 13

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be read as a clipstore database: {why}\n"
            "The file was not changed. The pictures are the source: `clipstore ingest RUNS "
            "--db NEWFILE` makes it again."
        )


class DiskFull(ClipstoreError):
    """No space left where clipstore must write."""

    exit_code = 14

    def __init__(self, path: Path, kept: str) -> None:
        super().__init__(f"no space left while writing {path}. {kept} Free space and run again.")


class ModelMissing(ClipstoreError):
    """The weights are neither here nor to be had."""

    exit_code = 15

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the model {name} is not available: {why}\n"
            "Pass --model FOLDER with config.json, model.safetensors and the tokenizer's files, "
            "or run once with network access and without --offline to download it."
        )


class ModelNameForeign(ClipstoreError):
    """A name that another library understands."""

    exit_code = 15

    def __init__(self, name: str, instead: Iterable[str]) -> None:
        """`instead`: lines that say what could be meant."""
        listed = "".join(f"\n  {line}" for line in instead)
        super().__init__(
            f"{name} names an architecture, as open_clip and OpenAI's package do, not where its "
            f"weights are. --model takes a hub id or a folder:{listed}"
        )


class ModelRefused(ClipstoreError):
    """The model's files are here but will not be loaded."""

    exit_code = 15

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the model {name} was not loaded: {why}")


class DeviceMissing(ClipstoreError):
    """The device that was asked for is not on this machine."""

    def __init__(self, device: str, available: Sequence[str]) -> None:
        super().__init__(
            f"--device {device} was asked for, but torch finds only: {', '.join(available)}. "
            "Use --device auto, or install a torch build for that device."
        )


class DeviceFull(ClipstoreError):
    """The device has no memory left for a single picture."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"{device} ran out of memory with a single picture in the batch. What was scored is "
            "kept. End what else uses the device, or go on with --device cpu."
        )


class CalibrationRefused(ClipstoreError):
    """The pairs that were given cannot carry a band."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no calibration was made: {why}.\n"
            "It takes pictures that show what their text says, with different texts of the kind of "
            "your validation prompts, 30 at least and 200 if there are so many. Nothing was stored."
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


class DeviceFailed(ClipstoreError):
    """The device broke down while it computed."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(
            f"{device} failed: {why}\nWhat was scored is kept; the same command goes on from "
            "there. If it fails again, --device cpu does without it."
        )


class QueryError(ClipstoreError):
    """SQL that DuckDB would not run."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"DuckDB did not run this query: {why}\n"
            'Tables and views: `clipstore sql "SHOW TABLES"`; ready questions: `clipstore query`.'
        )


class WebhookRefused(ClipstoreError):
    """--webhook names nothing that can be posted to. The address itself is never repeated."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(f"the address given as --webhook is not usable: {why}.")


class ViewUnknown(ClipstoreError):
    """--view names no view of the store."""

    exit_code = 2

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no view {name!r}. There are: {', '.join(known)}.")


class LibraryMissing(ClipstoreError):
    """What was asked for needs a library that is not installed."""

    exit_code = 2

    def __init__(self, what: str, library: str, install: str) -> None:
        super().__init__(f"{what} needs {library}, which is not installed here: {install}")


class ResourceMissing(ClipstoreError):
    """A file that belongs to clipstore itself is not where it should be."""

    def __init__(self, what: str, looked: Sequence[Path]) -> None:
        super().__init__(
            f"this installation lacks {what}; looked in {', '.join(map(str, looked))}. "
            "Reinstall clipstore."
        )


class OutputError(ClipstoreError):
    """The result could not be written; an older file at that place is unchanged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"could not write {path}: {why}. Nothing there was changed.")
