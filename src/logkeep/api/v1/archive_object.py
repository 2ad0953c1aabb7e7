"""/v1/archives/{id}/object: one object of an archive, its first lines, and the object itself."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer, with_bucket
from logkeep.api.download import attachment, download
from logkeep.api.params import bounded, whole_number
from logkeep.api.services import Services
from logkeep.api.v1.archive import shown_object
from logkeep.archive.reader import stored_chunks
from logkeep.browse.condition import condition, verified
from logkeep.browse.first_lines import MOST_LINES, Line, first_lines
from logkeep.browse.found import Finder, Found
from logkeep.catalog.values import CheckKind
from logkeep.errors import InputError, NotFound
from logkeep.storage.base import GZIP
from logkeep.timeline import hour_start, iso
from logkeep.verify.last import LastVerify, last_verify

DOWNLOADS_AT_ONCE = 4  # each holds a piece of an object and a thread while it reads the next
_PIECE_BYTES = 2 << 20
_LINES = 20

Shown = dict[str, object]


async def get_object(request: Request) -> Response:
    """What catalog, bucket, manifest and the last verify say of it; its lines are not read."""
    services = admitted(request)
    return answer(await with_bucket(request, _object, services, *_named(request)))


async def list_lines(request: Request) -> Response:
    services = admitted(request)
    limit = bounded(request, "limit", _LINES, most=MOST_LINES)
    return answer(await with_bucket(request, _lines, services, *_named(request), limit=limit))


async def get_content(request: Request) -> Response:
    """The object as it is stored, sent as it is read."""
    services = admitted(request)
    found, size = await with_bucket(request, _to_send, services, *_named(request))
    gzip = found.layout is None or found.key.endswith(".gz")
    return await download(
        cast(
            "Generator[bytes, None, None]", stored_chunks(found.bucket, found.key, size, fetch=_PIECE_BYTES)
        ),
        request.app.state.downloads,
        media_type=GZIP if gzip else "application/octet-stream",
        headers={
            "Content-Disposition": attachment(found.key.rpartition("/")[2]),
            "Content-Length": str(size),
            "X-Content-Type-Options": "nosniff",
        },
    )


def _named(request: Request) -> tuple[str, str, int]:
    """The archive, key and target that a request names. Raises InputError."""
    key = request.query_params.get("key", "")
    if not key:
        raise InputError("key is missing", hint="name an object: ?key=year=2026/…")
    return request.path_params["id"], key, whole_number(request, "target", 0)


def _found(services: Services, archive: str, key: str, target: int) -> Found:
    desk = services.archives
    finder = Finder(catalog=services.catalog, buckets=desk.buckets, server=desk.sealer.server)
    return finder.find(archive, key, target=target)


def _object(services: Services, archive: str, key: str, target: int) -> Shown:
    found = _found(services, archive, key, target)
    is_now = condition(found)
    stat, cold, name = is_now.stat, is_now.cold, found.name
    return {
        "archive": found.archive.id,
        "key": found.key,
        "target": found.target.id,
        "place": found.target.place,
        "current": found.target.id == found.archive.target,
        "hour": iso(hour_start(name.hour)) if name else None,
        "part": name.part if name else None,
        "late": found.late,
        "objects_of_hour": len(found.hour),
        "state": "missing" if stat is None else "frozen" if cold else "readable",
        "stored": {"bytes": stat.size, "modified": iso(stat.modified)} if stat else None,
        "frozen": {"storage_class": cold.storage_class, "thawing": cold.thawing} if cold else None,
        "sealed": shown_object(found.row) if found.row else None,
        "manifest": is_now.manifest,
        "problems": is_now.problems,
        "verify": _verified(services, found),
    }


def _verified(services: Services, found: Found) -> Shown | None:
    """What the last verify says of it; None if there was none."""
    verify = _last_verify(services, found.archive.id)
    if verify is None:
        return None
    looked, findings = verified(found, verify)
    return {
        "at": iso(verify.at),
        "verified": looked,
        "depth": verify.depth or None,
        "findings": [asdict(one) for one in findings],
    }


def _last_verify(services: Services, archive: str) -> LastVerify | None:
    try:
        return last_verify(services.catalog.checks.get(archive, CheckKind.VERIFY))
    except NotFound:
        return None


def _lines(services: Services, archive: str, key: str, target: int, *, limit: int) -> Shown:
    found = first_lines(_found(services, archive, key, target), limit=limit)
    return {
        "lines": [_line(one) for one in found.lines],
        "more": found.more,
        "damage": found.damage or None,
        "problems": [
            {"offset": one.offset, "reason": one.reason, "sample": one.sample} for one in found.problems
        ],
    }


def _line(line: Line) -> Shown:
    return {"record": line.record, "bytes": line.bytes, "cut": line.cut, "problem": line.problem or None}


def _to_send(services: Services, archive: str, key: str, target: int) -> tuple[Found, int]:
    found = _found(services, archive, key, target)
    return found, found.bucket.head(found.key).size
