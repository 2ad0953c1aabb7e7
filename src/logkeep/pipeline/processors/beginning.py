"""How a processor's `problem` quotes what it could not use."""

from __future__ import annotations

_MOST_CHARS = 80


def about(text: str, reason: str) -> str:
    """The reason, and the beginning of the text in quotes."""
    shown = text if len(text) <= _MOST_CHARS else text[:_MOST_CHARS] + "…"
    return f"{reason}: {shown!r}"
