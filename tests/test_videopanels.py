"""Videos of SimpleTuner: what its encoder stretched is cut where the trainer drew it, or not at
all. The pictures are those that the trainer's own code drew, in tests/layouts/."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.pictures.composites import Refusal
from clipstore.pictures.videopanels import find_video_panels
from clipstore.types import CompositeHints, Cut, Size
from tests import drawn_composites

FOLDERS = sorted((Path(__file__).parent / "layouts").glob("simpletuner--v4.8-*.jsonl"))
STILLS = [path for path in FOLDERS if not path.stem.endswith("-video")]
LABEL = Size(256, 256)


def stretched(picture: Image.Image) -> np.ndarray:
    """As imageio does before it encodes."""
    blocks = [-(-side // 16) * 16 for side in picture.size]
    return np.asarray(picture.resize(tuple(blocks), Image.Resampling.BILINEAR))


def base_picture(folder: Path) -> np.ndarray | None:
    path = folder / "benchmarks" / "base_model" / "fox_256x256.png"
    return np.asarray(Image.open(path)) if path.exists() else None


@pytest.mark.parametrize("truth", STILLS, ids=lambda path: path.stem.split("v4.8-")[1])
def test_a_stretched_frame_is_cut_where_it_was_drawn(truth: Path) -> None:
    folder = truth.parent / truth.stem
    base = base_picture(folder)
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    drawn = [row for row in rows if row.get("box")]
    assert drawn
    for row in drawn:
        with Image.open(folder / row["path"]) as picture:
            frame = stretched(picture)
            x = frame.shape[1] / picture.width
        hints = CompositeHints(LABEL, base_folder_complete=base is not None)
        found = find_video_panels(frame, hints, base)
        assert isinstance(found, Cut), found
        (box,) = (panel.box for panel in found.panels if panel.panel == "checkpoint")
        left, _, right, _ = row["box"]
        assert (box.left, box.right) == (math.ceil(left * x), math.floor(right * x))
        assert (box.top, box.bottom) == (0, 256)


def example_frame() -> np.ndarray:
    path = STILLS[0].parent / "simpletuner--v4.8-base" / "validation_images"
    with Image.open(path / "step_100_fox_0_256x256.png") as picture:
        return stretched(picture).copy()


def test_a_picture_as_dark_as_the_footer_is_refused() -> None:
    frame = example_frame()
    frame[200:256] = 0
    assert isinstance(find_video_panels(frame, CompositeHints(LABEL), None), Refusal)


@pytest.mark.parametrize("label", [Size(512, 512), Size(320, 192), None])
def test_frames_of_another_size_than_the_label_allows_are_refused(label: Size | None) -> None:
    found = find_video_panels(example_frame(), CompositeHints(label), None)
    assert isinstance(found, Refusal)
    assert found.reason == "video_not_cut"


def test_a_black_band_in_a_single_picture_is_not_taken_for_the_footer() -> None:
    shades = np.random.default_rng(0).integers(90, 250, (4, 4, 3), np.uint8)
    picture = Image.fromarray(shades).resize((256, 256), Image.Resampling.NEAREST)
    picture.paste("black", (0, 100, 256, 120))
    drawn = drawn_composites.with_footer(drawn_composites.panel("checkpoint", picture), "a fox")
    found = find_video_panels(stretched(drawn.image), CompositeHints(LABEL), None)
    assert isinstance(found, Cut), found
    # 256 of 302 rows, stretched to 304
    assert [tuple(panel.box) for panel in found.panels] == [(0, 0, 256, 257)]


def test_a_footer_that_is_not_there_is_not_guessed() -> None:
    frame = example_frame()
    frame[256:] = 128
    assert isinstance(find_video_panels(frame, CompositeHints(LABEL), None), Refusal)
