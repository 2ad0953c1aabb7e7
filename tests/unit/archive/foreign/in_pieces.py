"""What a layout makes of content, which must not depend on how the content is cut."""

from __future__ import annotations

from typing import Any

import msgspec

from logkeep.archive.foreign.base import Layout, Problem, Problems
from logkeep.record import encode_lines

PIECE_SIZES = (1 << 20, 100, 7)


def read(layout: Layout, content: bytes, key: str = "k") -> tuple[list[dict[str, Any]], list[Problem]]:
    """(canonical lines as objects, problems), in one piece and in small ones."""
    first, *others = [_read(layout, content, key, size) for size in PIECE_SIZES]
    for other in others:
        assert other == first
    return first


def _read(layout: Layout, content: bytes, key: str, size: int) -> tuple[list[dict[str, Any]], list[Problem]]:
    pieces = iter([content[start : start + size] for start in range(0, len(content), size)])
    problems = Problems(key)
    lines = b"".join(encode_lines(records) for records in layout.records(pieces, key, problems))
    assert problems.count == len(problems.first)
    return [msgspec.json.decode(line) for line in lines.split(b"\n")[:-1]], problems.first
