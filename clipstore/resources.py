"""Where clipstore's own data files are: `sql/`, `reports/` and `demo_data/`.

A wheel carries the folders inside the package; a checkout and an editable install have them
beside it. This is the one place that knows.
"""

from __future__ import annotations

from pathlib import Path

from clipstore.errors import ResourceMissing


def resource_folder(kind: str) -> Path:
    """The folder named `kind` ("sql", "reports", "demo_data").

    Raises `ResourceMissing` when neither place has it.
    """
    package = Path(__file__).resolve().parent
    places = (package / kind, package.parent / kind)
    for place in places:
        if place.is_dir():
            return place
    raise ResourceMissing(f"the folder {kind}/", places)
