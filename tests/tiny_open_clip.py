"""Real OpenCLIP checkpoints on disk, small: random weights of open_clip's own classes."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file


def build_tiny_open_clip(
    folder: Path, *, seed: int = 0, sigmoid: bool = False, pickled: bool = False, **pixels: object
) -> Path:
    """Write a checkpoint in open_clip's format and return `folder`.

    `sigmoid` gives it SigLIP's bias; `pixels` are settings of its `preprocess_cfg`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = {
        "embed_dim": 24,
        "vision_cfg": {
            **{"image_size": 32, "patch_size": 8},
            **{"layers": 2, "width": 48, "head_width": 24},
        },
        "text_cfg": {
            **{"context_length": 77, "vocab_size": 49408},
            **{"layers": 2, "width": 32, "heads": 2},
        },
    }
    if sigmoid:
        network |= {"init_logit_bias": -10, "init_logit_scale": 2.3}
    config = {"model_cfg": network, "preprocess_cfg": pixels}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(4)
    tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    if pickled:
        torch.save(tensors, folder / "open_clip_pytorch_model.bin")
    else:
        save_file(tensors, folder / "open_clip_model.safetensors")
    return folder
