"""Makes tests/layouts/: small runs as the trainers' own saving code leaves them on disk.

    python -m tests.make_layout_examples simpletuner=PATH kohya=PATH musubi=PATH \\
        ai_toolkit=PATH onetrainer=PATH diffusers=PATH

Each PATH is a git checkout (a bare one will do) with the commits named below. From its files the
functions that save pictures are taken as they are and called with stand-ins for what a training
would give them: a model that returns a plain picture, a clock that ticks a second a call. What was
asked for is written beside each example, as the truth that tests hold the layouts to. Nothing of
the trainers' code is kept.
"""

from __future__ import annotations
import __future__

import argparse
import ast
import contextlib
import copy
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml
from huggingface_hub import ModelCard, ModelCardData
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import save_file

from tests.generated_pictures import a1111, comfy, comfy_graph

HERE = Path(__file__).parent / "layouts"
COMPOSITES = Path(__file__).parent / "simpletuner_pictures"
COMMITS = {
    "simpletuner": "bc8e6ab77",
    "kohya": "48d368fa",
    "musubi": "30c658c",
    "ai_toolkit": "27a03a91",
    "onetrainer": "23df3832",
    "diffusers": "58eb52c08",
}
FOX, CAT = "a red fox, in the snow", "a cat"
COLOURS = {FOX: "red", CAT: "blue"}
SIDE = 64

Truth = dict[str, object]


class Clock:
    """Stands in for the module `time`: 2026-05-04 12:00:00 UTC, and a second later at each call."""

    def __init__(self) -> None:
        self._seconds = 1_777_896_000

    def time(self) -> float:
        self._seconds += 1
        return float(self._seconds)

    def strftime(self, form: str, *_now: object) -> str:
        return time.strftime(form, time.gmtime(self.time()))

    def localtime(self) -> None:
        return None


def taken_from(
    checkout: Path, revision: str, path: str, names: Sequence[str], given: Mapping[str, object]
) -> dict[str, Any]:
    """The functions and classes of these names, also of methods, with `given` as their globals."""
    source = subprocess.run(
        ["git", "-C", str(checkout), "show", f"{revision}:{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names
    ]
    for node in wanted:
        node.decorator_list = []
    namespace: dict[str, Any] = dict(given)
    flags = __future__.annotations.compiler_flag
    for node in wanted:
        exec(compile(ast.Module([node], []), path, "exec", flags), namespace)
    return namespace


def picture(prompt: str) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), COLOURS[prompt])


def fresh(name: str) -> Path:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def new_files(folder: Path, save: Callable[[], object]) -> list[str]:
    """Paths below `folder` of the pictures that `save` made there."""
    before = set(folder.rglob("*"))
    save()
    made = [
        path
        for path in set(folder.rglob("*")) - before
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    ]
    return sorted(path.relative_to(folder).as_posix() for path in made)


def keep_truth(name: str, truth: Iterable[Truth]) -> None:
    lines = sorted(json.dumps(row, sort_keys=True) for row in truth)
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def saved(
    folder: Path, save: Callable[[], object], step: int, prompt: str, **more: object
) -> list[Truth]:
    """What was asked for, of each picture that came of it."""
    return [
        {"path": path, "step": step, "prompt": prompt, **more} for path in new_files(folder, save)
    ]


