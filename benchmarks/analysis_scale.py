"""How long the analysis takes on a very large store, beside what DuckDB itself takes to read it.

    python -m benchmarks.analysis_scale --make FOLDER [--runs 10000]
    python -m benchmarks.analysis_scale FOLDER [--workers 2]

The first makes a store of RUNS x 50 validations x 200 prompts under FOLDER (10,000 runs: 100 million
scores). The second measures, each in a process of its own: all verdicts; and DuckDB's
`avg(cosine) GROUP BY run, step, prompt` over the same file, in pieces that fit into memory. It
prints seconds, peak memory of the process and its children, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from clipstore.storage.schema import create_store
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
            connection.execute(f"INSERT INTO scores {rows}", {"model_id": model_id})  # noqa: S608
            print(f"\r{last:,} runs", end="", file=sys.stderr)  # noqa: T201
        connection.execute("CHECKPOINT")
    print(f"\n{store.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    make_store(Path(sys.argv[1]), int(sys.argv[2]))
