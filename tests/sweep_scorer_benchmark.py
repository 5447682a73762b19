"""A whole heat of the scorer's benchmark: a minute of CPU in five processes.

Not part of the ordinary run; `make sweep` runs it.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.scorer_parts.contestants import CONTESTANTS, OURS
from benchmarks.scorer_parts.heats import run_heat
from benchmarks.scorer_parts.models import make_checkpoint
from benchmarks.scorer_parts.picturesets import make_picture_set
from benchmarks.scorer_parts.process import Finished
from benchmarks.scorer_parts.runs import Workplace
from tests.test_scorer_benchmark import COMPOSITE, SMALL


def test_a_heat_runs_clipstore_and_the_reference_and_finds_them_alike(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(SMALL, tmp_path)
    composites = make_picture_set(COMPOSITE, 5, tmp_path)
    everyone = frozenset(each.name for each in CONTESTANTS)
    place = Workplace(tmp_path, "cpu", rounds=1, peers=everyone)
    heat = run_heat(checkpoint, composites, place, with_ceilings=False)
    rows = {row.name: row for row in heat.rows if row.precision != "bfloat16"}
    assert set(rows) == {OURS, "transformers, plain batches"}
    assert rows[OURS].pictures == 5
    assert rows[OURS].largest_error is not None
    assert rows[OURS].largest_error < 1e-5
    assert {absent.name for absent in heat.absent} == everyone - set(rows)
    assert all("not installed" in absent.why for absent in heat.absent)
    assert isinstance(heat.command, Finished)
