"""The validation prompts: the same for every run, a quarter with pairs no training showed."""

from functools import lru_cache

import numpy as np

from benchmarks.demo.settings import PROMPTS
from benchmarks.demo.world import Scene, caption_scene, draw_scene

PROMPT_SEED = 11


def _short_name(scene: Scene) -> str:
    names = [f"{thing.color}_{thing.shape}" for thing in scene.things]
    if scene.kind == "relation":
        return f"_{scene.relation.split()[0]}_".join(names)
    if scene.kind == "count":
        return f"{scene.count}x_{names[0]}"
    return f"{names[0]}_{scene.position.split()[-1]}"


@lru_cache(maxsize=1)
def _validation_scenes() -> dict[str, Scene]:
    rng = np.random.default_rng(PROMPT_SEED)
    wanted = {"single": 14, "count": 4, "relation": 14}
    scenes: dict[str, Scene] = {}
    while len(scenes) < PROMPTS:
        scene = draw_scene(rng, held_out=len(scenes) % 4 == 3)
        if wanted[scene.kind] and _short_name(scene) not in scenes:
            wanted[scene.kind] -= 1
            scenes[_short_name(scene)] = scene
    return scenes


def validation_prompts() -> dict[str, str]:
    """Prompt text by short name, in the order in which the pictures are made."""
    return {name: caption_scene(scene) for name, scene in _validation_scenes().items()}
