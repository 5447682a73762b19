"""The small world: scenes, their captions and their pictures, all from a seeded generator.

A scene is the truth; a caption and a picture are two random renderings of it. Everything that
learns or scores in the demo draws from here, so the pairs that are held out are held out once,
in this file, and nowhere else.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 48
"""Native picture side in pixels."""

SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "diamond", "ring")
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "orange": (245, 140, 25),
    "yellow": (245, 220, 50),
    "green": (45, 160, 70),
    "blue": (45, 90, 215),
    "purple": (135, 55, 175),
    "white": (248, 248, 248),
    "black": (20, 20, 20),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (240, 240, 240),
    "black": (30, 30, 30),
    "gray": (135, 135, 135),
    "green": (60, 145, 85),
    "blue": (70, 110, 200),
    "pink": (245, 175, 195),
}
SIZES = ("small", "large")
POSITIONS = ("at the top", "at the bottom", "on the left", "on the right", "in the middle")
RELATIONS = ("left of", "right of", "above", "below")
COUNT_WORDS = {2: "two", 3: "three", 4: "four"}

HELD_OUT_PAIRS = frozenset(
    (color, SHAPES[(3 * i + 1) % len(SHAPES)]) for i, color in enumerate(COLORS)
)
"""(colour, shape) pairs that no training picture of CLIP or of the generator shows."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Thing:
    """One kind of object in a scene."""

    color: str
    """A key of COLORS."""
    shape: str
    """One of SHAPES."""
    size: str
    """One of SIZES."""


@dataclass(frozen=True)
class Scene:
    """What a picture shows and a caption says."""

    kind: Literal["single", "count", "relation"]
    """One object at a position; two to four alike; or two objects in a relation."""
    things: tuple[Thing, ...]
    """One kind of object, two for a relation (the one the caption names first comes first)."""
    background: str
    """A key of BACKGROUNDS."""
    position: str = ""
    """One of POSITIONS for `single`, else empty."""
    relation: str = ""
    """One of RELATIONS for `relation`, else empty."""
    count: int = 1
    """Number of objects of the first kind."""


def is_held_out(scene: Scene) -> bool:
    """Whether the scene shows a (colour, shape) pair kept from every training."""
    return any((thing.color, thing.shape) in HELD_OUT_PAIRS for thing in scene.things)


def _draw_thing(rng: np.random.Generator, background: str) -> Thing:
    colors = [color for color in COLORS if color != background]
    return Thing(
        color=str(rng.choice(colors)),
        shape=str(rng.choice(SHAPES)),
        size=str(rng.choice(SIZES)),
    )


def draw_scene(rng: np.random.Generator, held_out: bool = False) -> Scene:
    """A random scene; with `held_out` one that shows at least one held-out pair, else none."""
    while True:
        background = str(rng.choice(list(BACKGROUNDS)))
        first = _draw_thing(rng, background)
        kind = rng.choice(3, p=(0.4, 0.15, 0.45))
        if kind == 0:
            scene = Scene("single", (first,), background, position=str(rng.choice(POSITIONS)))
        elif kind == 1:
            first = replace(first, size="small")
            scene = Scene("count", (first,), background, count=int(rng.integers(2, 5)))
        else:
            second = _draw_thing(rng, background)
            if (second.color, second.shape) == (first.color, first.shape):
                continue
            scene = Scene(
                "relation", (first, second), background, relation=str(rng.choice(RELATIONS))
            )
        if is_held_out(scene) == held_out:
            return scene


def _vary_thing(thing: Thing, field: str, background: str, rng: np.random.Generator) -> Thing:
    if field == "size":
        return replace(thing, size="small" if thing.size == "large" else "large")
    if field == "shape":
        return replace(thing, shape=str(rng.choice([s for s in SHAPES if s != thing.shape])))
    colors = [c for c in COLORS if c not in (thing.color, background)]
    return replace(thing, color=str(rng.choice(colors)))


