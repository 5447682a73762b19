"""Under which model's name scores are kept: apart unless a probe shows that they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clipstore.model.probe import PROBE_TEXTS, TOLERANCE, probe_pictures, score_probe
from clipstore.modelidentity import Model
from clipstore.pipeline.identity import read_stored_models, settle_identity
from clipstore.pipeline.partrows import PartRows
from clipstore.storage.sqlfiles import migrations
from clipstore.storage.store import merge_parts, run_query
from tests.mean_colour import MeanColourEmbedder


class Installation(MeanColourEmbedder):
    """One model's files on some machine; `bias` turns every picture's vector a little."""

    def __init__(self, bias: float = 0.0, **identity: object) -> None:
        super().__init__()
        stated = {"backend": "torch-cpu", "tokenizer_sha256": "aa", "software": "torch 1"}
        self.model = replace(self.model, **{**stated, **identity})
        self.bias = bias

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        turned = super().embed_images(pixels) + np.float32([self.bias, 0, 0])
        return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def settle(embedder: Installation, stored: Sequence[Model]) -> tuple[Model, list[str]]:
    said: list[str] = []
    return settle_identity(embedder, stored, said.append), said


def first_of(embedder: Installation) -> Model:
    """The model as the store keeps it after the first ingest."""
    return settle(embedder, [])[0]


def test_a_model_new_to_the_store_is_kept_with_its_probe() -> None:
    embedder = Installation()
    model, said = settle(embedder, [])
    assert model == replace(embedder.model, probe_cosines=score_probe(embedder))
    assert len(model.probe_cosines) == len(probe_pictures()) * len(PROBE_TEXTS)
    assert not said


@pytest.mark.parametrize("side_px", [224, 336, 384])
def test_the_probe_shows_in_which_order_a_resizer_does_its_two_passes(side_px: int) -> None:
    """Pillow 12 resized tall pictures across first, Pillow 13 down first: other roundings."""
    shown = []
    for rgb in probe_pictures():
        height, width = rgb.shape[:2]
        to_width = side_px * width // min(rgb.shape[:2])
        to_height = side_px * height // min(rgb.shape[:2])
        if 0 < height - to_height > 2 * (width - to_width):
            image = Image.fromarray(rgb)
            across_first = image.resize((to_width, height)).resize((to_width, to_height))
            down_first = image.resize((width, to_height)).resize((to_width, to_height))
            shown.append(not np.array_equal(np.asarray(across_first), np.asarray(down_first)))
    assert shown == [True]


def test_the_same_installation_goes_on_without_scoring_the_probe_again() -> None:
    stored = first_of(Installation())
    again = Installation()
    assert settle(again, [stored]) == (stored, [])
    assert again.n_pictures == 0


def test_newer_libraries_that_compute_the_same_go_on_under_the_stored_model() -> None:
    stored = first_of(Installation())
    model, said = settle(Installation(software="torch 2", bias=1e-5), [stored])
    assert model == stored
    assert len(said) == 1
    assert "with torch 1, now with torch 2" in said[0]
    assert "go on together" in said[0]


@pytest.mark.parametrize("times, together", [(0.5, True), (20.0, False)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_how_much_a_probe_may_differ_depends_on_the_dtype(
    dtype: str, times: float, together: bool
) -> None:
    stored = first_of(Installation(dtype=dtype))
    newer = Installation(dtype=dtype, software="torch 2", bias=times * TOLERANCE[dtype])
    assert (settle(newer, [stored])[0] == stored) is together


def test_libraries_that_compute_otherwise_are_another_model_and_it_is_said_why() -> None:
    stored = first_of(Installation())
    newer = Installation(software="torch 2", bias=0.1)
    model, said = settle(newer, [stored])
    assert model.model_id != stored.model_id
    assert model.software == "torch 2"
    assert len(said) == 1
    assert "kept apart" in said[0]
    # And it stays so: the next ingest finds its own row.
    again, said = settle(Installation(software="torch 2", bias=0.1), [model, stored])
    assert (again, said) == (model, [])


def test_of_several_stored_models_the_one_that_agrees_is_gone_on_with() -> None:
    first = first_of(Installation())
    second, _ = settle(Installation(software="torch 2", bias=0.1), [first])
    model, said = settle(Installation(software="torch 3", bias=0.1), [first, second])
    assert model == second
    assert "with torch 2, now with torch 3" in said[0]


def test_scores_that_are_not_finite_go_on_with_nothing() -> None:
    stored = replace(first_of(Installation()), probe_cosines=(float("nan"),) * 16)
    model, said = settle(Installation(software="torch 2"), [stored])
    assert model.model_id != stored.model_id
    assert "kept apart" in said[0]


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "torch-cuda"},
        {"tokenizer_sha256": "bb"},
        {"dtype": "float16"},
        {"preprocessing": "mean-v2"},
        {"weights_sha256": "1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_anything_but_the_libraries_makes_another_model_without_a_word(
    change: dict[str, object],
) -> None:
    stored = first_of(Installation())
    model, said = settle(Installation(**change), [stored])
    assert model.model_id != stored.model_id
    assert not said


class TestAModelStoredBeforeThereWereProbes:
    OLD = replace(Installation().model, backend="", tokenizer_sha256="", software="torch 0")

    def test_goes_on_in_float32_and_gets_a_probe(self) -> None:
        model, said = settle(Installation(), [self.OLD])
        assert model.model_id == self.OLD.model_id
        assert model.probe_cosines
        assert "older clipstore" in said[0]
        assert settle(Installation(), [model]) == (model, [])

    def test_does_not_go_on_in_another_dtype(self) -> None:
        model, said = settle(Installation(dtype="float16"), [self.OLD])
        assert model.model_id != self.OLD.model_id
        assert not said

    def test_is_left_when_its_probe_disagrees_later(self) -> None:
        model, _ = settle(Installation(), [self.OLD])
        other, said = settle(Installation(software="torch 2", bias=0.1), [model])
        assert other.model_id != self.OLD.model_id
        assert "kept apart" in said[0]


def test_a_store_gives_back_the_models_that_were_put_in(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    assert read_stored_models(store) == ()
    siglip = first_of(Installation(family="siglip", logit_bias=-12.9))
    PartRows(1, siglip, True).write(store)
    rows = PartRows(1, siglip, True)
    rows.add_model()
    rows.write(store)
    assert read_stored_models(store) == (siglip,)
    merge_parts(store, wait_seconds=1)
    assert read_stored_models(store) == (siglip,)


def test_models_that_share_a_name_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    for embedder in (
        Installation(),
        Installation(software="torch 2"),
        Installation(backend="torch-cuda"),
    ):
        rows = PartRows(1, embedder.model, True)
        rows.add_model()
        rows.write(store)
    merge_parts(store, wait_seconds=1)
    labels = run_query(store, "SELECT model FROM model_labels ORDER BY model")["model"].to_list()
    assert labels == [
        "mean-colour (torch-cpu, torch 1)",
        "mean-colour (torch-cpu, torch 2)",
        "mean-colour (torch-cuda, torch 1)",
    ]


def test_a_model_in_a_store_of_the_first_schema_is_one_from_before_probes(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    first = migrations()[0]
    old = replace(Installation().model, backend="", tokenizer_sha256="", software="torch 0")
    with duckdb.connect(str(store)) as database:
        database.execute(first.sql)
        database.execute("INSERT INTO schema_version VALUES (1, 'tables', 'x', now())")
        database.execute(
            "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, now())",
            [
                *(old.model_id, old.name, old.revision, old.weights_sha256, old.preprocessing),
                *(old.dtype, old.dimension, old.logit_scale, old.software),
            ],
        )
    assert read_stored_models(store) == (old,)
