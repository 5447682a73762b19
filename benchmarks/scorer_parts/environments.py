"""The peers' Python environments: made when asked, and only looked at otherwise.

Invariant: clipstore's own environment is never changed. What is pinned stands in the files
requirements-*.txt beside this module.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
OWN = "own"
"""The environment that the benchmark itself runs in: transformers is there."""
NAMES = ("torchmetrics", "open-clip")
_PRINT_VERSIONS = """
import importlib.metadata
import platform
print("Python", platform.python_version())
for name in ("torch", "transformers", "torchmetrics", "open_clip_torch", "clip-score", "pillow"):
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
"""


def find_python(name: str, folder: Path) -> Path | None:
    """The interpreter of an environment, or None when it was not made."""
    if name == OWN:
        return Path(sys.executable)
    python = _python(name, folder)
    return python if (folder / name / "installed").exists() and python.exists() else None


def make_environments(folder: Path) -> None:
    """Make those that are missing. The larger one takes about 6 GB with a CUDA torch."""
    for name in NAMES:
        if find_python(name, folder) is not None:
            continue
        requirements = HERE / f"requirements-{name}.txt"
        sys.stderr.write(f"making the environment {name}\n")
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        pip = [str(_python(name, folder)), "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        (folder / name / "installed").touch()


def list_versions(folder: Path) -> Iterator[tuple[str, str]]:
    """(environment, versions of what decides a score and its speed) of all that were made."""
    for name in (OWN, *NAMES):
        python = find_python(name, folder)
        if python is None:
            yield name, "not installed"
            continue
        command = [str(python), "-c", _PRINT_VERSIONS]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        yield name, ", ".join(output.splitlines())


def _python(name: str, folder: Path) -> Path:
    return folder / name / "bin" / "python"
