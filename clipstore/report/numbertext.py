"""Numbers as the page prints them.

Invariant: what is not known is a dash, never 0 or "nan"; a minus is a minus sign; cosines have
three decimals, which is the trackers' one decimal times 100 and two more.
"""

from __future__ import annotations

import math

NO_NUMBER = "–"


def cosine_to_text(value: float | None) -> str:
    """Three decimals, for reading."""
    return NO_NUMBER if value is None or not math.isfinite(value) else _minus(f"{value:.3f}")


def cosine_to_four_decimals(value: float) -> str:
    """For tables that are read back: finer than any interval."""
    return _minus(f"{value:.4f}") if math.isfinite(value) else NO_NUMBER


def signed_to_text(value: float | None) -> str:
    """Three decimals with a sign; no sign when they are all zero."""
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    return "0.000" if abs(value) < 5e-4 else _minus(f"{value:+.3f}")


def signed_to_four_decimals(value: float | None) -> str:
    """For tables that are read back."""
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    return "0.0000" if abs(value) < 5e-5 else _minus(f"{value:+.4f}")


def half_width_to_text(low: float | None, high: float | None) -> str:
    """Half of an interval, as the sentences of the verdicts print it."""
    if low is None or high is None or not math.isfinite(high - low):
        return ""
    return f"± {(high - low) / 2:.3f}"


def percent_to_text(share: float | None) -> str:
    return NO_NUMBER if share is None or not math.isfinite(share) else f"{100 * share:.0f} %"


def count_to_text(number: int | None) -> str:
    return NO_NUMBER if number is None else f"{number:,}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
