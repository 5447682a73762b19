"""The crop decides the score, so a box is exact or the picture is refused.

Two sources of truth: 22 files drawn by SimpleTuner itself with their boxes, and composites drawn
from its layout rules (`composite_layouts`), here where evidence is missing, false or contradictory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.pictures.composites import MIN_CONFIDENCE, Refusal, find_panels
from clipstore.types import Box, CompositeHints, Cut, Panel, PanelCut, Size
from tests.composite_layouts import (
    Layout,
    Scene,
    base,
    base_ema,
    base_ema_swapped,
    base_old,
    base_overlaid,
    base_swapped,
    boxes,
    compressed,
    ema,
    finish,
    found_in,
    four,
    single,
    single_without_text,
)
from tests.drawn_composites import (
    Drawing,
    beside,
    content,
    with_footer,
    with_overlay,
    write,
)

PICTURES = Path(__file__).parent / "simpletuner_pictures"
ALONE: dict[str, object] = {"base_picture": None, "base_folder_complete": False}
"""A run without its benchmark folder."""


def reason(found: Cut | Refusal) -> str:
    assert isinstance(found, Refusal), found
    return found.reason


# --- Files drawn by SimpleTuner -----------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """One of the 22 files, with what is true of it."""

    file: str
    label: Size
    boxes: dict[Panel, Box]
    base_file: str | None

    @property
    def is_lossy(self) -> bool:
        return not self.file.endswith(".png")

    @property
    def pixels(self) -> np.ndarray:
        return rgb(PICTURES / self.file)


def rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def drawn_by_the_trainer() -> list[Drawn]:
    drawn = []
    for row in json.loads((PICTURES / "manifest.json").read_text(encoding="utf-8")):
        width, height = map(int, row["label"].split("x"))
        true = {
            name: Box(*box) for name, box in row["true_boxes"].items() if box and name != "input"
        }
        base_file = row["sources"].get("base") if "base" in true else None
        drawn.append(Drawn(row["file"], Size(width, height), true, base_file))
    return drawn


DRAWN = drawn_by_the_trainer()
each_file = pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.file)


def test_there_are_22_files_of_the_trainer() -> None:
    assert len(DRAWN) == 22


@each_file
def test_every_box_is_exact_with_the_benchmark_folder(drawn: Drawn) -> None:
    base = None if drawn.base_file is None else PICTURES / drawn.base_file
    hints = CompositeHints(drawn.label, base_picture=base, base_folder_complete=True)
    found = find_panels(
        drawn.pixels,
        hints,
        is_lossy=drawn.is_lossy,
        base_pixels=None if base is None else rgb(base),
    )
    assert boxes(found) == drawn.boxes
    assert isinstance(found, Cut) and found.confidence >= MIN_CONFIDENCE


def base_file_of_size(size: Size) -> Path:
    return PICTURES / f"_src_{size.width_px}x{size.height_px}_base.png"


@pytest.mark.parametrize(
    "drawn",
    [drawn for drawn in DRAWN if base_file_of_size(drawn.label).exists()],
    ids=lambda drawn: drawn.file,
)
def test_a_base_picture_of_the_prompt_does_not_make_a_base_panel(drawn: Drawn) -> None:
    base = base_file_of_size(drawn.label)
    hints = CompositeHints(drawn.label, base_picture=base, base_folder_complete=True)
    found = find_panels(drawn.pixels, hints, is_lossy=drawn.is_lossy, base_pixels=rgb(base))
    assert boxes(found) == drawn.boxes


@each_file
def test_every_box_is_exact_or_refused_with_nothing_but_the_file_name(drawn: Drawn) -> None:
    found = find_panels(drawn.pixels, CompositeHints(drawn.label), is_lossy=drawn.is_lossy)
    assert isinstance(found, Refusal) or boxes(found) == drawn.boxes


@each_file
def test_every_box_is_exact_or_refused_without_even_a_size(drawn: Drawn) -> None:
    found = find_panels(drawn.pixels, CompositeHints(None), is_lossy=drawn.is_lossy)
    assert isinstance(found, Refusal) or boxes(found) == drawn.boxes


def test_the_words_drawn_over_the_panels_are_noted() -> None:
    notes = {}
    for drawn in DRAWN:
        found = find_panels(drawn.pixels, CompositeHints(drawn.label), is_lossy=drawn.is_lossy)
        assert isinstance(found, Cut)
        notes[drawn.file] = found.notes
    unlabelled = {name for name, found in notes.items() if "label_overlay" not in found}
    overlaid = {name for name, found in notes.items() if "prompt_text_overlay" in found}
    mislabelled = {name for name, found in notes.items() if "label_size_wrong" in found}
    assert unlabelled == {name for name in notes if "single" in name or "control-old" in name}
    assert overlaid == {name for name in notes if name.startswith("v3_1_2")}
    assert mislabelled == {name for name in notes if "labelmismatch" in name}


# --- Single pictures ----------------------------------------------------------------------------


def test_a_single_panel_loses_its_footer() -> None:
    scene = Scene()
    box = PanelCut("checkpoint", Box(0, 0, 256, 320))
    assert found_in(scene, single(scene)) == Cut((box,), "label_size+footer", 0.99)


def test_a_picture_as_large_as_its_name_says_is_whole() -> None:
    scene = Scene()
    found = found_in(scene, single_without_text(scene))
    assert isinstance(found, Cut)
    assert (found.method, boxes(found)) == ("whole", {"checkpoint": Box(0, 0, 256, 320)})


def test_a_prompt_over_a_black_picture_is_not_a_footer() -> None:
    scene = Scene(Size(512, 512), checkpoint="black", font_px=29)
    drawing = with_overlay(single_without_text(scene), scene.prompt, scene.font_px)
    found = found_in(scene, drawing)
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.notes == ("prompt_text_overlay",)


def test_a_letterboxed_picture_without_a_footer_stays_whole() -> None:
    scene = Scene(Size(512, 512), checkpoint="letterbox")
    drawing = single_without_text(scene)
    assert boxes(found_in(scene, drawing)) == drawing.boxes


def test_a_size_that_nothing_explains_is_refused() -> None:
    pixels = np.asarray(content("photo", 1000, 600, seed=5))
    found = find_panels(pixels, CompositeHints(Size(512, 512)), is_lossy=False)
    assert reason(found) == "size_unexplained"
    assert "1000 x 600" in found.detail and "512 x 512" in found.detail  # type: ignore[union-attr]


def test_a_composite_named_after_its_own_size_is_not_scored_whole() -> None:
    scene = Scene()
    for layout in (single, base, base_ema, four):
        drawing = layout(scene)
        found = found_in(scene, drawing, label_size=Size(*drawing.image.size))
        assert isinstance(found, Refusal) or boxes(found) == drawing.boxes


def test_a_footer_that_makes_a_round_size_is_still_a_footer() -> None:
    scene = Scene(Size(512, 512))
    drawing = with_footer(scene.panel("checkpoint"), "one\ntwo")
    extra = -drawing.image.height % 16
    canvas = Image.new("RGB", (512, drawing.image.height + extra))
    canvas.paste(drawing.image, (0, 0))
    label = Size(*canvas.size)
    found = find_panels(np.asarray(canvas), CompositeHints(label), is_lossy=False)
    assert isinstance(found, Refusal) or boxes(found) == drawing.boxes


# --- Wrong file names ---------------------------------------------------------------------------


def test_the_config_helps_where_the_name_has_another_size() -> None:
    scene = Scene(Size(384, 256))
    drawing = single(scene)
    found = found_in(scene, drawing, label_size=Size(512, 512), panel_sizes=(Size(384, 256),))
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and "label_size_wrong" in found.notes


def test_the_base_picture_tells_the_size_that_the_name_has_not() -> None:
    scene = Scene(Size(384, 256), checkpoint="grey", base="grey")
    drawing = base(scene)
    assert boxes(found_in(scene, drawing, label_size=Size(512, 512))) == drawing.boxes


def test_separators_tell_the_size_of_a_mislabelled_composite() -> None:
    scene = Scene(Size(384, 256))
    drawing = base_ema(scene)
    found = found_in(
        scene, drawing, label_size=Size(320, 320), base_picture=None, base_folder_complete=False
    )
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.method.startswith("found_size")


def test_a_rounded_size_is_the_size_that_the_name_means() -> None:
    scene = Scene(Size(512, 336))
    drawing = single(scene)
    found = found_in(scene, drawing, label_size=Size(520, 340))
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.notes == ()


def test_a_footer_does_not_vouch_for_a_size_far_from_the_name() -> None:
    scene = Scene(Size(512, 512))
    found = found_in(scene, single(scene), label_size=Size(256, 256))
    assert reason(found) == "size_unexplained"


def test_a_black_picture_under_a_wrong_name_has_no_footer() -> None:
    scene = Scene(Size(128, 288), checkpoint="black")
    found = found_in(scene, single_without_text(scene), label_size=Size(144, 272))
    assert reason(found) == "size_unexplained"


def test_a_grey_panel_under_a_wrong_name_hides_its_separator() -> None:
    scene = Scene(Size(80, 80), base="grey", checkpoint="white")
    drawing = base(scene)
    found = found_in(scene, drawing, label_size=Size(96, 64), **ALONE)
    assert isinstance(found, Refusal) or boxes(found) == drawing.boxes


def test_a_footer_of_round_height_is_not_part_of_unnamed_panels() -> None:
    scene = Scene(Size(208, 320), font_px=29, prompt="a red fox")
    drawing = compressed(ema(scene), "JPEG")
    assert drawing.image.height % 16 == 0
    assert boxes(found_in(scene, drawing, is_lossy=True, label_size=None)) == drawing.boxes


def test_two_sizes_that_both_explain_a_picture_are_refused() -> None:
    scene = Scene(Size(1024, 256))
    drawing = single_without_text(scene)
    found = found_in(
        scene, drawing, label_size=Size(512, 256), panel_sizes=(Size(512, 256), Size(1024, 256))
    )
    assert reason(found) == "ambiguous_size"


# --- Base or EMA? -------------------------------------------------------------------------------


def unlabelled_pair(scene: Scene, left: Panel, right: Panel) -> Drawing:
    return finish(scene, beside(scene.panel(left), scene.panel(right), padded=True))


def test_two_panels_with_nothing_to_tell_them_apart_are_refused() -> None:
    scene = Scene()
    drawing = unlabelled_pair(scene, "base", "checkpoint")
    assert reason(found_in(scene, drawing, **ALONE)) == "ambiguous_panels"


def test_the_base_picture_tells_the_base_panel() -> None:
    scene = Scene()
    drawing = unlabelled_pair(scene, "base", "checkpoint")
    found = found_in(scene, drawing)
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.method.endswith("base_picture")


def test_no_base_picture_in_a_complete_folder_means_an_ema_panel() -> None:
    scene = Scene()
    drawing = unlabelled_pair(scene, "checkpoint", "ema")
    found = found_in(scene, drawing)
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.method.endswith("base_absent")


@pytest.mark.parametrize(
    ("flags", "left", "right"),
    [
        ({"ema_comparison": False}, "base", "checkpoint"),
        ({"base_comparison": True}, "base", "checkpoint"),
        ({"ema_comparison": True, "base_comparison": False}, "checkpoint", "ema"),
        ({"base_comparison": False}, "checkpoint", "ema"),
    ],
)
def test_the_config_tells_where_nothing_else_does(
    flags: dict[str, object], left: Panel, right: Panel
) -> None:
    scene = Scene()
    drawing = unlabelled_pair(scene, left, right)
    assert boxes(found_in(scene, drawing, **ALONE, **flags)) == drawing.boxes


@pytest.mark.parametrize(
    "flags",
    [
        {"ema_comparison": True, "base_comparison": True},
        {"ema_comparison": False, "base_comparison": False},
        {"ema_comparison": True},
    ],
)
def test_a_config_that_does_not_decide_decides_nothing(flags: dict[str, object]) -> None:
    scene = Scene()
    found = found_in(scene, unlabelled_pair(scene, "base", "checkpoint"), **ALONE, **flags)
    assert isinstance(found, Refusal)


def test_an_absent_base_picture_against_the_config_is_refused() -> None:
    scene = Scene()
    drawing = unlabelled_pair(scene, "checkpoint", "ema")
    assert reason(found_in(scene, drawing, ema_comparison=False)) == "contradicting_evidence"


def test_drawn_words_win_over_a_missing_base_picture() -> None:
    scene = Scene()
    drawing = base(scene)
    assert boxes(found_in(scene, drawing, base_picture=None)) == drawing.boxes


def test_drawn_words_win_over_a_base_picture_that_was_made_anew() -> None:
    scene = Scene()
    drawing = base(scene)
    anew = replace(scene, base="noise")
    assert boxes(found_in(anew, drawing)) == drawing.boxes


def test_a_base_picture_at_the_place_of_the_checkpoint_is_refused() -> None:
    scene = Scene()
    right_way_round = unlabelled_pair(scene, "checkpoint", "base")
    assert reason(found_in(scene, right_way_round)) == "contradicting_evidence"
    labelled = beside(
        scene.panel("checkpoint"), scene.panel("base"), padded=True,
        labels=("base model", "step 500"),
    )  # fmt: skip
    assert reason(found_in(scene, finish(scene, labelled))) == "contradicting_evidence"


def test_labels_that_contradict_each_other_are_refused() -> None:
    scene = Scene()
    drawing = beside(
        scene.panel("base"), scene.panel("ema"), padded=True, labels=("base model", "EMA")
    )
    found = found_in(scene, finish(scene, drawing), **ALONE)
    assert reason(found) == "contradicting_evidence"


def test_three_panels_in_another_order_than_any_version_drew_are_refused() -> None:
    scene = Scene()
    left = beside(scene.panel("checkpoint"), scene.panel("base"), padded=True)
    drawing = finish(scene, beside(left, scene.panel("ema"), padded=True))
    assert reason(found_in(scene, drawing)) == "contradicting_evidence"


# --- The version whose labels lie ---------------------------------------------------------------


@pytest.mark.parametrize("layout", [base_swapped, base_ema_swapped], ids=["two", "three"])
@pytest.mark.parametrize("font_px", [28, None], ids=["font", "tiny-font"])
@pytest.mark.parametrize("known", [{}, ALONE], ids=["with-base-picture", "without"])
def test_swapped_panels_are_recognised(
    layout: Layout, font_px: int | None, known: dict[str, object]
) -> None:
    scene = Scene(font_px=font_px)
    drawing = layout(scene)
    found = found_in(scene, drawing, **known)
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut)
    assert set(found.notes) == {"swapped_panels", "label_overlay", "prompt_text_overlay"}


def test_labels_that_the_prompt_runs_into_decide_nothing() -> None:
    scene = Scene(Size(80, 96), base="black", checkpoint="dark bottom", prompt="one\ntwo")
    drawing = base_swapped(scene)
    for known in ({}, ALONE):
        assert isinstance(found_in(scene, drawing, **known), Refusal)


def test_the_prompt_over_the_picture_is_noted() -> None:
    scene = Scene()
    found = found_in(scene, base_overlaid(scene))
    assert isinstance(found, Cut) and "prompt_text_overlay" in found.notes


def test_text_inside_one_panel_is_not_taken_for_the_prompt() -> None:
    scene = Scene()
    drawing = base_old(scene)
    write(drawing.image, (12, 270), "a sign", 28)
    found = found_in(scene, drawing, **ALONE)
    assert boxes(found) == drawing.boxes
    assert isinstance(found, Cut) and found.notes == ("label_overlay",)
