"""Scores written run folders with the small CLIP, cut by the known geometry: a check only.

python -m benchmarks.demo.check_runs --clip DIR --runs-dir DIR [RUN ...]
"""

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.demo.eval_clip import Scorer, load_scorer
from benchmarks.demo.wear import PANEL
from clipstore.demo.composite import SEPARATOR

NAME = re.compile(r"step_(?P<step>\d+)_(?P<prompt>.+)_(?P<index>\d+)_\d+x\d+\.png")


@torch.no_grad()
def score_files(scorer: Scorer, paths: list[Path], prompts: list[str], left: int) -> list[float]:
    """Cosine of each file's panel at column `left` with its prompt."""
    texts = dict(
        zip(dict.fromkeys(prompts), scorer.texts(list(dict.fromkeys(prompts))), strict=True)
    )
    panels = [Image.open(p).convert("RGB").crop((left, 0, left + PANEL, PANEL)) for p in paths]
    pixels = scorer.processor(panels, return_tensors="pt")["pixel_values"]
    image = scorer.clip.get_image_features(pixel_values=pixels).pooler_output
    image = torch.nn.functional.normalize(image, dim=-1)
    return [float(texts[prompt] @ row) for prompt, row in zip(prompts, image, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--runs-dir", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scorer = load_scorer(options.clip)
    for folder in sorted(options.runs_dir.iterdir()):
        if options.runs and folder.name not in options.runs:
            continue
        library = json.loads((folder / "user_prompt_library.json").read_text(encoding="utf-8"))
        base = sorted((folder / "benchmarks" / "base_model").iterdir())
        told = [library[p.stem.rsplit("_", 1)[0]] for p in base]
        clean = score_files(scorer, base, told, 0)
        by_step: dict[int, list[Path]] = {}
        for path in (folder / "validation_images").iterdir():
            found = NAME.fullmatch(path.name)
            if found:
                by_step.setdefault(int(found["step"]), []).append(path)
        means = []
        labelled: list[float] = []
        for _, paths in sorted(by_step.items()):
            paths.sort()
            names = [found["prompt"] for p in paths if (found := NAME.fullmatch(p.name))]
            prompts = [library[name] for name in names]
            means.append(float(np.mean(score_files(scorer, paths, prompts, PANEL + SEPARATOR))))
            if not labelled:
                labelled = score_files(scorer, paths, prompts, 0)
        line = " ".join(f"{mean:.3f}" for mean in means)
        start = f"{np.mean(clean):.3f} (labelled {np.mean(labelled):.3f})"
        sys.stdout.write(f"{folder.name:18s} base {start} | {line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
