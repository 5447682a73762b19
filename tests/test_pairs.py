"""Pairs for calibrating: captioned folders and tables, every file accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstore.errors import PairsMissing
from clipstore.sources.pairs import Pair, list_pairs


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_captioned_folder_is_pairs_at_any_depth(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "fox.png": "",
            "fox.txt": "a fox\n",
            "deep/er/owl.JPG": "",
            "deep/er/owl.txt": "an owl",
            "step_000500/elk__1.webp": "",
            "step_000500/elk.txt": "an elk",
        },
    )
    listing = list_pairs(tmp_path)
    assert listing.pairs == (
        Pair(tmp_path / "deep/er/owl.JPG", "an owl"),
        Pair(tmp_path / "fox.png", "a fox"),
        Pair(tmp_path / "step_000500/elk__1.webp", "an elk"),
    )
    assert listing.problems == ()


def test_every_file_of_a_folder_is_accounted_for(tmp_path: Path) -> None:
    files = {"a.png": "", "a.txt": "a", "b.png": "", "c.png": "", "c.txt": "  \n", "notes.md": ""}
    write(tmp_path, files)
    listing = list_pairs(tmp_path)
    assert {(p.path.name, p.reason) for p in listing.problems} == {
        ("b.png", "no_prompt_text"),
        ("c.png", "prompt_unreadable"),
    }
    assert {(s.path.name, s.rule) for s in listing.skipped} == {
        ("a.txt", "prompt_text"),
        ("c.txt", "prompt_text"),
        ("notes.md", "not_a_picture"),
    }
    assert len(listing.pairs) + len(listing.problems) + len(listing.skipped) == len(files)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'file_name,prompt\nb/fox.png,a fox\nowl.png,"an owl, grey"\nelk.png,\n'),
        ("t.tsv", "prompt\tfile\na fox\tb/fox.png\nan owl, grey\towl.png\n\telk.png\n"),
        (
            "t.jsonl",
            '{"file_name": "b/fox.png", "prompt": "a fox"}\n'
            '{"file_name": "owl.png", "caption": "an owl, grey"}\n'
            '{"file_name": "elk.png", "prompt": ""}\n',
        ),
    ],
)
def test_a_table_names_files_from_its_own_folder(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    listing = list_pairs(tmp_path / name)
    assert listing.pairs == (
        Pair(tmp_path / "b/fox.png", "a fox"),
        Pair(tmp_path / "owl.png", "an owl, grey"),
    )
    assert [problem.reason for problem in listing.problems] == ["prompt_unreadable"]


@pytest.mark.parametrize(
    ("files", "given", "said"),
    [
        ({}, "nowhere", "it does not exist"),
        ({"x.parquet": ""}, "x.parquet", "neither a folder nor a CSV"),
        ({"empty/readme.md": ""}, "empty", "it has no pictures"),
        ({"bare/a.png": "", "bare/b.png": ""}, "bare", "of 2 none has a usable text; a.png"),
        ({"t.csv": "file_name,text\na.png,hello\n"}, "t.csv", "prompt"),
        ({"t.csv": "name,prompt\na.png,hello\n"}, "t.csv", "it names no file_name"),
    ],
)
def test_where_there_are_no_pairs_the_message_says_what_a_pair_is(
    tmp_path: Path, files: dict[str, str], given: str, said: str
) -> None:
    write(tmp_path, files)
    with pytest.raises(PairsMissing, match=said) as caught:
        list_pairs(tmp_path / given)
    assert "name.png and name.txt" in str(caught.value)
