"""Syslog messages, as RFC 5424 has them, of events.

    <PRI>1 TIMESTAMP HOSTNAME APP-NAME - - [logkeep@32473 lid="..." env=".." ...] LINE

PRI is the facility and the severity that the event's level names, informational if it names none. The time
is in UTC, with milliseconds or microseconds; an event without one has `-`. Host and app are cut to 255 and
48 characters, with `_` for each that is not printable ASCII, and are `-` when there is none. Structured
data holds `lid`, by which a receiver can tell an event that comes a second time, and where the event has
them `file`, `env`, `level` and `tags` (comma-separated); 32473 is the enterprise number that RFC 5612
keeps for documentation, as no other is ours. The line follows as it is, in UTF-8 without a byte order mark.
Parsed fields (`meta`) are not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from logkeep.record import Record
from logkeep.timeline import as_datetime

Framing = Literal["octet-counting", "newline"]

_INFORMATIONAL = 6
_SEVERITIES = {
    name: severity
    for severity, names in enumerate(
        (
            "emerg emergency panic 0",
            "alert 1",
            "crit critical fatal 2",
            "err error severe 3",
            "warn warning 4",
            "notice 5",
            "info information informational 6",
            "debug trace verbose fine finer finest 7",
        )
    )
    for name in names.split()
}
_HOST_MOST, _APP_MOST = 255, 48  # RFC 5424, 6
_NOT_PRINTABLE = re.compile(r"[^!-~]")
_IN_PARAMETER = re.compile(r'(["\\\]])')
_KEPT = 4096  # of names that were cleaned, and of seconds that were written


def framed(records: Iterable[Record], *, facility: int, framing: Framing) -> list[bytes]:
    """The message of each event, framed as RFC 6587 has it.

    octet-counting  its length in bytes, a blank, the message
    newline         the message and a newline. Newlines and zero bytes in the message, which would end it
                    there, become `#012` and `#000`, as rsyslog writes them.
    """
    messages = (message(record, facility).encode() for record in records)
    if framing == "octet-counting":
        return [b"%d %b" % (len(text), text) for text in messages]
    return [text.replace(b"\n", b"#012").replace(b"\0", b"#000") + b"\n" for text in messages]


def message(record: Record, facility: int) -> str:
    priority = facility * 8 + severity_of(record.level)
    host, app = _name(record.host, _HOST_MOST), _name(record.app, _APP_MOST)
    return f"<{priority}>1 {_time(record)} {host} {app} - - {_structured(record)} {record.line}"


def severity_of(level: str) -> int:
    """0 (emergency) to 7 (debug)."""
    return _SEVERITIES.get(level.lower(), _INFORMATIONAL)


def _time(record: Record) -> str:
    if record.ts < 0:
        return "-"
    seconds, ms = divmod(record.ts, 1000)
    micros = record.ns // 1000
    return f"{_second(seconds)}.{ms:03d}{f'{micros:03d}' if micros else ''}Z"


@lru_cache(_KEPT)
def _second(seconds: int) -> str:
    return as_datetime(seconds * 1000).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(_KEPT)
def _name(text: str, most: int) -> str:
    return _NOT_PRINTABLE.sub("_", text[:most]) or "-"


def _structured(record: Record) -> str:
    parameters = (
        ("lid", record.lid),
        ("file", record.file),
        ("env", record.env),
        ("level", record.level),
        ("tags", ",".join(record.tag)),
    )
    written = "".join(f' {name}="{_IN_PARAMETER.sub(_ESCAPED, text)}"' for name, text in parameters if text)
    return f"[logkeep@32473{written}]"


_ESCAPED = r"\\\1"  # RFC 5424, 6.3.3
