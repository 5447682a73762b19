"""Every arrangement that a version of SimpleTuner draws, as a function of a `Scene`, and what the
finder makes of one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from clipstore.pictures.composites import Refusal, find_panels
from clipstore.types import Box, CompositeHints, Cut, Panel, Size
from tests.drawn_composites import (
    Drawing,
    beside,
    content,
    panel,
    with_footer,
    with_overlay,
    write,
)

A_BASE_FILE = Path("benchmarks/base_model/validation_512x512.png")
A_SIZE = Size(256, 320)


@dataclass(frozen=True)
class Scene:
    """What a composite is drawn from."""

    size: Size = A_SIZE
    base: str = "photo"
    checkpoint: str = "photo"
    ema: str = "photo"
    input_size: Size | None = None
    """None for an input as large as the other panels."""
    font_px: int | None = 28
    prompt: str = "a photo of a red fox"

    def base_image(self) -> Image.Image:
        return content(self.base, *self.size, seed=1)

    def panel(self, role: Panel) -> Drawing:
        if role == "base":
            return panel(role, self.base_image())
        kind, seed = (self.ema, 3) if role == "ema" else (self.checkpoint, 2)
        return panel(role, content(kind, *self.size, seed=seed))

    def input(self) -> Drawing:
        return panel(None, content("photo", *(self.input_size or self.size), seed=4))


def finish(scene: Scene, drawing: Drawing) -> Drawing:
    return with_footer(drawing, scene.prompt, scene.font_px)


def single(scene: Scene) -> Drawing:
    return finish(scene, scene.panel("checkpoint"))


def single_without_text(scene: Scene) -> Drawing:
    return scene.panel("checkpoint")


def stitched_base(scene: Scene) -> Drawing:
    return beside(
        scene.panel("base"),
        scene.panel("checkpoint"),
        padded=True,
        labels=("base model", "step 500"),
        font_px=scene.font_px,
    )


def add_ema(scene: Scene, left: Drawing, label: str | None = None) -> Drawing:
    return beside(
        left, scene.panel("ema"), padded=True, labels=(label, "EMA"), font_px=scene.font_px
    )


def stitched_input(scene: Scene) -> Drawing:
    return beside(
        scene.input(),
        scene.panel("checkpoint"),
        padded=False,
        labels=("input", "step 500"),
        font_px=scene.font_px,
    )


def stitched_three(scene: Scene) -> Drawing:
    left = beside(scene.input(), scene.panel("base"), padded=False)
    three = beside(
        left,
        scene.panel("checkpoint"),
        padded=False,
        labels=("input", "step 500"),
        font_px=scene.font_px,
    )
    write(three.image, (three.boxes["base"].left + 10, 10), "base model", scene.font_px)
    return three


def base(scene: Scene) -> Drawing:
    return finish(scene, stitched_base(scene))


def base_ema(scene: Scene) -> Drawing:
    return finish(scene, add_ema(scene, stitched_base(scene)))


def ema(scene: Scene) -> Drawing:
    return finish(scene, add_ema(scene, scene.panel("checkpoint"), "step 500"))


def input_checkpoint(scene: Scene) -> Drawing:
    return finish(scene, stitched_input(scene))


def control(scene: Scene) -> Drawing:
    return finish(scene, beside(scene.input(), scene.panel("checkpoint"), padded=False))


def input_ema(scene: Scene) -> Drawing:
    return finish(scene, add_ema(scene, stitched_input(scene)))


def three(scene: Scene) -> Drawing:
    return finish(scene, stitched_three(scene))


def four(scene: Scene) -> Drawing:
    return finish(scene, add_ema(scene, stitched_three(scene)))


def base_overlaid(scene: Scene) -> Drawing:
    """v2.1 to v3.1.2."""
    return with_overlay(stitched_base(scene), scene.prompt, scene.font_px)


def base_old(scene: Scene) -> Drawing:
    """Up to v2.0: no padding, no prompt, and larger words."""
    return beside(
        scene.panel("base"),
        scene.panel("checkpoint"),
        padded=False,
        labels=("base model", "checkpoint"),
        font_px=None if scene.font_px is None else 36,
    )


def base_ema_old(scene: Scene) -> Drawing:
    """v1.2 to v2.0: the second separator is white."""
    return beside(
        base_old(scene),
        scene.panel("ema"),
        padded=False,
        line=(255, 255, 255),
        labels=(None, "EMA"),
        font_px=None if scene.font_px is None else 36,
    )


def base_swapped(scene: Scene) -> Drawing:
    """v2.0.1: the checkpoint is at the left, under the words "base model"."""
    swapped = beside(
        scene.panel("checkpoint"),
        scene.panel("base"),
        padded=False,
        labels=("base model", "checkpoint"),
        font_px=scene.font_px,
    )
    return with_overlay(swapped, scene.prompt, None if scene.font_px is None else 36)


def base_ema_swapped(scene: Scene) -> Drawing:
    """v2.0.1 with EMA: swapped, and the second separator still white."""
    large = None if scene.font_px is None else 36
    swapped = beside(
        scene.panel("checkpoint"),
        scene.panel("base"),
        padded=False,
        labels=("base model", "checkpoint"),
        font_px=scene.font_px,
    )
    three = beside(
        swapped,
        scene.panel("ema"),
        padded=False,
        line=(255, 255, 255),
        labels=(None, "EMA"),
        font_px=scene.font_px,
    )
    return with_overlay(three, scene.prompt, large)


def control_old(scene: Scene) -> Drawing:
    """Up to v2.0: [checkpoint | conditioning] without a separator."""
    width, height = scene.size
    canvas = Image.new("RGB", (2 * width, height))
    canvas.paste(scene.panel("checkpoint").image, (0, 0))
    canvas.paste(scene.input().image, (width, 0))
    return Drawing(canvas, {"checkpoint": Box(0, 0, width, height)})


Layout = Callable[[Scene], Drawing]
LAYOUTS: tuple[Layout, ...] = (
    single,
    single_without_text,
    base,
    base_ema,
    ema,
    input_checkpoint,
    control,
    input_ema,
    three,
    four,
    base_overlaid,
    base_old,
    base_ema_old,
    base_swapped,
    base_ema_swapped,
    control_old,
)
WITH_INPUT: tuple[Layout, ...] = (input_checkpoint, control, input_ema, three, four)


def found_in(
    scene: Scene, drawing: Drawing, *, is_lossy: bool = False, **hints: object
) -> Cut | Refusal:
    """What is found in a run that keeps its benchmark folder, unless `hints` say otherwise."""
    has_base = "base" in drawing.boxes
    given_hints = replace(
        CompositeHints(
            scene.size,
            base_picture=A_BASE_FILE if has_base else None,
            base_folder_complete=True,
        ),
        **hints,
    )
    base_pixels = np.asarray(scene.base_image()) if given_hints.base_picture else None
    return find_panels(drawing.pixels, given_hints, is_lossy=is_lossy, base_pixels=base_pixels)


def boxes(found: Cut | Refusal) -> dict[Panel, Box]:
    """The boxes of a cut; fails on a refusal."""
    assert isinstance(found, Cut), found
    return {part.panel: part.box for part in found.panels}


def compressed(drawing: Drawing, file_format: str) -> Drawing:
    """The drawing as a trainer's JPEG or WebP keeps it."""
    file = io.BytesIO()
    drawing.image.save(file, file_format, quality=90)
    return Drawing(Image.open(file).convert("RGB"), drawing.boxes)
