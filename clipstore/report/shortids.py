"""The ids that stand in the page's address for runs and prompts.

Invariant: an id depends on the name alone, so a link mailed today finds the same run on tomorrow's
page, and it is a hash, so the address tells nobody a name.
"""

from __future__ import annotations

import hashlib

N_DIGITS = 10
"""40 bits, as `hash.js` expects; two of 5,000 prompts share an id once in 90,000 pages."""


def name_to_short_id(name: str) -> str:
    """10 hexadecimal digits of the SHA-256: of a run's name, or of a prompt's whole text."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:N_DIGITS]
