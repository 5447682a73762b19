"""What a picture's embedded texts say of how it was made: prompt, LoRAs, checkpoint.

Invariant: a prompt is what the text encoder got, without the marks that only steer it. Where a
picture was made from several texts there is no one prompt, and that is said instead of one chosen.
Read: A1111 and Forge (`parameters`), ComfyUI (`prompt`, a graph), kohya's gen_img (`prompt`, text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from clipstore.sources.textfiles import text_problem

MAX_CHARACTERS = 10_000
"""Longer prompts are no prompts; the expressions below would take long over them."""
MAX_NESTING = 50

_SETTING = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_NETWORK = re.compile(r"<(?:lora|lyco|hypernet):([^:>]+)(?::([^>]*))?>")
_EDITED = re.compile(r"(?<!\\)\[[^\[\]]*[:|][^\[\]]*\]|\bAND\b")
_WEIGHTED = re.compile(r"(?<!\\)\(((?:[^()\\]|\\.)*?)(?::\s*-?[0-9.]+\s*)?\)", re.S)
_SOFTENED = re.compile(r"(?<!\\)\[([^\[\]]*)(?<!\\)\]")
_TEXT_KEYS = ("text", "t5xxl", "text_g", "clip_l", "text_l", "prompt")
_STRING_KEYS = ("value", "string", "String", "text", "prompt")


class MadeWith(NamedTuple):
    """How a picture was made."""

    tool: str
    prompt: str
    networks: tuple[str, ...]
    """LoRAs in use, as the tool names them."""
    checkpoint: str | None


class NotOnePrompt(NamedTuple):
    """The texts are there, but no one prompt is."""

    why: str


def texts_to_made_with(texts: Mapping[str, str]) -> MadeWith | NotOnePrompt | None:
    """None when no known tool wrote the texts."""
    found: MadeWith | NotOnePrompt | None = None
    parameters, prompt = texts.get("parameters"), texts.get("prompt")
    if parameters is not None and not parameters.lstrip().startswith("{"):
        found = _from_infotext(parameters)
    elif prompt is not None and prompt.lstrip().startswith("{"):
        found = _from_graph(prompt)
    elif prompt is not None and "sampler" in texts:
        found = MadeWith("gen_img", prompt.strip(), (), None)
    if isinstance(found, MadeWith) and (bad := text_problem(found.prompt)) is not None:
        return NotOnePrompt(bad)
    return found


def _from_infotext(text: str) -> MadeWith | NotOnePrompt | None:
    *lines, last = text.strip().split("\n")
    settings = dict(_SETTING.findall(last[:MAX_CHARACTERS]))
    if len(settings) < 3:
        return None
    positive = "\n".join(lines).split("Negative prompt:")[0]
    if len(positive) > MAX_CHARACTERS:
        return NotOnePrompt(f"its prompt is longer than {MAX_CHARACTERS:,} characters")
    networks = tuple(
        name.strip() for name, weight in _NETWORK.findall(positive) if weight.strip() != "0"
    )
    positive = _NETWORK.sub("", positive)
    if _EDITED.search(positive):
        return NotOnePrompt("its prompt changes while the picture is made ([a:b:n], [a|b] or AND)")
    plain = _without_weights(_SOFTENED.sub(r"\1", positive)).replace("BREAK", " ")
    return MadeWith("A1111", _tidy(plain), networks, settings.get("Model", "").strip() or None)


def _from_graph(text: str) -> MadeWith | NotOnePrompt | None:
    try:
        graph = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(graph, dict):
        return None
    nodes = {
        str(key): node["inputs"]
        for key, node in graph.items()
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    prompts: dict[str, None] = {}
    networks: dict[str, None] = {}
    checkpoints: dict[str, None] = {}
    for inputs in nodes.values():
        if "model" not in inputs:
            continue
        start = "positive" if "positive" in inputs else "conditioning"
        found = list(_encoded_texts(inputs.get(start), nodes))
        if not found:
            continue
        if any(len(one) > MAX_CHARACTERS for one in found):
            return NotOnePrompt(f"its prompt is longer than {MAX_CHARACTERS:,} characters")
        prompts |= dict.fromkeys(_tidy(_without_weights(one)) for one in found)
        for name, is_network in _weights(inputs["model"], nodes):
            (networks if is_network else checkpoints)[name] = None
    if not prompts:
        return None
    if len(prompts) > 1:
        return NotOnePrompt(f"its graph encodes {len(prompts)} prompts")
    checkpoint = next(iter(checkpoints)) if len(checkpoints) == 1 else None
    return MadeWith("ComfyUI", next(iter(prompts)), tuple(networks), checkpoint)


def _encoded_texts(link: object, nodes: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Texts of the encoders that a conditioning comes from."""
    waiting, seen = [link], set()
    while waiting:
        target = _to_node(waiting.pop(), nodes)
        if target is None or target in seen:
            continue
        seen.add(target)
        inputs = nodes[target[0]]
        if "clip" in inputs:
            for key in _TEXT_KEYS:
                text = _to_string(inputs.get(key), nodes)
                if text is not None:
                    yield text
                    break
        # A node that passes both sides on, as ControlNet's, has them in this order.
        passed = "negative" if target[1] == 1 else "positive"
        waiting += [
            value for key, value in inputs.items() if key == passed or key.startswith("condition")
        ]


def _weights(link: object, nodes: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a LoRA) of what a model comes from."""
    waiting, seen = [link], set()
    while waiting:
        target = _to_node(waiting.pop(), nodes)
        if target is None or target in seen:
            continue
        seen.add(target)
        inputs = nodes[target[0]]
        for key, value in inputs.items():
            if key == "lora_name" and isinstance(value, str):
                if inputs.get("strength_model", 1) != 0:
                    yield value, True
            elif key.startswith("lora") and isinstance(value, dict):  # a loader of several
                if value.get("on") and isinstance(value.get("lora"), str):
                    yield value["lora"], True
            elif key in ("ckpt_name", "unet_name") and isinstance(value, str):
                yield value, False
            elif key == "model":
                waiting.append(value)


def _to_node(link: object, nodes: Mapping[str, Mapping[str, object]]) -> tuple[str, int] | None:
    """A link is [node, output]."""
    if isinstance(link, list) and len(link) == 2 and str(link[0]) in nodes:
        return str(link[0]), link[1] if isinstance(link[1], int) else 0
    return None


def _to_string(
    value: object, nodes: Mapping[str, Mapping[str, object]], depth: int = 0
) -> str | None:
    """A text, or the text of the node that a link names."""
    target = _to_node(value, nodes)
    if isinstance(value, str) or target is None or depth > 20:
        return value if isinstance(value, str) else None
    inputs = nodes[target[0]]
    texts = (_to_string(inputs.get(key), nodes, depth + 1) for key in _STRING_KEYS)
    return next((text for text in texts if text is not None), None)


def _without_weights(text: str) -> str:
    """(x:1.2) and ((x)) to x; escaped signs to themselves."""
    for _ in range(MAX_NESTING):
        text, n_removed = _WEIGHTED.subn(r"\1", text)
        if not n_removed:
            break
    return re.sub(r"\\([()\[\]])", r"\1", text)


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
