"""What a caller sees of the catalog, beyond what every route is tried for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from logkeep.api.access import Guard, View, still_admitted, told
from logkeep.api.callers import SCOPE_KEY, Caller
from logkeep.api.services import Services
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.people import Role
from logkeep.catalog.values import AccountKind, KeyRole, Pipeline
from logkeep.errors import Conflict, NotFound, OtherMarker
from logkeep.pipeline.document import parse_spec

from ..seen_restores import seen as seen_restore
from .requests import request

MEMBER = Caller(actor="user:1", role=Role.MEMBER, accounts=frozenset({"main"}))
SCOPED_ADMIN = Caller(actor="user:2", role=Role.MEMBER)  # an administrator's token with the scope member
ADMIN = Caller(actor="k-1", role=Role.ADMIN)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/c.sqlite")
    for name in ("main", "acme"):
        opened.accounts.create(name, AccountKind.LIVE, 1)
    yield opened
    opened.close()


def view(catalog: Catalog, caller: Caller) -> View:
    return View(cast(Services, SimpleNamespace(catalog=catalog)), caller)


def pipeline(*, source: dict[str, Any] | None = None, destination: dict[str, Any] | None = None) -> Pipeline:
    data = {
        "id": "web",
        "sources": [source or {"type": "http", "name": "in"}],
        "destinations": [destination or {"type": "stdout", "name": "out"}],
    }
    return Pipeline(
        id="web",
        account="main",
        spec=msgspec.json.encode(parse_spec(data)),
        version=1,
        secret=b"",
        created_at=1,
        updated_at=1,
        updated_by="k-1",
    )


@pytest.mark.parametrize(
    ("one", "seen"),
    [
        (pipeline(), True),
        (pipeline(source={"type": "account", "account": "main"}), True),
        (pipeline(source={"type": "account", "account": "acme"}), False),
        (pipeline(destination={"type": "account", "account": "acme"}), False),
    ],
)
def test_a_pipeline_is_seen_with_all_accounts_that_it_names(
    catalog: Catalog, one: Pipeline, seen: bool
) -> None:
    assert view(catalog, MEMBER).sees_pipeline(one) is seen
    assert view(catalog, ADMIN).sees_pipeline(one)


@pytest.mark.parametrize(
    ("one", "seen"),
    [(pipeline(), True), (pipeline(destination={"type": "account", "account": "acme"}), False)],
)
def test_a_restore_into_a_pipeline_is_seen_by_those_who_see_the_pipeline(
    catalog: Catalog, one: Pipeline, seen: bool
) -> None:
    catalog.pipelines.save(one)
    sent = replace(seen_restore("r").restore, pipeline="web")
    assert view(catalog, MEMBER).sees_restore(sent) is seen
    assert view(catalog, MEMBER).hidden_pipelines() == (set() if seen else {"web"})
    assert view(catalog, ADMIN).sees_restore(sent)
    assert view(catalog, ADMIN).hidden_pipelines() == set()
    assert view(catalog, MEMBER).sees_restore(replace(sent, pipeline=""))
    assert view(catalog, MEMBER).sees_restore(replace(sent, pipeline="gone"))


def test_an_admin_token_is_no_thing_of_a_member(catalog: Catalog) -> None:
    """Also where the member's rights are what a token leaves of an administrator's."""
    catalog.keys.issue("", KeyRole.ADMIN, 1)
    [key] = catalog.keys.listed("")
    view(catalog, ADMIN).key(key.id)
    for caller in (MEMBER, SCOPED_ADMIN):
        with pytest.raises(NotFound) as hidden:
            view(catalog, caller).key(key.id)
        with pytest.raises(NotFound) as missing:
            view(catalog, caller).key("nothing")
        assert str(hidden.value).replace(key.id, "nothing") == str(missing.value)


def test_the_accounts_of_a_marker_are_told_to_those_who_see_all() -> None:
    error = OtherMarker("the marker names another account than main: acme")
    asked = request()
    for caller, names in ((MEMBER, False), (SCOPED_ADMIN, True), (ADMIN, True)):
        asked.scope[SCOPE_KEY] = caller
        assert ("acme" in str(told(asked, error))) is names
    asked.scope[SCOPE_KEY] = MEMBER
    assert type(told(asked, error)) is Conflict
    other = NotFound("there is no archive 'x'")
    assert told(asked, other) is other


def test_a_request_is_not_admitted_any_more_once_its_user_is_disabled(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 1, of_accounts=["main"])
    _, text = catalog.tokens.issue(ada.id, 1, name="t", scope=Role.MEMBER)
    asked = request(headers={"Authorization": f"Bearer {text}"}, query="account=main")
    services = SimpleNamespace(catalog=catalog, clock=lambda: 2)
    asked.scope["app"] = SimpleNamespace(state=SimpleNamespace(services=services))
    Guard(Role.READ_ONLY, View.account).admit(asked)
    assert still_admitted(asked)
    catalog.users.update(ada.id, of_accounts=[])
    assert not still_admitted(asked)
    catalog.users.update(ada.id, of_accounts=["main"])
    assert still_admitted(asked)
    catalog.users.update(ada.id, disabled=True)
    assert not still_admitted(asked)
