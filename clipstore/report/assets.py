"""The page's styles and scripts, assembled in a fixed order, and the policy that names them.

Invariant: what stands between script tags is exactly what the policy's hashes allow, and nothing
between them ends its own element. A file that is not listed here is not on the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from clipstore.errors import ResourceMissing
from clipstore.resources import resource_folder

STYLES = (
    "base.css",
    "head.css",
    "sections.css",
    "verdicts.css",
    "charts.css",
    "pictures.css",
    "dialogs.css",
    "prose.css",
    "narrow.css",
    "print.css",
)
"""Of `reports/styles/`, in the order of the cascade."""
CORE_SCRIPTS = (
    "hash.js",
    "theme.js",
    "printing.js",
    "copying.js",
    "verdict_table.js",
    "carddata.js",
    "picturedata.js",
    "frames.js",
    "stepslider.js",
    "cards.js",
    "lightbox.js",
    "viewer.js",
    "acrossruns.js",
)
"""Of `reports/app/`: what works before plotly is parsed. `hash.js` first, all others listen to it.
"""
CHART_SCRIPTS = (
    "charts.js",
    "runselect.js",
    "curves.js",
    "forest.js",
    "spread.js",
    "heatmap.js",
    "ready.js",
)
"""Of `reports/app/`: what calls plotly. `ready.js` last."""
PLOTLY = "plotly-cartesian.min.js"


def style_text() -> str:
    """All styles as one text."""
    return "".join(_read("styles", name) for name in STYLES)


def script_texts() -> tuple[str, ...]:
    """The scripts that run, in the page's order: our own, plotly, what draws with it.

    Raises `ResourceMissing` for one that would end its own element.
    """
    return (_joined(CORE_SCRIPTS), _script("", PLOTLY), _joined(CHART_SCRIPTS))


def policy_for(scripts: Sequence[str], *, has_files_beside: bool = False) -> str:
    """A Content-Security-Policy under which these scripts run and nothing else does or is asked.

    `has_files_beside` allows pictures from where the page itself lies.
    """
    hashes = (base64.b64encode(hashlib.sha256(s.encode("utf-8")).digest()) for s in scripts)
    beside = " 'self'" if has_files_beside else ""
    sources = " ".join(f"'sha256-{digest.decode('ascii')}'" for digest in hashes)
    # blob: is plotly's own drawing on its way to a PNG; it cannot leave the page.
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; "
        f"img-src data: blob:{beside}; base-uri 'none'; form-action 'none'"
    )


def _joined(names: Sequence[str]) -> str:
    return "".join(_script("app", name) for name in names)


def _script(folder: str, name: str) -> str:
    """A script's text with the line ends that browsers hash."""
    text = _read(folder, name).replace("<!--", "\\x3c!--")
    if "</script" in text.lower():
        raise ResourceMissing(f"a usable {name} (it holds </script)", (resource_folder("reports"),))
    return text


def _read(folder: str, name: str) -> str:
    text = (resource_folder("reports") / folder / name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")
