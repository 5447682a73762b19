"""Pictures that cost what real ones cost: seeded, made from nothing.

Invariant: a picture's bytes per pixel as PNG, JPEG and WebP are near those of photographs and of
generated pictures, since decoders are timed by them. The content itself means nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SPECTRUM_POWER = 1.4
"""Amplitude falls with frequency to this power; photographs lie between 1 and 1.5."""
GRAIN = 0.6
"""Standard deviation of the last noise, of 255: sensors and samplers leave about that."""
SUBJECTS = ("a red fox", "two boats", "an old lighthouse", "a statue", "paper lanterns", "a tram")
PLACES = ("in a wheat field", "under a stone bridge", "on a frozen lake", "at a night market")
MANNERS = (
    "oil painting with thick brush strokes",
    "studio photograph, soft light from the left, shallow depth of field",
    "watercolour",
    "isometric illustration in muted colours with a fine paper texture and a wide white margin",
)


def draw_picture(side_px: int, seed: int) -> Image.Image:
    """One RGB picture (side, side): clouds of natural spectrum, a few soft-edged things, grain."""
    random = np.random.default_rng((seed, side_px))
    clouds = _clouds(side_px, random)  # (side, side, 3)
    image = Image.fromarray(_to_bytes(clouds))
    image = _with_things(image, random)
    grain = random.normal(0, GRAIN, (side_px, side_px, 3)).astype(np.float32)
    return Image.fromarray(_to_bytes(np.asarray(image, np.float32) + grain))


def write_prompts(count: int) -> list[str]:
    """`count` different prompts of 5 to 25 words."""
    return [
        f"{SUBJECTS[number % 6]} {PLACES[number // 6 % 4]}, {MANNERS[number // 2 % 4]}, "
        f"number {number}"
        for number in range(count)
    ]


def _clouds(side_px: int, random: np.random.Generator) -> NDArray[np.float32]:
    vertical = np.fft.fftfreq(side_px)[:, None]
    horizontal = np.fft.rfftfreq(side_px)[None, :]
    distance = np.hypot(vertical, horizontal).astype(np.float32)
    distance[0, 0] = np.inf  # no mean: it is set below
    amplitude = distance**-SPECTRUM_POWER

    def plane() -> NDArray[np.float32]:
        phases = random.standard_normal((2, *distance.shape), np.float32)
        field = np.fft.irfft2((phases[0] + 1j * phases[1]) * amplitude, (side_px, side_px))
        return (field / field.std()).astype(np.float32)

    light = plane()
    contrast, brightness = random.uniform(25, 55), random.uniform(90, 165)
    tint = random.uniform(-35, 35, 3)
    planes = [
        brightness + tint[channel] + contrast * (0.9 * light + 0.35 * plane())
        for channel in range(3)
    ]
    return np.stack(planes, axis=-1)


def _with_things(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Ellipses and polygons with their own texture-free colour, seen through a little blur."""
    side = image.width
    layer, mask = image.copy(), Image.new("L", image.size)
    draw, draw_mask = ImageDraw.Draw(layer), ImageDraw.Draw(mask)
    for _ in range(int(random.integers(3, 9))):
        centre = random.uniform(0.1, 0.9, 2) * side
        reach = random.uniform(0.04, 0.25, 2) * side
        box = (*(centre - reach).tolist(), *(centre + reach).tolist())
        colour = tuple(int(value) for value in random.integers(10, 245, 3))
        opacity = int(random.integers(120, 230))
        if random.random() < 0.5:
            draw.ellipse(box, fill=colour)
            draw_mask.ellipse(box, fill=opacity)
        else:
            corners = (centre + random.uniform(-1, 1, (5, 2)) * reach).ravel().tolist()
            draw.polygon(corners, fill=colour)
            draw_mask.polygon(corners, fill=opacity)
    blurred = mask.filter(ImageFilter.GaussianBlur(side / 700))
    return Image.composite(layer, image, blurred)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
