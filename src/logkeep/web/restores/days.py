"""What one or several archives have day by day, as if they were one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Day = Mapping[str, Any]

_SUMS = ("objects", "late_objects", "raw_bytes", "stored_bytes", "frozen_objects", "problem_count")
_SUMS_OR_NONE = ("accepted", "archived", "waiting", "verified_objects")
_WORST_FIRST = ("differs", "waiting", "sealed", "listed")


def merged(of_each: Sequence[Sequence[Day]]) -> list[dict[str, Any]]:
    """The days of several archives as those of one, newest first. An hour is empty where it is empty in all
    that have something before and after it."""
    if len(of_each) == 1:
        return [dict(one) for one in of_each[0]]
    by_day: dict[str, list[Day]] = {}
    for days in of_each:
        for one in days:
            by_day.setdefault(one["day"], []).append(one)
    return [_merged_day(by_day[day]) for day in sorted(by_day, reverse=True)]


def _merged_day(same: Sequence[Day]) -> dict[str, Any]:
    held = {hour for one in same for hour in one["hours"]}
    empty = {hour for one in same for hour in one["empty_hours"]} - held
    return {
        "day": same[0]["day"],
        "state": min((one["state"] for one in same), key=_WORST_FIRST.index),
        **{name: sum(one[name] for one in same) for name in _SUMS},
        **{name: _sum(one[name] for one in same) for name in _SUMS_OR_NONE},
        "hours": sorted(held),
        "empty_hours": sorted(empty),
        "problems": [problem for one in same for problem in one["problems"]],
    }


def _sum(values: Iterable[int | None]) -> int | None:
    given = list(values)
    return None if any(one is None for one in given) else sum(one or 0 for one in given)
