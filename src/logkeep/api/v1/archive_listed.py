"""Another system's archive as its bucket lists it: its days and its objects. Nobody counted its lines."""

from __future__ import annotations

from logkeep.api.services import Services
from logkeep.archive.foreign.find import ForeignObject
from logkeep.archive.foreign.layouts import layout_of
from logkeep.browse.days import HOURS_OF_DAY
from logkeep.browse.listed import Listed, ListedDay, by_day, list_objects, tells_day
from logkeep.catalog.values import Archive
from logkeep.timeline import Hour, TimeRange, as_datetime, hour_start, iso

Shown = dict[str, object]

_MOST_OBJECTS = 10_000


def listed_days(services: Services, archive: Archive, within: TimeRange, limit: int) -> Shown:
    found = _listed(services, archive, within)
    days = by_day(found.objects, within)
    untimed = [one for one in found.objects if not tells_day(one)]
    return {
        "first_hour": None,
        "last_hour": None,
        "verify": None,
        "listed": {
            "complete": found.complete,
            "objects": len(found.objects),
            "stored_bytes": sum(one.size for one in found.objects),
            "untimed_objects": len(untimed),
            "untimed_bytes": sum(one.size for one in untimed),
        },
        "days": [_listed_day(days[day]) for day in sorted(days, reverse=True)[:limit]],
    }


def listed_objects(services: Services, archive: Archive, within: TimeRange | None) -> Shown:
    """Those that may hold lines of the range, in the order of what their keys say."""
    found = _listed(services, archive, within)
    return {
        "objects": [_object(archive, one) for one in found.objects[:_MOST_OBJECTS]],
        "complete": found.complete and len(found.objects) <= _MOST_OBJECTS,
    }


def date(day: int) -> str:
    """Of a day counted from the epoch."""
    return as_datetime(hour_start(Hour(day * HOURS_OF_DAY))).strftime("%Y-%m-%d")


def _listed(services: Services, archive: Archive, within: TimeRange | None) -> Listed:
    bucket = services.archives.buckets.of(services.catalog.archives.target(archive.target))
    return list_objects(bucket, layout_of(archive.layout, archive.layout_options), within)


def _object(archive: Archive, one: ForeignObject) -> Shown:
    return {
        "account": archive.account,
        "archive": archive.id,
        "target": archive.target,
        "key": one.key,
        "stored_bytes": one.size,
        "modified": iso(one.modified),
        "from": iso(one.hint.start) if one.hint else None,
        "to": iso(one.hint.end) if one.hint else None,
    }


def _listed_day(one: ListedDay) -> Shown:
    """As a day of ours; what nobody counted is null."""
    return {
        "day": date(one.day),
        "state": "listed",
        "accepted": None,
        "archived": None,
        "waiting": 0,
        "objects": one.objects,
        "late_objects": 0,
        "raw_bytes": None,
        "stored_bytes": one.stored_bytes,
        "hours": [hour for hour in range(HOURS_OF_DAY) if one.hours >> hour & 1],
        "empty_hours": [],
        "verified_objects": None,
        "frozen_objects": 0,
        "problems": [],
        "problem_count": 0,
    }
