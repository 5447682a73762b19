"""A small text-to-picture model: a UNet in pixel space that reads the small CLIP's text states.

Flow matching: a picture x in -1..1 and noise e are mixed to z = t x + (1 - t) e; the network says
what x was, and the velocity follows as (x - z) / (1 - t). Guidance extrapolates from the empty
prompt. Nothing here knows what a scene is: all it is given of a prompt are CLIP's hidden states.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPModel, CLIPTokenizer

from benchmarks.demo.world import SIDE

TEXT_TOKENS = 20
"""Prompts are padded or cut to this many of CLIP's tokens."""
TEXT_WIDTH = 128
MIN_NOISE = 0.1
"""1 - t is not taken below this in the loss and in the velocity."""


@dataclass(frozen=True)
class PromptStates:
    """What the generator gets of n prompts."""

    states: torch.Tensor
    """(n, TEXT_TOKENS, TEXT_WIDTH) hidden states of the text tower before its last layer."""
    mask: torch.Tensor
    """(n, TEXT_TOKENS) true at real tokens."""
    pooled: torch.Tensor
    """(n, 64) CLIP's text embedding, unit length times 8."""


@torch.no_grad()
def encode_prompts(clip: CLIPModel, tokenizer: CLIPTokenizer, prompts: list[str]) -> PromptStates:
    """The states of `prompts` from the frozen text tower."""
    tokens = tokenizer(
        prompts, padding="max_length", truncation=True, max_length=TEXT_TOKENS, return_tensors="pt"
    )
    output = clip.text_model(**tokens, output_hidden_states=True)
    pooled = F.normalize(clip.text_projection(output.pooler_output), dim=-1)
    return PromptStates(output.hidden_states[-2], tokens["attention_mask"].bool(), pooled * 8.0)


