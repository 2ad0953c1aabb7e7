"""Who uses the site in the tests, and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

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


def make_people(server: Server) -> None:
    """Make all of them at a server that has none of them."""


def sign_in(page: Page, who: Person) -> None:
    """Sign in as a person does it, with the page's form."""
    raise NotImplementedError("the site has no people yet")
