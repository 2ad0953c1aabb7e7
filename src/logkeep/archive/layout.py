"""Where objects, manifests and markers are in a bucket. Keys are relative to the archive's prefix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from logkeep.timeline import EPOCH, Hour, TimeRange, as_datetime, hour_start

MANIFESTS = "_manifest/"
MARKERS = "_account/"
FILTERS = "_filter/"
SUFFIX = ".json.gz"

_KEY = re.compile(
    r"year=(?P<year>\d{4})/month=(?P<month>\d\d)/day=(?P<day>\d\d)/"
    r"(?P<account>[A-Za-z0-9_-]+)\.(?P=year)-(?P=month)-(?P=day)\.(?P<hour>\d\d)00"
    r"(?:\.(?P<part>[1-9]\d{0,8}))?\.json\.gz",
    re.ASCII,
)
_MARKER = re.compile(
    r"_account/(?P<account>[A-Za-z0-9_-]+)(?:\.(?P<number>[1-9]\d{0,8}))?\.json",
    re.ASCII,
)
_FILTER_DIGITS = 8
_FILTER = re.compile(rf"{FILTERS}(?P<key>.+)\.[0-9a-f]{{{_FILTER_DIGITS}}}", re.ASCII)
# Listing more folders than this costs more than listing the level above and leaving some keys out.
_MAX_PREFIXES = 62


class ObjectName(NamedTuple):
    """What a key says. Part 0 is the hour's first object, N the one numbered N."""

    account: str
    hour: Hour
    part: int


def key_of(account: str, hour: Hour, part: int) -> str:
    start = as_datetime(hour_start(hour))
    number = f".{part}" if part else ""
    return f"{start:year=%Y/month=%m/day=%d}/{account}.{start:%Y-%m-%d.%H}00{number}{SUFFIX}"


def parse_key(key: str) -> ObjectName | None:
    """The reverse of `key_of`; None for a key that is no object's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        start = datetime.fromisoformat(f"{match['year']}-{match['month']}-{match['day']}T{match['hour']}:00Z")
    except ValueError:
        return None
    if start < EPOCH:
        return None
    hour = Hour((start - EPOCH) // timedelta(hours=1))
    return ObjectName(match["account"], hour, int(match["part"] or 0))


def manifest_key(key: str) -> str:
    """The key of the manifest of the object at `key`."""
    return f"{MANIFESTS}{key.removesuffix(SUFFIX)}.json"


def filter_key(key: str, sha256: str) -> str:
    """The key of the filter object with this SHA-256, of the object at `key`. A filter of other bytes has
    another key, so what is there under this one is this one."""
    return f"{FILTERS}{key.removesuffix(SUFFIX)}.{sha256[:_FILTER_DIGITS]}"


def filtered_key(key: str) -> str | None:
    """The key of the object of which this is the key of a filter; None for a key that is no filter's."""
    match = _FILTER.fullmatch(key)
    found = match["key"] + SUFFIX if match else None
    return found if found and parse_key(found) else None


def object_key(manifest: str) -> str | None:
    """The reverse of `manifest_key`; None for a key that is no manifest's."""
    if not manifest.startswith(MANIFESTS) or not manifest.endswith(".json"):
        return None
    key = manifest.removeprefix(MANIFESTS).removesuffix(".json") + SUFFIX
    return key if parse_key(key) else None


def marker_key(account: str, number: int) -> str:
    """The key of an account's marker: 0 is the first, and the highest that is there is in force."""
    return f"{MARKERS}{account}{f'.{number}' if number else ''}.json"


def parse_marker_key(key: str) -> tuple[str, int] | None:
    """(account, number), the reverse of `marker_key`; None for a key that is no marker's."""
    match = _MARKER.fullmatch(key)
    return (match["account"], int(match["number"] or 0)) if match else None


def prefixes(within: TimeRange) -> Sequence[str]:
    """The fewest folders that together hold every hour of the range, oldest first."""
    hours = within.hours()
    for pattern in ("year=%Y/month=%m/day=%d/", "year=%Y/month=%m/", "year=%Y/"):
        found = _folders(hours, pattern)
        if len(found) <= _MAX_PREFIXES:
            break
    return found


def _folders(hours: range, pattern: str) -> Sequence[str]:
    days = range(hours.start // 24, (hours.stop - 1) // 24 + 1)
    starts = (as_datetime(hour_start(Hour(day * 24))) for day in days)
    return list(dict.fromkeys(start.strftime(pattern) for start in starts))
