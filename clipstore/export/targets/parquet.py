"""`--to parquet`: views as Parquet files, for pandas, polars, DuckDB and the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from clipstore.export.tables import ViewFrames, frames_of_views, rows_text
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader
from clipstore.wholefile import whole_file

NAME = "parquet"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """VIEW.parquet for each view, with the store's types."""
    request.folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        _export_view(view, request.folder / f"{view.name}.parquet")
        for view in frames_of_views(reader, request)
    )


def _export_view(view: ViewFrames, path: Path) -> Exported:
    # A Parquet file cannot be appended to: parts first, in a hidden folder, then all as one.
    n_rows = 0
    with tempfile.TemporaryDirectory(prefix=".clipstore-", dir=path.parent) as folder:
        parts = []
        for number, frame in enumerate(view.frames):
            parts.append(Path(folder) / f"{number:06}.parquet")
            n_rows += frame.height
            with whole_file(parts[-1]) as file:
                frame.write_parquet(file)
        with whole_file(path) as file:
            pl.scan_parquet(parts, glob=False).sink_parquet(file, maintain_order=True)
    return Exported(str(path), rows_text(n_rows))
