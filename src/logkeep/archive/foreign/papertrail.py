"""Papertrail's permanent archives: tab-separated, ten columns, no header.

Sources: help.papertrailapp.com/kb/how-it-works/permanent-log-archives and
npmjs.com/package/papertrail-s3-tail-stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat

import msgspec

from logkeep.archive.foreign import time_columns
from logkeep.archive.foreign.base import (
    CACHED_BYTES,
    DAY_MS,
    EVERYTHING,
    NO_TIME,
    KeyHint,
    Problems,
    lid_of,
    lids,
    meta_of,
    time_of_key,
)
from logkeep.archive.foreign.lines import each_line, whole_lines
from logkeep.instants import instant_of
from logkeep.record import Record, text_of
from logkeep.timeline import HOUR_MS, TimeRange

_ZONES_MS = 14 * HOUR_MS
_COLUMNS = 10
_TIME_CHARS = 40


@dataclass(frozen=True)
class Papertrail:
    """`[papertrail/logs/<id>/]dt=2011-02-10/2011-02-10[-07].tsv.gz`, an object a day or an hour.

    They are of the time of receipt, in UTC. Syslog says no zone, so a line's own time may be off by one.
    """

    name: str = "papertrail"
    title: str = "Papertrail archive (TSV)"
    margin_ms: int = _ZONES_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING  # the id in front of the date is not known; there are few objects

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        year, month, day, hour = match.groups()
        start = time_of_key(year, month, day, hour or "0")
        length = HOUR_MS if hour else DAY_MS
        return None if start is None else KeyHint.around(start, length, older=_ZONES_MS, younger=_ZONES_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        for offset, whole in whole_lines(content, problems):
            records = _all(whole)
            yield _one_by_one(offset, whole, problems) if records is None else records


def _all(whole: bytes) -> list[Record] | None:
    """The records of lines that are all as they should be, else None."""
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return None
    rows = [line.split("\t", 9) for line in text.split("\n") if line]
    if set(map(len, rows)) != {_COLUMNS}:
        return None
    ids, generated, received, sources, names, ips, facilities, severities, programs, messages = zip(
        *rows, strict=True
    )
    ts, ns = _instants(generated)
    if -1 in ts:
        return None
    abouts = list(zip(sources, ips, facilities, strict=True))
    metas = {about: _meta(*about) for about in set(abouts)}
    return list(
        map(
            Record,
            lids(ids),
            ts,
            ns,
            _instants(received)[0],
            repeat(""),
            names,
            programs,
            repeat(""),
            repeat(""),
            map(str.lower, severities),
            repeat(()),
            [metas[about] for about in abouts],
            [message.removesuffix("\r") for message in messages] if "\r" in text else messages,
        )
    )


def _one_by_one(offset: int, whole: bytes, problems: Problems) -> list[Record]:
    found = []
    for at, line in each_line(offset, whole):
        if not line.strip():
            continue
        try:
            record = _record(*text_of(line.removesuffix(b"\n")))
        except ValueError:
            problems.add(at, f"the line has fewer than {_COLUMNS} columns", line)
            continue
        if record.ts < 0:
            problems.add(at, NO_TIME, line)
        else:
            found.append(record)
    return found


def _record(line: str, raw: str) -> Record:
    """`raw` is of the whole line, and kept when its bytes are not UTF-8."""
    id_, generated, received, source_id, name, ip, facility, severity, program, message = line.split("\t", 9)
    ts, ns = _instant(generated)
    return Record(
        lid_of(id_),
        ts,
        ns,
        _instant(received)[0],
        "",
        name,
        program,
        "",
        "",
        severity.lower(),
        (),
        _meta(source_id, ip, facility),
        message.removesuffix("\r"),
        raw,
    )


def _instants(texts: Sequence[str]) -> tuple[Sequence[int], Iterable[int]]:
    """`_instant` of each, as columns."""
    if (column := time_columns.of_texts(texts, _known_instant)) is not None:
        return column
    found = list(map(_instant, texts))
    return [ms for ms, _ in found], [ns for _, ns in found]


def _known_instant(text: str) -> tuple[int, int] | None:
    found = _instant(text)
    return None if found[0] < 0 else found


def _instant(text: str) -> tuple[int, int]:
    """Of `2011-02-10 00:19:36 -0800` and of any ISO 8601 text. Whole minutes are looked up."""
    if len(text) > _TIME_CHARS:
        return -1, 0
    minute, second = _minute(text[:17], text[19:]), _SECONDS.get(text[17:19])
    if minute is None or second is None:
        return instant_of(text.replace(" +", "+").replace(" -", "-")) or (-1, 0)
    return minute + second, 0


_SECONDS = {f"{second:02d}": 1000 * second for second in range(60)}
_WHOLE = ("Z", "", "+00:00")


@lru_cache(maxsize=4096)
def _minute(start: str, zone: str) -> int | None:
    zone = zone.strip()
    if zone not in _WHOLE and not _ZONE.fullmatch(zone):
        return None  # a fraction of a second, or no time at all
    found = instant_of(f"{start}00{zone}")
    return found[0] if found else None


_ZONE = re.compile(r"[+-]\d\d:?\d\d", re.ASCII)


def _meta(source_id: str, ip: str, facility: str) -> msgspec.Raw:
    make = _cached_meta if len(source_id) + len(ip) + len(facility) < CACHED_BYTES else _made_meta
    return make(source_id, ip, facility)


def _made_meta(source_id: str, ip: str, facility: str) -> msgspec.Raw:
    named = {"source_id": source_id, "source_ip": ip, "facility": facility}
    return meta_of({name: value for name, value in named.items() if value})


_cached_meta = lru_cache(maxsize=4096)(_made_meta)

_KEY = re.compile(
    r"(?:papertrail/logs/)?(?:[A-Za-z0-9_-]+/)?dt=\d{4}-\d\d-\d\d/"
    r"(\d{4})-(\d\d)-(\d\d)(?:-(\d\d))?\.tsv(?:\.gz)?",
    re.ASCII,
)

LAYOUT = Papertrail()
