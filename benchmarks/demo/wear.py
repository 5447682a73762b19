"""What happens to a picture between a generator and a score: wear for CLIP's training pictures.

CLIP will score what a half-trained generator made, enlarged into a composite, labelled, and saved
by a codec. It learns from clean drawings; without this wear it would judge the wear.
"""

import io
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.demo.world import SIDE, Pixels
from clipstore.demo.composite import draw_label

PANEL = 4 * SIDE
"""Side of a composite's panel: every native pixel is drawn as 4 x 4."""


def enlarge_picture(picture: Pixels) -> Image.Image:
    """A native picture (SIDE, SIDE, 3) as a panel (PANEL, PANEL), pixels repeated."""
    return Image.fromarray(picture).resize((PANEL, PANEL), Image.Resampling.NEAREST)


@lru_cache(maxsize=1)
def _panel_blur() -> torch.Tensor:
    """(SIDE, SIDE): one axis of enlarging to a panel and resizing back bicubically."""
    identity = Image.fromarray(np.repeat(np.eye(SIDE, dtype=np.float32), 4, axis=0), mode="F")
    back = identity.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(back))


@lru_cache(maxsize=1)
def _labels() -> tuple[torch.Tensor, torch.Tensor]:
    """Labels as CLIP sees them: colour and cover, each (n, 3, SIDE, SIDE) in 0..1."""
    texts = ["base model", *(f"step {n}" for n in (5, 10, 25, 50, 75, 100, 150, 400, 850, 1200))]
    covers, colors = [], []
    for text in texts:
        seen = []
        for ground in (0, 255):
            panel = Image.new("RGB", (PANEL, PANEL), (ground,) * 3)
            draw_label(panel, 0, text)
            small = panel.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            seen.append(np.asarray(small, np.float32) / 255)
        covers.append(1 - (seen[1] - seen[0]))
        colors.append(seen[0])
    stack = [torch.from_numpy(np.stack(a)).permute(0, 3, 1, 2) for a in (colors, covers)]
    return stack[0], stack[1]


def recode_picture(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """The picture after a lossy codec (JPEG or WebP) at a random quality."""
    buffer = io.BytesIO()
    codec = "JPEG" if rng.random() < 0.5 else "WEBP"
    Image.fromarray(picture).save(buffer, codec, quality=int(rng.integers(40, 96)))
    return np.asarray(Image.open(buffer).convert("RGB"))


def wear_pixels(x: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """(n, 3, SIDE, SIDE) in 0..1 with random blur, noise, blotches, tint, label and enlarging."""
    n = x.shape[0]

    def some(share: float) -> torch.Tensor:
        return torch.rand(n, generator=draw).lt(share).view(n, 1, 1, 1).float()

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw)

    def amount(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=draw)

    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = x + some(0.35) * amount(0.3, 1.0) * (soft - x)
    warp = F.interpolate(noise(n, 2, 7, 7), (SIDE, SIDE), mode="bicubic", align_corners=False)
    warp = warp * some(0.4) * amount(0.0, 0.04)
    lines = torch.linspace(-1, 1, SIDE)
    grid = torch.stack(torch.meshgrid(lines, lines, indexing="xy"), -1) + warp.permute(0, 2, 3, 1)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=True)
    blotches = F.interpolate(noise(n, 3, 8, 8), (SIDE, SIDE), mode="bilinear")
    x = x + some(0.4) * amount(0.0, 0.09) * blotches
    x = x + some(0.4) * amount(0.0, 0.08) * noise(n, 3, SIDE, SIDE)
    x = x * (1 + 0.06 * noise(n, 3, 1, 1)) + 0.03 * noise(n, 3, 1, 1)
    colors, covers = _labels()
    which = torch.randint(len(colors), (n,), generator=draw)
    x = x + some(0.5) * (colors[which] - covers[which] * x)
    blur = _panel_blur()
    x = x + some(0.6) * (blur @ x @ blur.T - x)
    return x.clamp(0, 1)


def make_junk(x: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """(n, 3, SIDE, SIDE) pictures that fit no caption, made from n pictures.

    Static, coloured clouds, two pictures over each other, and pictures cut into shuffled tiles.
    """
    n = x.shape[0]
    kind = torch.randint(4, (n, 1, 1, 1), generator=draw)
    static = 0.5 + 0.35 * torch.randn(x.shape, generator=draw)
    clouds = F.interpolate(torch.randn(n, 3, 5, 5, generator=draw), (SIDE, SIDE), mode="bicubic")
    over = (x + x.roll(1, 0)) / 2
    tile = 8
    tiles = F.unfold(x, tile, stride=tile)
    order = torch.randperm(tiles.shape[2], generator=draw)
    cut = F.fold(tiles[:, :, order], (SIDE, SIDE), tile, stride=tile)
    junk = torch.where(kind == 0, static, torch.where(kind == 1, 0.5 + 0.3 * clouds, over))
    return torch.where(kind == 3, cut, junk).clamp(0, 1)
