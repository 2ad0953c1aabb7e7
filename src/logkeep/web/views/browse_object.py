"""One object of an archive as a page: where it is, its manifest, its first lines, and how to get it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from logkeep.web import archive_words, calendar
from logkeep.web.archive_links import links_of
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit

_MOST_BLOCKS = 100  # on one page
_LINES = 20

Shown = Mapping[str, Any]


async def show_object(visit: Visit) -> Response:
    archives, archive = await chosen_archive(visit)
    key, target = visit.param("key"), visit.param("target")
    if not key:
        raise HTTPException(404)
    looked = await look_into(visit, archive, key, int(target) if target.isdigit() else None, alone=True)
    return visit.render(
        "browse/object.html",
        archives=archives,
        archive=archive,
        words=archive_words,
        links=links_of(archive),
        looked=looked,
        span=looked["span"],
    )


async def all_archives(visit: Visit) -> Sequence[Shown]:
    found: Sequence[Shown] = (await visit.api.get("/v1/archives"))["archives"]
    return found


async def chosen_archive(visit: Visit) -> tuple[Sequence[Shown], Shown]:
    """All archives, and the one that the path names."""
    archives = await all_archives(visit)
    wanted = visit.path["archive"]
    archive = next((one for one in archives if one["id"] == wanted), None)
    if archive is None:
        # Whoever may not see it is told as the API tells of one that is not there.
        archive = await visit.api.get(f"/v1/archives/{wanted}")
    return archives, archive


async def look_into(
    visit: Visit, archive: Shown, key: str, target: int | None, *, alone: bool = False
) -> dict[str, Any]:
    """What one object is, and how it begins. A bucket that does not answer spoils neither the page nor the
    other half; with `alone` an object that is not there makes the page one of its own."""
    path, named = f"/v1/archives/{archive['id']}/object", {"key": key, "target": target}
    (found, problem), (begins, unread) = await asyncio.gather(
        _asked(visit.api.get(path, **named)), _asked(visit.api.get(f"{path}/lines", limit=_LINES, **named))
    )
    if problem and alone and problem.status in (400, 404):
        raise problem
    manifest = found["manifest"] if found else None
    return {
        "key": key,
        "target": found["target"] if found else target,
        "found": found,
        "problem": problem,
        "manifest": manifest,
        "blocks": manifest["blocks"][:_MOST_BLOCKS] if manifest else [],
        "more_blocks": max(0, len(manifest["blocks"]) - _MOST_BLOCKS) if manifest else 0,
        "previous": _key_of_manifest(manifest.get("previous_key", "")) if manifest else "",
        "begins": begins,
        "unread": unread,
        "span": _span_of(found),
    }


def _span_of(found: Shown | None) -> tuple[str, str] | None:
    """The hour that an object is of."""
    if not found or not found["hour"]:
        return None
    return calendar.bounds_of_day(found["hour"][:10], int(found["hour"][11:13]))


def _key_of_manifest(key: str) -> str:
    """The key of the object that a manifest is of (docs/archive-format.md)."""
    inner = key.removeprefix("_manifest/").removesuffix(".json")
    return f"{inner}.json.gz" if inner and inner != key else ""


async def _asked(answer: Awaitable[Any]) -> tuple[Any, Problem | None]:
    """The answer, or why there is none."""
    try:
        return await answer, None
    except Problem as problem:
        return None, problem
