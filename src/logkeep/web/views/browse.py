"""Archiving > Browse: from an archive's years down to the first lines of one object."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.web import archive_words, calendar
from logkeep.web.archive_links import BROWSE, links_of
from logkeep.web.views import browse_object
from logkeep.web.views.browse_object import all_archives, chosen_archive, look_into
from logkeep.web.visit import Visit, action, page

_MOST_OBJECTS = 200  # on one page

Shown = Mapping[str, Any]


async def show_browse(visit: Visit) -> Response:
    """On to the archive that was picked, or to the first that has something."""
    archives = await all_archives(visit)
    wanted = visit.param("archive")
    if wanted:
        return visit.go(f"{BROWSE}/{quote(wanted, safe='')}")
    if not archives:
        return visit.render("browse/none.html")
    first = next((one for one in archives if one["totals"]["objects"]), archives[0])
    return visit.go(f"{BROWSE}/{quote(first['id'], safe='')}")


async def show_month(visit: Visit) -> Response:
    archives, archive = await chosen_archive(visit)
    today = _today()
    asked = visit.param("month")
    if asked and calendar.parse_month(asked) is None:
        raise HTTPException(404)
    name, known = await _days_around(visit, archive, asked, today)
    month = calendar.build_month(
        name, known["days"], today=today, first_hour=known["first_hour"], last_hour=known["last_hour"]
    )
    days = [cell.known for cell in month.cells if cell.known]
    return visit.render(
        "browse/month.html",
        archives=archives,
        archive=archive,
        words=archive_words,
        links=links_of(archive),
        known=known,
        month=month,
        year=None if archive["layout"] else calendar.build_year(name, known["days"]),
        years=_years(known, name, today),
        sums=_sums(days),
        problems=[one for day in days for one in day["problems"]],
        problem_count=sum(day["problem_count"] for day in days),
        span=calendar.bounds_of_month(name),
    )


async def show_day(visit: Visit) -> Response:
    archives, archive = await chosen_archive(visit)
    day = _day(visit)
    span = calendar.bounds_of_day(day)
    known = await visit.api.get(f"/v1/archives/{archive['id']}/days", from_=span[0], to=span[1])
    hours = await _hours_of_day(visit, archive, span, known)
    before, after = calendar.beside(day)
    today = _today()
    return visit.render(
        "browse/day.html",
        archives=archives,
        archive=archive,
        words=archive_words,
        links=links_of(archive),
        day=day,
        weekday=_weekday(day),
        before=before,
        after=after if after <= today else "",
        known=known,
        one=known["days"][0] if known["days"] else None,
        hours=hours,
        largest=max((one["bytes"] for one in hours), default=0),
        problems=_problems_by_hour(known),
        span=span,
    )


async def show_hour(visit: Visit) -> Response:
    archives, archive = await chosen_archive(visit)
    day, hour = _day(visit), _hour(visit)
    span = calendar.bounds_of_day(day, hour)
    path = f"/v1/archives/{archive['id']}"
    known, counts, listed = await asyncio.gather(
        visit.api.get(f"{path}/days", from_=span[0], to=span[1]),
        _counts(visit, archive, span),
        visit.api.get(f"{path}/objects", from_=span[0], to=span[1]),
    )
    objects: Sequence[Shown] = listed["objects"]
    alone = objects[0] if len(objects) == 1 else None
    return visit.render(
        "browse/hour.html",
        archives=archives,
        archive=archive,
        words=archive_words,
        links=links_of(archive),
        day=day,
        hour=hour,
        known=known,
        counts=counts[0] if counts else None,
        current={one["id"] for one in archive["targets"] if one["current"]},
        objects=objects[:_MOST_OBJECTS],
        more_objects=max(0, len(objects) - _MOST_OBJECTS),
        incomplete=listed.get("complete") is False,
        problems=known["days"][0]["problems"] if known["days"] else [],
        looked=await look_into(visit, archive, alone["key"], alone["target"]) if alone else None,
        span=span,
    )


async def verify_archive(visit: Visit) -> Response:
    form = await visit.form()
    check = await visit.api.post(f"/v1/archives/{visit.path['archive']}/verify")
    verdict = "Verified" if check["ok"] else "The verify found something wrong"
    return visit.go(_back(visit, form.text("back")), f"{verdict}. {check['summary']}.")


async def seal_archive(visit: Visit) -> Response:
    form = await visit.form()
    done = await visit.api.post(f"/v1/archives/{visit.path['archive']}/seal", {"now": True})
    if done["failed"]:
        notice = f"Not everything could be written: {done['failed'][0]['error']}"
    elif done["sealed"]:
        lines = sum(one["lines"] for one in done["sealed"])
        notice = f"{lines:,} lines were written into the archive."
    else:
        notice = "Nothing waited for the archive."
    return visit.go(_back(visit, form.text("back")), notice)


async def _days_around(visit: Visit, archive: Shown, asked: str, today: str) -> tuple[str, dict[str, Any]]:
    """The month that is meant, and the days of its year; of another system's, whose bucket has to be listed
    for them, only of the month."""
    path = f"/v1/archives/{archive['id']}/days"
    name = asked or today[:7]
    bounds = calendar.bounds_of_month if archive["layout"] else calendar.bounds_of_year
    known = await visit.api.get(path, from_=bounds(name)[0], to=bounds(name)[1])
    newest = "" if asked else await _newest(visit, archive, known)
    if newest and bounds(newest) != bounds(name):
        known = await visit.api.get(path, from_=bounds(newest)[0], to=bounds(newest)[1])
    return newest or name, known


async def _newest(visit: Visit, archive: Shown, known: Shown) -> str:
    """The newest month that the archive has something of; "" where nothing tells."""
    if known["last_hour"]:
        return calendar.month_of_time(known["last_hour"])
    if known["days"] or not archive["layout"]:
        return ""
    found = (await visit.api.get(f"/v1/archives/{archive['id']}/days", limit=1))["days"]
    return str(found[0]["day"])[:7] if found else ""


def _years(known: Shown, name: str, today: str) -> Sequence[str]:
    """The years that the archive has something of, and the shown one."""
    spans = [one[:4] for one in (known["first_hour"], known["last_hour"], name, today) if one]
    return [str(year) for year in range(int(min(spans)), int(max(spans)) + 1)]


async def _hours_of_day(visit: Visit, archive: Shown, span: tuple[str, str], known: Shown) -> Sequence[Shown]:
    """All 24, each with what is known of it."""
    counted = {int(one["hour"][11:13]): one for one in await _counts(visit, archive, span)}
    day = known["days"][0] if known["days"] else None
    empty = set(day["empty_hours"]) if day else set()
    held = set(day["hours"]) if day else set()
    return [
        {
            "hour": hour,
            "counts": counted.get(hour),
            "bytes": counted[hour]["stored_bytes"] if hour in counted else 0,
            "empty": hour in empty,
            "held": hour in held,
        }
        for hour in range(24)
    ]


async def _counts(visit: Visit, archive: Shown, span: tuple[str, str]) -> Sequence[Shown]:
    """Hours with their counts, which nobody has of another system's archive."""
    if archive["layout"]:
        return ()
    answer = await visit.api.get(f"/v1/archives/{archive['id']}/hours", from_=span[0], to=span[1])
    hours: Sequence[Shown] = answer["hours"]
    return hours


