"""Who uses the site in the tests, and how they sign in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.server import Server


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    role: str
    accounts: tuple[str, ...] = ()
    password: str = "seven brown sheep under the bridge"


ADMIN = Person(name="ada", role="admin")
MEMBER = Person(name="max", role="member", accounts=("main",))
READER = Person(name="rita", role="read-only", accounts=("main",))
STRANGER = Person(name="nils", role="member", accounts=("acme",))  # sees nothing of main
PEOPLE = (ADMIN, MEMBER, READER, STRANGER)


def make_people(server: Server) -> dict[str, str]:
    """Make all of them at a server that has none of them; their ids by their names."""
    known = {one["account"] for one in server.get("/v1/accounts")["accounts"]}
    for account in {account for one in PEOPLE for account in one.accounts} - known:
        server.post("/v1/accounts", {"name": account})
    return {one.name: _make(server, one) for one in PEOPLE}


def _make(server: Server, who: Person) -> str:
    wanted = {"name": who.name, "role": who.role, "accounts": who.accounts, "password": who.password}
    return str(server.post("/v1/users", wanted)["id"])


def sign_in(page: Page, who: Person, *, password: str = "") -> None:
    """Sign in as a person does it, at the page that asks for it, and see that it went well."""
    if "/sign-in" not in page.url:
        page.goto("/sign-in")
    try_to_sign_in(page, who, password=password)
    expect(page).not_to_have_url(re.compile("/sign-in"))


def try_to_sign_in(page: Page, who: Person, *, password: str = "") -> None:
    page.get_by_label("Name").fill(who.name)
    page.get_by_label("Password").fill(password or who.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
