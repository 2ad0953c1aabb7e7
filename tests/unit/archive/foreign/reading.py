"""What tests of layouts share: read literal content, see plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from logkeep.archive.foreign.base import Layout, Problems
from logkeep.archive.foreign.ndjson import Shape
from logkeep.record import Record, encode_lines


def cut(content: bytes, size: int = 1 << 18) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def mapped(
    layout: Layout, content: bytes, key: str = "some/key", size: int = 1 << 18
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """(canonical lines as objects, (offset, reason) of each problem)."""
    problems = Problems(key)
    records = [r for batch in layout.records(cut(content, size), key, problems) for r in batch]
    lines = encode_lines(records).splitlines()
    return [msgspec.json.decode(line) for line in lines], [(p.offset, p.reason) for p in problems.first]


class Line(msgspec.Struct):
    t: int = -1
    m: str = ""


def _records(lines: Any) -> list[Record]:
    return [Record(ts=line.t, line=line.m) for line in lines]


LINES = Shape(msgspec.json.Decoder(Line), _records)
"""Reads `{"t":1,"m":"text"}`."""
