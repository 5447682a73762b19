"""Copies that run, step and prompt do not tell: by the pixels, once both pictures are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from clipstore.storage.store import check_store
from tests.layout_trees import diffusers_card
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import COLOURS, made_old, panel
from tests.test_ingest import ingest, rows
from tests.test_ingest_logs import copies

TEXT = "a red square"
SHADES = ("red", "blue")
SCORES = "SELECT step, image_index, path, cosine FROM current_scores ORDER BY ALL"


def write_files(run: Path, colours: tuple[str, ...] = SHADES) -> None:
    """What a diffusers script leaves at its end, at step 300."""
    run.mkdir(parents=True, exist_ok=True)
    for number, colour in enumerate(colours):
        Image.fromarray(panel(colour)).save(run / f"image_{number}.png")
    diffusers_card(run, [TEXT] * len(colours))
    settings = run / "logs/dreambooth/1700000000.5/hparams.yml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        "max_train_steps: 300\nvalidation_epochs: 1\nnum_validation_images: 2\n"
        f"validation_prompt: {TEXT}\n"
    )
    made_old(run)


def log_grids(run: Path, validations: dict[int, tuple[str, ...]], *, tag: str = "test") -> None:
    """Grids by epoch, the last numbers before each logged at a hundred times it, less one."""
    with SummaryWriter(str(run / "logs/dreambooth")) as writer:
        for epoch, colours in validations.items():
            writer.add_scalar("loss", 0.5, 100 * epoch - 1)
            pictures = np.stack([panel(colour).transpose(2, 0, 1) for colour in colours])
            writer.add_images(tag, pictures, epoch)
    made_old(run / "logs")


def places(store: Path) -> list[tuple[object, object, bool]]:
    """Step and number of what counts, and whether it is a file."""
    return [
        (row["step"], row["image_index"], str(row["path"]).startswith("image_"))
        for row in rows(store, SCORES)
    ]


FINAL = [(300, 0, True), (300, 1, True)]


@pytest.mark.parametrize("first", ["both at once", "the log first", "the files first"])
def test_final_pictures_logged_under_an_epoch_are_scored_once(tmp_path: Path, first: str) -> None:
    run, store = tmp_path / "runs/a", tmp_path / "s.duckdb"
    if first == "the log first":
        write_files(run, ())
        log_grids(run, {3: SHADES})
        ingest(tmp_path / "runs", store)
        assert places(store) == [(299, 0, False), (299, 1, False)]
    write_files(run)
    if first == "the files first":
        ingest(tmp_path / "runs", store)
    if first != "the log first":
        log_grids(run, {3: SHADES})
    ingest(tmp_path / "runs", store)
    assert places(store) == FINAL
    assert [(row["rule"], row["original"]) for row in copies(store)] == [
        ("same_pixels", "image_0.png"),
        ("same_pixels", "image_1.png"),
    ]
    assert {row["tag"] for row in copies(store)} == {"test"}
    assert check_store(store) == ()

    embedder = MeanColourEmbedder()
    again = ingest(tmp_path / "runs", store, embedder)
    assert (again.n_scores, again.timings.read_s, embedder.n_pictures) == (0, 0.0, 0)
    assert dict(again.skipped_by_rule)["same_pixels"] == 2
    assert places(store) == FINAL
    assert len(copies(store)) == 2


def test_validations_whose_pictures_do_not_change_keep_their_number(tmp_path: Path) -> None:
    """As with a learning rate of zero: the files are the last validation and no other."""
    run, store = tmp_path / "runs/a", tmp_path / "s.duckdb"
    write_files(run)
    log_grids(run, {1: SHADES, 2: SHADES, 3: SHADES})
    earlier = [(step, number, False) for step in (99, 199) for number in (0, 1)]
    for _ in range(2):
        ingest(tmp_path / "runs", store)
        assert places(store) == earlier + FINAL
    log_grids(run, {5: SHADES})
    ingest(tmp_path / "runs", store)
    assert places(store) == [*earlier, *FINAL, (499, 0, False), (499, 1, False)]


def test_pictures_of_another_prompt_are_no_copies(tmp_path: Path) -> None:
    run, store = tmp_path / "runs/a", tmp_path / "s.duckdb"
    write_files(run)
    log_grids(run, {3: SHADES})
    diffusers_card(run, ["a blue square", "a green square"])
    ingest(tmp_path / "runs", store)
    assert len(places(store)) == 4


def test_a_copy_whose_original_was_drawn_anew_counts_again(tmp_path: Path) -> None:
    run, store = tmp_path / "runs/a", tmp_path / "s.duckdb"
    write_files(run)
    log_grids(run, {3: SHADES})
    ingest(tmp_path / "runs", store)
    Image.new("RGB", (64, 64), COLOURS["green"]).save(run / "image_1.png")
    ingest(tmp_path / "runs", store)
    ingest(tmp_path / "runs", store)
    assert places(store) == [(299, 1, False), *FINAL]
    assert [row["original"] for row in copies(store)] == ["image_0.png"]
    assert check_store(store) == ()
