"""`clipstore prompts` as a user meets it, and the rule for prompts that ask for words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clipstore.storage.sqlfiles import ready_queries
from clipstore.storage.store import merge_parts, open_store, run_query
from tests.store_rows import MODEL, model_row, prompt_rows, run_row, score_rows, write_rows

WORDS = {
    'a cat holding a sign that says "hello"': True,
    "a neon sign saying open": True,
    "a poster reading no entry": True,
    "the word LOVE in balloons": True,
    "the words of a prayer": True,  # the rule looks at the wording only
    "‘Fresh Bread’ above a door": True,
    "a shop called 'The Golden Lion'": True,
    "“bonjour” en néon": True,
    "graffiti that spells peace": True,
    "his name written on the wall": True,
    "a cat": False,
    "the dogs' bowl beside the cats' bed": False,
    "rock 'n' roll band on stage": False,
    "a woman reading a newspaper": False,
    "a man that reads": False,
    "a stop sign in the snow": False,
    'a 6" figure': False,
    "": False,
}
LONG = "a very long prompt, " * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 24 prompts: 8 animals that fell by .1, 16 things that stayed; one text is long and
    one asks for words."""
    folder = tmp_path_factory.mktemp("prompts")
    texts = {f"p{number:02}": f"a picture of {number} things" for number in range(24)}
    texts["p00"], texts["p01"] = LONG, 'a fox with a sign "fox"'
    rng = np.random.default_rng(6)
    prompt = rng.normal(0.26, 0.02, 24)
    effect = np.where(np.arange(24) < 8, -0.1, 0.0)
    described = prompt_rows("a", texts)
    for number, row in enumerate(described["run_prompts"]):
        row["tags"] = json.dumps({"kind": "animal" if number < 8 else "thing"})
    groups = [{"models": [model_row(MODEL)], "runs": [run_row("a")]}, described]
    base = prompt + rng.normal(0, 0.008, 24)
    cells = dict(zip(texts, base.tolist(), strict=True))
    groups.append(score_rows("a", 0, cells, texts, panel="base"))
    for step in range(100, 1300, 100):
        values = prompt + effect * min(step / 400, 1) + rng.normal(0, 0.008, 24)
        groups.append(score_rows("a", step, dict(zip(texts, values.tolist(), strict=True)), texts))
    write_rows(folder / "clipstore.duckdb", *groups)
    merge_parts(folder / "clipstore.duckdb", wait_seconds=1)
    return folder


def prompts(folder: Path, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clipstore", "prompts", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_rows_are_the_whole_list_with_flags_and_the_most_fallen_first(folder: Path) -> None:
    rows = [
        json.loads(row) for row in prompts(folder, "a", "--format", "jsonl").stdout.splitlines()
    ]
    assert len(rows) == 24
    assert {row["prompt_id"] for row in rows[:8]} == {f"p{number:02}" for number in range(8)}
    assert {row["verdict"] for row in rows[:8]} == {"fell"}
    assert {row["prompt_id"]: row["flags"] for row in rows if row["flags"]} == {
        "p00": ["TRUNCATED"],
        "p01": ["ASKS_FOR_WORDS"],
    }
    assert {(row["against"], row["model"], row["schema_version"]) for row in rows} == {
        ("base", "tiny", 1)
    }


def test_the_table_says_where_to_look_and_not_what_is_good(folder: Path) -> None:
    text = prompts(folder, "a", "--rows", "3").stdout
    assert "a (tiny): steps 900 to 1,200 against the base model\n" in text
    assert "8 of 24 prompts fell, 0 rose; of these at most 5% are expected to be chance.\n" in text
    assert text.count(" fell ") == 3
    assert "The largest changes are partly luck" in text
    whole = prompts(folder, "a").stdout
    assert "truncated: CLIP read only the beginning of these texts\n" in whole
    assert "asks for words: CLIP reads words in a picture" in whole


def test_tags_are_judged_together(folder: Path) -> None:
    found = prompts(folder, "a", "--by", "kind", "--format", "jsonl").stdout.splitlines()
    rows = [json.loads(row) for row in found]
    assert [(row["value"], row["n_prompts"], row["n_flagged"], row["verdict"]) for row in rows] == [
        ("animal", 8, 2, "fell"),
        ("thing", 16, 0, "cannot tell"),
    ]
    assert "animal" in prompts(folder, "a", "--by", "kind").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("b",), "no run named 'b'. There are: a."),
        (("a", "--by", "colour"), "no prompt of a has a tag 'colour'. Their tags: kind."),
        (("a", "--model", "big"), "no scores of a model 'big'. There are: tiny."),
    ],
)
def test_wrong_usage_says_what_there_is(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in " ".join(prompts(folder, *arguments, expect=2).stderr.split())


def test_prompts_that_ask_for_words_are_known_by_their_wording(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    texts = {f"p{number}": text for number, text in enumerate(WORDS)}
    write_rows(store, {"runs": [run_row("a")]}, prompt_rows("a", texts))
    merge_parts(store, wait_seconds=1)
    with open_store(store) as reader:
        found = dict(reader.frame("SELECT text, asks_for_words FROM prompt_texts").iter_rows())
    assert found == WORDS


def test_ready_questions_and_views_flag_them_beside_their_number(folder: Path) -> None:
    worst = next(query for query in ready_queries() if query.name == "worst_prompts")
    rows = run_query(folder / "clipstore.duckdb", worst.sql, {"rows": 24}).to_dicts()
    flagged = {
        row["prompt_id"]: (row["is_truncated"], row["asks_for_words"])
        for row in rows
        if row["is_truncated"] or row["asks_for_words"]
    }
    assert flagged == {"p00": (True, False), "p01": (False, True)}
    for view in ("current_scores", "prompt_step", "prompt_summary"):
        for flag, prompt in (("is_truncated", "p00"), ("asks_for_words", "p01")):
            sql = f"SELECT DISTINCT prompt_id FROM {view} WHERE {flag}"  # noqa: S608
            assert run_query(folder / "clipstore.duckdb", sql).rows() == [(prompt,)], view
    views_with_a_number_of_a_prompt = run_query(
        folder / "clipstore.duckdb",
        """
        SELECT table_name FROM duckdb_columns()
        WHERE schema_name = 'main' AND table_name IN (SELECT view_name FROM duckdb_views())
        GROUP BY table_name
        HAVING bool_or(column_name = 'prompt_id') AND bool_or(column_name = 'model')
            AND bool_or(column_name IN ('cosine', 'mean', 'last_mean'))
            AND count(*) FILTER (column_name IN ('is_truncated', 'asks_for_words')) < 2
        """,
    )
    assert views_with_a_number_of_a_prompt.rows() == []


def test_other_constants_are_used_and_told(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[compare]\nfalse_discovery_rate = 1e-30\n")
    usual, strict = prompts(folder, "a"), prompts(folder, "a", "--rules", str(rules))
    assert "fell" in usual.stdout and "changed rules" not in usual.stdout
    assert "compare.false_discovery_rate = 1e-30 (usually 0.05)" in strict.stdout
    rows = prompts(folder, "a", "--rules", str(rules), "--format", "jsonl").stdout.splitlines()
    assert {json.loads(row)["verdict"] for row in rows} == {"cannot tell"}
    assert json.loads(rows[0])["changed_rules"][0]["name"] == "compare.false_discovery_rate"
