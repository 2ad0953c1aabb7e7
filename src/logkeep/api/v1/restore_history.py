"""The history of restores: page by page, counted by state, and what the audit log says of one."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker
from logkeep.api.params import bounded
from logkeep.api.services import Services
from logkeep.api.v1.audit import shown_entries
from logkeep.api.v1.restore_shown import Shown, all_shown
from logkeep.catalog.history import Into, Place, Wanted
from logkeep.catalog.values import Restore, RestoreState
from logkeep.errors import BadSetting, InputError

_MOST_SHOWN = 10_000
_MOST_ENTRIES = 1000


async def list_restores(request: Request) -> Response:
    """Newest first. `before` of an answer asks for those that are older; it is null after the last page."""
    by = asker(request)
    behind = _place(request.query_params.get("before", ""))
    limit = bounded(request, "limit", 1000, most=_MOST_SHOWN)
    wanted = await run_in_threadpool(_wanted, request, by)
    return answer(await run_in_threadpool(_page, by, wanted, limit, behind))


async def count_restores(request: Request) -> Response:
    """How many there are in each state, in all and of those that go into the same."""
    by = asker(request)
    wanted = await run_in_threadpool(_wanted, request, by)
    counts = await run_in_threadpool(by.services.catalog.restore_history.counts, wanted)
    into = {
        one: {state: counts[one, state] for state in RestoreState if (one, state) in counts} for one in Into
    }
    return answer(
        {
            "counts": {state: sum(one.get(state, 0) for one in into.values()) for state in RestoreState},
            "into": into,
        }
    )


async def list_entries(request: Request) -> Response:
    """What was done with a restore, newest first."""
    services = admitted(request)
    return answer({"entries": await run_in_threadpool(_entries, services, request.path_params["id"])})


def _page(by: Asker, wanted: Wanted, limit: int, behind: Place | None) -> Shown:
    found = by.services.catalog.restore_history.page(wanted, limit, behind)
    return {
        "restores": all_shown(by, found),
        "before": _place_of(found[-1]) if len(found) == limit else None,
    }


def _entries(services: Services, restore_id: str) -> list[Shown]:
    restore = services.catalog.restores.get(restore_id)
    return shown_entries(services, services.catalog.audit.about("restore", restore.id, _MOST_ENTRIES))


def _wanted(request: Request, by: Asker) -> Wanted:
    """Waits for the catalog. Raises BadSetting."""
    query = request.query_params
    return Wanted(
        states=_states(query.get("state", "")),
        account=query.get("account", ""),
        text=query.get("text", "").strip(),
        into=_into(query.get("into", "")),
        seen=by.caller.accounts,
        hidden=by.view.hidden_pipelines(),
    )


def _states(text: str) -> tuple[RestoreState, ...]:
    """The states of a text with commas between them; none for all. Raises BadSetting."""
    names = [part.strip().upper() for part in text.split(",") if part.strip()]
    unknown = [name for name in names if name not in tuple(RestoreState)]
    if unknown:
        raise BadSetting(
            f"state is {unknown[0][:64]!r}, which no restore can be in",
            hint=f"write one or more of {', '.join(RestoreState)}",
            field="state",
        )
    return tuple(RestoreState(name) for name in names)


def _into(text: str) -> tuple[Into, ...]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [name for name in names if name not in tuple(Into)]
    if unknown:
        raise BadSetting(
            f"into is {unknown[0][:64]!r}, where no restore goes",
            hint=f"write one or more of {', '.join(Into)}",
            field="into",
        )
    return tuple(map(Into, names))


def _place_of(restore: Restore) -> str:
    return f"{restore.created_at}-{restore.id}"


def _place(text: str) -> Place | None:
    if not text:
        return None
    created_at, _, restore_id = text.partition("-")
    if not (created_at.isascii() and created_at.isdigit() and len(created_at) < 16):
        raise InputError(f"before is {text[:64]!r}", hint="pass on the one of the answer before")
    return Place(created_at=int(created_at), id=restore_id)