def _vary_once(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with one attribute changed, or with its two objects' roles exchanged."""
    first = scene.things[0]
    fields = ["color", "shape", "background"]
    if scene.kind == "single":
        fields += ["position", "size"]
    elif scene.kind == "count":
        fields += ["count"]
    else:
        fields += ["color", "shape", "size", "swap", "swap", "bind"]
    field = str(rng.choice(fields))
    if field == "background":
        taken = {scene.background, *(thing.color for thing in scene.things)}
        return replace(
            scene, background=str(rng.choice([b for b in BACKGROUNDS if b not in taken]))
        )
    if field == "position":
        others = [p for p in POSITIONS if p != scene.position]
        return replace(scene, position=str(rng.choice(others)))
    if field == "count":
        return replace(scene, count=int(rng.choice([n for n in COUNT_WORDS if n != scene.count])))
    if field == "swap":
        return replace(scene, things=scene.things[::-1])
    if field == "bind":
        second = scene.things[1]
        return replace(
            scene,
            things=(replace(first, color=second.color), replace(second, color=first.color)),
        )
    which = int(rng.integers(len(scene.things)))
    things = list(scene.things)
    things[which] = _vary_thing(things[which], field, scene.background, rng)
    return replace(scene, things=tuple(things))


def vary_scene(scene: Scene, rng: np.random.Generator) -> Scene:
    """A near miss: one attribute changed, held out if and only if `scene` is."""
    while True:
        other = _vary_once(scene, rng)
        same = len({(t.color, t.shape) for t in other.things}) < len(other.things)
        if other != scene and not same and is_held_out(other) == is_held_out(scene):
            return other


def caption_scene(scene: Scene, rng: np.random.Generator | None = None) -> str:
    """The scene in words; `rng` leaves parts out at random, without it nothing is left out."""
    say_size, say_place, say_background = True, True, True
    if rng is not None:
        say_size, say_place, say_background = rng.random(3) > (0.2, 0.15, 0.15)

    def noun(thing: Thing, plural: bool = False) -> str:
        words = [thing.size] if say_size and scene.kind != "count" else []
        ending = ("es" if thing.shape == "cross" else "s") if plural else ""
        return " ".join([*words, thing.color, thing.shape + ending])

    def with_article(phrase: str) -> str:
        return ("an " if phrase[0] in "aeiou" else "a ") + phrase

    first = scene.things[0]
    if scene.kind == "single":
        text = with_article(noun(first)) + (f" {scene.position}" if say_place else "")
    elif scene.kind == "count":
        text = f"{COUNT_WORDS[scene.count]} {noun(first, plural=True)}"
    else:
        text = f"{with_article(noun(first))} {scene.relation} {with_article(noun(scene.things[1]))}"
    return text + (f" on {with_article(scene.background)} background" if say_background else "")


def _outline(shape: str) -> list[tuple[float, float]]:
    """Corner points on a disc of radius 1, y down."""
    if shape == "square":
        return [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)]
    if shape == "triangle":
        return [(0, -1), (1, 0.85), (-1, 0.85)]
    if shape == "diamond":
        return [(0, -1), (0.72, 0), (0, 1), (-0.72, 0)]
    if shape == "cross":
        a = 0.32
        return [
            (-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a),
            (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a),
        ]  # fmt: skip
    if shape == "star":
        angles = -np.pi / 2 + np.arange(10) * np.pi / 5
        radii = np.where(np.arange(10) % 2 == 0, 1.08, 0.44)
        return [
            (float(r * np.cos(a)), float(r * np.sin(a))) for a, r in zip(angles, radii, strict=True)
        ]
    t = np.linspace(0, 2 * np.pi, 60)  # the remaining polygon is the heart
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(float(a / 16.5), float(-b / 15.5 - 0.05)) for a, b in zip(x, y, strict=True)]


