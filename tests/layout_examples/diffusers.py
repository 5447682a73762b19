"""What diffusers' scripts leave at the end."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from huggingface_hub import ModelCard, ModelCardData
from safetensors.torch import save_file

from tests.layout_examples.taking import FOX, fresh, keep_truth, new_files, picture, taken_from

COMMIT = "58eb52c08"


def diffusers(checkout: Path) -> None:
    """The final `save_model_card` of a DreamBooth script, with the library's own helpers, for a
    repository that is not on the hub yet. Of the card only the head is kept."""
    folder = fresh("diffusers")
    revision = COMMIT
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
