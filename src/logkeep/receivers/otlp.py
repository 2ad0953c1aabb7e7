"""Receiver: OpenTelemetry's log records, OTLP/HTTP as protobuf or as JSON.

The body is an ExportLogsServiceRequest, whose fields are those of LogsData (opentelemetry-proto 1.x,
logs.proto; opentelemetry.io/docs/specs/otlp). Records become lines as those of an archive of the Collector do
(archive/foreign/otlp.py); one without a time has that of its receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec
from google.protobuf.message import DecodeError

from logkeep.archive.foreign import otlp_json, otlp_proto
from logkeep.archive.foreign.base import Problems
from logkeep.archive.foreign.crowded import is_crowded, too_crowded
from logkeep.errors import BadBody, TooLarge
from logkeep.receivers.lines import LINE_BYTES, Origin, check_line_count, too_long, with_origin
from logkeep.receivers.ndjson import broken_json, not_utf8
from logkeep.record import Columns, Received, Record, Refusal

_EMPTY = Record()


def receive_otlp_json(body: bytes, origin: Origin) -> Received:
    """Records of a JSON body. Raises BadBody, with the position where the JSON breaks off, and TooLarge."""
    if is_crowded(body, otlp_json.MOST_VALUES):
        raise _too_large(too_crowded(otlp_json.MOST_VALUES))
    try:
        return _received(otlp_json.batches(body), origin)
    except msgspec.DecodeError as error:
        raise broken_json(error, len(body)) from None
    except UnicodeDecodeError:
        raise not_utf8(body) from None
    except RecursionError:
        raise BadBody("the body is nested too deeply", hint="flatten the records' attributes") from None


def receive_otlp_protobuf(body: bytes, origin: Origin) -> Received:
    """Records of a protobuf body. Raises BadBody, and TooLarge."""
    problems = Problems("")
    try:
        received = _received(otlp_proto.batches(body, problems), origin)
    except (DecodeError, ValueError):
        raise BadBody(
            "the body is no ExportLogsServiceRequest",
            hint="send OTLP logs as protobuf, or as JSON with Content-Type application/json",
        ) from None
    if problems.count:
        raise _too_large(problems.first[0].reason)
    return received


def _too_large(reason: str) -> TooLarge:
    return TooLarge(reason, hint="send fewer records at once, or less with each")


def _received(batches: Iterable[list[Record]], origin: Origin) -> Received:
    refused: list[Refusal] = []
    kept = list(_kept(batches, refused))
    return Received(columns=with_origin(Columns.of(kept), origin), refused=refused)


def _kept(batches: Iterable[list[Record]], refused: list[Refusal]) -> Iterator[Record]:
    for number, record in enumerate(chain.from_iterable(batches), 1):
        check_line_count(number)
        if refusal := _refusal(number, record):
            refused.append(refusal)
        else:
            yield record


def _refusal(number: int, record: Record) -> Refusal | None:
    if len(record.line) * 4 > LINE_BYTES and (size := len(record.line.encode())) > LINE_BYTES:
        return too_long(number, size)
    if not record.line and record == _EMPTY:
        return Refusal(line=number, code="unreadable", reason="the record is empty, or cannot be read")
    return None
