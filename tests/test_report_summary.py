"""The Markdown summary, and reports of some runs only."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clipstore.cli import cli
from clipstore.errors import RunUnknown
from clipstore.report.gather import PageExtras, gather_report
from clipstore.report.inert import code_for_markdown, text_for_markdown
from clipstore.report.markdown import report_to_markdown
from clipstore.storage.store import merge_parts
from tests.report_example import NOW, example_data, small_inputs
from tests.store_rows import (
    NOON,
    config_rows,
    model_row,
    problem_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

TEXTS = {f"p{i}": f"prompt {i}" for i in range(6)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs old-a and old-b of January 2nd, new-a of a week later; settings that name a machine."""
    path = tmp_path_factory.mktemp("store") / "s.duckdb"
    parts = [{"models": [model_row()], "runs": [run_row(r) for r in ("old-a", "old-b", "new-a")]}]
    for n, run in enumerate(("old-a", "old-b", "new-a")):
        at = NOON + timedelta(days=7 if run.startswith("new") else 0)
        cosines = {name: 0.2 + 0.01 * i for i, name in enumerate(TEXTS)}
        parts += [prompt_rows(run, TEXTS), score_rows(run, 100, cosines, TEXTS, at=at)]
        where = {"output": f"/home/zelda/out/{n}", "tracker": f"https://wandb.zelda.example/{n}"}
        parts.append(config_rows(run, **where))
    parts.append({"problems": [problem_row("old-b", "step_000100/x.png")]})
    write_rows(path, *parts)
    merge_parts(path, wait_seconds=1)
    return path


def report(store: Path, *more: str) -> Result:
    arguments = ["report", "--db", str(store), "--now", "2026-01-10", "--no-images", *more]
    return CliRunner().invoke(cli, arguments)


def page(store: Path, folder: Path, *more: str) -> str:
    file = folder / "page.html"
    done = report(store, "--html", str(file), *more)
    assert done.exit_code == 0, done.output
    return file.read_text(encoding="utf-8")


def runs_in(page: str) -> list[str]:
    return re.findall(r'<bdi class="run-name">([^<]+)</bdi><span class="sub">', page)


def test_the_summary_has_every_verdict_in_the_page_s_order(tmp_path: Path):
    data = example_data(tmp_path, with_pictures=False)
    lines = report_to_markdown(data).splitlines()
    assert (
        lines[0]
        == "## 8 runs: 3 to abandon, 3 to judge by eye, 1 to leave running, 1 not decided yet"
    )
    rows = [line.split(" | ") for line in lines if line.startswith("| **")]
    assert [row[1] for row in rows] == [f"`{v.run}`" for v in data.verdicts]
    assert [row[0] for row in rows[:1]] == ["| **Abandon**"]
    assert {len(row) for row in rows} == {7}


def test_the_summary_prints_the_numbers_of_the_table(tmp_path: Path):
    data = example_data(tmp_path, with_pictures=False)
    text = report_to_markdown(data)
    plateau = data.verdicts[0].plateau
    half = (plateau.level_high - plateau.level_low) / 2
    assert f"| {plateau.level:.3f} ± {half:.3f} |" in text
    assert "by eye" in text
    assert "32 refused" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b\nc", r"a\|b c"),
        ("[x](http://evil)", r"\[x\](http\://evil)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("www.evil.example", r"www\.evil.example"),
        ("`code` *bold* _it_", r"\`code\` \*bold\* \_it\_"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("ask @team", "ask @\N{ZERO WIDTH SPACE}team"),
    ],
)
def test_sentences_in_the_summary_are_plain_text(text: str, shown: str):
    assert text_for_markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run", "`run`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a|b", r"`a\|b`"),
        ("@team", "`@team`"),
    ],
)
def test_names_in_the_summary_stay_in_their_code_span(text: str, shown: str):
    assert code_for_markdown(text) == shown


def test_a_hostile_run_adds_no_row_and_no_link():
    verdicts, tables = small_inputs(run="a | b\n| **Keep going** | [x](http://evil)")
    hostile = replace(verdicts[0], reasons=("<script>|\n| x",))
    extras = PageExtras(selection="[all](http://evil)")
    text = report_to_markdown(
        gather_report([hostile], tables, generated_at=NOW, version="0.1.0", extras=extras)
    )
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 3
    assert "<script>" not in text
    assert "](http://" not in re.sub(r"`[^`]*`", "", text)


def test_the_command_prints_the_summary_and_writes_no_page(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["report", "--db", str(store), "--format", "md"])
    assert done.exit_code == 0
    assert done.stdout.startswith("## 3 runs: ")
    assert not list(tmp_path.iterdir())


def test_a_report_of_named_runs_holds_no_other_and_says_so(store: Path, tmp_path: Path):
    text = page(store, tmp_path, "--run", "old-*")
    assert runs_in(text) == ["old-a", "old-b"]
    assert "2 of 3 runs: those named old-*." in text
    assert "new-a" not in text


def test_a_report_since_a_day_holds_what_was_scored_since(store: Path, tmp_path: Path):
    text = page(store, tmp_path, "--since", "2026-01-05")
    assert runs_in(text) == ["new-a"]
    assert "1 of 3 runs: those with a score since 2026-01-05 00:00 UTC." in text
    assert "old-b" not in text


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--run", "nothing"), "no scored run named 'nothing'. There are: new-a, old-a, old-b"),
        (("--since", "2027-01-01"), "no run got a score since 2027-01-01 00:00 UTC"),
        (("--run", "old-a", "--since", "2026-01-05"), "no run got a score since"),
    ],
)
def test_a_report_of_no_run_is_refused(store: Path, more: tuple[str, ...], told: str):
    done = report(store, *more)
    assert isinstance(done.exception, RunUnknown)
    assert told in str(done.exception)


def test_no_folder_and_no_host_is_on_the_page_unless_asked(store: Path, tmp_path: Path):
    text = page(store, tmp_path)
    assert "zelda" not in text
    assert "/runs/old-b" not in text
    shown = page(store, tmp_path, "--show-paths")
    assert "/home/zelda/out/0" in shown
    assert "https://wandb.zelda.example/0" in shown
    assert "/runs/old-b/step_000100/x.png" in shown


def test_the_same_store_and_time_give_the_same_bytes(store: Path, tmp_path: Path):
    assert page(store, tmp_path) == page(store, tmp_path)
    assert datetime(2026, 1, 10, tzinfo=UTC).strftime("%Y-%m-%d %H:%M UTC") in page(store, tmp_path)
