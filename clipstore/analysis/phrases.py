"""Numbers as the sentences of a verdict write them."""

from __future__ import annotations

from collections.abc import Sequence


def cosine_text(value: float) -> str:
    """0.241, −0.012: three decimals, as the tables have them."""
    text = f"{abs(value):.3f}"
    return ("−" if value < 0 and float(text) != 0 else "") + text


def change_text(value: float) -> str:
    """+0.003, −0.012, 0.000."""
    text = cosine_text(value)
    return text if text.startswith("−") or text == "0.000" else f"+{text}"


def count_text(number: int, noun: str) -> str:
    """1 prompt, 1,600 prompts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def steps_text(steps: Sequence[int]) -> str:
    """step 1,200; steps 1,200 and 3,400."""
    told = [f"{step:,}" for step in steps]
    if len(told) < 2:
        return " ".join(["step", *told])
    return f"steps {', '.join(told[:-1])} and {told[-1]}"


def band_text(edge: float) -> str:
    """0.30: the edges of a band have two decimals."""
    return f"{edge:.2f}"
