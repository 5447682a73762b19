"""`clipstore calibrate`: from pictures and texts to the band that verdicts use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.analysis.calibration import Calibration
from clipstore.analysis.fromstore import verdicts_in_store
from clipstore.analysis.tostore import judge_and_keep
from clipstore.errors import CalibrationRefused
from clipstore.model.bands import BAND_FILE, find_band
from clipstore.modelidentity import Band, Model
from clipstore.pipeline.calibrate import CalibrationReport, calibrate_pairs, spool_calibration
from clipstore.resources import resource_folder
from clipstore.sources.pairs import list_pairs
from clipstore.storage.store import check_store, merge_parts, run_query
from tests.mean_colour import COLOURS, MeanColourEmbedder
from tests.store_rows import MODEL, model_row, prompt_rows, run_row, score_rows, write_rows

DATA = resource_folder("demo_data")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
PURE = ("red", "green", "blue")


def write_colour_pairs(folder: Path, n: int) -> Path:
    """Pictures of one colour each, a little off, with as many different texts."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        name = PURE[i % 3]
        pixels = 40 + 180 * np.array(COLOURS[name]) + rng.integers(-30, 30, 3)
        Image.new("RGB", (32, 32), tuple(int(p) for p in pixels)).save(folder / f"{i:03d}.png")
        (folder / f"{i:03d}.txt").write_text(f"a {name} thing, number {i}")
    return folder


def calibrated(folder: Path, n: int = 60) -> CalibrationReport:
    return calibrate_pairs(list_pairs(write_colour_pairs(folder, n)), MeanColourEmbedder())


def with_band(calibration: Calibration, band: Band) -> Calibration:
    return replace(calibration, band=band)


def bands_of(store: Path) -> list[tuple[object, ...]]:
    return run_query(
        store,
        "SELECT model, poor_below_cosine, band_low_cosine, band_high_cosine "
        "FROM model_bands JOIN model_labels USING (model_id) ORDER BY model",
    ).rows()


def test_true_pairs_lie_above_shuffled_ones_and_the_band_follows(tmp_path: Path) -> None:
    found = calibrated(tmp_path).calibration
    assert found.n_pairs == found.n_texts == 60
    # 20 of 59 other texts name the picture's own colour and score as its own does.
    assert 0.9 < found.true.mean < 1.0
    assert 0.3 < found.chance.mean < 0.6
    band = found.band
    assert found.chance.mean < band.poor_below_cosine < band.low_cosine < found.true.low
    assert band.high_cosine == 1.0


def test_every_pair_is_measured_left_out_or_a_problem(tmp_path: Path) -> None:
    write_colour_pairs(tmp_path, 80)
    (tmp_path / "003.png").write_bytes(b"not a picture")
    os.utime(tmp_path / "003.png", (0, 0))
    (tmp_path / "bare.png").write_bytes((tmp_path / "004.png").read_bytes())
    listing = list_pairs(tmp_path)
    whole = calibrate_pairs(listing, MeanColourEmbedder())
    assert (whole.calibration.n_pairs, whole.n_left_out) == (79, 0)
    assert [(p.path.name, p.reason) for p in whole.problems] == [
        ("bare.png", "no_prompt_text"),
        ("003.png", "not_image"),
    ]
    some = calibrate_pairs(listing, MeanColourEmbedder(), limit=40)
    assert (some.calibration.n_pairs, some.n_left_out) == (40, 40)


def test_pictures_that_cannot_be_read_are_no_calibration(tmp_path: Path) -> None:
    write_colour_pairs(tmp_path, 40)
    for picture in tmp_path.glob("*.png"):
        picture.write_bytes(b"not a picture")
    with pytest.raises(CalibrationRefused, match="none of the 40 pictures could be read"):
        calibrate_pairs(list_pairs(tmp_path), MeanColourEmbedder())


def flat_run(level: float, model: Model = MODEL) -> list[dict[str, list[dict[str, object]]]]:
    """A finished run whose 30 prompts stay about `level` for 12 validations."""
    rng = np.random.default_rng(3)
    texts = {f"p{i}": f"prompt {i}" for i in range(30)}
    own = rng.normal(0, 0.02, 30)
    groups = [{"models": [model_row(model)], "runs": [run_row("a")], **prompt_rows("a", texts)}]
    for step in range(100, 1300, 100):
        noisy = level + own + rng.normal(0, 0.004, 30)
        cosines = dict(zip(texts, map(float, noisy), strict=True))
        groups.append(score_rows("a", step, cosines, texts, panel="checkpoint", model=model))
    return groups


def test_a_store_calibrated_later_judges_by_the_new_band_without_rescoring(
    tmp_path: Path,
) -> None:
    store = tmp_path / "x.duckdb"
    write_rows(store, *flat_run(0.25))
    merge_parts(store, wait_seconds=0)
    (before,) = verdicts_in_store(store)
    assert (before.verdict, before.plateau.location) == ("abandon", "BELOW_BAND")
    assert judge_and_keep(store, NOON) is None
    scores = run_query(store, "SELECT bit_xor(hash(s)) FROM scores AS s").item()

    calibration = calibrated(tmp_path / "pairs").calibration
    new = with_band(calibration, Band(0.12, 0.20, 0.29))
    spool_calibration(store, MODEL, new, pairs=tmp_path, at=NOON + timedelta(hours=1))
    (after,) = verdicts_in_store(store)
    assert (after.verdict, after.plateau.location) == ("in band: judge by eye", "IN_BAND")
    assert run_query(store, "SELECT bit_xor(hash(s)) FROM scores AS s").item() == scores
    assert run_query(store, "SELECT is_stale FROM current_verdicts").rows() == [(True,)]
    shares = run_query(
        store, "SELECT DISTINCT share_poor, share_in_band > .8 FROM run_step WHERE step > 0"
    )
    assert shares.rows() == [(0.0, True)]
    assert check_store(store) == ()


