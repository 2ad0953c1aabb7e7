"""Receiver: canonical lines (docs/archive-format.md), as one logkeep sends them to another.

Every record is taken as it is, but for what is the receiver's own to say: `_account` and `_rx`. What limits a
line is the text in it, not the JSON around that, which may be six times as long.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from logkeep.receivers.lines import LINE_BYTES, Origin, check_line_count, too_long, with_origin
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import NO_META, Columns, Received, Record, Refusal, text_of

# Of all fields beside the text together. The JSON of a text of LINE_BYTES fits, whatever is in it.
BESIDE_BYTES = 4 * 1024 * 1024
_NULL = b"null"
_NS = 1_000_000  # in a millisecond
_IDS = 1 << 63  # an id is less
_ID_DIGITS = 19


class _Canonical(Record, forbid_unknown_fields=True):
    """What has other fields is no canonical line: they would be lost without a word."""


_decode = msgspec.json.Decoder(_Canonical).decode


def receive_canonical(body: bytes, origin: Origin) -> Received:
    """Records of a body of canonical lines, with the ids that they bring along. What is no canonical line is
    taken as `receive_ndjson` takes it."""
    check_line_count(body.count(b"\n"))
    taken: list[Record | None] = []
    others: list[bytes] = []
    refused: list[Refusal] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line:
            continue
        record = _record(line)
        if len(line) > LINE_BYTES and (refusal := _refusal(number, len(line), record)):
            refused.append(refusal)
            continue
        taken.append(record)
        if record is None:
            others.append(line)
    if others:
        # One record for each of these lines: none is empty or too long.
        of_others = iter(receive_ndjson(b"\n".join(others), origin).records)
        records = [next(of_others) if record is None else record for record in taken]
    else:
        records = [record for record in taken if record is not None]
    columns = Columns.of(records)
    return Received(
        columns=with_origin(columns, origin),
        refused=refused,
        lids=[_id(record.lid) for record in records],
    )


def _record(line: bytes) -> Record | None:
    """None for what is no canonical line."""
    try:
        record = _decode(line.decode())  # as text: what `_meta` holds is not looked at, and has to be UTF-8
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not 0 <= record.ns < _NS or (record.raw and not _is_raw(record)):
        return None
    if not record.lid and record == _Canonical(level=record.level):
        return None  # `level` is a field of anybody's
    if record.meta is not NO_META:
        record.meta = _one_line(record.meta)
    return record


def _is_raw(record: Record) -> bool:
    """Whether `_raw` holds bytes of which `_line` is the text."""
    try:
        return text_of(base64.b64decode(record.raw, validate=True)) == (record.line, record.raw)
    except (binascii.Error, ValueError):
        return False


def _one_line(meta: msgspec.Raw) -> msgspec.Raw:
    raw = bytes(meta)
    if raw == _NULL:
        return NO_META
    # A carriage return within JSON is white space.
    return msgspec.Raw(raw.replace(b"\r", b" ")) if b"\r" in raw else meta


def _refusal(number: int, size: int, record: Record | None) -> Refusal | None:
    """Why a line whose JSON is over LINE_BYTES is not taken; None for one that is taken."""
    if record is None:
        return too_long(number, size)
    text = len(base64.b64decode(record.raw)) if record.raw else len(record.line.encode())
    if text > LINE_BYTES:
        return too_long(number, text)
    texts = (record.host, record.app, record.file, record.env, record.level, *record.tag)
    beside = len(record.meta) + sum(len(one.encode()) for one in texts)
    if beside > BESIDE_BYTES:
        reason = f"the fields beside the line have {beside} bytes, the limit is {BESIDE_BYTES}"
        return Refusal(line=number, code="too-long", reason=reason)
    return None


def _id(lid: str) -> str:
    """The id itself; "" for one that would be none here."""
    good = lid.isascii() and lid.isdecimal() and len(lid) <= _ID_DIGITS and int(lid) < _IDS
    return lid if good else ""
