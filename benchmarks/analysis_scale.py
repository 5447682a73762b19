"""How long the analysis takes on a very large store, beside what DuckDB itself takes to read it.

    python -m benchmarks.analysis_scale make STORE [--runs 10000]
    python -m benchmarks.analysis_scale measure STORE [STORE ...] [--processes 2]

The first makes a store of RUNS x 50 validations x 200 prompts; 10,000 runs are 100 million scores.
The second measures, each in a process of its own: all verdicts, and DuckDB's own mean by run, step
and prompt over the same file with 2 threads and 2 GB. It prints wall and processor seconds, the
peak memory of the process and of its largest child, and the ratio. Give stores of several sizes to
see that it is linear.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.storage.schema import create_store
from clipstore.storage.store import open_current
from clipstore.types import content_id

STEPS, PROMPTS = 50, 200
RUNS_PER_INSERT = 500
MODEL = "openai/clip-vit-large-patch14-336"

# Curves of six kinds, among them stuck, collapsing and late ones; prompts differ and pictures are
# noisy as in tests/curves.py. The sum of three uniform numbers stands for a normal one.
ROWS = """
WITH cells AS (
    SELECT r.i AS run, s.i AS step, p.i AS prompt,
        hash(r.i, 1) % 6 AS kind, (s.i + 1) / {steps} AS u,
        (hash(r.i, 2) % 1000) / 1000 AS v,
        (hash(p.i, 3) % 1000 + hash(p.i, 4) % 1000 + hash(p.i, 5) % 1000) / 1500 - 1 AS a,
        (hash(r.i, s.i, p.i, 6) % 4096 + hash(r.i, s.i, p.i, 7) % 4096
            + hash(r.i, s.i, p.i, 8) % 4096) / 6144 - 1 AS e,
        (hash(r.i, s.i, 9) % 1000) / 500 - 1 AS shake
    FROM range({first}, {last}) AS r(i), range({steps}) AS s(i), range({prompts}) AS p(i)
)
SELECT $model_id, ids.run_id, 100 * (step + 1), 'prompt_' || lpad(prompt::VARCHAR, 4, '0'),
    0, 'checkpoint', prompt, hash(run, step, prompt)::UBIGINT::HUGEINT // 2,
    (CASE kind
        WHEN 0 THEN 0.25 + 0.06 * least(1, u / (0.2 + 0.3 * v))
        WHEN 1 THEN 0.31 + 0.03 * v
        WHEN 2 THEN 0.235 + 0.03 * v
        WHEN 3 THEN 0.33 - CASE WHEN u > 0.4 + 0.2 * v THEN 0.09 ELSE 0 END
        WHEN 4 THEN 0.23 + 0.06 * u
        ELSE 0.24 + 0.08 * greatest(0, least(1, (u - 0.45) / 0.2)) END
        + 0.06 * a + 0.03 * e + 0.004 * shake)::FLOAT,
    1, TIMESTAMPTZ '2026-01-01 00:00:00+00'
FROM cells JOIN ids ON ids.i = cells.run
ORDER BY run, step, prompt
"""


def make_store(store: Path, n_runs: int) -> None:
    """A store of clipstore's own schema with these scores, run after run, as ingests write them."""
    create_store(store)
    model_id = content_id(MODEL)
    with duckdb.connect(os.fspath(store)) as connection:
        connection.execute("SET memory_limit = '2GB'")
        connection.execute(
            "INSERT INTO models BY NAME SELECT $id AS model_id, $name AS name, '' AS revision, "
            "'' AS weights_sha256, '' AS preprocessing, '' AS dtype, 768 AS dimension, "
            "100.0 AS logit_scale, '' AS software, now() AS seen_at, '' AS backend, "
            "'' AS tokenizer_sha256, "
            "0.22 AS poor_below_cosine, 0.30 AS band_low_cosine, 0.39 AS band_high_cosine",
            {"id": model_id, "name": MODEL},
        )
        connection.execute("CREATE TEMP TABLE ids (i BIGINT, run_id BIGINT)")
        connection.executemany(
            "INSERT INTO ids VALUES (?, ?)",
            [(i, content_id(f"/runs/run-{i}", "")) for i in range(n_runs)],
        )
        connection.execute(
            "INSERT INTO runs BY NAME SELECT run_id, 'run-' || i AS name, '/runs/run-' || i AS "
            "root, 'folder' AS layout, '' AS layout_reason, '' AS variant, $planned AS "
            "planned_steps, '{}' AS config, now() AS seen_at FROM ids",
            {"planned": 100 * STEPS},
        )
        connection.execute(
            "INSERT INTO prompts BY NAME SELECT i AS text_id, 'prompt number ' || i AS text, "
            "false AS is_blank FROM range($n) AS p(i)",
            {"n": PROMPTS},
        )
        for first in range(0, n_runs, RUNS_PER_INSERT):
            last = min(first + RUNS_PER_INSERT, n_runs)
            rows = ROWS.format(first=first, last=last, steps=STEPS, prompts=PROMPTS)
            connection.execute(f"INSERT INTO scores {rows}", {"model_id": model_id})
            sys.stderr.write(f"\r{last:,} runs")
        connection.execute("CHECKPOINT")
    sys.stderr.write(f"\n{store.stat().st_size / 1e6:,.0f} MB\n")


