"""Writes what the README shows of the demo: its output, and the table of true stories.

Everything between the markers in README.md comes from here, from a demo that was laid out and
scored, so that a change of wording or of a rule needs one command:

    clipstore demo clipstore-demo
    python -m benchmarks.demo.readme_section --demo clipstore-demo --readme README.md [--show RUN]
"""

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from benchmarks.demo.loss_curves import read_losses
from benchmarks.demo.settings import RUNS, Setting
from clipstore.analysis.fromstore import verdicts_in_store
from clipstore.findings import Verdict

WIDTH = 100
REASONS = {
    "COLLAPSED": "collapsed",
    "STUCK_POOR": "stuck where it is poor",
    "STUCK_BELOW_BAND": "stuck below the band",
}


def verdict_in_words(verdict: Verdict) -> str:
    """The label with what made it, in a few words."""
    abandon = verdict.abandon
    if abandon.reason is not None:
        back = "" if abandon.peak_step is None else f", best at step {abandon.peak_step}"
        return f"abandon: {REASONS[abandon.reason]}, said from step {abandon.first_flag_step}{back}"
    if verdict.verdict == "in band: judge by eye":
        return verdict.verdict
    location = verdict.plateau.location.lower().replace("_", " ")
    return f"{verdict.verdict}: {location}, {verdict.plateau.status.replace('_', ' ')}"


def judge_verdict(setting: Setting, verdict: Verdict) -> str:
    """Whether the verdict fits what was set."""
    if verdict.verdict == "cannot tell yet":
        return "open"
    if setting.learns:
        return "**too harsh**" if verdict.verdict == "abandon" else "right"
    return "right" if verdict.verdict == "abandon" else "**missed**"


def true_stories(demo: Path) -> str:
    """The table of runs: what was set, what clipstore says, what the loss alone says."""
    verdicts = {v.run: v for v in verdicts_in_store(demo / "clipstore.duckdb")}
    lines = [
        "| run | what was set | clipstore says | and that is | the loss curve alone |",
        "| --- | --- | --- | --- | --- |",
    ]
    for setting in RUNS:
        verdict = verdicts[setting.name]
        lines.append(
            f"| `{setting.name}` | {setting.story} | {verdict_in_words(verdict)} "
            f"| {judge_verdict(setting, verdict)} "
            f"| {read_losses(demo / 'runs' / setting.name).in_words()} |"
        )
    return "\n".join(lines)


def demo_output(demo: Path, show: str) -> str:
    """The table that `clipstore verdict` prints, and its sentences on one run."""
    said = subprocess.run(
        [sys.executable, "-m", "clipstore", "verdict", "--db", demo / "clipstore.duckdb"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    table, *runs = said.split("\n\n")
    (sentences,) = [run for run in runs if run.startswith(f"{show}: ")]
    wrapped = [
        textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for line in sentences.splitlines()
    ]
    head = [line.rstrip() for line in table.strip("\n").splitlines()]
    return "\n".join(["```", *head, "", *wrapped, "…", "```"])


def fill_marked(text: str, name: str, content: str) -> str:
    """`text` with what stands between the markers of `name` replaced. Raises without markers."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    filled, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{content}\n{end}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise SystemExit(f"the README has {count} sections marked {begin}")
    return filled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True)
    parser.add_argument("--readme", type=Path, required=True)
    parser.add_argument("--show", default="lr-too-low", help="the run whose sentences are shown")
    options = parser.parse_args()
    text = options.readme.read_text(encoding="utf-8")
    text = fill_marked(text, "demo output", demo_output(options.demo, options.show))
    text = fill_marked(text, "demo stories", true_stories(options.demo))
    options.readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
