"""Numbers as the sentences of a verdict write them."""

from __future__ import annotations


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


def band_text(edge: float) -> str:
    """0.30: the edges of a band have two decimals."""
    return f"{edge:.2f}"