def _sums(days: Sequence[Shown]) -> Shown:
    """Of a month; None where nobody counted."""
    names = (
        "archived",
        "waiting",
        "objects",
        "late_objects",
        "raw_bytes",
        "stored_bytes",
        "verified_objects",
    )
    return {
        name: None if any(day[name] is None for day in days) else sum(day[name] for day in days)
        for name in names
    }


def _problems_by_hour(known: Shown) -> Mapping[int, Sequence[Shown]]:
    found: dict[int, list[Shown]] = {}
    for day in known["days"]:
        for one in day["problems"]:
            found.setdefault(int(one["hour"][11:13]), []).append(one)
    return found


def _day(visit: Visit) -> str:
    day = visit.path["day"]
    if calendar.parse_day(day) is None:
        raise HTTPException(404)
    return day


def _hour(visit: Visit) -> int:
    hour = visit.path["hour"]
    if not (len(hour) == 2 and hour.isascii() and hour.isdigit() and int(hour) < 24):
        raise HTTPException(404)
    return int(hour)


def _weekday(day: str) -> str:
    found = calendar.parse_day(day)
    return "" if found is None else calendar.WEEKDAYS[found.weekday()][1]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _back(visit: Visit, wanted: str) -> str:
    """The page of this archive that the form was on."""
    home = f"{BROWSE}/{visit.path['archive']}"
    return wanted if wanted == home or wanted.startswith((f"{home}/", f"{home}?")) else home


ROUTES: list[BaseRoute] = [
    page(BROWSE, show_browse),
    page(f"{BROWSE}/{{archive}}", show_month),
    page(f"{BROWSE}/{{archive}}/object", browse_object.show_object),
    page(f"{BROWSE}/{{archive}}/{{day}}", show_day),
    page(f"{BROWSE}/{{archive}}/{{day}}/{{hour}}", show_hour),
    action(f"{BROWSE}/{{archive}}/verify", verify_archive),
    action(f"{BROWSE}/{{archive}}/seal", seal_archive),
]
