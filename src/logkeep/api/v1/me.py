"""/v1/me and /v1/sessions: who asks, and the browsers in which they are signed in."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, answer, asker
from logkeep.api.v1.whose import own_user
from logkeep.catalog.people import Session
from logkeep.timeline import iso

Shown = dict[str, object]


async def get_me(request: Request) -> Response:
    return answer(_me(asker(request)))


async def list_sessions(request: Request) -> Response:
    by = asker(request)
    user = await run_in_threadpool(own_user, by, request)
    sessions = await run_in_threadpool(by.services.catalog.sessions.of_user, user.id, by.services.clock())
    return answer({"sessions": [_shown(one, by.caller.session) for one in sessions]})


async def end_session(request: Request) -> Response:
    return answer(await run_in_threadpool(_end, asker(request), request))


def _end(by: Asker, request: Request) -> Shown:
    user, session = own_user(by, request), str(request.path_params["id"])
    by.services.catalog.sessions.end(user.id, session)
    by.note("session.end", session, user=user.id)
    return {"id": session, "ended": True}


def _me(by: Asker) -> Shown:
    caller = by.caller
    user = caller.user
    return {
        "actor": caller.actor,
        "way": caller.way,
        "user": {"id": user.id, "name": user.name, "role": user.role} if user else None,
        "role": caller.role,
        "accounts": None if caller.accounts is None else sorted(caller.accounts),
        "session": caller.session or None,
    }


def _shown(session: Session, current: str) -> Shown:
    return {
        "id": session.id,
        "way": session.way,
        "agent": session.agent,
        "created_at": iso(session.created_at),
        "seen_at": iso(session.seen_at),
        "expires_at": iso(session.expires_at),
        "current": session.id == current,
    }
