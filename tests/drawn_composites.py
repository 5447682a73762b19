"""Draws composites the way SimpleTuner lays them out, from the rules alone, with their true boxes.

Independent of the code under test: it only pastes, rules lines and writes text with the font that
Pillow carries.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstore.types import Box, Panel

SEPARATOR_PX = 5
GREY = (200, 200, 200)
CONTENTS = ("photo", "noise", "black", "white", "grey", "bar", "dark bottom", "letterbox")


@dataclass
class Drawing:
    """A picture as it grows, and where its scored panels are."""

    image: Image.Image
    boxes: dict[Panel, Box] = field(default_factory=dict)

    def moved(self, dx: int, dy: int) -> dict[Panel, Box]:
        return {
            panel: Box(box.left + dx, box.top + dy, box.right + dx, box.bottom + dy)
            for panel, box in self.boxes.items()
        }

    @property
    def pixels(self) -> np.ndarray:
        return np.asarray(self.image)


def content(kind: str, width: int, height: int, seed: int) -> Image.Image:
    """One panel: something like a photograph, or something that could mislead a finder."""
    random = np.random.default_rng(seed)
    if kind == "noise":
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
    flat = {"black": (0, 0, 0), "white": (255, 255, 255), "grey": GREY}
    if kind in flat:
        return Image.new("RGB", (width, height), flat[kind])
    coarse = random.integers(20, 236, (height // 24 + 2, width // 24 + 2, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    if kind == "bar":
        x = width // 3
        draw.rectangle((x, 0, x + SEPARATOR_PX - 1, height), fill=GREY)
    elif kind == "dark bottom":
        draw.rectangle((0, height - 48, width, height), fill=(0, 0, 0))
    elif kind == "letterbox":
        draw.rectangle((0, 0, width, height // 8), fill=(0, 0, 0))
        draw.rectangle((0, height - height // 8, width, height), fill=(0, 0, 0))
    return image


def panel(role: Panel | None, image: Image.Image) -> Drawing:
    """A drawing of one panel; `role` is None for a conditioning input."""
    boxes: dict[Panel, Box] = {} if role is None else {role: Box(0, 0, *image.size)}
    return Drawing(image.copy(), boxes)


def beside(
    left: Drawing,
    right: Drawing,
    *,
    padded: bool,
    line: tuple[int, int, int] = GREY,
    labels: tuple[str | None, str | None] = (None, None),
    font_px: int | None = 28,
) -> Drawing:
    """Two drawings with a separator between them, centred in height on white."""
    (left_width, left_height), (right_width, right_height) = left.image.size, right.image.size
    width = left_width + SEPARATOR_PX + right_width
    height = max(left_height, right_height)
    if padded:
        width, height = width + (width % 16 > 0), height + (height % 16 > 0)
    canvas = Image.new("RGB", (width, height), "white")
    left_y, right_y = (height - left_height) // 2, (height - right_height) // 2
    right_x = left_width + SEPARATOR_PX
    canvas.paste(left.image, (0, left_y))
    canvas.paste(right.image, (right_x, right_y))
    ImageDraw.Draw(canvas).rectangle((left_width, 0, right_x - 1, height), fill=line)
    for x, label in zip((0, right_x), labels, strict=True):
        if label is not None:
            write(canvas, (x + 10, 10), label, font_px)
    return Drawing(canvas, left.moved(0, left_y) | right.moved(right_x, right_y))


def write(image: Image.Image, at: tuple[int, int], text: str, font_px: int | None) -> None:
    """White text with a black outline; `font_px` None is the tiny fallback."""
    ImageDraw.Draw(image).text(
        at, text, "white", font(font_px), stroke_width=2, stroke_fill="black"
    )


def font(font_px: int | None) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default() if font_px is None else ImageFont.load_default(font_px)


def with_footer(drawing: Drawing, prompt: str, font_px: int | None = 28) -> Drawing:
    """The prompt in a black strip below, shrunk to the width where it is too long."""
    text = f"Prompt: {prompt}"
    left, top, right, bottom = ImageDraw.Draw(drawing.image).textbbox(
        (0, 0), text, font=font(font_px)
    )
    text_width, text_height = int(right - left), int(bottom - top)
    width, height = drawing.image.size
    footer_height = text_height + 20
    canvas = Image.new("RGB", (width, height + footer_height))
    canvas.paste(drawing.image, (0, 0))
    if text_width <= width - 20:
        write(canvas, ((width - text_width) // 2, height + 10), text, font_px)
    else:
        strip = Image.new("RGB", (text_width + 4, text_height + 4))
        write(strip, (2, 2), text, font_px)
        shrunk_height = max(1, int((width - 20) * strip.height / strip.width))
        strip = strip.resize((width - 20, shrunk_height), Image.Resampling.LANCZOS)
        canvas.paste(strip, (10, height + (footer_height - shrunk_height) // 2))
    return Drawing(canvas, drawing.boxes)


def with_overlay(drawing: Drawing, prompt: str, font_px: int | None = 28) -> Drawing:
    """The prompt drawn over the bottom of the picture itself."""
    image = drawing.image.copy()
    text = f"Prompt: {prompt}"
    left, top, right, bottom = ImageDraw.Draw(image).textbbox((0, 0), text, font=font(font_px))
    at = ((image.width - int(right - left)) // 2, image.height - int(bottom - top) - 10)
    write(image, at, text, font_px)
    return Drawing(image, drawing.boxes)
