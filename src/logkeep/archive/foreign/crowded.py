"""Whether a JSON value would take far more memory than its bytes say.

Decoded, a value of two bytes takes up to two hundred: `{}` is an object, and so is each member's name. Lines
and documents of logs have one value in ten bytes or more, so the number of values is what is bounded.
"""

from __future__ import annotations

import re

MOST_VALUES = 500_000  # of one line or document, whatever is made of it
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_MARKS = (b",", b"{", b"[")  # each value follows one of them, but members of objects


def is_crowded(document: bytes, most: int = MOST_VALUES) -> bool:
    """Whether there are more than about `most` values in the JSON. What is in texts does not count."""
    return len(document) > most and _marks(document) > most and _marks(_STRING.sub(b"", document)) > most


def too_crowded(most: int = MOST_VALUES) -> str:
    return f"it holds more than {most} JSON values"


def _marks(document: bytes) -> int:
    return sum(map(document.count, _MARKS))
