"""Pictures with the texts that generators put into them, written by Pillow as the generators do."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, PngImagePlugin

INFOTEXT = (
    "{prompt}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, "
    "Size: 512x512, Model hash: abc, Model: {model}, Version: v1.10"
)


def png(path: Path, **texts: str) -> Path:
    """A PNG with text chunks."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), "red").save(path, pnginfo=info)
    return path


def a1111(path: Path, prompt: str, model: str = "sdxl") -> Path:
    """As A1111 and Forge: PNG's `parameters`, JPEG's and WebP's UserComment in UTF-16."""
    text = INFOTEXT.format(prompt=prompt, model=model)
    if path.suffix == ".png":
        return png(path, parameters=text)
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    Image.new("RGB", (32, 32), "red").save(path, exif=exif)
    return path


def comfy_graph(prompt: object, lora: str | None = None, **nodes: object) -> dict[str, object]:
    """A graph of ComfyUI in the form it saves for its server."""
    graph: dict[str, object] = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["1", 1]}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["2" if lora else "1", 0],
                "positive": ["3", 0],
                "negative": ["4", 0],
                "seed": 7,
            },
        },
    }
    if lora:
        inputs = {"lora_name": lora, "strength_model": 1.0, "model": ["1", 0]}
        graph["2"] = {"class_type": "LoraLoader", "inputs": inputs}
    return {**graph, **nodes}


def comfy(path: Path, graph: dict[str, object]) -> Path:
    """As ComfyUI's SaveImage."""
    return png(path, prompt=json.dumps(graph), workflow="{}")
