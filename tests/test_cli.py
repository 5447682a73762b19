"""The command line as a user meets it: real processes, a real (tiny) CLIP, real exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clipstore.cli import cli
from tests.run_trees import made_old, write_folder_run, write_simpletuner_run
from tests.tiny_clip import build_tiny_clip

PROMPTS = {"red": "a red square", "blue": "a blue square"}
STEPS = {step: ["red", "blue"] for step in (100, 200, 300)}

Clipstore = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_clip(tmp_path_factory.mktemp("model") / "tiny-clip")


def runner(folder: Path) -> Clipstore:
    """Runs commands in `folder`, with no terminal and no network permitted by settings."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    environment.pop("CLIPSTORE_DB", None)

    def run(*arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "clipstore", *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def clipstore(tmp_path: Path) -> Clipstore:
    return runner(tmp_path)


@pytest.fixture(scope="module")
def scored_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scored")


@pytest.fixture(scope="module")
def scored(scored_folder: Path, model: Path) -> Clipstore:
    """Runs commands in a folder where `runs/a` is scored. Only to be read."""
    write_folder_run(scored_folder / "runs/a", PROMPTS, STEPS)
    clipstore = runner(scored_folder)
    clipstore("ingest", "runs", "--model", model)
    return clipstore


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_main_job_from_runs_to_a_page(
    tmp_path: Path, clipstore: Clipstore, model: Path
) -> None:
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, STEPS)
    write_folder_run(tmp_path / "runs/b", PROMPTS, STEPS)
    first = clipstore("ingest", "runs", "--model", model)
    assert "= 14 scored + 0 known + 0 pending + 0 refused + 8 skipped" in first.stdout
    again = clipstore("ingest", "runs", "--model", model)
    assert "= 0 scored + 14 known" in again.stdout
    answer = clipstore("sql", "SELECT count(*) AS n FROM scores", "--format", "csv")
    assert answer.stdout == "n\n20\n"
    verdicts = json_lines(clipstore("verdict", "--format", "jsonl").stdout)
    assert {verdict["run"] for verdict in verdicts} == {"a", "b"}
    assert {verdict["verdict"] for verdict in verdicts} == {"cannot tell yet"}
    assert {verdict["plateau"]["status"] for verdict in verdicts} == {"too_short"}
    page = clipstore("report", "--html")
    name = page.stdout.splitlines()[-1]
    assert name == "clipstore-report.html"
    assert "cannot tell yet" in (tmp_path / name).read_text()


def test_scan_needs_no_model_and_no_database(tmp_path: Path, clipstore: Clipstore) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    (run / "validation_images/step_200_red_0_64x64.png").write_bytes(b"")
    made_old(run)
    done = clipstore("scan", "runs", "--format", "jsonl", expect=3)
    rows = json_lines(done.stdout)
    checkpoint = next(row for row in rows if row.get("panel") == "checkpoint")
    assert checkpoint.pop("crop_confidence") > 0.5
    assert checkpoint.pop("crop_method")
    assert checkpoint.pop("notes") == []
    assert checkpoint == {
        "run": "a",
        "layout": "simpletuner",
        "layout_reason": "validation_images/ holds pictures named step_<number>_<prompt>",
        "path": str(tmp_path / "runs/a/validation_images/step_100_blue_0_64x64.png"),
        "step": 100,
        "epoch": None,
        "prompt_id": "blue",
        "prompt": "a blue square",
        "image_index": 0,
        "panel": "checkpoint",
        "box": [69, 0, 133, 64],
    }
    assert [row["problem"] for row in rows if "problem" in row] == ["truncated"]
    names_only = json_lines(
        clipstore("scan", "runs", "--names-only", "--format", "jsonl").stdout
    )  # opens no picture, so that the truncated one is none to it
    assert [row["path"] for row in names_only if row["panel"] == "checkpoint"] == [
        row["path"] for row in rows if row.get("panel", "checkpoint") == "checkpoint"
    ]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "runs"]


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "md"])
@pytest.mark.parametrize(
    "arguments",
    [("runs",), ("verdict",), ("sql", "FROM run_step"), ("query",), ("scan", "runs")],
    ids=lambda arguments: arguments[0],
)
def test_every_command_writes_every_format(
    scored: Clipstore,
    scored_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    form: str,
) -> None:
    monkeypatch.chdir(scored_folder)
    assert cli.main([*arguments, "--format", form], standalone_mode=False) == 0
    written = capsys.readouterr().out
    assert written.strip()
    if form == "json":
        assert json.loads(written)
    if form == "jsonl":
        assert json_lines(written)


