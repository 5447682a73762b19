"""Views of the store as frames, a few runs at a time.

Invariant: what is in memory does not grow with the number of runs, and the rows of a view come in
one order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
import polars.selectors as cs

from clipstore.errors import RunUnknown, ViewUnknown
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader
from clipstore.wholefile import whole_file

SCORES_AT_ONCE = 500_000
"""Scores of the runs that are read together: some 200 MB as rows of the widest view."""

Write = Callable[[pl.DataFrame, bool], bytes]
"""A frame to the bytes to append; the flag says whether it is the file's first."""


@dataclass(frozen=True)
class ViewFrames:
    """One view, to be read once."""

    name: str
    frames: Iterator[pl.DataFrame]
    """At least one, if only to say which columns there are; by run."""


def frames_of_views(reader: Reader, request: ExportRequest) -> Iterator[ViewFrames]:
    """Each view that was asked for, in that order.

    Raises `ViewUnknown` and `RunUnknown` for names that the store does not have.
    """
    known = reader.frame("SELECT view_name FROM duckdb_views() WHERE NOT internal")
    for view in request.views:
        if view not in known["view_name"].to_list():
            raise ViewUnknown(view, sorted(known["view_name"].to_list()))
    chunks = _runs_in_chunks(reader, request.runs)
    for view in request.views:
        yield ViewFrames(view, _frames(reader, view, chunks))


def export_appended(
    reader: Reader, request: ExportRequest, suffix: str, write: Write
) -> tuple[Exported, ...]:
    """One file per view, of a format to which rows can be appended."""
    request.folder.mkdir(parents=True, exist_ok=True)
    done = []
    for view in frames_of_views(reader, request):
        path = request.folder / f"{view.name}.{suffix}"
        n_rows = 0
        with whole_file(path) as file:
            for number, frame in enumerate(view.frames):
                file.write(write(frame, number == 0))
                n_rows += frame.height
        done.append(Exported(str(path), rows_text(n_rows)))
    return tuple(done)


def rows_text(n_rows: int) -> str:
    """How many rows, in words."""
    return f"{n_rows:,} row{'' if n_rows == 1 else 's'}"


def lists_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its lists as JSON text, for formats that have cells only."""
    texts = {
        column.name: [
            None if cell is None else json.dumps(cell, ensure_ascii=False)
            for cell in column.to_list()
        ]
        for column in frame.select(cs.list())
    }
    return frame.with_columns(pl.Series(name, cells, pl.String) for name, cells in texts.items())


def _frames(reader: Reader, view: str, chunks: list[list[int]]) -> Iterator[pl.DataFrame]:
    sql = f'SELECT * FROM "{view}"'  # noqa: S608 - the name is one of duckdb_views()
    if "run_id" not in reader.frame(f"{sql} LIMIT 0").columns:
        yield reader.frame(f"{sql} ORDER BY ALL")
        return
    for run_ids in chunks or [[]]:
        yield reader.frame(
            f"{sql} WHERE list_contains($run_ids::BIGINT[], run_id) ORDER BY ALL",
            {"run_ids": run_ids},
        )


def _runs_in_chunks(reader: Reader, names: tuple[str, ...]) -> list[list[int]]:
    """The runs' ids by name, together while their scores are few."""
    runs = reader.read("run_names")
    for name in names:
        if name not in runs["name"].to_list():
            raise RunUnknown(f"no run is named {name!r}", runs["name"].to_list())
    sizes = dict(reader.read("analysis_run_sizes").select("run_id", "n_rows").iter_rows())
    chunks: list[list[int]] = []
    room = 0
    for run_id, name in runs.select("run_id", "name").iter_rows():
        if names and name not in names:
            continue
        size = sizes.get(run_id, 0)
        if not chunks or size > room:
            chunks.append([])
            room = SCORES_AT_ONCE
        chunks[-1].append(run_id)
        room -= size
    return chunks
