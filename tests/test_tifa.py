"""Real scores of five finished models that people rated: what may be said of them, end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.fromstore import comparisons_in_store
from clipstore.comparisons import Comparison, Group, Scope
from clipstore.pipeline.importing import ImportRequest, import_scores
from clipstore.sources.scorefiles import read_scores
from tests.tifa import MODEL, write_import_file

ALIKE = {"mini_dalle", "vq_diffusion", "stable_diffusion_v1_5"}
"""In the order of people SD 1.5 is ahead of both, minDALL·E of VQ-Diffusion; CLIP's means say
VQ-Diffusion, SD 1.5, minDALL·E."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tifa")
    write_import_file(folder / "tifa.csv")
    scores = read_scores(folder / "tifa.csv", 1)
    report = import_scores(folder / "s.duckdb", ImportRequest(scores, (), MODEL, 1))
    assert (report.n_imported, report.refused) == (800, ())
    return folder / "s.duckdb"


def compared(store: Path, scope: Scope) -> Comparison:
    found = comparisons_in_store(store, (), MODEL, CompareOptions(scope=scope))
    assert found.apart == ()
    return found.comparisons[0]


@pytest.mark.parametrize("scope", ["checkpoint", "run"])
def test_models_that_people_tell_apart_but_clip_does_not_are_one_group(
    store: Path, scope: Scope
) -> None:
    found = compared(store, scope)
    assert any(set(group.runs) >= ALIKE for group in found.groups)
    among = [pair for pair in found.pairs if {pair.run_a, pair.run_b} <= ALIKE]
    assert [pair.verdict for pair in among] == ["cannot tell"] * 3


def test_the_one_model_that_people_and_clip_agree_on_is_first(store: Path) -> None:
    found = compared(store, "checkpoint")
    first, *others = found.runs
    assert (first.run, first.rank_low, first.rank_high) == ("stable_diffusion_v2_1", 1, 1)
    assert [(run.rank_low, run.rank_high) for run in others] == [(2, 5)] * 4
    assert found.groups[-1] == Group(("stable_diffusion_v2_1",), "alone")