def kohya(checkout: Path) -> None:
    """sd-scripts' `sample_image_inference`, with prompts as its own `load_prompts` reads them."""
    folder = fresh("kohya")
    (folder / "sample_prompts.txt").write_text(
        f"# two prompts\n{FOX} --n ugly --w 64 --h 64 --d 42\n\n{CAT} --w 64 --h 64\n"
    )
    code = taken_from(
        checkout,
        COMMITS["kohya"],
        "library/train_util.py",
        ["sample_image_inference", "load_prompts", "line_to_prompt_dict"],
        {
            **{"torch": torch, "os": os, "json": json, "Image": Image, "time": Clock()},
            **{"logger": logging.getLogger("kohya"), "re": re},
            "get_my_scheduler": lambda **_settings: None,
        },
    )
    module = types.ModuleType("library.train_util")
    module.line_to_prompt_dict = code["line_to_prompt_dict"]  # type: ignore[attr-defined]
    sys.modules["library.train_util"] = module
    prompts = code["load_prompts"](str(folder / "sample_prompts.txt"))
    (folder / "sample").mkdir()

    class Pipeline:
        def __call__(self, *, prompt: str, **_settings: object) -> str:
            return prompt

        def latents_to_image(self, latents: str) -> list[Image.Image]:
            return [picture(latents)]

    accelerator = types.SimpleNamespace(autocast=contextlib.nullcontext, trackers=[])
    settings = argparse.Namespace(
        sample_sampler="ddim", v_parameterization=False, output_name="fox-lora"
    )
    truth = []
    for epoch, step in ((None, 100), (None, 200)):
        for prompt in prompts:

            def save(prompt: dict[str, Any] = prompt, epoch: Any = epoch, step: int = step) -> None:
                code["sample_image_inference"](
                    *(accelerator, settings, Pipeline(), str(folder / "sample")),
                    *(prompt, epoch, step, None),
                )

            truth += saved(folder, save, step, prompt["prompt"])
    keep_truth("kohya", truth)


def musubi(checkout: Path) -> None:
    """musubi-tuner's `sample_image_inference`, `save_images_grid` and `save_videos_grid`."""
    folder = fresh("musubi")
    (folder / "sample_prompts.txt").write_text(f"{FOX} --w 64 --h 64 --d 7\n{CAT} --f 5\n")
    # torchvision's make_grid gives one picture back as it is.
    grid = types.SimpleNamespace(utils=types.SimpleNamespace(make_grid=lambda x, nrow: x[0]))
    savers = taken_from(
        checkout,
        COMMITS["musubi"],
        "src/musubi_tuner/hv_generate_video.py",
        ["save_images_grid", "save_videos_grid"],
        {
            **{"torch": torch, "os": os, "Image": Image, "np": np, "av": av, "torchvision": grid},
            "rearrange": lambda videos, _form: videos.permute(2, 0, 1, 3, 4),
        },
    )
    code = taken_from(
        checkout,
        COMMITS["musubi"],
        "src/musubi_tuner/training/trainer_base.py",
        ["sample_image_inference"],
        {
            **{"torch": torch, "os": os, "time": Clock(), "logger": logging.getLogger("musubi")},
            "save_images_grid": savers["save_images_grid"],
            "save_videos_grid": savers["save_videos_grid"],
            "clean_memory_on_device": lambda _device: None,
        },
    )

    def no_tracker(_name: str) -> None:
        raise ValueError

    def infer(
        _accelerator: object, _args: object, sample: dict[str, Any], *_: Any, **__: Any
    ) -> Any:
        frame = torch.from_numpy(np.asarray(picture(sample["prompt"])).copy()).float() / 255
        frames = int(sample.get("frame_count", 1))
        return frame.permute(2, 0, 1)[None, :, None].expand(1, 3, frames, SIDE, SIDE)

    trainer = types.SimpleNamespace(
        default_guidance_scale=1.0,
        default_discrete_flow_shift=None,
        vae_frame_stride=4,
        i2v_training=False,
        control_training=False,
        do_inference=infer,
    )
    accelerator = types.SimpleNamespace(device="cpu", get_tracker=no_tracker)
    model = types.SimpleNamespace(training=True, eval=lambda: None, train=lambda _on: None)
    vae = types.SimpleNamespace(to=lambda _device: None)
    settings = argparse.Namespace(output_name="fox-lora")
    samples = [
        {"enum": 0, "prompt": FOX, "width": SIDE, "height": SIDE, "seed": 7},
        {"enum": 1, "prompt": CAT, "width": SIDE, "height": SIDE, "frame_count": 5},
    ]
    (folder / "sample").mkdir()
    truth = []
    for step in (100, 200):
        for sample in samples:

            def save(sample: dict[str, object] = sample, step: int = step) -> None:
                code["sample_image_inference"](
                    *(trainer, accelerator, settings, model, None, vae),
                    *(str(folder / "sample"), sample, None, step),
                )

            truth += saved(folder, save, step, str(sample["prompt"]))
    keep_truth("musubi", truth)


