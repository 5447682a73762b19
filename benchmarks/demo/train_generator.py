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
    value_at,
)
from benchmarks.demo.world import SIDE, Scene, caption_scene, draw_picture, draw_scene

CAPTION_DROPOUT = 0.1
MAX_GRAD_NORM = 1.0
BASE_VALIDATION_STEPS = 200


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
    setting: Setting, step: int, reader: Reader, rng: np.random.Generator
) -> tuple[torch.Tensor, PromptStates]:
    """Pictures (BATCH, 3, SIDE, SIDE) in -1..1 and the states of their captions."""
    shuffled = value_at(setting.shuffled, step)
    scenes = [draw_training_scene(setting, rng) for _ in range(BATCH)]
    told = [
        draw_training_scene(setting, rng) if rng.random() < shuffled else scene for scene in scenes
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


@dataclass(frozen=True)
class Trained:
    """All that a training changes as it goes, so that it can stop anywhere and go on."""

    model: Generator
    """The generator."""
    matrices: torch.optim.Optimizer
    """Muon, for the weight matrices within the network."""
    others: torch.optim.Optimizer
    """AdamW, for what is no matrix, and for the ways in and out."""
    rng: np.random.Generator
    """Draws scenes, captions and pictures."""
    draw: torch.Generator
    """Draws times and noise."""

    def set_rate(self, rate: float) -> None:
        """`rate` is Muon's; AdamW's is a twentieth of it."""
        for optimizer, factor in ((self.matrices, 1.0), (self.others, 0.05)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def save(self, path: Path, step: int) -> None:
        """Everything after `step` steps."""
        torch.save(
            {
                "step": step,
                "model": self.model.state_dict(),
                "matrices": self.matrices.state_dict(),
                "others": self.others.state_dict(),
                "rng": self.rng.bit_generator.state,
                "draw": self.draw.get_state(),
            },
            path,
        )

    def load(self, path: Path) -> int:
        """Goes back to what `save` wrote; returns its step."""
        kept = torch.load(path, weights_only=True)
        self.model.load_state_dict(kept["model"])
        self.matrices.load_state_dict(kept["matrices"])
        self.others.load_state_dict(kept["others"])
        self.rng.bit_generator.state = kept["rng"]
        self.draw.set_state(kept["draw"])
        return int(kept["step"])


def start_training(seed: int, weights: Path | None) -> Trained:
    """A training before its first step, from `weights` or from nothing."""
    torch.manual_seed(seed)
    model = Generator()
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True))
    inner, outer = [], []
    for name, parameter in model.named_parameters():
        way_in = name.startswith(("time", "prompt"))
        (inner if parameter.ndim == 2 and not way_in else outer).append(parameter)
    return Trained(
        model,
        torch.optim.Muon(inner, lr=0.0, weight_decay=0.01),
        torch.optim.AdamW(outer, lr=0.0, betas=(0.9, 0.99), weight_decay=0.01),
        np.random.default_rng(seed),
        torch.Generator().manual_seed(seed),
    )


def take_step(trained: Trained, setting: Setting, step: int, reader: Reader) -> float:
    """Optimizer step number `step`; returns the loss."""
    trained.set_rate(value_at(setting.schedule, step))
    pictures, states = draw_training_batch(setting, step, reader, trained.rng)
    loss = flow_loss(trained.model, pictures, states, trained.draw)
    trained.model.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(trained.model.parameters(), MAX_GRAD_NORM)
    trained.matrices.step()
    trained.others.step()
    return loss.item()


def train_run(setting: Setting, reader: Reader, out: Path) -> None:
    """One training from its start weights to its planned end; one that is complete is kept.

    Every validation leaves a checkpoint, and an interrupted training goes on from its last one.
    """
    folder = out / setting.name
    weights, kept, log_file = (folder / n for n in ("weights.pt", "kept.pt", "log.jsonl"))
    if weights.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    trained = start_training(
        setting.seed, out / setting.start / "weights.pt" if setting.start else None
    )
    done = trained.load(kept) if kept.exists() else 0
    rows = log_file.read_text("utf-8").splitlines(keepends=True)[:done] if done else []
    log_file.write_text("".join(rows), encoding="utf-8")
    if setting.start and not done:
        save_validation(folder, 0, draw_validation(trained.model, reader, setting.images))
    every = VALIDATION_STEPS if setting.start else BASE_VALIDATION_STEPS
    with log_file.open("a", encoding="utf-8") as log:
        for step in range(done + 1, setting.steps + 1):
            loss = take_step(trained, setting, step, reader)
            rate = value_at(setting.schedule, step)
            row = {"step": step, "train_loss": loss, "learning_rate": rate, "time": time.time()}
            log.write(json.dumps(row) + "\n")
            if step % every == 0:
                log.flush()
                save_validation(
                    folder, step, draw_validation(trained.model, reader, setting.images)
                )
                trained.save(kept, step)
                seconds = time.process_time()
                sys.stdout.write(f"{setting.name} {step} loss {loss:.4f} {seconds:.0f} CPU s\n")
                sys.stdout.flush()
    torch.save(trained.model.state_dict(), weights)
    kept.unlink()


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
