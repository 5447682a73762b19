"""Verdicts in the database: kept once, with what they rest on, marked when they are old."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from clipstore import __version__
from clipstore.analysis import tostore
from clipstore.analysis.fromstore import verdicts_in_store
from clipstore.analysis.rules import Rules
from clipstore.analysis.tostore import judge_and_keep
from clipstore.cli import cli
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.sqlfiles import ready_queries
from clipstore.storage.store import check_store, merge_parts, open_store, run_query
from tests.store_rows import NOON, model_row, prompt_rows, run_row, score_rows, write_rows
from tests.test_store import held_by_another_process

TEXTS = {f"p{number}": f"prompt {number}" for number in range(12)}
LATER = NOON + timedelta(hours=1)


def scores(run: str, step: int, mean: float, at: datetime = NOON) -> dict[str, list[object]]:
    cosines = {name: mean + 0.01 * number for number, name in enumerate(TEXTS)}
    return score_rows(run, step, cosines, TEXTS, at=at)  # type: ignore[return-value]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Run low stays at .15 to the end of its plan; run short has one validation."""
    path = tmp_path / "x.duckdb"
    write_rows(
        path,
        {"models": [model_row()], "runs": [run_row("low"), run_row("short")]},
        prompt_rows("low", TEXTS),
        prompt_rows("short", TEXTS),
        *[scores("low", step, 0.15 + 1e-4 * (step % 7)) for step in range(100, 1100, 100)],
        scores("short", 100, 0.25),
    )
    merge_parts(path, wait_seconds=1)
    return path


def verdict(store: Path, *more: str) -> tuple[str, str]:
    done = CliRunner().invoke(cli, ["verdict", "--db", str(store), *more])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def current(store: Path, columns: str) -> list[tuple[object, ...]]:
    with open_store(store) as reader:
        return reader.frame(f"SELECT {columns} FROM current_verdicts ORDER BY run").rows()  # noqa: S608


def n_kept(store: Path) -> int:
    with open_store(store) as reader:
        return int(reader.frame("SELECT count(*) FROM verdicts").item())


def test_what_the_command_says_is_in_the_database_with_what_it_rests_on(store: Path) -> None:
    verdict(store)
    said = {each.run: each for each in verdicts_in_store(store)}
    low = said["low"]
    assert low.verdict == "abandon"
    with open_store(store) as reader:
        (kept, short) = reader.frame("FROM current_verdicts ORDER BY run").to_dicts()
    assert (kept["run"], kept["verdict"], kept["reason"]) == ("low", "abandon", low.abandon.reason)
    assert kept["sentence"] == low.reasons[0]
    assert kept["first_flag_step"] == low.abandon.first_flag_step
    assert kept["steps_saved"] == low.abandon.steps_saved == 1000 - kept["first_flag_step"]
    for name in ("level", "level_low", "level_high", "level_any_low", "drift", "drift_high"):
        assert kept[name] == pytest.approx(getattr(low.plateau, name), abs=1e-6), name
    assert (kept["status"], kept["onset_step"]) == (low.plateau.status, low.plateau.onset_step)
    assert (kept["n_prompts"], kept["n_validations"], kept["last_step"]) == (12, 10, 1000)
    assert json.loads(kept["rules"]) == json.loads(json.dumps(asdict(Rules())))
    assert (kept["clipstore_version"], kept["scores_until"]) == (__version__, NOON)
    assert not kept["is_stale"]
    assert (short["verdict"], short["reason"], short["level"]) == (
        said["short"].verdict,
        None,
        said["short"].plateau.level and pytest.approx(said["short"].plateau.level, abs=1e-6),
    )


def test_asking_again_writes_nothing(store: Path) -> None:
    verdict(store)
    before = store.read_bytes()
    verdict(store)
    verdict(store, "low")
    assert store.read_bytes() == before
    assert (n_kept(store), list_parts(spool_folder(store))) == (2, ())


def test_newer_scores_make_a_verdict_stale_until_the_next_one(store: Path) -> None:
    verdict(store)
    write_rows(store, scores("low", 1100, 0.15, LATER))
    merge_parts(store, wait_seconds=1)
    assert current(store, "run, is_stale") == [("low", True), ("short", False)]
    verdict(store)
    assert current(store, "run, is_stale, last_step") == [
        ("low", False, 1100),
        ("short", False, 100),
    ]
    assert n_kept(store) == 3
    assert check_store(store) == ()


