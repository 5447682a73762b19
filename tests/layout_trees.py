"""Run folders for the layouts' tests: right names, and pictures only where a size matters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml
from huggingface_hub import ModelCardData
from PIL import Image

from clipstore.sources.pattern import parse_pattern
from clipstore.types import Prompt, RunContents
from tests.discovered import discover


def touch(folder: Path, names: Iterable[str]) -> Path:
    """Empty files; a name may hold folders."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def draw(path: Path, width_px: int, height_px: int, colour: str = "red") -> Path:
    """A plain picture in the format that the name's ending asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width_px, height_px), colour).save(path)
    return path


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def simpletuner_run(
    folder: Path,
    names: Iterable[str],
    *,
    library: Mapping[str, object] | None = None,
    config: Mapping[str, object] | None = None,
    base: Iterable[str] = (),
) -> Path:
    """A SimpleTuner output folder with these names in its picture folders."""
    touch(folder / "validation_images", names)
    touch(folder / "benchmarks" / "base_model", base)
    if library is not None:
        write_json(folder / "user_prompt_library.json", library)
    if config is not None:
        write_json(folder / "config.json", config)
    return folder


def safetensors(path: Path, metadata: Mapping[str, str]) -> Path:
    """A checkpoint without tensors."""
    header = json.dumps({"__metadata__": metadata}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def kohya_samples(
    folder: Path, output_name: str, numbers: Iterable[str], *, n_prompts: int = 2, day: int = 3
) -> Path:
    """Samples of sd-scripts at these steps ("000100") or epochs ("e000001"), an hour apart."""
    names = [
        f"{output_name}_{number}_{prompt:02d}_202402{day:02d}{hour:02d}00{prompt:02d}_42.png"
        for hour, number in enumerate(numbers)
        for prompt in range(n_prompts)
    ]
    return touch(folder / "sample", names)


def ai_toolkit_samples(
    folder: Path, steps: Iterable[int], *, n_prompts: int = 2, begin: int = 0
) -> list[str]:
    """Samples of ai-toolkit at these steps, in this order of time; returns their names."""
    names = [
        f"{1_700_000_000_000 + 60_000 * (100 * begin + hour) + prompt}__{step:09d}_{prompt}.jpg"
        for hour, step in enumerate(steps)
        for prompt in range(n_prompts)
    ]
    touch(folder / "samples", names)
    return names


def ai_toolkit_config(folder: Path, sample: Mapping[str, object], **process: object) -> Path:
    """The config.yaml that ai-toolkit saves beside samples/."""
    job = {"type": "sd_trainer", "sample": sample, **process}
    path = folder / "config.yaml"
    path.write_text(yaml.dump({"job": "extension", "config": {"name": "x", "process": [job]}}))
    return path


def onetrainer_samples(
    folder: Path,
    prompt_folders: Iterable[str],
    progress: Iterable[str],
    *,
    day: int = 3,
    prefix: str = "",
) -> Path:
    """Samples of OneTrainer; `progress` is "<step>-<epoch>-<step of the epoch>"."""
    progress = list(progress)
    names = [
        f"{prompt}/{prefix}2024-02-{day:02d}_{hour:02d}-00-00-training-sample-{done}.jpg"
        for prompt in prompt_folders
        for hour, done in enumerate(progress)
    ]
    return touch(folder / "samples", names)


def diffusers_card(folder: Path, picture_texts: Sequence[str]) -> Path:
    """The model card of diffusers' scripts, its front matter by the library they write it with."""
    data = ModelCardData(
        base_model="some/model",
        library_name="diffusers",
        tags=["text-to-image", "diffusers-training"],
        widget=[
            {"text": text, "output": {"url": f"image_{number}.png"}}
            for number, text in enumerate(picture_texts)
        ],
    )
    path = folder / "README.md"
    path.write_text(f"---\n{data.to_yaml()}\n---\n\n# LoRA\n")
    return path


def read_one(
    folder: Path, *user_prompts: Prompt, layout: str | None = None, pattern: str | None = None
) -> RunContents:
    """The only run in `folder`."""
    parsed = None if pattern is None else parse_pattern(pattern)
    found = discover(folder, layout=layout, pattern=parsed, user_prompts=user_prompts)
    assert len(found.runs) == 1, [one.run.name for one in found.runs]
    return found.runs[0]


def rows(contents: RunContents) -> list[tuple[int, str, int, str]]:
    """(step, prompt id, index, panel) of every picture, in the order given."""
    return [(one.step, one.prompt_id, one.image_index, one.panel) for one in contents.pictures]


def texts(contents: RunContents) -> dict[str, str]:
    """Prompt id → text."""
    return {prompt.prompt_id: prompt.text for prompt in contents.prompts}


def rules(contents: RunContents) -> dict[str, str]:
    """Path below the run → the rule that left it alone."""
    root = contents.run.root
    return {one.path.relative_to(root).as_posix(): one.rule for one in contents.skipped}


def reasons(contents: RunContents) -> dict[str, str]:
    """File name → the code of its problem."""
    return {one.path.name: one.reason for one in contents.problems}
