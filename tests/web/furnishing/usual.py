"""What a shop's machines write on usual days: enough of it to look at, with hours in which nothing came."""

from __future__ import annotations

import json
from collections.abc import Iterator

from logkeep.sample import SampleBody, sample_bodies
from logkeep.timeline import HOUR_MS, Hour, hour_start, iso

DAYS = 3
# Hours of each day before now in which nothing came.
_SILENT = (frozenset({3, 4, 15}), frozenset(range(9, 17)), frozenset(range(4, 24, 3)))
_BUSY = frozenset({7, 18, 19})


def hours_before(now: Hour) -> Iterator[tuple[Hour, int]]:
    """The hours before this one that have lines, and how many, from the oldest on."""
    for back in range(24 * DAYS, 0, -1):
        day, of_day = (back - 1) // 24, (back - 1) % 24
        if of_day not in _SILENT[day]:
            yield Hour(now - back), 240 if of_day in _BUSY else 40 + back * 7 % 60


def bodies_before(now: Hour) -> Iterator[SampleBody]:
    for hour, lines in hours_before(now):
        yield from sample_bodies(
            lines=lines, first_hour=hour, hours=1, seed=hour % 24, lines_per_body=lines // 2
        )


def nested(hour: Hour) -> list[str]:
    """JSON lines with fields within fields."""
    start = hour_start(hour)
    return [
        json.dumps(
            {
                "timestamp": iso(start + number * 97_000),
                "level": ("info", "info", "warn", "error")[number % 4],
                "host": f"edge-{number % 3}",
                "app": "checkout",
                "message": f"order {1000 + number} {('placed', 'paid', 'delayed', 'refused')[number % 4]}",
                "status": (200, 201, 429, 502)[number % 4],
                "duration_ms": 12.5 * number,
                "http": {"method": "POST", "path": "/orders", "headers": {"x-request-id": f"r-{number:04d}"}},
                "user": {
                    "id": 7 + number % 5,
                    "name": ("amara", "bastian", "chiara")[number % 3],
                    "vip": number % 2 == 0,
                },
                "items": [{"sku": f"S-{number}", "count": 1}, {"sku": "S-0", "count": number}],
            }
        )
        for number in range(30)
    ]


def stack_traces(hour: Hour) -> list[dict[str, object]]:
    """Lines for Mezmo's body, each with line feeds within."""
    frames = "".join(f"\n\tat shop.depot.Desk.serve{n}(Desk.java:{40 + n})" for n in range(12))
    return [
        {
            "line": f"ERROR parcel {number} was not handed over\nshop.depot.DepotException: label printer is "
            f"out of paper{frames}\nCaused by: java.io.IOException: no such device\n\t... 12 more",
            "timestamp": hour_start(hour) + HOUR_MS // 8 * number,
            "app": "depot",
            "level": "error",
            "env": "production",
            "file": "/srv/depot/depot.log",
            "meta": {"attempt": number, "thread": {"name": f"depot-{number}", "daemon": False}},
        }
        for number in range(6)
    ]
