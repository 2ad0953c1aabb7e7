"""Dead letters: the page of those of one destination, and what is done with them."""

from __future__ import annotations

import json

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.plurals import plural
from logkeep.web.text import visible
from logkeep.web.views.pipelines import api_path, own_path
from logkeep.web.visit import Visit, action, page

_MOST = 25  # that one page shows
_MOST_CHARS = 1000  # of an event's fields


async def show_dead_letters(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    found = await visit.api.get(_letters(visit), limit=_MOST)
    name = visit.path["destination"]
    whole = next(
        (one["dead_letters"] for one in pipeline["status"]["destinations"] if one["name"] == name), 0
    )
    letters = found["dead_letters"]
    return visit.render(
        "pipelines/dead_letters.html",
        pipeline=pipeline,
        destination=name,
        letters=[{**one, "fields": _fields(one["event"])} for one in letters],
        whole=max(whole, len(letters)),
    )


async def retry_dead_letters(visit: Visit) -> Response:
    done = await visit.api.post(f"{_letters(visit)}/retry")
    return visit.go(own_path(visit), f"{plural(done['retried'], 'event')} will be delivered once more.")


async def discard_dead_letters(visit: Visit) -> Response:
    done = await visit.api.delete(_letters(visit))
    return visit.go(own_path(visit), f"{plural(done['discarded'], 'dead letter')} deleted.")


def _fields(event: object) -> str:
    """An event as JSON over several lines with nothing invisible in it; a long one is cut."""
    text = json.dumps(event, indent=2, ensure_ascii=False)
    cut = f"\n… {len(text) - _MOST_CHARS:,} more" if len(text) > _MOST_CHARS else ""
    return "\n".join(map(visible, text[:_MOST_CHARS].split("\n"))) + cut


def _letters(visit: Visit) -> str:
    return f"{api_path(visit)}/destinations/{visit.path['destination']}/dead-letters"


_LETTERS = "/pipelines/{id}/destinations/{destination}/dead-letters"

ROUTES: list[BaseRoute] = [
    page(_LETTERS, show_dead_letters),
    action(f"{_LETTERS}/retry", retry_dead_letters),
    action(f"{_LETTERS}/discard", discard_dead_letters, role=Role.ADMIN),
]
