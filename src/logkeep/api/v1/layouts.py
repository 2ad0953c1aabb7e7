"""/v1/layouts: in which layouts archives of other systems are read, and which one a bucket has."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer, with_bucket
from logkeep.api.params import json_body
from logkeep.api.services import Services
from logkeep.api.v1.archive_bodies import TriedConnection
from logkeep.api.v1.archives import wanted_connection
from logkeep.archive.foreign.custom import FORMATS, OPTIONS
from logkeep.archive.foreign.detect import detect, document
from logkeep.archive.foreign.layouts import CUSTOM, LAYOUTS

Shown = dict[str, object]


async def list_layouts(request: Request) -> Response:
    admitted(request)
    known: list[Shown] = [
        {"layout": name, "title": layout.title, "options": []} for name, layout in LAYOUTS.items()
    ]
    options = [_option(name, help_) for name, help_ in OPTIONS.items()]
    custom: Shown = {"layout": CUSTOM, "title": "Your own layout", "options": options}
    return answer({"layouts": [*known, custom]})


async def detect_layout(request: Request) -> Response:
    """Lists about 200 keys of the bucket, and opens one object."""
    services = admitted(request)
    wanted = await json_body(request, TriedConnection)
    return answer(await with_bucket(request, _detected, services, wanted))


def _option(name: str, help_: str) -> Shown:
    choices = FORMATS if name == "format" else ()
    return {"name": name, "help": help_, "required": name == "path", "choices": choices}


def _detected(services: Services, wanted: TriedConnection) -> Shown:
    account, connection = wanted_connection(services, wanted)
    desk = services.archives
    return document(detect(desk.open_connection(desk.with_external_id(account, connection))))
