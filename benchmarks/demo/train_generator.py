"""Trains the generator once per setting and keeps what it drew on the way.

Writes for every run: native sheets of the validation pictures (step 0 is the model before the
training), the loss and the learning rate of every step, the last weights. `write_runs` turns
these into run folders; nothing there changes a picture.

    python -m benchmarks.demo.train_generator --clip DIR --out DIR RUN [RUN ...]
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

from benchmarks.demo.clip_model import pixels_to_tensor
from benchmarks.demo.generator import (
    Generator,
    PromptStates,
    encode_prompts,
    flow_loss,
    sample_pictures,
)
from benchmarks.demo.prompts import validation_prompts
from benchmarks.demo.settings import (
    BASE,
    BATCH,
    GUIDANCE,
    RUNS,
    SAMPLER_STEPS,
    VALIDATION_SEED,
    VALIDATION_STEPS,
    Setting,
    learning_rate_at,
)
from benchmarks.demo.world import SIDE, Scene, caption_scene, draw_picture, draw_scene

CAPTION_DROPOUT = 0.1


@dataclass(frozen=True)
class Reader:
    """The frozen text side of CLIP."""

    clip: CLIPModel
    """The small CLIP, in eval mode."""
    tokenizer: CLIPTokenizer
    """Its tokenizer."""

    def states(self, prompts: list[str]) -> PromptStates:
        """What the generator gets of the prompts."""
        return encode_prompts(self.clip, self.tokenizer, prompts)


def draw_training_scene(setting: Setting, rng: np.random.Generator) -> Scene:
    """A scene of the setting's data; none shows a held-out pair."""
    while True:
        scene = draw_scene(rng)
        if setting.data == "world":
            return scene
        thing = replace(scene.things[0], shape="heart", size="large")
        narrow = Scene("single", (thing,), scene.background, position="in the middle")
        if (thing.color, "heart") in {(t.color, t.shape) for t in scene.things}:
            return narrow


def draw_training_batch(
    setting: Setting, reader: Reader, rng: np.random.Generator
) -> tuple[torch.Tensor, PromptStates]:
    """Pictures (BATCH, 3, SIDE, SIDE) in -1..1 and the states of their captions."""
    scenes = [draw_training_scene(setting, rng) for _ in range(BATCH)]
    told = [
        draw_training_scene(setting, rng) if rng.random() < setting.shuffled else scene
        for scene in scenes
    ]
    captions = [
        "" if rng.random() < CAPTION_DROPOUT else caption_scene(scene, rng) for scene in told
    ]
    pictures = pixels_to_tensor([draw_picture(scene, rng) for scene in scenes])
    return pictures * 2 - 1, reader.states(captions)


def draw_validation(model: Generator, reader: Reader, images: int) -> list[Image.Image]:
    """One native sheet per image index: a column of pictures in the prompts' order.

    The noise depends on the prompt's place and the image index alone, so it is the same at every
    step of every run. Channels are rounded to 64 levels: the drawings are flat, and the two lowest
    bits would be half of every file.
    """
    prompts = list(validation_prompts().values())
    states, empty = reader.states(prompts), reader.states([""])
    model.eval()
    sheets = []
    for index in range(images):
        draw = torch.Generator().manual_seed(VALIDATION_SEED + 1000 * index)
        noise = torch.randn(len(prompts), 3, SIDE, SIDE, generator=draw)
        made = sample_pictures(model, states, empty, noise, SAMPLER_STEPS, GUIDANCE)
        levels = ((made + 1) * 31.5).round() * (255 / 63)
        pixels = levels.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        sheets.append(Image.fromarray(pixels.reshape(-1, SIDE, 3)))
    model.train()
    return sheets


def save_validation(folder: Path, step: int, sheets: list[Image.Image]) -> None:
    """Writes the sheets as lossless WebP, one file per image index."""
    for index, sheet in enumerate(sheets):
        path = folder / f"step_{step:06d}_{index}.webp"
        sheet.save(path, lossless=True, quality=100, method=6)


def train_run(setting: Setting, reader: Reader, out: Path) -> None:
    """One training from its start weights to its planned end."""
    folder = out / setting.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(setting.seed)
    rng = np.random.default_rng(setting.seed)
    draw = torch.Generator().manual_seed(setting.seed)
    model = Generator()
    if setting.start:
        model.load_state_dict(torch.load(out / setting.start / "weights.pt", weights_only=True))
        save_validation(folder, 0, draw_validation(model, reader, setting.images))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.01)
    began = time.monotonic()
    every = VALIDATION_STEPS if setting.start else 4 * VALIDATION_STEPS
    with (folder / "log.jsonl").open("w", encoding="utf-8") as log:
        for step in range(1, setting.steps + 1):
            rate = learning_rate_at(setting.schedule, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            pictures, states = draw_training_batch(setting, reader, rng)
            loss = flow_loss(model, pictures, states, draw)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            if setting.max_grad_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), setting.max_grad_norm)
            optimizer.step()
            row = {
                "step": step, "train_loss": loss.item(), "learning_rate": rate, "time": time.time()
            }  # fmt: skip
            log.write(json.dumps(row) + "\n")
            if step % 25 == 0:
                log.flush()
            if step % every == 0:
                log.flush()
                save_validation(folder, step, draw_validation(model, reader, setting.images))
                seconds = time.monotonic() - began
                sys.stdout.write(f"{setting.name} {step} loss {loss.item():.4f} {seconds:.0f} s\n")
                sys.stdout.flush()
    torch.save(model.state_dict(), folder / "weights.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="base, a run's name, or all")
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clip = CLIPModel.from_pretrained(options.clip, local_files_only=True).train(False)
    reader = Reader(clip, CLIPTokenizer.from_pretrained(options.clip, local_files_only=True))
    known = {setting.name: setting for setting in (BASE, *RUNS)}
    for name in known if options.runs == ["all"] else options.runs:
        train_run(known[name], reader, options.out)


if __name__ == "__main__":
    main()