@lru_cache(maxsize=512)
def _mask(shape: str, radius: float) -> npt.NDArray[np.float32]:
    """Coverage in 0..1 of the shape on a (2m+1)-pixel square around its centre."""
    zoom, margin = 8, int(np.ceil(radius)) + 1
    side = (2 * margin + 1) * zoom
    canvas = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(canvas)
    c, r = side / 2, radius * zoom
    if shape in ("circle", "ring"):
        pen.ellipse((c - r, c - r, c + r, c + r), fill=255)
        if shape == "ring":
            q = r * 0.55
            pen.ellipse((c - q, c - q, c + q, c + q), fill=0)
    else:
        pen.polygon([(c + r * x, c + r * y) for x, y in _outline(shape)], fill=255)
    cover: npt.NDArray[np.float32] = np.asarray(canvas.reduce(zoom), np.float32)
    return cover / np.float32(255)


Placed = tuple[Thing, float, int, int]
"""A thing, its radius, and the x and y of its centre, in pixels."""


def _place_one(thing: Thing, position: str, rng: np.random.Generator) -> list[Placed]:
    radius = float(rng.choice((5, 5.5, 6) if thing.size == "small" else (10, 10.5, 11)))
    near = int(np.ceil(radius)) + int(rng.integers(1, 4))
    far = SIDE - 1 - near
    x, y = (SIDE // 2 + int(rng.integers(-2, 3)) for _ in range(2))
    x = {"on the left": near, "on the right": far}.get(position, x)
    y = {"at the top": near, "at the bottom": far}.get(position, y)
    return [(thing, radius, x, y)]


def _place_alike(thing: Thing, count: int, rng: np.random.Generator) -> list[Placed]:
    radius = float(rng.choice((5, 5.5)))
    spots: list[tuple[int, int]] = []
    while len(spots) < count:
        x, y = (int(v) for v in rng.integers(7, SIDE - 7, 2))
        if all((x - a) ** 2 + (y - b) ** 2 > (2 * radius + 2) ** 2 for a, b in spots):
            spots.append((x, y))
    return [(thing, radius, x, y) for x, y in spots]


def _place_two(scene: Scene, rng: np.random.Generator) -> list[Placed]:
    first, second = scene.things
    near, far = 12 + int(rng.integers(-1, 2)), SIDE - 13 + int(rng.integers(-1, 2))
    if scene.relation in ("right of", "below"):
        near, far = far, near
    drift = [SIDE // 2 + int(d) for d in rng.integers(-5, 6, 2)]
    placed = []
    for thing, along, across in ((first, near, drift[0]), (second, far, drift[1])):
        radius = float(rng.choice((5, 5.5) if thing.size == "small" else (9, 9.5)))
        sideways = scene.relation in ("left of", "right of")
        x, y = (along, across) if sideways else (across, along)
        placed.append((thing, radius, x, y))
    return placed


def _place_things(scene: Scene, rng: np.random.Generator) -> list[Placed]:
    if scene.kind == "single":
        return _place_one(scene.things[0], scene.position, rng)
    if scene.kind == "count":
        return _place_alike(scene.things[0], scene.count, rng)
    return _place_two(scene, rng)


def draw_picture(scene: Scene, rng: np.random.Generator) -> Pixels:
    """The scene as pixels (SIDE, SIDE, 3), places and shades a little different every time."""
    shade = np.asarray(BACKGROUNDS[scene.background], np.float32) + rng.uniform(-8, 8, 3)
    canvas = np.empty((SIDE, SIDE, 3), np.float32)
    canvas[:] = shade
    tints = {
        t: np.asarray(COLORS[t.color], np.float32) + rng.uniform(-8, 8, 3) for t in scene.things
    }
    for thing, radius, x, y in _place_things(scene, rng):
        mask = _mask(thing.shape, radius)
        m = mask.shape[0] // 2
        top, left = max(0, y - m), max(0, x - m)
        part = mask[top - (y - m) : SIDE - (y - m), left - (x - m) : SIDE - (x - m)]
        area = canvas[top : y + m + 1, left : x + m + 1]
        area += part[:, :, None] * (tints[thing] - area)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
