"""What users install is a wheel: it carries its data files and works away from the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that has the wheel, and borrows the libraries of this one."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    site = next(venv.glob("lib/python*/site-packages"))
    # Lines of a .pth file come after the environment's own packages, and the .pth files of the
    # folder it names are not read: the checkout's editable install stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


def test_the_wheel_carries_every_data_file(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("sql", "reports", "demo_data"):
        files = [file for file in (ROOT / kind).rglob("*") if file.is_file()]
        assert files
        missing = {f"clipstore/{file.relative_to(ROOT).as_posix()}" for file in files} - packed
        assert missing == set()


def test_the_wheel_carries_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith(("tests/", "benchmarks/"))] == []


def test_the_installed_wheel_works_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = "import clipstore.resources as r; print(r.resource_folder('sql'))"
    sql = subprocess.check_output(
        [installed / "bin/python", "-c", where], cwd=tmp_path, text=True
    ).strip()
    assert Path(sql).is_relative_to(installed)
    listed = subprocess.check_output(
        [installed / "bin/clipstore", "query", "--format", "json"], cwd=tmp_path, text=True
    )
    assert "worst_prompts" in {row["query"] for row in json.loads(listed)}


def test_the_installed_wheel_ingests_and_reports(installed: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from tests.run_trees import write_folder_run\n"
        "from tests.tiny_clip import build_tiny_clip\n"
        "write_folder_run(Path('runs/a'), {'red': 'a red square'}, {100: ['red']})\n"
        "build_tiny_clip(Path('model'))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={"PYTHONPATH": ROOT})
    clipstore = installed / "bin/clipstore"
    done = subprocess.run(
        [clipstore, "ingest", "runs", "--model", "model", "--offline"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "1 scored" in done.stdout
    subprocess.run([clipstore, "report", "--html", "page.html"], cwd=tmp_path, check=True)
    assert "clipstore-verdicts" in (tmp_path / "page.html").read_text()