def test_verdicts_by_other_constants_stand_beside_the_usual_ones(
    store: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[verdict]\nalpha = 0.001\n[compare]\nalpha = 0.01\n")
    verdict(store)
    verdict(store, "--rules", str(rules))
    verdict(store)
    judge_and_keep(store, datetime.now(UTC))
    changed = '{"verdict.alpha": 0.001}'
    assert n_kept(store) == 4
    assert set(current(store, "run, changed_rules")) == {
        (run, told) for run in ("low", "short") for told in (None, changed)
    }
    for kept, told in current(store, "rules, changed_rules"):
        assert json.loads(str(kept))["alpha"] == (0.001 if told else 0.01)
    (question,) = (query for query in ready_queries() if query.name == "verdicts")
    shown = run_query(store, question.sql).select("run", "changed_rules")
    assert shown.rows() == [("low", None), ("short", None), ("low", changed), ("short", changed)]
    assert check_store(store) == ()


def test_another_plan_makes_a_verdict_stale(store: Path) -> None:
    verdict(store)
    later = {**run_row("low"), "planned_steps": 5000, "seen_at": LATER}
    write_rows(store, {"runs": [later]})
    merge_parts(store, wait_seconds=1)
    assert current(store, "run, is_stale") == [("low", True), ("short", False)]
    verdict(store)
    assert current(store, "run, is_stale, planned_steps")[0] == ("low", False, 5000)


def test_a_plan_given_by_hand_is_not_stale(store: Path) -> None:
    write_rows(store, {"runs": [{**run_row("short"), "planned_steps": None, "seen_at": LATER}]})
    merge_parts(store, wait_seconds=1)
    verdict(store, "--planned-steps", "700")
    assert current(store, "run, is_stale, planned_steps")[1] == ("short", False, 700)


def test_verdicts_of_two_runs_of_one_name_are_said_not_to_be_kept(store: Path) -> None:
    twin = {**run_row("low"), "run_id": 77, "root": "/elsewhere/low"}
    again = scores("low", 100, 0.2)
    for row in again["scores"]:
        row["run_id"] = 77  # type: ignore[index]
    write_rows(store, {"runs": [twin]}, again)
    merge_parts(store, wait_seconds=1)
    _, told = verdict(store)
    assert "verdicts of low are not kept in the database: several runs have that name" in told
    assert [run for (run,) in current(store, "run")] == ["short"]
    assert "of low are not kept" in (judge_and_keep(store, LATER) or "")


def test_a_held_database_stops_no_verdict_and_gets_it_once_later(store: Path) -> None:
    with held_by_another_process(store, read_only=True):
        assert "low: abandon" in verdict(store)[0]
        verdict(store)  # the same again, while the first still waits
        assert len(list_parts(spool_folder(store))) == 1
        assert n_kept(store) == 0
    verdict(store)
    assert (n_kept(store), list_parts(spool_folder(store))) == (2, ())


def test_a_folder_that_cannot_be_written_to_costs_a_message(store: Path) -> None:
    spool = spool_folder(store)
    for part in spool.iterdir():
        raise AssertionError(f"the spool should be empty, not {part}")
    spool.rmdir()
    spool.write_text("in the way")
    told, message = verdict(store)
    assert "low: abandon" in told
    assert "not kept in the database" in message


def test_an_import_is_judged_at_its_end(tmp_path: Path) -> None:
    file, store = tmp_path / "scores.csv", tmp_path / "x.duckdb"
    rows = [
        f"run-a,{step},p{prompt},{0.2 + 0.01 * prompt + 0.0001 * (step % 7):.6f}"
        for step in (100, 200, 300)
        for prompt in range(12)
    ]
    file.write_text("run,step,prompt_id,score\n" + "\n".join(rows) + "\n")
    arguments = ["import", str(file), "--model", "some-clip", "--db", str(store)]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert current(store, "run, last_step, is_stale") == [("run-a", 300, False)]


def test_a_store_that_takes_long_to_judge_is_left_to_the_command(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tostore, "SCORES_UNASKED", 131)
    told = judge_and_keep(store, LATER)
    assert told is not None
    assert "judging 132 scores" in told
    assert n_kept(store) == 0
    monkeypatch.setattr(tostore, "SCORES_UNASKED", 132)
    assert judge_and_keep(store, LATER) is None
    assert n_kept(store) == 2


@pytest.mark.parametrize("merge_each", [True, False])
def test_the_history_has_every_change_and_no_repeat(store: Path, merge_each: bool) -> None:
    verdict(store)
    with open_store(store) as reader:
        low = reader.frame("SELECT * FROM verdicts WHERE verdict = 'abandon'").to_dicts()[0]
    start = low["judged_at"]
    for hour, word in ((1, "abandon"), (2, "keep going"), (3, "keep going"), (4, "abandon")):
        row = low | {"judged_at": start + timedelta(hours=hour), "verdict": word}
        write_rows(store, {"verdicts": [row]})
        if merge_each:
            merge_parts(store, wait_seconds=1)
    late = low | {"judged_at": start - timedelta(hours=9), "verdict": "cannot tell yet"}
    write_rows(store, {"verdicts": [late]})
    merge_parts(store, wait_seconds=1)
    with open_store(store) as reader:
        history = reader.frame(
            "SELECT verdict, judged_at FROM verdicts WHERE run_id = $run ORDER BY judged_at",
            {"run": low["run_id"]},
        )
    assert history.rows() == [
        ("abandon", start),
        ("keep going", start + timedelta(hours=2)),
        ("abandon", start + timedelta(hours=4)),
    ]
    assert check_store(store) == ()


def test_the_ready_question_lists_what_to_stop(store: Path) -> None:
    verdict(store)
    (question,) = (query for query in ready_queries() if query.name == "verdicts")
    found = run_query(store, question.sql, {"verdict": "abandon"})
    assert found.select("run", "reason", "is_stale").rows() == [("low", "STUCK_BELOW_BAND", False)]
    assert run_query(store, question.sql)["run"].to_list() == ["low", "short"]
