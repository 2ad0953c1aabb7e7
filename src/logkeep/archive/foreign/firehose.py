"""Amazon Data Firehose to S3: records one after another, with nothing between them unless it was added.

Keys are `YYYY/MM/dd/HH/<stream>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid>[.gz|…]`, the UTC time at which the
oldest record arrived. With a prefix of the user's own the file's name is the same, the folders are any.
`processing-failed/` and other error prefixes, which end in `-failed`, hold no lines. Sources:
docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html and data-delivery.html.

Records that CloudWatch Logs sends through a subscription are gzip documents themselves, so an object that
Firehose compresses is gzip in gzip; each has many events (CloudWatch Logs user guide, SubscriptionFilters).
App is the log group, file the log stream; owner and filters are in meta. CONTROL_MESSAGEs hold no events.
Any other record has to be a JSON object with a time; fields.py finds what it can be about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from logkeep.archive.foreign import json_stream
from logkeep.archive.foreign.base import (
    DAY_MS,
    EVERYTHING,
    KeyHint,
    Problems,
    dated_folders,
    lids,
    meta_of,
    skipped,
    text,
    texts,
    time_of_key,
    times,
)
from logkeep.archive.foreign.fields import ANY_NAMES, Mapped, Varied
from logkeep.archive.foreign.ndjson import Reader, Shape
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_NAME = r"[^/]+-\d+-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-[0-9a-f-]{36}(?:\.[^/]*)?"
_DATED = re.compile(r"\d{4}/\d\d/\d\d/\d\d/" + _NAME, re.ASCII)
_IN_ANY_FOLDER = re.compile(r"(?:.*/)?" + _NAME, re.ASCII | re.DOTALL)
_FAILED = re.compile(r"(?:.*/)?[^/]*[-_]failed/.*", re.DOTALL)
_BUFFERED_MS = 15 * 60_000  # for this long Firehose collects at most


class _Event(msgspec.Struct, gc=False):
    id: Any = ""
    timestamp: Any = None
    message: Any = ""
    extracted: Any = msgspec.field(default=None, name="extractedFields")


class _Payload(msgspec.Struct, gc=False):
    kind: str = msgspec.field(name="messageType")
    events: list[_Event] = msgspec.field(name="logEvents")
    owner: Any = None
    group: Any = msgspec.field(default="", name="logGroup")
    stream: Any = msgspec.field(default="", name="logStream")
    filters: Any = msgspec.field(default=None, name="subscriptionFilters")


def _records(payloads: Sequence[_Payload]) -> list[Record]:
    found: list[Record] = []
    for payload in payloads:
        if payload.kind == "CONTROL_MESSAGE":
            continue
        around = {"owner": payload.owner, "subscriptionFilters": payload.filters}
        around = {name: value for name, value in around.items() if value}
        meta = meta_of(around)
        app, file = text(payload.group), text(payload.stream)
        events = payload.events
        ts, ns = times([event.timestamp for event in events])
        found += [
            Record(
                lid,
                at,
                below,
                -1,
                "",
                "",
                app,
                file,
                "",
                "",
                (),
                meta_of(around | {"extractedFields": event.extracted}) if event.extracted else meta,
                line,
            )
            for event, lid, at, below, line in zip(
                events,
                lids([event.id for event in events]),
                ts,
                ns,
                texts([event.message for event in events]),
                strict=False,  # `ns` may be endless
            )
        ]
    return found


_NAMES = replace(ANY_NAMES, time=(*ANY_NAMES.time, "eventTime"))  # CloudTrail's
_SUBSCRIPTION = Shape(msgspec.json.Decoder(_Payload), _records)


_MEETING = re.compile(rb"\}\s*\{")


def _others() -> tuple[Reader, Reader]:
    """Readers of objects of any schema: of those that are alike, and of others. They take one object a line.

    Newlines within an object are white space. A text that holds `}{` is no JSON with a newline there, and
    is then read by the second reader.
    """
    alike, varied = Mapped(_NAMES), Varied(_NAMES)
    return (
        lambda values: alike(_MEETING.sub(b"}\n{", values.replace(b"\n", b" "))),
        lambda values: varied(values.replace(b"\n", b" ")),
    )


@dataclass(frozen=True)
class Firehose:
    """Producers may hold records, and Firehose tries for up to a day to get them to S3."""

    name: str = "firehose"
    title: str = "Amazon Data Firehose (also with CloudWatch Logs)"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(within, "%Y/%m/%d/%H/", "%Y/%m/%d/", "%Y/%m/", "%Y/")

    def hint(self, key: str) -> KeyHint | None:
        return _hint(_DATED, key)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return json_stream.read(content, problems, _SUBSCRIPTION, *_others())


@dataclass(frozen=True)
class AnyKeys:
    """The same with a prefix of the user's own: the file's name tells the time, but no folder does, so the
    whole place is listed. Objects of other names, which somebody gave them, are taken too."""

    name: str = "firehose-any"
    title: str = "Amazon Data Firehose under any keys"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        if skipped(key) or _FAILED.fullmatch(key):
            return None
        return _hint(_IN_ANY_FOLDER, key) or KeyHint()

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return LAYOUT.records(content, key, problems)


def _hint(pattern: re.Pattern[str], key: str) -> KeyHint | None:
    match = pattern.fullmatch(key)
    start = match and time_of_key(*match.groups())
    if start is None:
        return None
    return KeyHint.around(start, _BUFFERED_MS, older=DAY_MS - _BUFFERED_MS, younger=HOUR_MS)


LAYOUT = Firehose()
LAYOUTS = (LAYOUT, AnyKeys())
