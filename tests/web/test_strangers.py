"""Who sees one account finds nothing of the others on any page, whatever the address."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.pages import EXAMPLES, Example
from tests.web.people import ADMIN, STRANGER

_THEIRS = STRANGER.accounts[0]
PAGES = [one for one in EXAMPLES if one.who == ADMIN]


def secrets(furnished: Furnished) -> Iterator[str]:
    """Names, titles and ids of what is not the stranger's, that stand in no page by themselves."""
    server = furnished.server
    for one in server.get("/v1/accounts")["accounts"]:
        if one["account"] != _THEIRS and one["kind"] == "live":
            yield one["title"]
            for rule in server.get(f"/v1/accounts/{one['account']}/rules")["rules"]:
                yield from (rule["id"], rule["title"])
    for one in server.get("/v1/restores")["restores"]:
        if one["source"] != _THEIRS:
            yield from (one["id"], one["account"])
    yield from (one["title"] for one in server.get("/v1/pipelines")["pipelines"] if one["account"] != _THEIRS)
    for one in server.get("/v1/users")["users"]:
        if one["name"] != STRANGER.name:
            yield from (one["id"], *([one["name"]] if len(one["name"]) > 6 else []))


@pytest.fixture
def stranger(furnished: Furnished, visit: Visit) -> Iterator[httpx.Client]:
    """The stranger's browser, without its window."""
    page = visit(furnished.server, STRANGER)
    cookies = {str(one["name"]): str(one["value"]) for one in page.context.cookies()}
    with httpx.Client(base_url=furnished.url, cookies=cookies, timeout=60) as client:
        yield client


@pytest.mark.parametrize("example", PAGES, ids=lambda one: one.name)
def test_a_page_tells_nothing_of_other_accounts(
    furnished: Furnished, stranger: httpx.Client, example: Example
) -> None:
    path = example.url(furnished)
    answer = stranger.get(path)
    assert answer.status_code in (200, 403, 404, example.status), answer.status_code
    told = answer.text.replace(path, "")
    unasked = [one for one in secrets(furnished) if one and one not in path]
    assert [one for one in unasked if one in told] == []


@pytest.mark.parametrize("part", ["", "/keys", "/rules", "/rules/new"])
def test_an_account_of_others_is_as_one_that_is_not_there(stranger: httpx.Client, part: str) -> None:
    there, nowhere = (stranger.get(f"/settings/accounts/{name}{part}") for name in ("main", "nobodys"))
    assert there.status_code == nowhere.status_code == 404
    assert _plain(there.text, "main") == _plain(nowhere.text, "nobodys")
    assert stranger.get(f"/settings/accounts/{_THEIRS}{part}").status_code == 200


def _plain(page: str, account: str) -> str:
    """Without the id that was asked for."""
    return page.replace(f"accounts/{account}", "ID").replace(f"&#39;{account}&#39;", "ID")