def test_the_newest_calibration_wins_whenever_it_was_merged(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    calibration = calibrated(tmp_path / "pairs").calibration
    newer, older = Band(0.1, 0.2, 0.3), Band(0.4, 0.5, 0.6)
    later = NOON + timedelta(hours=1)
    spool_calibration(store, MODEL, with_band(calibration, newer), pairs=tmp_path, at=later)
    merge_parts(store, wait_seconds=0)
    assert bands_of(store) == []
    write_rows(store, {"models": [model_row()]})
    spool_calibration(store, MODEL, with_band(calibration, older), pairs=tmp_path, at=NOON)
    merge_parts(store, wait_seconds=0)
    assert bands_of(store) == [("tiny", 0.1, 0.2, 0.3)]


def test_a_band_goes_with_weights_and_pixels_whatever_computes(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    calibrated_on = replace(MODEL, band=None, backend="torch-cuda", tokenizer_sha256="ee" * 32)
    same = replace(calibrated_on, name="on-cpu", backend="torch-cpu", dtype="float16")
    others = (
        replace(same, name="other-pixels", preprocessing="pil-2"),
        replace(same, name="other-tokenizer", tokenizer_sha256="ff" * 32),
        replace(same, name="other-weights", weights_sha256="12" * 32),
    )
    rows = [
        {
            **model_row(model),
            "backend": model.backend,
            "tokenizer_sha256": model.tokenizer_sha256,
        }
        for model in (same, *others)
    ]
    write_rows(store, {"models": rows})
    calibration = with_band(calibrated(tmp_path / "pairs").calibration, Band(0.1, 0.2, 0.3))
    spool_calibration(store, calibrated_on, calibration, pairs=tmp_path, at=NOON)
    merge_parts(store, wait_seconds=0)
    assert bands_of(store) == [
        ("on-cpu", 0.1, 0.2, 0.3),
        ("other-pixels", None, None, None),
        ("other-tokenizer", None, None, None),
        ("other-weights", None, None, None),
    ]


# The command, with the small CLIP that ships


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last pictures of the demo's good run, with their prompts."""
    folder, run = tmp_path_factory.mktemp("pairs"), DATA / "runs" / "good"
    texts = json.loads((run / "user_prompt_library.json").read_text())
    sheet = Image.open(max(run.glob("step_*.webp"))).convert("RGB")
    side = sheet.width
    for row, (name, text) in enumerate(texts.items()):
        picture = sheet.crop((0, row * side, side, (row + 1) * side))
        picture.resize((4 * side, 4 * side), Image.Resampling.NEAREST).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(text)
    return folder


def clipstore(
    folder: Path, *arguments: object, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clipstore", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_real_clip_is_calibrated_and_its_folder_remembers(tmp_path: Path, pairs: Path) -> None:
    model = shutil.copytree(DATA / "small-clip", tmp_path / "small-clip")
    (model / BAND_FILE).unlink()
    asked = ("calibrate", "--pairs", pairs, "--model", model, "--offline", "--write-beside-weights")
    done = clipstore(tmp_path, *asked, "--format", "json")
    (row,) = json.loads(done.stdout)
    assert row["n_pairs"] == row["n_texts"] == 32
    assert row["chance_high_cosine"] < row["poor_below_cosine"] < row["band_low_cosine"]
    assert row["band_low_cosine"] < row["true_cosine"] < row["band_high_cosine"]
    assert row["share_above_chance"] == 1.0
    edges = [row[f"{edge}_cosine"] for edge in ("poor_below", "band_low", "band_high")]
    assert find_band(model, row["weights_sha256"], None) == Band(*edges)
    kept = run_query(
        tmp_path / "clipstore.duckdb",
        "SELECT poor_below_cosine, band_low_cosine, band_high_cosine, n_pairs, chance_cosine "
        "FROM calibrations",
    )
    assert kept.rows() == [(*edges, 32, pytest.approx(row["chance_cosine"]))]


def test_it_says_in_words_what_it_found_and_which_band_it_replaces(
    tmp_path: Path, pairs: Path
) -> None:
    mixed = shutil.copytree(pairs, tmp_path / "mixed")
    (mixed / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (mixed / "broken.txt").write_text("a broken picture")
    done = clipstore(
        tmp_path, "calibrate", "--pairs", mixed, "--model", DATA / "small-clip", "--offline",
        expect=3,
    )  # fmt: skip
    assert "small-clip: 32 pairs with 32 different texts" in done.stdout
    assert "The model came with a band (poor below 0." in done.stdout
    assert "in this database the new one takes its place" in done.stdout
    assert "broken.png" in done.stderr


@pytest.mark.parametrize(
    ("pairs", "code", "said"),
    [
        ("nowhere", 2, "it does not exist"),
        ("few", 1, "5 pairs with 5 different texts, and fewer than 30"),
    ],
)
def test_what_cannot_carry_a_band_stores_nothing(
    tmp_path: Path, pairs: str, code: int, said: str
) -> None:
    write_colour_pairs(tmp_path / "few", 5)
    asked = ("calibrate", "--pairs", pairs, "--model", DATA / "small-clip", "--offline")
    done = clipstore(tmp_path, *asked, expect=code)
    assert said in done.stderr
    assert not (tmp_path / "clipstore.duckdb").exists()
    assert not (tmp_path / "clipstore.duckdb.spool").exists()


def test_weights_on_the_hub_have_no_folder_to_write_into(tmp_path: Path) -> None:
    done = clipstore(
        tmp_path, "calibrate", "--pairs", ".", "--write-beside-weights", "--offline", expect=2
    )
    assert "needs a model in a folder of yours" in done.stderr