def test_a_ready_query_takes_its_parameters(scored: Clipstore) -> None:
    done = scored("query", "worst_prompts", "run=a", "--format", "jsonl")
    assert {row["run"] for row in json_lines(done.stdout)} == {"a"}
    wrong = scored("query", "worst_prompts", "ruin=a", expect=2)
    assert "run=" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("verdict",), 10, "clipstore ingest"),
        (("sql", "SELECT 1"), 10, "clipstore ingest"),
        (("report", "--html"), 10, "clipstore ingest"),
        (("scan", "nowhere"), 2, "nowhere"),
        (("ingest", "empty", "--model", "nowhere"), 1, "found no runs"),
        (("scan", "empty"), 1, "the folder is empty"),
        (("nonsense",), 2, "No such command"),
        (("sql",), 2, "Missing argument"),
    ],
)
def test_a_mistake_gets_one_message_that_says_what_to_do(
    tmp_path: Path, clipstore: Clipstore, arguments: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = clipstore(*arguments, expect=code)
    assert says in done.stderr
    assert done.stdout == ""


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path, clipstore: Clipstore) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, STEPS)
    done = clipstore("ingest", "runs", "--offline", "--model", "someone/something", expect=15)
    assert "--model FOLDER" in done.stderr
    assert not (tmp_path / "clipstore.duckdb").exists()


def test_wrong_sql_is_answered_with_duckdbs_reason(scored: Clipstore) -> None:
    done = scored("sql", "SELECT nothing FROM run_step", expect=1)
    assert "nothing" in done.stderr
    for forbidden in ("DELETE FROM scores", "COPY scores TO 'x.csv'", "SELECT * FROM 'a.csv'"):
        scored("sql", forbidden, expect=1)
    assert scored("sql", "SELECT count(*) n FROM scores", "--format", "csv").stdout == "n\n6\n"


def test_a_script_can_ask_for_an_exit_code_by_verdict(scored: Clipstore) -> None:
    scored("verdict", "--fail-on", "abandon", "--fail-on", "in-band")
    scored("verdict", "--fail-on", "abandon", "--fail-on", "cannot-tell", expect=4)
    scored("verdict", "--fail-on", "poor", expect=2)


def test_changed_rules_are_said_with_the_verdicts_and_in_the_machine_form(
    scored: Clipstore, scored_folder: Path
) -> None:
    rules = scored_folder / "rules.toml"
    rules.write_text("[verdict]\npatience_share = 0.75\n")
    assert "patience_share = 0.75 (usually 0.57)" in scored("verdict", "--rules", rules).stdout
    rows = json_lines(scored("verdict", "--rules", rules, "--format", "jsonl").stdout)
    assert rows[0]["changed_rules"] == [
        {"name": "verdict.patience_share", "value": 0.75, "default": 0.57}
    ]
    (usual, *_) = json_lines(scored("verdict", "--format", "jsonl").stdout)
    assert usual["changed_rules"] == []
    assert "changed rules" not in scored("verdict").stdout
    page = scored_folder / "page.html"
    scored("report", "--html", page, "--rules", rules)
    assert "patience_share = 0.75" in page.read_text()
    rules.write_text("[verdict]\npatience = 0.75\n")
    refused = scored("verdict", "--rules", rules, expect=2)
    assert "patience_share" in refused.stderr


def test_planned_steps_are_taken_from_the_option_where_the_run_does_not_say(
    scored: Clipstore,
) -> None:
    rows = json_lines(scored("verdict", "--planned-steps", "900", "--format", "jsonl").stdout)
    assert {row["planned_steps"] for row in rows} == {900}
    assert all("BUDGET_UNKNOWN" not in row["notes"] for row in rows)
    scored("verdict", "--planned-steps", "0", expect=2)


def test_refused_and_pending_files_make_exit_code_3(
    tmp_path: Path, clipstore: Clipstore, model: Path
) -> None:
    run = write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    (run / "validation_images/step_200_stranger_0_64x64.png").write_bytes(
        (run / "validation_images/step_100_red_0_64x64.png").read_bytes()
    )
    done = clipstore("ingest", "runs", "--model", model, expect=3)
    assert "stranger" in done.stderr
    assert "--prompts" in done.stderr
    assert "+ 1 refused" in done.stdout
    (tmp_path / "mine.json").write_text(json.dumps({"stranger": "a red fox"}))
    done = clipstore("ingest", "runs", "--model", model, "--prompts", "mine.json")
    assert "= 1 scored + 4 known" in done.stdout