@dataclass(frozen=True)
class Cost:
    """What one process and its children took."""

    wall_s: float
    processor_s: float
    own_mb: float
    """Peak memory of the process itself."""
    child_mb: float
    """Peak memory of its largest child."""


def cost_of(work: Callable[[], object]) -> Cost:
    """Run `work` in this process and look at what it took."""
    start = time.perf_counter()
    work()
    wall_s = time.perf_counter() - start
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    processor_s = sum(each.ru_utime + each.ru_stime for each in (own, children))
    return Cost(wall_s, processor_s, own.ru_maxrss / 1000, children.ru_maxrss / 1000)


def analyse(store: Path, n_processes: int) -> None:
    """All verdicts."""
    with open_current(store) as reader:
        verdicts = verdicts_from_reader(reader, n_processes=n_processes)
    counts = Counter(verdict.verdict for verdict in verdicts)
    sys.stderr.write(f"{len(verdicts):,} verdicts: {dict(counts)}\n")


def group_by(store: Path, _: int) -> None:
    """What any analysis of prompt means has to do at least, by DuckDB alone."""
    with duckdb.connect(os.fspath(store), read_only=True) as connection:
        connection.execute("SET threads = 2; SET memory_limit = '2GB'")
        connection.execute(
            "SELECT count(*), sum(mean) FROM (SELECT avg(cosine) AS mean FROM scores "
            "GROUP BY run_id, step, prompt_id)"
        ).fetchall()


WORKS: dict[str, Callable[[Path, int], None]] = {"analyse": analyse, "group_by": group_by}


def measure(store: Path, n_processes: int) -> str:
    """One line of the table."""
    costs = {}
    for name in WORKS:
        command = [sys.executable, "-m", "benchmarks.analysis_scale", "one", os.fspath(store)]
        command += ["--work", name, "--processes", str(n_processes)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        costs[name] = Cost(**json.loads(done.stdout))
    with duckdb.connect(os.fspath(store), read_only=True) as connection:
        ((n_scores,),) = connection.execute("SELECT count(*) FROM scores").fetchall()
    ours, theirs = costs["analyse"], costs["group_by"]
    return (
        f"{n_scores:>12,} {ours.wall_s:>9.1f} {ours.processor_s:>9.1f} {_memory(ours):>9} "
        f"{theirs.wall_s:>9.1f} {theirs.processor_s:>9.1f} {_memory(theirs):>9} "
        f"{ours.wall_s / theirs.wall_s:>6.2f} {ours.processor_s / theirs.processor_s:>6.2f} "
        f"{1e6 * ours.processor_s / n_scores:>6.2f}"
    )


def _memory(cost: Cost) -> str:
    """Peak megabytes of the process + of its largest child."""
    return f"{cost.own_mb:.0f}" + (f"+{cost.child_mb:.0f}" if cost.child_mb else "")


HEADINGS = (
    f"{'':>12} {'verdicts':>9} {'':>9} {'':>9} {'GROUP BY':>9} {'':>9} {'':>9} {'ratio':>6} "
    f"{'':>6} {'our':>6}\n{'scores':>12} {'wall s':>9} {'cpu s':>9} {'MB':>9} {'wall s':>9} "
    f"{'cpu s':>9} {'MB':>9} {'wall':>6} {'cpu':>6} {'us each':>7}"
)


def main() -> None:
    """Parse, make or measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("task", choices=["make", "measure", "one"])
    parser.add_argument("stores", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", choices=list(WORKS), default="analyse")
    asked = parser.parse_args()
    if asked.task == "make":
        make_store(asked.stores[0], asked.runs)
    elif asked.task == "one":
        cost = cost_of(lambda: WORKS[asked.work](asked.stores[0], asked.processes))
        sys.stdout.write(json.dumps(asdict(cost)))
    else:
        sys.stdout.write(HEADINGS + "\n")
        for store in asked.stores:
            sys.stdout.write(measure(store, asked.processes) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
