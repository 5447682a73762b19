"""Prompt files in every accepted form, and what is refused of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstore.errors import PromptFileError
from clipstore.sources.prompts import (
    PromptFile,
    RefusedPrompt,
    load_prompt_file,
    prompts_to_book,
    read_prompt_file,
)
from clipstore.types import Prompt

PARTI = (
    "Prompt\tCategory\tChallenge\tNote\n"
    "bond\tAbstract\tBasic\tBiology-inspired\n"
    'a sign that says "Diffusion"\tWorld Knowledge\tWriting & Symbols\t\n'
    '"Hello World"\tAbstract\tWriting & Symbols\t\n'
)


def read(tmp_path: Path, name: str, content: str | bytes) -> dict[str, str]:
    return {one.prompt_id: one.text for one in read_prompt_file(write(tmp_path, name, content))}


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


EXPECTED = {"fox": "a red fox", "cat": "a cat, asleep"}
SAME_PROMPTS = {
    "texts.json": '{"fox": "a red fox", "cat": "a cat, asleep"}',
    "objects.json": '{"fox": {"prompt": "a red fox", "adapter_strength": 0.5}, '
    '"cat": {"caption": "a cat, asleep"}}',
    "tags.json": '{"fox": {"tags": "a red fox"}, "cat": "a cat, asleep"}',
    "list.json": '[{"id": "fox", "prompt": "a red fox"}, '
    '{"shortname": "cat", "prompt": "a cat, asleep"}]',
    "wrapped.json": '{"prompts": [{"id": "fox", "prompt": "a red fox"}, '
    '{"prompt_id": "cat", "prompt": "a cat, asleep"}]}',
    "comments.json": '{"fox": "a red fox", // the first\n "cat": "a cat, asleep", # and last\n}',
    "lines.json": '{"id": "fox", "prompt": "a red fox"}\n{"id": "cat", "prompt": "a cat, asleep"}',
    "lines.jsonl": '{"id": "fox", "prompt": "a red fox"}\n\n'
    '{"ID": "cat", "Prompt": "a cat, asleep"}\n',
    "table.csv": 'id,prompt\nfox,a red fox\ncat,"a cat, asleep"\n',
    "excel.csv": "shortname;prompt\r\nfox;a red fox\r\ncat;a cat, asleep\r\n",
    "table.tsv": "prompt\tprompt_id\na red fox\tfox\na cat, asleep\tcat\n",
    "table.txt": "prompt\tprompt_id\na red fox\tfox\na cat, asleep\tcat\n",
}


@pytest.mark.parametrize("name", SAME_PROMPTS)
def test_every_form_gives_the_same_prompts(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, SAME_PROMPTS[name]) == EXPECTED


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_do_not_matter(tmp_path: Path, encoding: str, line_end: str) -> None:
    content = line_end.join(["id\tprompt", "fox\ta füchsin", "cat\ta cat", ""])

    assert read(tmp_path, "p.tsv", content.encode(encoding)) == {"fox": "a füchsin", "cat": "a cat"}


def test_partiprompts_categories_become_tags_and_its_quotes_stay(tmp_path: Path) -> None:
    bond, sign, hello = read_prompt_file(write(tmp_path, "PartiPrompts.tsv", PARTI))

    assert bond == Prompt(
        "0",
        "bond",
        "PartiPrompts.tsv",
        (("category", "Abstract"), ("challenge", "Basic"), ("note", "Biology-inspired")),
    )
    assert (sign.prompt_id, sign.text) == ("1", 'a sign that says "Diffusion"')
    assert hello.text == '"Hello World"'


def test_a_tsv_from_a_spreadsheet_loses_the_quotes_of_its_cells(tmp_path: Path) -> None:
    quoted = '"id"\t"prompt"\n"fox"\t"a ""red"" fox"\n"cat"\t"a cat"\n'

    assert read(tmp_path, "p.tsv", quoted) == {"fox": 'a "red" fox', "cat": "a cat"}


def test_lines_without_ids_are_numbered_from_zero_and_blank_ones_do_not_count(
    tmp_path: Path,
) -> None:
    content = "  a red fox \n\n# a hash is a prompt too\na cat\u2028asleep\n"

    assert read(tmp_path, "p.txt", content) == {
        "0": "a red fox",
        "1": "# a hash is a prompt too",
        "2": "a cat\u2028asleep",
    }


def test_texts_are_kept_character_for_character(tmp_path: Path) -> None:
    odd = {"a": "  two spaces ", "b": "", "c": "=cmd()", "d": "line\nbreak", "e": "x" * 10**6}

    assert read(tmp_path, "p.json", json.dumps(odd)) == odd


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
        .map(str.strip)
        .filter(bool),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        min_size=2,
    )
)
def test_any_json_library_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, library: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "p.json"
    path.write_text(json.dumps(library))

    assert {one.prompt_id: one.text for one in read_prompt_file(path)} == library


def test_half_a_surrogate_pair_refuses_that_prompt_only(tmp_path: Path) -> None:
    loaded = load_prompt_file(
        write(tmp_path, "p.json", r'{"bad": "a \ud800", "nul": "a \u0000", "good": "a fox"}')
    )

    assert [one.prompt_id for one in loaded.prompts] == ["good"]
    assert [one.prompt_id for one in loaded.refused] == ["bad", "nul"]
    assert "half of a surrogate pair" in loaded.refused[0].why
    assert "NUL" in loaded.refused[1].why


def test_one_id_with_two_texts_names_both(tmp_path: Path) -> None:
    path = write(tmp_path, "p.json", '{"fox": "a red fox", "fox": "a blue fox", "cat": "a cat"}')

    assert load_prompt_file(path) == PromptFile(
        (Prompt("cat", "a cat", "p.json"),),
        (
            RefusedPrompt(
                "fox", "the id 'fox' has more than one text: 'a red fox' and 'a blue fox'.", True
            ),
        ),
    )
    with pytest.raises(PromptFileError, match="'a red fox' and 'a blue fox'"):
        read_prompt_file(path)


def test_one_id_twice_with_the_same_text_is_one_prompt(tmp_path: Path) -> None:
    assert read(tmp_path, "p.json", '{"fox": "a fox", "fox": "a fox"}') == {"fox": "a fox"}


def test_a_damaged_line_loses_only_itself(tmp_path: Path) -> None:
    loaded = load_prompt_file(
        write(tmp_path, "p.jsonl", '{"id": "fox", "prompt": "a fox"}\n{"id": "ca\n"a dog"\n')
    )

    assert [(one.prompt_id, one.text) for one in loaded.prompts] == [
        ("fox", "a fox"),
        ("2", "a dog"),
    ]
    assert loaded.refused[0].prompt_id == "line 2"


def test_a_comma_in_an_unquoted_csv_cell_refuses_the_row_instead_of_cutting_it(
    tmp_path: Path,
) -> None:
    loaded = load_prompt_file(
        write(tmp_path, "p.csv", "id,prompt\nfox,a fox, in snow\ncat,a cat\n")
    )

    assert [one.text for one in loaded.prompts] == ["a cat"]
    assert "3 cells for 2 columns" in loaded.refused[0].why


UNUSABLE: dict[str, tuple[str | bytes, str]] = {
    "empty.json": ("", "not JSON"),
    "nothing.json": ("{}", "holds no prompt"),
    "number.json": ("7", "neither an object nor a list"),
    "values.json": ('{"a": 1, "b": null}', "it is a number"),
    "deep.json": ("[" * 20_000 + "]" * 20_000, "nested too deeply"),
    "noprompt.csv": ("id,text\n1,a fox\n", "id, text"),
    "quote.csv": ('id,prompt\n1,"a fox\n', "unexpected end of data"),
    "empty.txt": ("\n \n", "holds no prompt"),
    "latin.txt": (b"caf\xe9 au lait", "UTF-8"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", "UTF-8"),
    "blank-id.json": ('{" ": "a fox"}', "its id is empty"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_says_why_and_what_is_accepted(tmp_path: Path, name: str) -> None:
    content, why = UNUSABLE[name]

    with pytest.raises(PromptFileError, match=why) as caught:
        read(tmp_path, name, content)
    assert "Accepted:" in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(PromptFileError):
            read_prompt_file(path)


SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".toml", ".yaml", ".x")


@settings(deadline=None)  # files are written: a busy disk is no bug
@given(st.binary(max_size=300), st.sampled_from(SUFFIXES))
def test_any_bytes_are_prompts_or_an_explained_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"p{suffix}"
    path.write_bytes(content)
    try:
        prompts = read_prompt_file(path)
    except PromptFileError:
        return
    assert prompts
    for prompt in prompts:
        prompt.text.encode()
        prompt.prompt_id.encode()


BOOK = prompts_to_book(
    [Prompt("fox", "user's fox", "--prompts")],
    [Prompt("fox", "library's fox", "lib"), Prompt("7", "seven", "lib")],
    [Prompt("7", "other seven", "config"), Prompt("dog", "a dog", "config")],
    refused=[RefusedPrompt(key, "two texts", True) for key in ("dog", "fox")],
)


def test_the_user_s_text_wins_then_the_first_source() -> None:
    assert [BOOK.find(key) for key in ("fox", "7", "owl")] == [
        Prompt("fox", "user's fox", "--prompts"),
        Prompt("7", "seven", "lib"),
        None,
    ]


def test_an_ambiguous_id_is_not_filled_from_a_lesser_source_but_by_the_user() -> None:
    assert BOOK.find("dog") is None
    assert BOOK.refused == {"dog": RefusedPrompt("dog", "two texts", True)}


@pytest.mark.parametrize(("stem", "text"), [("fox", "user's fox"), ("007", "seven")])
def test_a_picture_named_by_hand_finds_its_prompt_by_id_or_number(stem: str, text: str) -> None:
    found = BOOK.find_for_stem(stem)

    assert found is not None
    assert (found.prompt_id, found.text) == (stem, text)


def test_a_picture_named_by_its_text_finds_it_if_it_is_the_only_one() -> None:
    book = prompts_to_book([Prompt(str(k), text, "p") for k, text in enumerate("aab")], refused=[])

    assert book.find_for_stem("b") == Prompt("b", "b", "p")
    assert book.find_for_stem("a") is None


def test_ids_that_differ_in_case_or_punctuation_are_hints_not_matches() -> None:
    book = prompts_to_book([Prompt("Red_Fox", "a", "p"), Prompt("red fox", "b", "p")], refused=[])

    assert book.find("red_fox") is None
    assert book.near("red_fox") == ("Red_Fox", "red fox")
