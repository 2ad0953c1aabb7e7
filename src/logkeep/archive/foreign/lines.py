"""Content cut into whole lines, with the place of each in the object."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import chain

from logkeep.archive.foreign.base import MAX_LINE_BYTES, Problems

_BOM = b"\xef\xbb\xbf"
_SAMPLE_BYTES = 800


def whole_lines(content: Iterator[bytes], problems: Problems) -> Iterator[tuple[int, bytes]]:
    """(offset, whole lines) of the content, about a piece of it each; the last line may lack its newline.

    A line of more than MAX_LINE_BYTES goes to `problems` and is passed over. A byte order mark at the
    start is left out.
    """
    content, offset = behind_bom(content)  # the offset of what is kept
    kept: list[bytes] = []  # the start of a line that has not ended yet
    kept_size = 0
    passing = False  # over the rest of a line that is too long
    for piece in content:
        start = 0
        if passing:
            start = piece.find(b"\n") + 1
            offset += start or len(piece)
            if not start:
                continue
            passing = False
        end = piece.rfind(b"\n") + 1
        if end > start:
            whole = b"".join((*kept, piece[start:end]))
            if kept_size > MAX_LINE_BYTES - (piece.find(b"\n", start) - start):
                cut = whole.index(b"\n") + 1
                problems.add(offset, _too_long(), whole[:_SAMPLE_BYTES])
                offset, whole = offset + cut, whole[cut:]
            if whole:
                yield offset, whole
            offset += len(whole)
            kept, kept_size, start = [], 0, end
        kept.append(piece[start:] if start else piece)
        kept_size += len(piece) - start
        if kept_size > MAX_LINE_BYTES:
            problems.add(offset, _too_long(), b"".join(kept)[:_SAMPLE_BYTES])
            offset += kept_size
            kept, kept_size, passing = [], 0, True
    if kept_size:
        yield offset, b"".join(kept)


def each_line(offset: int, whole: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset, line with its newline) of whole lines that start at `offset`."""
    for line in BytesIO(whole):  # unlike splitlines, this splits at newlines only
        yield offset, line
        offset += len(line)


def _too_long() -> str:
    return f"the line has more than {MAX_LINE_BYTES} bytes"


def behind_bom(content: Iterator[bytes]) -> tuple[Iterator[bytes], int]:
    """The content without a byte order mark at its start, and how many bytes that left out."""
    first = b""
    for piece in content:
        first += piece
        if len(first) >= len(_BOM):
            break
    rest = first.removeprefix(_BOM)
    return chain((rest,) if rest else (), content), len(first) - len(rest)
