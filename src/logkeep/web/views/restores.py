"""Archiving > Restore and Archiving > Pipeline restoration: the history, and one restore."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.restores import words
from logkeep.web.restores.look import lacks
from logkeep.web.restores.wanted import link_params
from logkeep.web.visit import Visit, action, page

RESTORE, PIPELINE = words.section(False), words.section(True)
ACCOUNTS = "/restored-accounts"
_ON_A_PAGE = 50
_FILTERS = ("state", "account", "text")
_WITH_REPORT = ("ACTIVE", "DONE")  # states whose pages tell what the archive lacks of the range
_MOST_PROBLEMS = 200  # shown at once

Shown = Mapping[str, Any]


async def list_restores(visit: Visit) -> Response:
    return await _history(visit, into="account,files", path=RESTORE)


async def list_pipeline_restores(visit: Visit) -> Response:
    return await _history(visit, into="pipeline", path=PIPELINE)


async def show_restore(visit: Visit) -> Response:
    return await _shown(visit)


async def pause(visit: Visit) -> Response:
    return await _done(visit, "pause", {}, "The restore is paused. What is being read now still comes.")


async def resume(visit: Visit) -> Response:
    form = await visit.form()
    given = {name: form.text(name) for name in ("limit_lines", "limit_bytes") if name in form}
    limits: dict[str, Any] = {name: text for name, text in given.items() if text}
    if "limit_lines" in limits:
        limits["limit_lines"] = _whole(limits["limit_lines"])
    # A field that was emptied lifts its limit.
    limits |= {name: 0 for name, text in given.items() if not text and form.text(f"{name}_was")}
    return await _done(visit, "resume", limits, "The restore goes on.")


async def abort(visit: Visit) -> Response:
    keep = (await visit.form()).text("keep") == "1"
    told = "The restore ends, and what came is kept." if keep else "The restore is aborted."
    return await _done(visit, "abort", {"keep": keep}, told)


async def retry(visit: Visit) -> Response:
    return await _done(visit, "retry", {}, "The restore is tried again from its beginning.")


async def extend(visit: Visit) -> Response:
    expiry = (await visit.form()).text("expiry_s")
    return await _done(visit, "extend", {"expiry_s": expiry}, "The restored account is kept for longer.")


async def undelete(visit: Visit) -> Response:
    return await _done(visit, "undelete", {}, "The restored account is back.")


async def delete(visit: Visit) -> Response:
    told = "The restored account is deleted. For an hour it can be brought back."
    return await _done(visit, "", {}, told)


async def list_accounts(visit: Visit) -> Response:
    """Restored accounts that are there or still to be filled, and those that can be brought back."""
    found = await visit.api.get(
        "/v1/restores",
        into="account",
        state=",".join((*words.NOT_ENDED, "ACTIVE", "DELETED")),
        account=visit.param("account"),
        text=visit.param("text"),
    )
    filters = {name: visit.param(name) for name in ("account", "text")}
    given = urlencode({name: value for name, value in filters.items() if value})
    there = [one for one in found["restores"] if one["state"] != "DELETED" or one["undelete_until"]]
    return visit.render(
        "restores/accounts.html",
        restores=sorted(there, key=_soonest),
        words=words,
        filters=filters,
        back=f"{ACCOUNTS}?{given}" if given else ACCOUNTS,
    )


async def _history(visit: Visit, *, into: str, path: str) -> Response:
    asked = {name: visit.param(name) for name in _FILTERS}
    before = visit.param("before")
    found, counts = await asyncio.gather(
        visit.api.get("/v1/restores", into=into, limit=_ON_A_PAGE, before=before, **asked),
        visit.api.get("/v1/restores/counts", into=into, account=asked["account"], text=asked["text"]),
    )
    given = {name: value for name, value in asked.items() if value}
    older = urlencode({**given, "before": found["before"]}) if found["before"] else ""
    return visit.render(
        "restores/history.html",
        restores=found["restores"],
        counts=counts["counts"],
        words=words,
        filters=asked,
        filtered=bool(given),
        first_page=f"{path}?{urlencode(given)}" if before else "",
        older=f"{path}?{older}" if older else "",
        path=path,
        into_pipeline=path == PIPELINE,
    )


async def _shown(visit: Visit, *, form: Form | None = None, problem: Problem | None = None) -> Response:
    restore_id = visit.path["id"]
    restore, told, entries = await asyncio.gather(
        visit.api.get(f"/v1/restores/{restore_id}"),
        visit.api.get(f"/v1/restores/{restore_id}/problems"),
        visit.api.get(f"/v1/restores/{restore_id}/audit"),
    )
    home = words.home(restore)
    if visit.request.url.path != home and visit.request.method == "GET":
        return visit.go(home)
    again = urlencode(link_params(restore))
    return visit.render(
        "restores/show.html",
        status=problem.status if problem else 200,
        restore=restore,
        home=home,
        section=words.section(words.destination(restore) == "pipeline"),
        words=words,
        problems=told["problems"][:_MOST_PROBLEMS],
        more_problems=max(0, len(told["problems"]) - _MOST_PROBLEMS),
        lacking=await lacks(visit, restore) if restore["state"] in _WITH_REPORT else None,
        entries=entries["entries"],
        now=visit.site.services.clock(),
        again=f"{words.section(words.destination(restore) == 'pipeline')}/new?{again}",
        form=form or Form([]),
        problem=problem,
    )


async def _done(visit: Visit, verb: str, body: Mapping[str, Any], told: str) -> Response:
    """Have it done, and go back to where the button was. What is refused is told on the restore's page."""
    form, path = await visit.form(), f"/v1/restores/{visit.path['id']}"
    try:
        changed = await (visit.api.post(f"{path}/{verb}", body) if verb else visit.api.delete(path))
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _shown(visit, form=form, problem=problem)
    back = form.text("back")
    return visit.go(back if back.partition("?")[0] == ACCOUNTS else words.home(changed), told)


def _whole(text: str) -> int | str:
    digits = text.replace(",", "").replace("_", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else text


def _soonest(restore: Shown) -> tuple[bool, str]:
    """What runs first, then what expires soonest."""
    return restore["state"] not in words.NOT_ENDED, str(restore["expires_at"] or "")


_VERBS = {
    "pause": pause,
    "resume": resume,
    "abort": abort,
    "retry": retry,
    "extend": extend,
    "undelete": undelete,
    "delete": delete,
}

ROUTES: list[BaseRoute] = [
    page(RESTORE, list_restores),
    page(PIPELINE, list_pipeline_restores),
    page(ACCOUNTS, list_accounts),
    page(f"{RESTORE}/{{id}}", show_restore),
    page(f"{PIPELINE}/{{id}}", show_restore),
    *(action(f"{RESTORE}/{{id}}/{verb}", handler) for verb, handler in _VERBS.items()),
    *(action(f"{PIPELINE}/{{id}}/{verb}", handler) for verb, handler in _VERBS.items()),
]
