"""Answers to a form that its page's module sends: what belongs below the form, so that all that was typed
stays. Without JavaScript the same handler answers with the whole page."""

from __future__ import annotations

from starlette.responses import Response

from logkeep.web.visit import Visit, tell_next

_ASKED_BY = "x-fragment"
GO = "X-Go"  # where the page's module is to go


def wanted(visit: Visit) -> bool:
    """Whether the page's module asks, and wants no whole page."""
    return visit.request.headers.get(_ASKED_BY) == "1"


def go(visit: Visit, path: str, notice: str) -> Response:
    """On to another page. A module has to be told where to: what it fetches is not shown."""
    if not wanted(visit):
        return visit.go(path, notice)
    answer = Response(status_code=204, headers={GO: path})
    tell_next(answer, notice)
    return answer
