"""Examples without a trainer: by the specification, or clipstore's own layouts."""

from __future__ import annotations

import json

from tests.generated_pictures import a1111, comfy, comfy_graph
from tests.layout_examples.taking import CAT, FOX, fresh, keep_truth, picture


def metadata() -> None:
    """By the specification: what A1111 and ComfyUI put into a picture, written with Pillow."""
    folder = fresh("metadata")
    truth = []
    for number, (step, prompt) in enumerate([(500, FOX), (500, CAT), (1000, FOX)]):
        name = f"{number:05d}-7.{'jpg' if number == 1 else 'png'}"
        a1111(folder / name, f"{prompt} <lora:mine-step{step:08d}:1>")
        truth.append({"path": name, "step": step, "prompt": prompt})
    graph = comfy_graph(CAT, lora="mine-step00001000.safetensors")
    comfy(folder / "ComfyUI_00001_.png", graph)
    truth.append({"path": "ComfyUI_00001_.png", "step": 1000, "prompt": CAT})
    keep_truth("metadata", truth)


def own_layouts() -> None:
    """The two layouts that are clipstore's own."""
    folder, truth = fresh("folder"), []
    for step in (5, 10):
        for name, prompt in (("fox", FOX), ("cat", CAT)):
            path = folder / f"step_{step:06d}" / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            picture(prompt).save(path)
            path.with_suffix(".txt").write_text(prompt)
            relative = path.relative_to(folder).as_posix()
            truth.append({"path": relative, "step": step, "prompt": prompt})
    keep_truth("folder", truth)
    folder, truth = fresh("pattern"), []
    for run in ("one", "two"):
        for step in (5, 9):
            path = folder / run / "samples" / f"{step}_fox_0.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(FOX).save(path)
            relative = path.relative_to(folder).as_posix()
            truth.append({"path": relative, "step": step, "prompt": FOX})
        (folder / run / "prompts.json").write_text(json.dumps({"fox": FOX}))
    keep_truth("pattern", truth)
