"""Numbers with the word for what they count, as people read them."""

from __future__ import annotations


def plural(number: float, one: str, many: str = "") -> str:
    """`1 line`, `2,000 lines`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
