"""Every layout, size and content: the box is exact, or (with less to go by) refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipstore.pictures.composites import MIN_CONFIDENCE, Refusal
from clipstore.types import Size
from tests.composite_layouts import (
    LAYOUTS,
    WITH_INPUT,
    Layout,
    Scene,
    base,
    base_ema,
    base_overlaid,
    boxes,
    compressed,
    ema,
    found_in,
    input_checkpoint,
    input_ema,
    single,
    three,
)
from tests.drawn_composites import CONTENTS

SIZES = (Size(128, 128), Size(208, 320), Size(512, 256), Size(512, 512))
PROMPTS = {
    "empty": "",
    "brackets": "a (cat) [x]",
    "accents": "ÉÀÔ in capitals",
    "three-lines": "one\ntwo\nthree",
    "long": "word " * 30,
    "hairline": "an endless prompt, " * 40,
}


each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)


@each_layout
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("font_px", [28, None], ids=["font", "tiny-font"])
def test_a_layout_is_cut_exactly(layout: Layout, size: Size, font_px: int | None) -> None:
    scene = Scene(size, font_px=font_px)
    drawing = layout(scene)
    assert boxes(found_in(scene, drawing)) == drawing.boxes


@each_layout
@pytest.mark.parametrize("kind", [kind for kind in CONTENTS if kind != "photo"])
def test_what_a_panel_shows_does_not_move_its_box(layout: Layout, kind: str) -> None:
    scene = Scene(checkpoint=kind)
    drawing = layout(scene)
    assert boxes(found_in(scene, drawing)) == drawing.boxes


@pytest.mark.parametrize("layout", WITH_INPUT, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize(
    "input_size", [Size(200, 200), Size(333, 500), Size(256, 336), Size(600, 321)]
)
def test_an_input_of_another_size_shifts_the_panels(layout: Layout, input_size: Size) -> None:
    scene = Scene(input_size=input_size)
    drawing = layout(scene)
    assert boxes(found_in(scene, drawing)) == drawing.boxes


@pytest.mark.parametrize(
    "layout", [single, base, base_ema, ema, three], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
def test_lossy_files_are_cut_exactly(layout: Layout, file_format: str) -> None:
    scene = Scene(Size(512, 512), base="noise")
    drawing = compressed(layout(scene), file_format)
    assert boxes(found_in(scene, drawing, is_lossy=True)) == drawing.boxes


def test_an_ema_panel_is_lowered_by_the_row_that_rounding_adds() -> None:
    """262 + 5 + 208 + 5 + 208 px need no padding, 523 rows do: the EMA alone moves down."""
    scene = Scene(Size(208, 320), input_size=Size(262, 523))
    drawing = input_ema(scene)
    assert drawing.boxes["ema"].top == drawing.boxes["checkpoint"].top + 1
    assert boxes(found_in(scene, drawing)) == drawing.boxes


@pytest.mark.parametrize("height", [514, 520, 600])
def test_a_lossy_panel_beside_a_higher_input_keeps_its_rows(height: int) -> None:
    scene = Scene(Size(512, 512), input_size=Size(300, height))
    drawing = compressed(input_checkpoint(scene), "JPEG")
    assert boxes(found_in(scene, drawing, is_lossy=True)) == drawing.boxes


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize("layout", [single, base, base_overlaid], ids=lambda one: one.__name__)
def test_the_footer_goes_whatever_the_prompt(layout: Layout, prompt: str) -> None:
    scene = Scene(Size(512, 512), prompt=prompt)
    drawing = layout(scene)
    assert boxes(found_in(scene, drawing)) == drawing.boxes


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_cut_is_exact_or_there_is_none(data: st.DataObject) -> None:
    """Whatever is drawn and however little is known, no wrong box comes back."""
    side = st.integers(5, 20).map(lambda n: 16 * n)
    inputs = st.none() | st.builds(Size, st.integers(64, 400), st.integers(64, 400))
    layout = data.draw(st.sampled_from(LAYOUTS))
    has_true_name = data.draw(st.booleans())
    # White on the white canvas has no edges; only a true file name tells how high such a panel is.
    white_is_known = has_true_name and layout not in WITH_INPUT
    kind = st.sampled_from([one for one in CONTENTS if one != "white" or white_is_known])
    scene = Scene(
        size=Size(data.draw(side), data.draw(side)),
        base=data.draw(kind),
        checkpoint=data.draw(kind),
        ema=data.draw(kind),
        font_px=data.draw(st.sampled_from([28, None])),
        prompt=data.draw(st.sampled_from(["", "a red fox", "word " * 40, "one\ntwo"])),
        input_size=data.draw(inputs) if layout in WITH_INPUT else None,
    )
    drawing = layout(scene)
    size = scene.size
    other = Size(size.width_px + 16, max(64, size.height_px - 16))  # another aspect, as trainers do
    known: dict[str, object] = {
        "label_size": size if has_true_name else data.draw(st.sampled_from([other, None])),
        "panel_sizes": data.draw(st.sampled_from([(), (size,), (other, size)])),
    }
    if data.draw(st.booleans()):
        known |= {"base_picture": None, "base_folder_complete": False}
    found = found_in(scene, drawing, **known)
    if isinstance(found, Refusal):
        return
    assert found.confidence >= MIN_CONFIDENCE
    is_same_picture = scene.base == scene.checkpoint and scene.base in ("black", "white", "grey")
    if is_same_picture:  # then the two may change places
        assert set(boxes(found).values()) <= set(drawing.boxes.values())
    else:
        assert boxes(found).items() <= drawing.boxes.items()
        assert "checkpoint" in boxes(found)
