"""Amazon CloudWatch Logs, export task to S3: text, each event `<time> <message>`.

Keys are `<prefix>/<task id>/<log stream>/000000.gz`; the prefix is `exportedlogs` unless chosen. They say
nothing of the time, and neither objects nor lines are in its order. A test writes `aws-logs-write-test`.
Source: AmazonCloudWatchLogs API reference, CreateExportTask; S3Export.html of its user guide.

Times are ISO 8601, or epoch milliseconds as older exports have them. A message of several lines is in the
object as it is, so a line that does not begin with a time belongs to the event before it (AWS's own recipe
for sorting does the same). The log stream is the file. Events carry no id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat

from logkeep.archive.foreign.base import (
    EVERYTHING,
    MAX_LINE_BYTES,
    NO_TIME,
    KeyHint,
    Problems,
    skipped,
    times,
)
from logkeep.archive.foreign.lines import whole_lines
from logkeep.record import NO_META, Record, text_of
from logkeep.timeline import TimeRange

_KEY = re.compile(
    r"(?:.+/)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/([^/]+)/\d{6}(?:\.gz)?", re.ASCII | re.DOTALL
)
_START = re.compile(
    rb"\n(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)|\d{12,13})(?: |(?=\n)|\Z)"
)


def _records(stamps: Sequence[bytes], messages: Sequence[bytes], file: str) -> list[Record]:
    texts = [stamp.decode() for stamp in stamps]
    ts, ns = times([int(one) if one.isdecimal() else one for one in texts])
    lines: Iterable[str]
    raws: Iterable[str]
    bare = [message.rstrip(b"\r\n") for message in messages]
    try:
        lines, raws = [message.decode() for message in bare], repeat("")
    except UnicodeDecodeError:
        lines, raws = zip(*map(text_of, bare), strict=True)
    return list(
        map(
            Record,
            repeat(""),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            repeat(""),
            repeat(""),
            repeat(file),
            repeat(""),
            repeat(""),
            repeat(()),
            repeat(NO_META),
            lines,
            raws,
        )
    )


class _Event:
    """The last event of what was read, whose message may go on."""

    def __init__(self, offset: int, stamp: bytes, message: bytes) -> None:
        self.offset = offset
        self.stamp = stamp
        self.message = [message]
        self.size = len(message)

    def goes_on(self, more: bytes) -> None:
        """What is above MAX_LINE_BYTES is not kept."""
        if self.size <= MAX_LINE_BYTES:
            self.message.append(more)
        self.size += len(more)

    def batch(self) -> _Batch:
        return _Batch(self.offset, b"", [self.stamp], [b"".join(self.message)])


@dataclass(frozen=True)
class _Batch:
    """Events; `whole` are the lines that they are of, from `offset` on."""

    offset: int
    whole: bytes
    stamps: list[bytes]
    messages: list[bytes]

    def place(self, number: int) -> int:
        """Where the event of this number begins."""
        starts = (match.start() for match in _START.finditer(b"\n" + self.whole))
        return self.offset + next(islice(starts, number, None), 0)


def _batches(content: Iterator[bytes], problems: Problems) -> Iterator[_Batch]:
    """All events; the last one of what was read is held back until it has ended."""
    last: _Event | None = None
    for offset, whole in whole_lines(content, problems):
        # A newline is sought several times faster than a "^".
        before, *parts = _START.split(b"\n" + whole)
        if last is not None:
            last.goes_on(before[1:])
        elif before.strip():
            problems.add(offset, NO_TIME, before.strip())
        if not parts:
            continue
        if last is not None:
            yield last.batch()
        stamps, messages = parts[::2], parts[1::2]
        begins = offset + len(whole) - len(stamps[-1]) - 1 - len(messages[-1])
        last = _Event(begins, stamps.pop(), messages.pop())
        if stamps:
            yield _Batch(offset, whole, stamps, messages)
    if last is not None:
        yield last.batch()


def _readable(records: Sequence[Record], batch: _Batch, problems: Problems) -> list[Record]:
    """Those that have a time and are not too long."""
    found: list[Record] = []
    for number, record in enumerate(records):
        stamp, message = batch.stamps[number], batch.messages[number].rstrip()
        if record.ts < 0:
            problems.add(batch.place(number), NO_TIME, stamp + b" " + message)
        elif len(message) > MAX_LINE_BYTES:
            problems.add(batch.place(number), f"the event has more than {MAX_LINE_BYTES} bytes", message)
        else:
            found.append(record)
    return found


@dataclass(frozen=True)
class CloudWatchExport:
    name: str = "cloudwatch"
    title: str = "Amazon CloudWatch Logs, export task"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        return KeyHint() if _KEY.fullmatch(key) and not skipped(key) else None

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        match = _KEY.fullmatch(key)
        file = match[1] if match else ""
        for batch in _batches(content, problems):
            records = _records(batch.stamps, batch.messages, file)
            if -1 in [record.ts for record in records] or max(map(len, batch.messages)) > MAX_LINE_BYTES:
                records = _readable(records, batch, problems)
            yield records


LAYOUT = CloudWatchExport()
