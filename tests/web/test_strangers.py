"""Who sees one account finds nothing of the others on any page, whatever the address."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser
from starlette.routing import Route

from logkeep.web.site import ROUTES
from tests.web.furnished import Furnished
from tests.web.pages import EXAMPLES, GIVEN, Example
from tests.web.people import ADMIN, STRANGER
from tests.web.visits import Sessions, Visits
from tests.web.watch import Watch

_THEIRS = STRANGER.accounts[0]
PAGES = [one for one in EXAMPLES if one.who == ADMIN]
ACTIONS = [one.path for one in ROUTES if isinstance(one, Route) and "POST" in (one.methods or ())]
# What lines of others say, and nothing else does.
_LINES = ("shop.depot", "parcels-1", "Failed password for")


@pytest.fixture(scope="module")
def secrets(furnished: Furnished) -> frozenset[str]:
    """Names, titles and ids of what is not the stranger's, that stand in no page by themselves."""
    return frozenset(one for one in _secrets(furnished) if one)


def _secrets(furnished: Furnished) -> Iterator[str]:
    yield from _LINES
    server = furnished.server
    for one in server.get("/v1/accounts")["accounts"]:
        if one["account"] != _THEIRS and one["kind"] == "live":
            yield one["title"]
            for rule in server.get(f"/v1/accounts/{one['account']}/rules")["rules"]:
                yield from (rule["id"], rule["title"])
    for one in server.get("/v1/archives")["archives"]:
        if one["account"] != _THEIRS:
            yield one["title"]
    for one in server.get("/v1/restores")["restores"]:
        if one["source"] != _THEIRS:
            yield from (one["id"], one["account"])
    yield from (one["title"] for one in server.get("/v1/pipelines")["pipelines"] if one["account"] != _THEIRS)
    for one in server.get("/v1/users")["users"]:
        if one["name"] != STRANGER.name:
            yield from (one["id"], *([one["name"]] if len(one["name"]) > 6 else []))


@pytest.fixture(scope="module")
def stranger(furnished: Furnished, browser: Browser, sessions: Sessions) -> Iterator[httpx.Client]:
    """The stranger's browser, without its window."""
    with Visits(browser, sessions) as visits:
        page = visits.open(furnished.server, STRANGER, watch=Watch())
        cookies = {str(one["name"]): str(one["value"]) for one in page.context.cookies()}
    with httpx.Client(base_url=furnished.url, cookies=cookies, timeout=60) as client:
        yield client


@pytest.mark.parametrize("example", PAGES, ids=lambda one: one.name)
def test_a_page_tells_nothing_of_other_accounts(
    furnished: Furnished, stranger: httpx.Client, secrets: frozenset[str], example: Example
) -> None:
    path = example.url(furnished)
    answer = stranger.get(path)
    assert answer.status_code in (200, 403, 404, example.status), answer.status_code
    assert _told(answer, path, secrets) == []


@pytest.mark.parametrize("route", [one for one in ACTIONS if "{" in one and "{token}" not in one])
def test_no_form_reaches_what_is_of_other_accounts(
    furnished: Furnished, stranger: httpx.Client, secrets: frozenset[str], route: str
) -> None:
    path = _placed(route, furnished)
    token = re.search(r'name="csrf_token" value="([^"]+)"', stranger.get("/settings/profile").text)
    assert token is not None
    answer = stranger.post(path, data={"csrf_token": token[1]})
    assert answer.status_code in (403, 404), f"{path}: {answer.status_code}"
    assert _told(answer, path, secrets) == []


def _placed(route: str, furnished: Furnished) -> str:
    """The path of an action on what is not the stranger's: below the page that it belongs to, if any of
    those that are looked at does."""
    for page in sorted(GIVEN, key=len, reverse=True):
        paths = [one.url(furnished).partition("?")[0] for one in GIVEN[page]]
        theirs = [one for one in paths if _THEIRS not in one]
        if theirs and f"{route}/".startswith(f"{page}/"):
            return theirs[0] + re.sub(r"{[a-z]+}", "main", route.removeprefix(page))
    return re.sub(r"{[a-z]+}", "main", route)


def _told(answer: httpx.Response, path: str, secrets: frozenset[str]) -> list[str]:
    """What an answer tells that was not asked for."""
    words = answer.text.replace(path, "")
    return sorted(one for one in secrets if one not in path and one in words)


@pytest.mark.parametrize("part", ["", "/keys", "/rules", "/rules/new"])
def test_an_account_of_others_is_as_one_that_is_not_there(stranger: httpx.Client, part: str) -> None:
    there, nowhere = (stranger.get(f"/settings/accounts/{name}{part}") for name in ("main", "nobodys"))
    assert there.status_code == nowhere.status_code == 404
    assert _plain(there.text, "main") == _plain(nowhere.text, "nobodys")
    assert stranger.get(f"/settings/accounts/{_THEIRS}{part}").status_code == 200


def _plain(page: str, account: str) -> str:
    """Without the id that was asked for."""
    return page.replace(f"accounts/{account}", "ID").replace(f"&#39;{account}&#39;", "ID")
