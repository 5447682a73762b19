"""Names of networks as open_clip and OpenAI's package write them, to what clipstore takes instead.

Invariant: such a name says an architecture and perhaps a training, never where weights lie, so it
is recognised before anything is asked for it.
"""

from __future__ import annotations

import re

from clipstore.errors import ModelNameForeign
from clipstore.model.formats import OPEN_CLIP_PREFIX

ARCHITECTURE = re.compile(
    r"(ViT-|RN\d|EVA0[12]-|convnext_|coca_|MobileCLIP|ViTamin|(xlm-)?roberta-(\w+-)?ViT|nllb-clip|PE-)"
)
"""How the names of open_clip's architectures begin; a hub id begins with its owner."""

OPENAI_NAME = re.compile(
    r"(?P<size>ViT-[BL])[-/](?P<patch>\d\d)([-@](?P<side>336)(px)?)?(-quickgelu)?([/:,](?P<tag>.*))?"
)
OPENAI_IDS = {
    "ViT-B-32": "openai/clip-vit-base-patch32",
    "ViT-B-16": "openai/clip-vit-base-patch16",
    "ViT-L-14": "openai/clip-vit-large-patch14",
    "ViT-L-14-336": "openai/clip-vit-large-patch14-336",
}
"""OpenAI's own weights on the hub, by architecture; transformers' format."""

EXAMPLE = f"{OPEN_CLIP_PREFIX}laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


def refuse_foreign_name(name: str) -> None:
    """Raise `ModelNameForeign` for "ViT-B-32", "ViT-L-14/openai", "ViT-L/14@336px" and the like."""
    if ARCHITECTURE.match(name) is None:
        return
    instead = [
        f"--model {OPEN_CLIP_PREFIX}OWNER/NAME for open_clip's, as {EXAMPLE}; "
        "needs pip install 'clipstore[openclip]'",
    ]
    found = OPENAI_NAME.fullmatch(name)
    if found is not None and found["tag"] in (None, "", "openai"):
        architecture = "-".join(filter(None, found.group("size", "patch", "side")))
        if architecture in OPENAI_IDS:
            instead.insert(0, f"--model {OPENAI_IDS[architecture]} for OpenAI's weights")
    raise ModelNameForeign(name, instead)
