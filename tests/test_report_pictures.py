"""The options of `clipstore report` that are about pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from clipstore.cli import cli
from tests.picture_runs import OWN, ingest, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_run(folder / "runs/a", {100: OWN, 200: OWN})
    ingest(folder / "runs", folder / "s.duckdb")
    return folder


def report(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(
        cli,
        [
            *("report", "--html", str(folder / "page.html"), "--db", str(folder / "s.duckdb")),
            *map(str, arguments),
        ],
    )


def written(folder: Path, *arguments: object) -> str:
    done = report(folder, *arguments)
    assert done.exit_code == 0, done.output
    return (folder / "page.html").read_text(encoding="utf-8")


def policy(page: str) -> str:
    return re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1]


@pytest.mark.parametrize("size", ["5mb", "5", "12 MB", "25.5mb"])
def test_a_size_is_taken_with_or_without_its_unit(folder: Path, size: str):
    assert written(folder, "--no-images", "--size", size)


@pytest.mark.parametrize("size", ["2mb", "0", "-5", "small", "5gb", "nan"])
def test_another_size_is_refused_with_what_would_do(folder: Path, size: str):
    done = report(folder, f"--size={size}")
    assert done.exit_code == 2
    assert "is no size; give megabytes, 3mb or more, such as 12mb." in done.stderr


def test_a_page_without_pictures_is_small_and_says_so(folder: Path):
    page = written(folder, "--no-images", "--size", "5mb")
    assert len(page.encode()) < 5_000_000
    assert "data:image/webp" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "pictures are in it" in page
    assert "were not asked for" in page


def test_whole_panels_lie_beside_the_page_under_names_that_tell_nothing(folder: Path):
    page = written(folder, "--no-images", "--images-dir", folder / "page pics")
    panels = sorted((folder / "page pics").iterdir())
    linked = set(re.findall(r'"panel":"([^"]+)"', page))
    assert linked == {f"./page%20pics/{panel.name}" for panel in panels}
    assert all(re.fullmatch(r"[0-9a-f]{16}\.webp", panel.name) for panel in panels)
    assert {Image.open(panel).size for panel in panels} == {(64, 64)}
    assert "img-src data: blob: &#39;self&#39;;" in policy(page)
    assert f"{len(panels)} lie beside it" in page


def test_the_trainers_files_are_linked_only_where_that_was_asked_for(folder: Path):
    assert ".png" not in written(folder)
    page = written(folder, "--link-files")
    files = set(re.findall(r'"file":"([^"]+)"', page))
    assert "./runs/a/step_000100/p0.png" in files
    assert all((folder / file).is_file() for file in files)
    assert str(folder) not in page


def test_a_page_asks_for_nothing_beside_it_unless_there_is_something(folder: Path):
    assert "img-src data: blob:;" in policy(written(folder))


def test_a_folder_for_panels_that_is_a_file_is_refused(folder: Path):
    done = report(folder, "--images-dir", folder / "s.duckdb")
    assert done.exit_code == 2
    assert "s.duckdb" in done.stderr