def ai_toolkit(checkout: Path) -> None:
    """ai-toolkit's `sample` and `GenerateImageConfig`; what its `generate_images` does with each
    picture is one call."""
    folder = fresh("ai_toolkit")
    given = {
        **{"os": os, "time": Clock(), "random": random, "torch": torch, "ImgExt": "jpg"},
        **{"ClipVisionAdapter": type("A", (), {}), "CustomAdapter": type("B", (), {})},
        **{"flush": lambda: None, "print_acc": lambda _text: None},
    }
    configs = taken_from(
        checkout,
        COMMITS["ai_toolkit"],
        "toolkit/config_modules.py",
        ["GenerateImageConfig"],
        given,
    )
    code = taken_from(
        checkout,
        COMMITS["ai_toolkit"],
        "jobs/process/BaseSDTrainProcess.py",
        ["sample"],
        {**given, "GenerateImageConfig": configs["GenerateImageConfig"]},
    )
    prompts = [f"{FOX} --w 64 --h 64", CAT]
    item = types.SimpleNamespace(
        **{"width": SIDE, "height": SIDE, "neg": "", "seed": None, "guidance_scale": 4.0},
        **{"sample_steps": 20, "network_multiplier": 1.0, "num_frames": 1, "fps": 16},
        **{"ctrl_img": None, "ctrl_idx": 0, "ctrl_img_1": None, "ctrl_img_2": None},
        ctrl_img_3=None,
    )
    sample = types.SimpleNamespace(
        **{"prompts": prompts, "samples": [item, item], "seed": 42, "walk_seed": True},
        **{"ext": "jpg", "guidance_rescale": 0.0, "adapter_conditioning_scale": 1.0},
        **{"refiner_start_at": 0.5, "extra_values": [], "do_cfg_norm": False, "sampler": "x"},
    )

    def generate(images: Sequence[Any], sampler: str) -> None:
        for number, one in enumerate(images):
            one.save_image_atomic(picture(one.prompt), number)

    trainer = types.SimpleNamespace(
        **{"accelerator": types.SimpleNamespace(is_main_process=True), "save_root": str(folder)},
        **{"first_sample_config": sample, "sample_config": sample, "adapter_config": None},
        **{"embedding": None, "adapter": None, "trigger_word": None, "logger": None, "ema": None},
        post_process_generate_image_config_list=lambda images: images,
        sd=types.SimpleNamespace(generate_images=generate),
    )
    truth = []
    for step in (0, 250, 500):
        made = new_files(folder, lambda step=step: code["sample"](trainer, step=step))
        truth += [
            {"path": path, "step": step, "prompt": FOX if path.endswith("_0.jpg") else CAT}
            for path in made
        ]
    # The job saves its config so.
    job = {"type": "sd_trainer", "sample": {"prompts": prompts, "seed": 42, "walk_seed": True}}
    config = {"job": "extension", "config": {"name": "fox", "process": [job]}}
    (folder / "config.yaml").write_text(yaml.dump(config))
    shutil.rmtree(folder / "samples" / ".tmp", ignore_errors=True)
    keep_truth("ai_toolkit", truth)


