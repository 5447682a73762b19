"""Measures the small CLIP on scenes it never saw: retrieval, levels, and order by right attributes.

Every scene here shows a held-out (colour, shape) pair unless said otherwise; pictures are clean
drawings, enlarged into a panel and read back through the model's own preprocessing.

    python -m benchmarks.demo.eval_clip --clip DIR [--out FILE]
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from benchmarks.demo.wear import enlarge_picture
from benchmarks.demo.world import (
    BACKGROUNDS,
    COLORS,
    POSITIONS,
    SHAPES,
    Pixels,
    Scene,
    caption_scene,
    draw_picture,
    draw_scene,
)


@dataclass(frozen=True)
class Scorer:
    """A CLIP folder, loaded as any program would load it."""

    clip: CLIPModel
    """The model, in eval mode."""
    tokenizer: CLIPTokenizer
    """Its tokenizer."""
    processor: CLIPImageProcessorPil
    """Its preprocessing."""

    @torch.no_grad()
    def texts(self, prompts: list[str]) -> torch.Tensor:
        """Unit features (n, 64)."""
        tokens = self.tokenizer(prompts, padding=True, truncation=True, return_tensors="pt")
        return F.normalize(self.clip.get_text_features(**tokens).pooler_output, dim=-1)

    @torch.no_grad()
    def pictures(self, pictures: list[Pixels]) -> torch.Tensor:
        """Unit features (n, 64) of native pictures, seen as panels."""
        panels = [enlarge_picture(picture) for picture in pictures]
        pixels = self.processor(panels, return_tensors="pt")["pixel_values"]
        return F.normalize(self.clip.get_image_features(pixel_values=pixels).pooler_output, dim=-1)


def load_scorer(folder: Path) -> Scorer:
    """The model in `folder`, without network."""
    return Scorer(
        CLIPModel.from_pretrained(folder, local_files_only=True).train(False),
        CLIPTokenizer.from_pretrained(folder, local_files_only=True),
        CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True),
    )


def draw_distinct(rng: np.random.Generator, n: int, held_out: bool) -> list[Scene]:
    """n scenes with n different full captions."""
    scenes: dict[str, Scene] = {}
    while len(scenes) < n:
        scene = draw_scene(rng, held_out)
        scenes[caption_scene(scene)] = scene
    return list(scenes.values())


def measure_retrieval(scorer: Scorer, rng: np.random.Generator, held_out: bool) -> dict[str, float]:
    """Top-1 and top-5 of text to picture among 100, over 10 draws; matched and shuffled cosines."""
    top1: list[float] = []
    top5: list[float] = []
    matched: list[float] = []
    shuffled: list[float] = []
    for _ in range(10):
        scenes = draw_distinct(rng, 100, held_out)
        text = scorer.texts([caption_scene(scene) for scene in scenes])
        image = scorer.pictures([draw_picture(scene, rng) for scene in scenes])
        cosine = (text @ image.T).numpy()
        own = np.diag(cosine)
        rank = (cosine > own[:, None]).sum(1)
        top1.append((rank == 0).mean())
        top5.append((rank < 5).mean())
        matched.extend(own)
        shuffled.extend(np.roll(cosine, 1, axis=1).diagonal())
    return {
        "top1": float(np.mean(top1)),
        "top5": float(np.mean(top5)),
        "matched_mean": float(np.mean(matched)),
        "matched_std": float(np.std(matched)),
        "matched_p10": float(np.quantile(matched, 0.1)),
        "matched_p90": float(np.quantile(matched, 0.9)),
        "shuffled_mean": float(np.mean(shuffled)),
        "shuffled_std": float(np.std(shuffled)),
        "shuffled_p90": float(np.quantile(shuffled, 0.9)),
    }


def _other(values: list[str], taken: str, rng: np.random.Generator) -> str:
    return str(rng.choice([value for value in values if value != taken]))


def spoil_scene(scene: Scene, attributes: list[str], rng: np.random.Generator) -> Scene:
    """The single-object scene with each of the named attributes wrong."""
    thing, background, position = scene.things[0], scene.background, scene.position
    if "background" in attributes:
        background = _other(list(BACKGROUNDS), background, rng)
    if "color" in attributes or thing.color == background:
        colors = [color for color in COLORS if color != background]
        thing = replace(thing, color=_other(colors, thing.color, rng))
    if "shape" in attributes:
        thing = replace(thing, shape=_other(list(SHAPES), thing.shape, rng))
    if "position" in attributes:
        position = _other(list(POSITIONS), position, rng)
    return replace(scene, things=(thing,), background=background, position=position)


def measure_attributes(scorer: Scorer, rng: np.random.Generator, n: int = 400) -> dict[str, object]:
    """Mean cosine by the number of right attributes (colour, shape, background, position).

    `ordered_pairs` is the share of prompts for which one more right attribute scores higher.
    """
    names = ["color", "shape", "background", "position"]
    scenes: list[Scene] = []
    while len(scenes) < n:
        scene = draw_scene(rng, held_out=True)
        if scene.kind == "single" and scene.things[0].color not in BACKGROUNDS:
            scenes.append(scene)
    text = scorer.texts([caption_scene(scene) for scene in scenes])
    table = []
    for right in range(len(names) + 1):
        spoilt = [
            spoil_scene(s, [str(v) for v in rng.permutation(names)[: len(names) - right]], rng)
            for s in scenes
        ]
        image = scorer.pictures([draw_picture(scene, rng) for scene in spoilt])
        table.append((text * image).sum(1).numpy())
    static = [rng.integers(0, 256, (48, 48, 3), dtype=np.uint8) for _ in scenes]
    noise = (text * scorer.pictures(static)).sum(1).numpy()
    one_wrong = {}
    for name in names:
        image = scorer.pictures([draw_picture(spoil_scene(s, [name], rng), rng) for s in scenes])
        one_wrong[name] = float((text * image).sum(1).mean())
    return {
        "mean": [float(row.mean()) for row in table],
        "std": [float(row.std()) for row in table],
        "ordered_pairs": [float((b > a).mean()) for a, b in pairwise(table)],
        "only_this_wrong": one_wrong,
        "static": float(noise.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=99)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    scorer = load_scorer(options.clip)
    report = {
        "held_out_pairs": measure_retrieval(scorer, rng, held_out=True),
        "trained_pairs_new_captions": measure_retrieval(scorer, rng, held_out=False),
        "right_attributes": measure_attributes(scorer, rng),
    }
    text = json.dumps(report, indent=1)
    sys.stdout.write(text + "\n")
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
