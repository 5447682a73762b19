"""A model's JSON files, read without believing them.

Invariant: nothing in them makes clipstore run other code than transformers' own CLIP and SigLIP,
and what it does not implement is refused here, before any weights are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clipstore.errors import ModelMissing, ModelRefused
from clipstore.modelidentity import Family

JSON_LIMIT_BYTES = 16 << 20
"""Far above any configuration: CLIP's is 5 kB."""

REFUSED_SETTINGS = {
    "auto_map": "it asks to run code that comes with the model",
    "quantization_config": "it is quantised, so its scores would be another model's",
    "fusion_config": "it asks for altered arithmetic",
}
"""Settings that make transformers run, or fetch, something else than the plain model."""

TOKENIZERS: Mapping[Family, Mapping[str, str]] = {
    "clip": dict.fromkeys(("CLIPTokenizer", "CLIPTokenizerFast"), "CLIPTokenizer"),
    "siglip": {
        "SiglipTokenizer": "SiglipTokenizer",
        # What SigLIP 2's files say. The class that is used is the one that lower-cases, as its
        # training did.
        **dict.fromkeys(
            ("Siglip2Tokenizer", "GemmaTokenizer", "GemmaTokenizerFast"), "Siglip2Tokenizer"
        ),
    },
}
"""By family, the class that a checkpoint may state, and the one of transformers that is used."""

OPEN_CLIP_TOKENIZER_SETTINGS = frozenset({"clean", "strip_sep_token"})
"""Of `tokenizer_kwargs`: how texts are cleaned. Others reach transformers, and can run code."""

LEGACY_END_ID = 2
"""What OpenAI's configs say instead of the true id; transformers then pools at the highest id."""


@dataclass(frozen=True)
class TokenIds:
    """The numbers on which a network and its tokenizer must agree."""

    network_end: object
    """`eos_token_id` of the text tower's config."""
    network_size: int
    """Token ids that the network knows: 0 to this, exclusive."""
    end: int | None
    """The id that the tokenizer puts at a text's end."""
    pad: int | None
    """The id that the tokenizer fills texts up with."""
    highest: int
    """The tokenizer's largest id."""


def check_token_ids(name: str, ids: TokenIds) -> None:
    """Raise `ModelRefused` when text vectors would be read elsewhere than at the end token.

    transformers would not notice: it pools at the start token, and all texts are alike.
    """
    if ids.highest >= ids.network_size:
        raise ModelRefused(
            name,
            f"its tokenizer has ids up to {ids.highest}, its network only {ids.network_size}.",
        )
    pooled = ids.highest if ids.network_end == LEGACY_END_ID else ids.network_end
    if ids.end is None or pooled != ids.end:
        raise ModelRefused(
            name,
            f"its config.json has the end token at id {ids.network_end}, its tokenizer at "
            f"{ids.end}: texts would be read at the wrong token.",
        )
    if ids.pad is None:
        raise ModelRefused(name, "its tokenizer has no padding token.")


def read_json_object(path: Path, name: str) -> dict[str, object]:
    """A model's JSON file. Raises `ModelRefused` when it is none, or absurdly large."""
    try:
        if path.stat().st_size > JSON_LIMIT_BYTES:
            raise ModelRefused(name, f"{path} is larger than {JSON_LIMIT_BYTES >> 20} MiB.")
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelRefused(name, f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ModelRefused(name, f"{path} is not a JSON object.")
    return value


def read_config(folder: Path, name: str) -> dict[str, object]:
    """The folder's config.json.

    Raises `ModelRefused` unless it describes a plain CLIP, or a SigLIP of one resolution.
    """
    config = read_json_object(folder / "config.json", name)
    refuse_settings(name, config)
    kind = config.get("model_type")
    if kind == "siglip2":
        raise ModelRefused(
            name,
            "it is a SigLIP 2 of variable resolution (NaFlex), which is not implemented. SigLIP 2 "
            "of one resolution, as google/siglip2-base-patch16-224, is.",
        )
    if kind not in TOKENIZERS:
        raise ModelRefused(
            name,
            f"its config.json says model_type {kind!r}; only 'clip' and 'siglip' are implemented. "
            "Other architectures score by other formulas.",
        )
    return config


def read_open_clip_config(folder: Path, name: str) -> dict[str, object]:
    """The folder's open_clip_config.json.

    Raises `ModelRefused` when its network needs files from elsewhere, or captions besides.
    """
    path = folder / "open_clip_config.json"
    config = read_json_object(path, name)
    refuse_settings(name, config)
    tokenizer = folder / "tokenizer_config.json"
    if tokenizer.is_file():
        refuse_settings(name, read_json_object(tokenizer, name))
    network = config.get("model_cfg")
    text = network.get("text_cfg") if isinstance(network, dict) else None
    if not isinstance(network, dict) or not isinstance(text, dict):
        raise ModelRefused(name, f"{path} has no model_cfg with a text_cfg.")
    if "multimodal_cfg" in network:
        raise ModelRefused(name, "it is a CoCa, which is not implemented.")
    if text.get("hf_model_name"):
        raise ModelRefused(
            name,
            f"its text tower is {text['hf_model_name']!r}, whose files are another repository's: "
            "not implemented.",
        )
    unknown = set(text.get("tokenizer_kwargs") or ()) - OPEN_CLIP_TOKENIZER_SETTINGS
    if unknown:
        raise ModelRefused(name, f"its tokenizer_kwargs ask for {', '.join(sorted(unknown))}.")
    return config


def find_family(config: Mapping[str, object]) -> Family:
    """The family of a configuration that `read_config` let pass."""
    return "siglip" if config.get("model_type") == "siglip" else "clip"


def find_tokenizer(folder: Path, name: str, family: Family) -> str:
    """The tokenizer's class in transformers. Raises `ModelRefused` for another family's."""
    path = folder / "tokenizer_config.json"
    settings = read_json_object(path, name) if path.is_file() else {}
    refuse_settings(name, settings)
    kind = settings.get("tokenizer_class")
    if not kind and family == "siglip":
        has_pieces = (folder / "spiece.model").is_file()
        return "SiglipTokenizer" if has_pieces else "Siglip2Tokenizer"
    known = TOKENIZERS[family]
    found = known.get(str(kind or "CLIPTokenizer"))
    if found is None:
        raise ModelRefused(
            name, f"its tokenizer is a {kind}; implemented for {family}: {', '.join(known)}."
        )
    return found


def read_preprocessor_settings(folder: Path, name: str) -> Mapping[str, object]:
    """The image processor's settings, for `preprocess.read_preprocessing`.

    Raises `ModelMissing` when the folder has none, `ModelRefused` when they cannot be read.
    """
    # The order of transformers: the nested settings of a whole processor win.
    whole = folder / "processor_config.json"
    if whole.is_file():
        settings = read_json_object(whole, name)
        refuse_settings(name, settings)
        nested = settings.get("image_processor")
        if isinstance(nested, dict):
            return nested
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        raise ModelMissing(name, f"{folder} lacks preprocessor_config.json.")
    settings = read_json_object(path, name)
    refuse_settings(name, settings)
    return settings


def refuse_settings(name: str, settings: object) -> None:
    """Raise `ModelRefused` when any of `REFUSED_SETTINGS` is set, at any depth."""
    pending = [settings]
    while pending:
        found = pending.pop()
        if isinstance(found, list):
            pending += found
        if isinstance(found, dict):
            pending += found.values()
            for key, why in REFUSED_SETTINGS.items():
                if found.get(key):
                    raise ModelRefused(name, f"its configuration has {key!r}: {why}.")