def onetrainer(checkout: Path) -> None:
    """OneTrainer's sampling loop, folder names, progress and saving, with and without EMA."""
    folder = fresh("onetrainer")
    revision = COMMITS["onetrainer"]
    names = taken_from(checkout, revision, "modules/util/path_util.py", ["safe_filename"], {})
    progress = taken_from(
        checkout, revision, "modules/util/TrainProgress.py", ["TrainProgress"], {}
    )
    kinds = types.SimpleNamespace(IMAGE="image", VIDEO="video", AUDIO="audio")
    saver = taken_from(
        checkout,
        revision,
        "modules/modelSampler/BaseModelSampler.py",
        ["save_sampler_output"],
        {"os": os, "Path": Path, "FileType": kinds},
    )
    clock = Clock()
    code = taken_from(
        checkout,
        revision,
        "modules/trainer/GenericTrainer.py",
        ["__sample_loop"],
        {
            **{"os": os, "copy": copy, "traceback": traceback},
            "multi": types.SimpleNamespace(distributed=lambda items, distribute: items),
            "path_util": types.SimpleNamespace(safe_filename=names["safe_filename"]),
            "get_string_timestamp": lambda: clock.strftime("%Y-%m-%d_%H-%M-%S"),
            **{"FileType": kinds, "pil_to_tensor": None, "torch_gc": lambda: None},
            "tqdm": types.SimpleNamespace(write=print),
        },
    )

    class Sample(types.SimpleNamespace):
        def from_train_config(self, _config: object) -> None:
            pass

    class Jpeg:
        def extension(self) -> str:
            return ".jpg"

        def pil_format(self) -> str:
            return "JPEG"

    def sample(
        sample_config: Sample, destination: str, image_format: Jpeg, **_more: object
    ) -> None:
        output = types.SimpleNamespace(file_type="image", data=picture(sample_config.prompt))
        saver["save_sampler_output"](output, destination, image_format, None, None)

    trainer = types.SimpleNamespace(
        config=types.SimpleNamespace(
            **{"workspace_dir": str(folder), "save_filename_prefix": ""},
            **{"samples_to_tensorboard": False, "sample_image_format": Jpeg()},
            **{"sample_video_format": None, "sample_audio_format": None},
        ),
        callbacks=types.SimpleNamespace(
            on_update_sample_custom_progress=None, on_update_sample_default_progress=None
        ),
        model=types.SimpleNamespace(eval=lambda: None),
        model_sampler=types.SimpleNamespace(sample=sample),
    )
    samples = [Sample(prompt=FOX, enabled=True), Sample(prompt="off", enabled=False)]
    samples.append(Sample(prompt=CAT, enabled=True))
    truth = []
    for epoch, epoch_step, step in ((1, 0, 50), (2, 0, 100)):
        at = progress["TrainProgress"](epoch=epoch, epoch_step=epoch_step, global_step=step)
        for postfix in ("", " - no-ema"):
            made = new_files(
                folder,
                lambda at=at, postfix=postfix: code["__sample_loop"](
                    trainer, at, None, samples, ema_applied=not postfix, folder_postfix=postfix
                ),
            )
            truth += [
                {
                    "path": path,
                    "step": step,
                    "epoch": epoch,
                    "prompt": FOX if "/0 - " in path else CAT,
                }
                for path in made
            ]
    settings = [{"prompt": one.prompt, "enabled": one.enabled} for one in samples]
    (folder / "config").mkdir()
    (folder / "config" / "2026-05-04_12-00-00.json").write_text(json.dumps({"samples": settings}))
    keep_truth("onetrainer", truth)


def diffusers(checkout: Path) -> None:
    """The final `save_model_card` of a DreamBooth script, with the library's own helpers, for a
    repository that is not on the hub yet. Of the card only the head is kept."""
    folder = fresh("diffusers")
    revision = COMMITS["diffusers"]
    missing = type("RepositoryNotFoundError", (Exception,), {})

    class Card(ModelCard):
        @classmethod
        def load(cls, *_repository: object, **_more: object) -> ModelCard:
            raise missing

    template = folder / "template.md"
    template.write_text("---\n{{ card_data }}\n---\n")
    hub = taken_from(
        checkout,
        revision,
        "src/diffusers/utils/hub_utils.py",
        ["load_or_create_model_card", "populate_model_card"],
        {
            **{"ModelCard": Card, "ModelCardData": ModelCardData},
            **{"is_jinja_available": lambda: True, "MODEL_CARD_TEMPLATE_PATH": template},
            **{"EntryNotFoundError": missing, "RepositoryNotFoundError": missing},
        },
    )
    code = taken_from(
        checkout,
        revision,
        "examples/dreambooth/train_dreambooth_lora_sdxl.py",
        ["save_model_card"],
        {"os": os, **hub},
    )
    made = new_files(
        folder,
        lambda: code["save_model_card"](
            repo_id="me/fox",
            use_dora=False,
            images=[picture(FOX), picture(FOX)],
            base_model="some/model",
            train_text_encoder=False,
            instance_prompt="a fox",
            validation_prompt=FOX,
            repo_folder=str(folder),
        ),
    )
    template.unlink()
    # A checkpoint, which says the step of the final pictures.
    (folder / "checkpoint-500").mkdir()
    weights = folder / "checkpoint-500" / "pytorch_lora_weights.safetensors"
    save_file({"x": torch.zeros(1)}, weights)
    truth = [{"path": p, "step": 500, "prompt": FOX} for p in made if p.endswith(".png")]
    keep_truth("diffusers", truth)


