"""The page's packed JSON as its scripts unpack it: `reports/app/carddata.js`, `forest.js`."""

from __future__ import annotations

from typing import Any


def packed_cards(model: Any, run: Any) -> list[dict[str, Any]]:
    """id, steps, cosines, base (cosine or None), b and f: frames as (step, cosine)."""
    return [_card(packed, model, run) for packed in run["cards"]]


def _card(packed: Any, model: Any, run: Any) -> dict[str, Any]:
    units = model["units"]
    steps = packed.get("s", run["steps"])
    frames = [[each, -1] if isinstance(each, int) else each for each in packed["f"]]
    base = packed.get("b")
    return {
        "id": packed.get("i", model["prompts"][packed["p"]]["name"]),
        "steps": steps,
        "cosines": [cell / units for cell in packed["c"]],
        "base": packed["a"] / units if "a" in packed else None,
        "b": None if base is None else (base[0], base[2] / units),
        "f": [
            (steps[place], (cell[0] if cell else packed["c"][place]) / units)
            for place, _, *cell in frames
        ],
    }


def packed_tabs(model: Any, run: Any) -> list[dict[str, Any]]:
    """kind and how."""
    return [{"kind": t["kind"], "how": model["sentences"][t["how"]]} for t in run["tabs"]]


def packed_pairs(forest: Any) -> list[tuple[Any, ...]]:
    """(a, b, difference, low, high, slug, prompts); None where a pair is not comparable."""

    def cosines(name: str) -> list[float | None]:
        return [None if cell is None else cell / forest["units"] for cell in forest[name]]

    slugs = [forest["slugs"][place] for place in forest["slug"]]
    numbers = (cosines(name) for name in ("difference", "low", "high"))
    return list(zip(forest["a"], forest["b"], *numbers, slugs, forest["prompts"], strict=True))
