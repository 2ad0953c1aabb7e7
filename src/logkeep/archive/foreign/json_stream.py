"""JSON documents one after another to records: with or without newlines between them, over several lines,
in arrays, in arrays of arrays.

Outside of a document, commas, brackets and white space only part documents. Where documents meet as in
most archives (`}{`, `}\\n{`, `},{`), many are decoded at once. Everything else goes document by document:
msgspec tells where the first of several values ends, at its own speed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from logkeep.archive.foreign.base import JSON_ERRORS, MAX_DOCUMENT_BYTES, Problems
from logkeep.archive.foreign.lines import behind_bom
from logkeep.archive.foreign.ndjson import Reader, one_by_one, read_all
from logkeep.errors import DamagedArchive
from logkeep.record import Record
from logkeep.surrogates import mended

_BATCH_BYTES = 256 << 10
_SAMPLE_BYTES = 800

# 0x1e parts the documents of a JSON text sequence (RFC 7464).
_BETWEEN = re.compile(rb"[\s,\[\]\x1e]*")
# Where to go on behind a document that is damaged: no newline of a JSON text is followed by a bracket in
# the first column, and no `}` by `{`, but at a document's start. Behind anything else: at the next line.
_NEXT_DOCUMENT = re.compile(rb"(?<=\n)[{\[]|(?<=\})\{")
_NEXT_START = re.compile(rb"\n|[{\[]")
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_TRUNCATED = "truncated"
_MEETINGS = (b"}{", b"}\n{", b"}\r\n{")
_COMMAS = (b"},", b"}, ", b"},\n", b"},\n  ")

_any_value = msgspec.json.Decoder(msgspec.Raw)
_elements = msgspec.json.Decoder(list[msgspec.Raw])


def read(content: Iterator[bytes], problems: Problems, *readers: Reader) -> Iterator[list[Record]]:
    """Records of JSON documents, each by the first of the readers that takes it.

    What is no document, one that no reader takes, one of more than MAX_DOCUMENT_BYTES, and one of which a
    record has no time go to `problems`.
    """
    content, offset = behind_bom(content)
    stream = _Stream(offset, problems, readers)
    try:
        for piece in content:
            if records := stream.records_with(piece):
                yield records
    except DamagedArchive:
        yield stream.last_records()
        raise
    yield stream.last_records()


class _Stream:
    """What came and is not read yet, and where it is in the object."""

    def __init__(self, offset: int, problems: Problems, readers: Sequence[Reader]) -> None:
        self._offset = offset
        self._problems = problems
        self._readers = readers
        self._kept = bytearray()
        self._wanted = _BATCH_BYTES  # before the next attempt; doubles while a document is not whole
        self._passing = False  # over the rest of a damaged document

    def records_with(self, piece: bytes) -> list[Record]:
        """Records of the documents that are whole with this piece."""
        self._kept += piece
        if len(self._kept) < self._wanted:
            return []
        buffer = bytes(self._kept)
        records, end = self._read(buffer, last=False)
        if len(buffer) - end > MAX_DOCUMENT_BYTES:
            reason = f"the document has more than {MAX_DOCUMENT_BYTES} bytes"
            end = self._behind_damage(buffer, end, reason)
        self._offset += end
        del self._kept[:end]
        twice = 0 if end else min(2 * len(buffer), MAX_DOCUMENT_BYTES)
        self._wanted = max(len(self._kept) + 1, twice, _BATCH_BYTES)
        return records

    def last_records(self) -> list[Record]:
        return self._read(bytes(self._kept), last=True)[0]

    def _read(self, buffer: bytes, *, last: bool) -> tuple[list[Record], int]:
        """Records of whole documents at the start of the buffer, and how many bytes are done with."""
        start = 0
        if self._passing:
            found = _NEXT_DOCUMENT.search(buffer)
            if found is None:
                return [], max(0, len(buffer) - 1)  # the last byte tells whether a document is behind it
            self._passing, start = False, found.start()
        start = _behind_separators(buffer, start)
        values, end = _met(buffer, start, last=last)
        records = read_all(values, self._readers) if values else None
        if records is None:
            buffer = mended(buffer)
            spans, end = self._spans(buffer, start, last=last)
            found_values = [buffer[first:behind] for first, behind in spans]
            records = read_all(b"\n".join(found_values), self._readers)
            if records is None:
                offsets = [self._offset + first for first, _ in spans]
                located = zip(offsets, found_values, strict=True)
                records = one_by_one(located, self._problems, self._readers)
        return records, end

    def _spans(self, buffer: bytes, at: int, *, last: bool) -> tuple[list[tuple[int, int]], int]:
        """(start, end) of each value, and where what is not whole begins."""
        view = memoryview(buffer)
        spans = []
        while not self._passing and (at := _behind_separators(buffer, at)) < len(buffer):
            try:
                _any_value.decode(view[at:])
            except msgspec.DecodeError as error:
                reason = str(error)
                if trailing := _TRAILING.search(reason):
                    end = at + int(trailing[1]) - 1  # msgspec counts the character itself
                    spans.append((at, end))
                    at = end
                elif _TRUNCATED not in reason:
                    at = self._behind_damage(buffer, at, f"the document cannot be read: {reason}")
                elif last:
                    at = self._behind_damage(buffer, at, "the document ends too early")
                else:
                    break
            except RecursionError:
                at = self._behind_damage(buffer, at, "the document is nested too deeply")
            else:
                spans.append((at, len(buffer)))
                at = len(buffer)
        return spans, at

    def _behind_damage(self, buffer: bytes, at: int, reason: str) -> int:
        """Report the document at `at`; where to go on."""
        self._problems.add(self._offset + at, reason, buffer[at : at + _SAMPLE_BYTES])
        pattern = _NEXT_DOCUMENT if buffer.startswith(b"{", at) else _NEXT_START
        found = pattern.search(buffer, at + 1)
        if found:
            return found.start()
        self._passing = True
        return max(at + 1, len(buffer) - 1)


def _last_of(parts: Sequence[bytes], buffer: bytes, start: int) -> int:
    """Where the last of any of the parts begins, from `start` on; -1 without any."""
    found = -1
    for part in parts:  # behind what is found, only what is left is searched
        found = max(found, buffer.rfind(part, max(start, found)))
    return found


def _behind_separators(buffer: bytes, at: int) -> int:
    found = _BETWEEN.match(buffer, at)
    return found.end() if found else at


def _met(buffer: bytes, start: int, *, last: bool) -> tuple[bytes, int]:
    """Bytes that should be whole values, judging by where documents meet, and where they end; or b"".

    They are a guess, since a text may hold `}{` and an inner array `},{`; decoding shows whether it is right.
    """
    if not buffer.startswith(b"{", start):
        return b"", start
    end = len(buffer) if last else _last_of(_MEETINGS, buffer, start) + 1
    if end > start:
        return buffer[start:end], end
    # Elements of an array begin alike, and inner objects otherwise.
    key = buffer[start : buffer.find(b'"', start + 2) + 1]
    end = max(buffer.rfind(comma + key) + len(comma) for comma in _COMMAS)
    if end > start + len(key):
        try:
            values = _elements.decode(b"[%b]" % buffer[start:end].rstrip(b", \n"))
        except JSON_ERRORS:
            return b"", start
        return b"\n".join(map(bytes, values)), end
    return b"", start