class Conv3x3(nn.Module):
    """A 3x3 convolution that keeps its weight as a matrix, which is what Muon takes."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        bound = (9 * width_in) ** -0.5
        self.weight = nn.Parameter(torch.empty(width, 9 * width_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = self.weight.view(len(self.weight), x.shape[1], 3, 3)
        return F.conv2d(x, kernel, self.bias, padding=1)


class ResBlock(nn.Module):
    """Two 3x3 convolutions, scaled and shifted by the time-and-prompt vector between them."""

    def __init__(self, width_in: int, width: int, cond: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, width_in)
        self.conv1 = Conv3x3(width_in, width)
        self.cond = nn.Linear(cond, 2 * width)
        self.norm2 = nn.GroupNorm(8, width)
        self.conv2 = Conv3x3(width, width)
        self.skip = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.cond(cond)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        out: torch.Tensor = self.skip(x) + h
        return out


class Attention(nn.Module):
    """Pixels attend to all pixels and to the prompt's tokens at once, then an MLP."""

    def __init__(self, width: int, side: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.place = nn.Parameter(0.02 * torch.randn(1, side * side, width))
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.text = nn.Linear(TEXT_WIDTH, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        nn.init.zeros_(self.out.weight)

    def forward(self, x: torch.Tensor, prompt: PromptStates) -> torch.Tensor:
        n, width, height, wide = x.shape
        flat = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm(flat + self.place)).chunk(3, dim=-1)
        text_k, text_v = self.text(prompt.states).chunk(2, dim=-1)

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.view(n, -1, self.heads, width // self.heads).transpose(1, 2)

        keys, values = torch.cat([k, text_k], 1), torch.cat([v, text_v], 1)
        seen = torch.cat([prompt.mask.new_ones(n, k.shape[1]), prompt.mask], 1)
        # In bfloat16 torch's attention takes five times as long on a CPU.
        with torch.autocast("cpu", enabled=False):
            mixed = F.scaled_dot_product_attention(
                split(q).float(),
                split(keys).float(),
                split(values).float(),
                attn_mask=seen[:, None, None, :],
            )
        flat = flat + self.out(mixed.transpose(1, 2).reshape(n, -1, width))
        flat = flat + self.mlp(flat)
        back: torch.Tensor = flat.transpose(1, 2).reshape(n, width, height, wide)
        return back


class Generator(nn.Module):
    """Says what picture is under the noise; about 2 M parameters at the default widths."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), cond: int = 128) -> None:
        super().__init__()
        a, b, c = widths
        half = SIDE // 2
        self.time = nn.Sequential(nn.Linear(64, cond), nn.SiLU(), nn.Linear(cond, cond))
        self.prompt = nn.Linear(64, cond)
        self.enter = nn.Conv2d(12, a, 3, padding=1)
        self.down1 = ResBlock(a, a, cond)
        self.to2 = nn.Conv2d(a, b, 2, stride=2)
        self.down2 = ResBlock(b, b, cond)
        self.look2 = Attention(b, half // 2)
        self.to3 = nn.Conv2d(b, c, 2, stride=2)
        self.down3 = ResBlock(c, c, cond)
        self.look3 = Attention(c, half // 4)
        self.middle = ResBlock(c, c, cond)
        self.look4 = Attention(c, half // 4)
        self.up3 = ResBlock(2 * c, c, cond)
        self.from3 = nn.ConvTranspose2d(c, b, 2, stride=2)
        self.up2 = ResBlock(2 * b, b, cond)
        self.look5 = Attention(b, half // 2)
        self.from2 = nn.ConvTranspose2d(b, a, 2, stride=2)
        self.up1 = ResBlock(2 * a, a, cond)
        self.leave = nn.Sequential(nn.GroupNorm(8, a), nn.SiLU(), nn.Conv2d(a, 12, 3, padding=1))

    def forward(self, z: torch.Tensor, t: torch.Tensor, prompt: PromptStates) -> torch.Tensor:
        """The picture under z (n, 3, SIDE, SIDE) at times t (n,)."""
        rates = torch.exp(torch.linspace(0, math.log(1000.0), 32))
        waves = t[:, None] * rates
        cond = self.time(torch.cat([waves.sin(), waves.cos()], 1)) + self.prompt(prompt.pooled)
        cond = F.silu(cond)
        x1 = self.down1(self.enter(F.pixel_unshuffle(z, 2)), cond)
        x2 = self.look2(self.down2(self.to2(x1), cond), prompt)
        x3 = self.look3(self.down3(self.to3(x2), cond), prompt)
        y = self.look4(self.middle(x3, cond), prompt)
        y = self.from3(self.up3(torch.cat([y, x3], 1), cond))
        y = self.from2(self.look5(self.up2(torch.cat([y, x2], 1), cond), prompt))
        y = self.up1(torch.cat([y, x1], 1), cond)
        return F.pixel_shuffle(self.leave(y), 2)


def flow_loss(
    model: Generator, x: torch.Tensor, prompt: PromptStates, draw: torch.Generator
) -> torch.Tensor:
    """Mean squared error of the velocity; times are drawn towards the noisy end."""
    n = x.shape[0]
    t = torch.sigmoid(torch.randn(n, generator=draw) - 0.6)
    noise = torch.randn(x.shape, generator=draw)
    mix = t.view(n, 1, 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        guess = model(mix * x + (1 - mix) * noise, t, prompt).float()
    weight = (1 - t).clamp_min(MIN_NOISE) ** -2
    loss: torch.Tensor = (weight * (guess - x).square().mean(dim=(1, 2, 3))).mean()
    return loss


@torch.no_grad()
def sample_pictures(
    model: Generator,
    prompt: PromptStates,
    empty: PromptStates,
    noise: torch.Tensor,
    steps: int,
    guidance: float,
) -> torch.Tensor:
    """Pictures (n, 3, SIDE, SIDE) in -1..1 from `noise`, by Euler steps with guidance."""
    n = noise.shape[0]
    both = PromptStates(
        torch.cat([prompt.states, empty.states.expand(n, -1, -1)]),
        torch.cat([prompt.mask, empty.mask.expand(n, -1)]),
        torch.cat([prompt.pooled, empty.pooled.expand(n, -1)]),
    )
    times = torch.linspace(0, 1, steps + 1) ** 1.3
    z = noise
    for now, later in pairwise(times):
        with torch.autocast("cpu", torch.bfloat16):
            guess = model(torch.cat([z, z]), now.expand(2 * n), both).float()
        told, free = guess.chunk(2)
        x = free + guidance * (told - free)
        z = z + (later - now) * (x - z) / (1 - now).clamp_min(1e-3)
    return z.nan_to_num(0.0).clamp(-1, 1)