def test_two_layouts_that_claim_a_folder_are_both_named(
    tmp_path: Path, clipstore: Clipstore
) -> None:
    write_simpletuner_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    write_folder_run(tmp_path / "runs/a", PROMPTS, STEPS)
    done = clipstore("scan", "runs", expect=2)
    assert "--layout folder" in done.stderr
    assert "--layout simpletuner" in done.stderr
    clipstore("scan", "runs", "--layout", "folder")


def test_interrupting_keeps_what_is_scored_and_the_same_command_goes_on(
    tmp_path: Path, clipstore: Clipstore, model: Path
) -> None:
    for step in range(1, 41):
        folder = tmp_path / f"runs/a/step_{step:06d}"
        folder.mkdir(parents=True)
        for name, text in PROMPTS.items():
            picture = Image.effect_noise((512, 512), 40 + step).convert("RGB")
            picture.save(folder / f"{name}.png")
            (folder / f"{name}.txt").write_text(text)
    made_old(tmp_path / "runs")
    process = subprocess.Popen(
        [sys.executable, "-m", "clipstore", "ingest", "runs", "--model", str(model)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(tmp_path.glob("clipstore.duckdb.spool/*")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stdout + stderr
    assert "the same command goes on" in stderr
    assert "left for next time" in stdout
    again = clipstore("ingest", "runs", "--model", model)
    total = clipstore("sql", "SELECT count(*) AS n FROM scores", "--format", "csv").stdout
    assert total == "n\n80\n", again.stdout


def test_scores_of_two_dtypes_are_kept_as_two_models(
    tmp_path: Path, clipstore: Clipstore, model: Path
) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, {100: ["red", "blue"]})
    clipstore("ingest", "runs", "--model", model)
    short = clipstore("ingest", "runs", "--model", model, "--dtype", "bfloat16")
    assert "image tower in bfloat16: its cosines differ from float32's by" in short.stderr
    assert "2 scored + 0 known" in short.stdout
    again = clipstore("ingest", "runs", "--model", model, "--dtype", "bfloat16")
    assert "0 scored + 2 known" in again.stdout
    sql = "SELECT model, count(*) AS n FROM current_scores GROUP BY model ORDER BY model"
    labels = clipstore("sql", sql, "--format", "csv").stdout
    name = model.name
    assert labels == f"model,n\n{name} (bfloat16),2\n{name} (float32),2\n"


def test_help_names_every_command_with_what_it_does(clipstore: Clipstore) -> None:
    listed = clipstore("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    described = dict(re.findall(r"^  (\w+) +(\S.*)$", listed, re.M))
    assert {"ingest", "scan", "runs", "verdict", "report", "sql", "query", "doctor"} <= set(
        described
    )
    assert all(len(text) > 15 for text in described.values())


def test_help_and_sql_start_without_torch(tmp_path: Path, clipstore: Clipstore) -> None:
    for arguments in ("['--help']", "['sql', 'SELECT 1']", "['report', '--html']"):
        code = (
            f"import sys; sys.argv[1:] = {arguments}\n"
            "from clipstore.cli import main\n"
            "try: main()\n"
            "except SystemExit: pass\n"
            "heavy = {'torch', 'transformers'} & set(sys.modules)\n"
            "print('heavy:', sorted(heavy))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "heavy: []" in done.stdout, done.stderr


def test_nothing_piped_is_coloured_and_no_bar_is_drawn(
    tmp_path: Path, clipstore: Clipstore, model: Path
) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, STEPS)
    ingest = clipstore("ingest", "runs", "--model", model)
    verdict = clipstore("verdict")
    assert "\x1b" not in ingest.stdout + ingest.stderr + verdict.stdout + verdict.stderr
    assert "scoring" not in ingest.stderr


def test_doctor_says_what_works(tmp_path: Path, clipstore: Clipstore, model: Path) -> None:
    write_folder_run(tmp_path / "runs/a", PROMPTS, STEPS)
    ingested = clipstore("ingest", "runs", "--model", model, "--timings", "--format", "json")
    assert "1 reading process:" in ingested.stderr
    assert json.loads(ingested.stdout)[0]["model_s"] > 0
    done = clipstore("doctor", "--model", model, "--quick", "--format", "json")
    found = {row["what"]: row for row in json.loads(done.stdout)}
    assert found["database"]["state"] == "ok"
    assert found["model"]["state"] == "ok"
    assert "kornia-rs" in found["decoder"]["detail"]
    assert "cpu" in found["devices"]["detail"]
    (tmp_path / "clipstore.duckdb").write_bytes(b"not a database at all" * 1000)
    clipstore("doctor", "--model", model, "--quick", expect=1)
