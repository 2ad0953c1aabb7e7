"""What those who show lines ask for: long lines cut, and where in a line the query's words are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request

from logkeep.api.params import flag, whole_number
from logkeep.index.search import Page
from logkeep.query.ast import Node
from logkeep.query.marks import Marker, marker
from logkeep.query.parse import parse
from logkeep.record import NO_META, Record, decode_line, encode_lines

_CHARACTER_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """`cut`: so many characters of a line at most (0: all). `marks`: finds what is to be highlighted."""

    cut: int = 0
    marks: Marker | None = None
    cursors: bool = False

    @property
    def asked(self) -> bool:
        return bool(self.cut or self.marks)


def viewing(request: Request, node: Node | None = None) -> Viewing:
    """What the parameters `cut`, `marks` and `cursors` ask for. Raises InputError."""
    wanted = flag(request, "marks")
    if wanted and node is None:
        node = parse(request.query_params.get("query", ""))
    return Viewing(
        cut=whole_number(request, "cut", 0),
        marks=marker(node) if wanted and node is not None else None,
        cursors=flag(request, "cursors"),
    )


def page_document(page: Page, view: Viewing) -> dict[str, object]:
    """A page as answers show it."""
    document: dict[str, object] = {"records": page.records, "cursor": page.cursor}
    if page.objects is not None:
        document["objects"] = page.objects
    if view.marks:
        document["marks"] = marks_of(page.records, view.marks)
    if view.cut:
        document["lengths"] = page.lengths
    if view.cursors:
        document["cursors"] = page.cursors
    return document


def marks_of(records: Sequence[Record], marks: Marker) -> list[list[tuple[int, int]]]:
    return [marks(record.line) for record in records]


def line_document(line: bytes, view: Viewing, **more: object) -> bytes:
    """A canonical line as a member `record`, with what was asked for and `more` beside it."""
    record, length = _cut(decode_line(line), len(line), view.cut)
    members = dict(more)
    if view.marks:
        members["marks"] = view.marks(record.line)
    if view.cut:
        members["length"] = length
    body = encode_lines([record]) if length else line
    return b'{"record":%b,%b\n' % (body.rstrip(b"\n"), msgspec.json.encode(members)[1:])


def _cut(record: Record, size: int, cut: int) -> tuple[Record, int]:
    """The record, shortened as a search shortens it, and the characters of its whole line if it was."""
    if not cut or size <= cut:
        return record, 0
    most = cut * _CHARACTER_BYTES
    length = len(record.line)
    long_raw, long_meta = len(record.raw) > most, len(bytes(record.meta)) > most
    if length <= cut and not long_raw and not long_meta:
        return record, 0
    return msgspec.structs.replace(
        record,
        line=record.line[:cut],
        raw="" if long_raw else record.raw,
        meta=NO_META if long_meta else record.meta,
    ), length
