"""A prompt's vector is computed once per model, however many ingests need it. With a real CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from torch import Tensor

from clipstore.model.embed import ClipEmbedder, load_clip
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.survey import survey
from clipstore.storage.store import run_query
from tests.run_trees import write_folder_run
from tests.tiny_clip import build_tiny_clip

PROMPTS = {"red": "a red square", "blue": "a blue square"}
RED = {"red": "a red square"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [build_tiny_clip(folder / f"clip-{seed}", seed=seed) for seed in (0, 1)]


def texts_computed_by(runs: Path, store: Path, model: Path, **options: bool) -> list[str]:
    """What goes through the text tower in an ingest by a model loaded for it; sorted."""
    embedder: ClipEmbedder = load_clip(str(model), offline=True, announce=lambda _text: None)
    tower, seen = embedder._texts.features, list[str]()

    def watched(texts: Sequence[str], device: str) -> Tensor:
        seen.extend(text for text in texts if text)
        return tower(texts, device)

    embedder._texts.features = watched
    found = [survey(outline(runs))]
    ingest_surveyed(found, store, embedder, IngestOptions(workers=0, **options))
    return sorted(seen)


def cosines(store: Path) -> list[tuple[object, ...]]:
    sql = "SELECT step, prompt_id, cosine, token_count FROM current_scores ORDER BY ALL"
    return run_query(store, sql).rows()


def test_a_second_ingest_computes_only_the_prompts_that_are_new(
    tmp_path: Path, models: list[Path]
) -> None:
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    write_folder_run(runs / "a", PROMPTS, {100: ["red", "blue"]})
    assert texts_computed_by(runs, store, models[0]) == ["a blue square", "a red square"]
    write_folder_run(runs / "a", PROMPTS, {200: ["red", "blue"]})
    assert texts_computed_by(runs, store, models[0]) == []
    write_folder_run(runs / "a", PROMPTS | {"red": "a very red square"}, {300: ["red", "blue"]})
    assert texts_computed_by(runs, store, models[0]) == ["a very red square"]
    afresh = tmp_path / "afresh.duckdb"
    texts_computed_by(runs, afresh, models[0])
    assert len(cosines(afresh)) == 6
    newest = [row for row in cosines(store) if row[0] == 300 or row[1] == "blue"]
    assert set(newest) <= set(cosines(afresh)), "a stored vector gives the score of a computed one"


def test_a_model_never_takes_another_one_s_vectors(tmp_path: Path, models: list[Path]) -> None:
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    write_folder_run(runs / "a", PROMPTS, {100: ["red", "blue"]})
    for model in models:
        assert texts_computed_by(runs, store, model) == ["a blue square", "a red square"]
    assert len(cosines(store)) == 4
    assert len({cosine for _, _, cosine, _ in cosines(store)}) == 4


@pytest.mark.parametrize("lost", ["DROP TABLE text_embeddings", "DELETE FROM prompt_tokens"])
def test_vectors_that_are_gone_are_computed_again(
    tmp_path: Path, models: list[Path], lost: str
) -> None:
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    write_folder_run(runs / "a", RED, {100: ["red"]})
    texts_computed_by(runs, store, models[0])
    with duckdb.connect(store) as connection:
        connection.execute(lost)
    write_folder_run(runs / "a", RED, {200: ["red"]})
    assert texts_computed_by(runs, store, models[0]) == ["a red square"]
    first, second = cosines(store)
    assert first[3] == second[3] > 3, "its token count is there again"


def test_prompts_are_computed_once_where_no_vectors_are_kept(
    tmp_path: Path, models: list[Path]
) -> None:
    runs, store = tmp_path / "runs", tmp_path / "s.duckdb"
    write_folder_run(runs / "a", RED, {step: ["red"] for step in range(100, 1300, 100)})
    assert texts_computed_by(runs, store, models[0], keep_embeddings=False) == ["a red square"]