SIMPLETUNER = {
    "simpletuner--v0.9.8.1": ("v0.9.8.1", "helpers/training/validation.py", "_save_images"),
    "simpletuner--v2.0": ("v2.0", "helpers/training/validation.py", "_save_images"),
    "simpletuner--v3.0.0": ("v3.0.0", "simpletuner/helpers/training/validation.py", "_save_images"),
    "simpletuner": (
        COMMITS["simpletuner"],
        "simpletuner/helpers/training/validation_images.py",
        "save_images",
    ),
}


def simpletuner(checkout: Path) -> None:
    """What each version's own function that saves validation pictures makes of the same pictures:
    composites that the trainer drew for the current one, plain ones for the others."""
    for name, (revision, path, function) in SIMPLETUNER.items():
        folder = fresh(name)
        (folder / "validation_images").mkdir()
        steps: list[int] = []
        state = types.SimpleNamespace(get_global_step=lambda steps=steps: steps[-1])
        given: dict[str, object] = {
            **{"os": os, "StateTracker": state, "logger": logging.getLogger(name)},
        }
        names = [function]
        if function == "save_images":
            names.append("save_validation_image")
            given["record_validation_media"] = lambda *_all, **_more: None
        code = taken_from(checkout, revision, path, names, given)
        size: Any = (128, 128) if "v0.9" in name else "128x128"
        config = types.SimpleNamespace(num_eval_images=1, validation_image_format="png")
        trainer = types.SimpleNamespace(
            validation_resolutions=[size], save_dir=str(folder / "validation_images"), config=config
        )
        truth = []
        for step in (100, 200):
            steps.append(step)
            for shortname, prompt in (("unconditional", ""), ("fox_2", FOX), ("cat", CAT)):
                shown = _validation_picture(name, prompt, step)
                pictures = {shortname: [shown]}
                if function == "save_images":
                    arguments = (trainer.save_dir, pictures, shortname, [size], config)
                else:
                    arguments = (trainer, pictures, shortname, prompt)
                truth += saved(
                    folder,
                    partial(code[function], *arguments),
                    step,
                    prompt,
                    epoch=step // 100,
                    **({"box": [133, 0, 261, 128]} if name == "simpletuner" else {}),
                )
            _checkpoint(checkout, folder, step)
        library = {"fox_2": FOX, "cat": CAT}
        (folder / "user_prompt_library.json").write_text(json.dumps(library))
        settings = {"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200}
        (folder / "config.json").write_text(json.dumps(settings))
        keep_truth(name, truth)


def _validation_picture(name: str, prompt: str, step: int) -> Image.Image:
    if name == "simpletuner":
        kind = "bench-ema-short" if step == 200 else "bench-short"
        path = COMPOSITES / f"v4_8_0__{kind}__step_500_validation_0_128x128.png"
        with Image.open(path) as drawn:
            drawn.load()
            return drawn.copy()
    return Image.new("RGB", (128, 128), COLOURS.get(prompt, "grey"))


LEFT, RIGHT = [0, 0, 256, 256], [261, 0, 517, 256]


def simpletuner_composites(checkout: Path) -> None:
    """v2.0.1, which drew the panels in the wrong order: its own stitching and its own statements
    that write the prompt over the picture, alone and with an EMA panel."""
    revision, path = "v2.0.1", "helpers/training/validation.py"
    for name, with_ema in (("simpletuner--v2.0.1", False), ("simpletuner--v2.0.1-ema", True)):
        folder = fresh(name)
        base_folder = folder / "benchmarks" / "base_model"
        base_folder.mkdir(parents=True)
        (folder / "validation_images").mkdir()
        steps: list[int] = []
        given = {
            **{"os": os, "Image": Image, "ImageDraw": ImageDraw, "ImageFont": ImageFont},
            "StateTracker": types.SimpleNamespace(get_global_step=lambda s=steps: s[-1]),
        }
        code = taken_from(
            checkout, revision, path, ["stitch_benchmark_image", "_save_images"], given
        )
        trainer = types.SimpleNamespace(
            validation_resolutions=["256x256"], save_dir=str(folder / "validation_images")
        )
        truth: list[Truth] = []
        for prompt_id, prompt in (("fox", FOX), ("cat", CAT)):
            base = _textured(prompt, 0)
            base.save(base_folder / f"{prompt_id}_256x256.png")
            truth.append(
                {
                    "path": f"benchmarks/base_model/{prompt_id}_256x256.png",
                    **{"step": 0, "prompt": prompt},
                }
            )
            for step in (100, 200):
                steps.append(step)
                # As the trainer calls it: the checkpoint's picture as the benchmark's.
                shown = code["stitch_benchmark_image"](
                    trainer, benchmark_image=_textured(prompt, step), validation_image_result=base
                )
                if with_ema:
                    shown = code["stitch_benchmark_image"](
                        *(trainer, _textured(prompt, step + 1), shown), labels=[None, "EMA"]
                    )
                _write_prompt(checkout, revision, path, shown, prompt)
                save = partial(
                    code["_save_images"], trainer, {prompt_id: [shown]}, prompt_id, prompt
                )
                truth += saved(folder, save, step, prompt, box=LEFT)
        (folder / "user_prompt_library.json").write_text(json.dumps({"fox": FOX, "cat": CAT}))
        settings = {"--user_prompt_library": "user_prompt_library.json", "--max_train_steps": 200}
        (folder / "config.json").write_text(json.dumps(settings))
        keep_truth(name, truth)


def _textured(prompt: str, seed: int) -> Image.Image:
    """A picture that no other one equals."""
    shades = np.random.default_rng([seed, len(prompt)]).integers(40, 200, (4, 4, 3), np.uint8)
    return Image.fromarray(shades).resize((256, 256), Image.Resampling.NEAREST)


def _write_prompt(
    checkout: Path, revision: str, path: str, shown: Image.Image, prompt: str
) -> None:
    """The statements under `if font is not None` that draw "Prompt: …", as they stand there."""
    source = subprocess.run(
        ["git", "-C", str(checkout), "show", f"{revision}:{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (block,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.If)
        and ast.unparse(node.test) == "font is not None"
        and "Prompt: " in ast.unparse(node)
    )
    font = ImageFont.truetype("DejaVuSans-Bold.ttf", 36)
    given = {"display_validation_results": [shown], "prompt": prompt, "font": font}
    exec(compile(ast.Module([block], []), path, "exec"), {**given, "ImageDraw": ImageDraw})


def _checkpoint(checkout: Path, folder: Path, step: int) -> None:
    """The checkpoint's training_state.json, by the current trainer's own function."""
    code = taken_from(
        checkout,
        COMMITS["simpletuner"],
        "simpletuner/helpers/training/state_tracker.py",
        ["save_training_state"],
        {"json": json, "logger": logging.getLogger("simpletuner")},
    )
    state = types.SimpleNamespace(
        global_step=step, epoch_step=0, epoch=step // 100, exhausted_backends=[], repeats={}
    )
    place = folder / f"checkpoint-{step}"
    place.mkdir()
    code["save_training_state"](state, str(place / "training_state.json"))


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


def main() -> None:
    makers = {
        maker.__name__: maker
        for maker in (simpletuner, kohya, musubi, ai_toolkit, onetrainer, diffusers)
    }
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        makers[name](Path(path))
        if name == "simpletuner":
            simpletuner_composites(Path(path))
    metadata()
    own_layouts()


if __name__ == "__main__":
    main()
