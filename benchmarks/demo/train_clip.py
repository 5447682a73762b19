"""Trains the small CLIP from scratch: symmetric InfoNCE on pairs drawn as they are needed.

Half of every batch are near misses of the other half, so that the model must tell captions apart
by every attribute; junk pictures are further negatives for the captions. The temperature is kept
bounded: it leaves room between chance and a true pair, which a band needs.

    python -m benchmarks.demo.train_clip --out DIR [--stop N] [--threads N]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPModel, CLIPTokenizer

from benchmarks.demo.clip_model import (
    build_model,
    normalize_pixels,
    pixels_to_tensor,
    write_tokenizer,
)
from benchmarks.demo.wear import make_junk, recode_picture, wear_pixels
from benchmarks.demo.world import caption_scene, draw_picture, draw_scene, vary_scene

MAX_LOGIT_SCALE = float(np.log(16.0))
PAIRS, JUNK = 96, 24


def draw_batch(rng: np.random.Generator, draw: torch.Generator) -> tuple[torch.Tensor, list[str]]:
    """Pixels (2 * PAIRS + JUNK, 3, SIDE, SIDE) and the captions of the first 2 * PAIRS."""
    scenes = [draw_scene(rng) for _ in range(PAIRS)]
    scenes += [vary_scene(scene, rng) for scene in scenes]
    captions = [caption_scene(scene, rng) for scene in scenes]
    pictures = [draw_picture(scene, rng) for scene in scenes]
    pictures = [recode_picture(p, rng) if rng.random() < 0.15 else p for p in pictures]
    worn = wear_pixels(pixels_to_tensor(pictures), draw)
    return torch.cat([worn, make_junk(worn[:JUNK], draw)]), captions


def contrast_loss(
    image: torch.Tensor, text: torch.Tensor, scale: torch.Tensor, captions: list[str]
) -> torch.Tensor:
    """Symmetric InfoNCE; images beyond the texts are negatives of every text, none of theirs.

    image (m, d) and text (n, d) of unit length, m >= n, pair i with i. Equal captions of two
    pairs are no negatives of each other.
    """
    n = len(captions)
    numbers = {c: i for i, c in enumerate(dict.fromkeys(captions))}
    ids = torch.tensor([numbers[c] for c in captions])
    twins = (ids[:, None] == ids[None, :]) & ~torch.eye(n, dtype=torch.bool)
    logits = scale.exp() * text @ image.T
    blocked = torch.zeros_like(logits, dtype=torch.bool)
    blocked[:, :n] = twins
    logits = logits.masked_fill(blocked, float("-inf"))
    target = torch.arange(n)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :n].T, target)) / 2


def learning_rate_at(step: int, steps: int, peak: float = 1.2e-3, warm: int = 100) -> float:
    """Linear warm-up, then a cosine to 2 % of the peak."""
    if step < warm:
        return peak * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return float(peak * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done))))


def train_clip(folder: Path, steps: int, stop: int, seed: int) -> CLIPModel:
    """Writes tokenizer and model to `folder` every 500 steps; `steps` sets the rate's schedule."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    words = [caption_scene(draw_scene(rng), rng) for _ in range(5000)]
    model = build_model(write_tokenizer(words, folder))
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    heavy = [p for p in model.parameters() if p.ndim > 1]
    light = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": 0.05}, {"params": light, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
    began = time.monotonic()
    for step in range(stop):
        pixels, captions = draw_batch(rng, draw)
        tokens = tokenizer(captions, padding=True, return_tensors="pt")
        output = model(pixel_values=normalize_pixels(pixels), **tokens)
        loss = contrast_loss(output.image_embeds, output.text_embeds, model.logit_scale, captions)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, steps)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0.0, MAX_LOGIT_SCALE)
        if step % 50 == 0 or step == stop - 1:
            seconds = time.monotonic() - began
            scale = model.logit_scale.detach().exp().item()
            sys.stdout.write(f"step {step} loss {loss:.3f} scale {scale:.2f} {seconds:.0f} s\n")
            sys.stdout.flush()
        if (step + 1) % 500 == 0 or step == stop - 1:
            model.save_pretrained(folder)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2400, help="length of the schedule")
    parser.add_argument("--stop", type=int, default=1500, help="steps to train")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train_clip(options.out, options.steps, options.stop, options.seed)


if __name__ == "__main__":
    main()
