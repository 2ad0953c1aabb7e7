"""Exclusion rules of accounts, and what one would have dropped."""

from __future__ import annotations

import secrets
from dataclasses import replace

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker
from logkeep.api.params import json_body, seconds
from logkeep.api.services import Services
from logkeep.catalog.values import AccountKind, Rule
from logkeep.errors import BadSetting, Conflict
from logkeep.exclusion import checked, preview_condition
from logkeep.index.preview import Preview, preview
from logkeep.timeline import iso

_LONGEST_PREVIEW_S = 366 * 86_400


class NewRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Lines of these hosts AND these apps AND this query are dropped. `live_tail`: a tail shows them."""

    title: str
    hosts: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    query: str = ""
    active: bool = True
    live_tail: bool = False


class ChangedRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    title: str | msgspec.UnsetType = msgspec.UNSET
    hosts: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    apps: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    query: str | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET
    live_tail: bool | msgspec.UnsetType = msgspec.UNSET


class WantedPreview(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    hosts: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    query: str = ""
    last: int | str = "1h"


async def list_rules(request: Request) -> Response:
    services = admitted(request)
    rules = await run_in_threadpool(_of_account, services, request.path_params["id"])
    return answer({"rules": [_shown(rule) for rule in rules]})


async def create_rule(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewRule)
    made = await run_in_threadpool(_create, by, request.path_params["id"], wanted)
    return answer(_shown(made), status=201)


async def get_rule(request: Request) -> Response:
    services = admitted(request)
    return answer(_shown(await run_in_threadpool(_counted, services, request.path_params["id"])))


async def change_rule(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, ChangedRule)
    return answer(_shown(await run_in_threadpool(_change, by, request.path_params["id"], wanted)))


async def delete_rule(request: Request) -> Response:
    by = asker(request)
    return answer(_shown(await run_in_threadpool(_delete, by, request.path_params["id"])))


async def preview_rule(request: Request) -> Response:
    services = admitted(request)
    wanted = await json_body(request, WantedPreview)
    found = await run_in_threadpool(_preview, services, request.path_params["id"], wanted)
    return answer(
        {
            "lines": found.lines,
            "bytes": found.bytes,
            "of_lines": found.of_lines,
            "share": round(found.lines / found.of_lines, 6) if found.of_lines else 0.0,
            "hosts": [{"value": value, "count": count} for value, count in found.hosts],
            "apps": [{"value": value, "count": count} for value, count in found.apps],
            "samples": found.samples,
        }
    )


def _of_account(services: Services, account: str) -> list[Rule]:
    services.catalog.accounts.get(account)
    services.exclusions.flush(services.catalog.rules)
    return list(services.catalog.rules.of_account(account))


def _counted(services: Services, rule_id: str) -> Rule:
    """The rule, with what it dropped up to now."""
    services.exclusions.flush(services.catalog.rules)
    return services.catalog.rules.get(rule_id)


def _create(by: Asker, account: str, wanted: NewRule) -> Rule:
    services = by.services
    _check_live(services, account)
    rule = Rule(
        id=secrets.token_hex(6),
        account=account,
        created_at=services.clock(),
        **msgspec.structs.asdict(wanted),
    )
    made = services.catalog.rules.create(checked(rule))
    services.router.refresh(account)
    by.note("rule.create", made.id, account=account, **_details(made))
    return made


def _change(by: Asker, rule_id: str, wanted: ChangedRule) -> Rule:
    services = by.services
    before = services.catalog.rules.get(rule_id)
    given = msgspec.structs.asdict(wanted)
    changes = {name: value for name, value in given.items() if value is not msgspec.UNSET}
    changed = services.catalog.rules.update(checked(replace(before, **changes)))
    services.router.refresh(changed.account)
    by.note("rule.update", rule_id, account=changed.account, **changes)
    return _counted(services, rule_id)


def _delete(by: Asker, rule_id: str) -> Rule:
    services = by.services
    rule = _counted(services, rule_id)
    services.catalog.rules.delete(rule_id)
    services.router.refresh(rule.account)
    by.note("rule.delete", rule_id, account=rule.account, **_details(rule))
    return rule


def _preview(services: Services, account: str, wanted: WantedPreview) -> Preview:
    _check_live(services, account)
    last_s = seconds("last", wanted.last)
    if not 1 <= last_s <= _LONGEST_PREVIEW_S:
        raise BadSetting(f"last is {last_s} s, not 1 s to {_LONGEST_PREVIEW_S} s", field="last")
    now = services.clock()
    rule = Rule(
        id="",
        account=account,
        title="preview",
        created_at=now,
        hosts=wanted.hosts,
        apps=wanted.apps,
        query=wanted.query,
    )
    return preview(services.engine, account, preview_condition(rule), since=now - last_s * 1000)


def _check_live(services: Services, account: str) -> None:
    if services.catalog.accounts.get(account).kind is not AccountKind.LIVE:
        raise Conflict(f"account {account!r} is a restored one, which takes no lines in")


def _details(rule: Rule) -> dict[str, object]:
    return {
        "title": rule.title,
        "hosts": rule.hosts,
        "apps": rule.apps,
        "query": rule.query,
        "active": rule.active,
        "live_tail": rule.live_tail,
    }


def _shown(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "account": rule.account,
        "created_at": iso(rule.created_at),
        **_details(rule),
        "lines": rule.lines,
        "bytes": rule.bytes,
    }
