"""Words, case and numbers as the query language sees them.

Both compilers rely on these definitions, so that the engine's bytes and Python's characters agree:
a token is a maximal run of ASCII letters, digits and non-ASCII characters, and case is ASCII case.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Number: TypeAlias = int | float

_TOKEN = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

# A text value counts as a number when it looks like one and a double holds it without doubt.
PLAIN_NUMBER = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$"
_PLAIN = re.compile(PLAIN_NUMBER.removesuffix("$") + r"\Z")

# Whole numbers below this compare exactly as doubles with any other whole number.
EXACT_IN_DOUBLE = 2**53

# Keys of these characters are written plainly by every JSON encoder.
_PLAIN_KEY = re.compile(r"[0-9A-Za-z_.:@$# -]+")


def fold(text: str) -> str:
    """The text with A-Z lowered and nothing else changed, as ClickHouse `lower` does."""
    return text.lower() if text.isascii() else text.encode().lower().decode()


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return _TOKEN.findall(text)


def inner_tokens(text: str) -> list[str]:
    """The tokens that any longer text with `text` in it also has: those that touch neither end."""
    found = tokens(f"\x80{text}\x80")[1:-1]
    return list(dict.fromkeys(found))


def is_token_char(char: str) -> bool:
    return char >= "\x80" or char.isalnum()


def number_of(text: str) -> Number | None:
    """The number that a query value writes, as JSON would write it; None for other texts."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > 400:
        return None
    if match[1] is None and match[2] is None:
        whole = int(text)
        return whole if is_whole_64(whole) else float(whole) if len(text) < 300 else None
    value = float(text)
    return value if abs(value) != float("inf") else None


def is_whole_64(value: int) -> bool:
    """Whether the engine reads this whole number as one (signed or unsigned 64 bits)."""
    return -(2**63) <= value < 2**64


def plain_number_of(text: str) -> float | None:
    """The number in a text value such as "97" or "-0.5"; None when it is not plainly a number."""
    return float(text) if _PLAIN.match(text) else None


def is_plain_key(key: str) -> bool:
    """Whether a JSON line must spell this key as it is, without escapes, for a query to find it."""
    return _PLAIN_KEY.fullmatch(key) is not None
