"""A person's own page: the password, the browsers in which they are signed in, and how pages look."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.api.problems import retry_headers, status_of
from logkeep.catalog.people import Role, User
from logkeep.errors import LogkeepError
from logkeep.web.agents import browser_name
from logkeep.web.outside import problem_of_error, twice, visitor_of
from logkeep.web.visit import Visit, action, page

_PATH = "/settings/profile"


async def show_profile(visit: Visit) -> Response:
    return await _render(visit)


async def change_password(visit: Visit) -> Response:
    form, gate = await visit.form(), visit.site.gate
    user, visitor = await _user(visit), visitor_of(visit.request)
    try:
        old, new = form.raw("old"), twice(form)
        await gate.enter(lambda: gate.entrance.change_password(user, visit.session, old, new, visitor))
    except LogkeepError as error:
        return await _render(visit, error)
    return visit.go(_PATH, "Your password is changed, and you are signed out everywhere else.")


async def end_session(visit: Visit) -> Response:
    form = await visit.form()
    await visit.api.delete(f"/v1/sessions/{form.text('session')}")
    return visit.go(_PATH, "That browser is signed out.")


async def end_other_sessions(visit: Visit) -> Response:
    user, gate = await _user(visit), visit.site.gate
    await run_in_threadpool(gate.entrance.end_other_sessions, user, visit.session)
    return visit.go(_PATH, "You are signed out everywhere else.")


async def _render(visit: Visit, error: LogkeepError | None = None) -> Response:
    found = (await visit.api.get("/v1/sessions"))["sessions"]
    sessions = [{**one, "browser": browser_name(one["agent"])} for one in found]
    answer = visit.render(
        "settings/profile.html",
        status=200 if error is None else status_of(error),
        sessions=sessions,
        has_password=bool((await _user(visit)).password),
        problem=None if error is None else problem_of_error(error),
    )
    if error is not None:
        answer.headers.update(retry_headers(error))
        answer.background = BackgroundTask(visit.site.gate.entrance.note_refusals)
    return answer


async def _user(visit: Visit) -> User:
    return await run_in_threadpool(visit.site.services.catalog.users.get, visit.me.id)


ROUTES: list[BaseRoute] = [
    page(_PATH, show_profile),
    action(f"{_PATH}/password", change_password, role=Role.READ_ONLY),
    action(f"{_PATH}/end", end_session, role=Role.READ_ONLY),
    action(f"{_PATH}/end-others", end_other_sessions, role=Role.READ_ONLY),
]
