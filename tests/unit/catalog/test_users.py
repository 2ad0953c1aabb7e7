"""Users, sessions, tokens and one-time links in the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.people import Role, User, lower
from logkeep.catalog.values import AccountKind
from logkeep.errors import Conflict, InputError, NotFound

HOUR = 3_600_000


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/c.sqlite")
    for name in ("main", "acme"):
        opened.accounts.create(name, AccountKind.LIVE, 1)
    yield opened
    opened.close()


def test_a_user_is_found_by_name_whatever_its_case(catalog: Catalog) -> None:
    made = catalog.users.create("Ada@Example.org", Role.MEMBER, 5, of_accounts=["main"])
    assert catalog.users.named(" ada@example.ORG") == made
    assert (made.role, made.accounts, made.created_at) == (Role.MEMBER, frozenset({"main"}), 5)


def test_two_users_of_one_name_are_refused(catalog: Catalog) -> None:
    catalog.users.create("ada", Role.ADMIN, 5)
    with pytest.raises(Conflict, match="already"):
        catalog.users.create("ADA", Role.MEMBER, 5)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_that_nobody_could_type_is_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(InputError):
        catalog.users.create(name, Role.MEMBER, 5)


def test_an_account_that_is_not_there_is_refused_and_nothing_is_made(catalog: Catalog) -> None:
    with pytest.raises(InputError, match="nowhere"):
        catalog.users.create("ada", Role.MEMBER, 5, of_accounts=["nowhere"])
    assert list(catalog.users.list()) == []


def test_a_deleted_account_is_seen_by_nobody(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5, of_accounts=["main", "acme"])
    catalog.accounts.delete("acme")
    assert catalog.users.get(ada.id).accounts == {"main"}


def test_the_last_administrator_stays_one(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.ADMIN, 5)
    with pytest.raises(Conflict, match="last administrator"):
        catalog.users.update(ada.id, role=Role.MEMBER)
    with pytest.raises(Conflict, match="last administrator"):
        catalog.users.update(ada.id, disabled=True)
    with pytest.raises(Conflict, match="last administrator"):
        catalog.users.delete(ada.id)
    assert catalog.users.get(ada.id) == ada


def test_an_administrator_goes_when_another_is_there(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.ADMIN, 5)
    catalog.users.create("bob", Role.ADMIN, 5)
    catalog.users.delete(ada.id)
    assert [user.name for user in catalog.users.list()] == ["bob"]


def test_a_disabled_user_is_signed_out_everywhere(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    token = catalog.sessions.begin(ada.id, 10, lasts_ms=HOUR, way="password")
    catalog.users.update(ada.id, disabled=True)
    assert catalog.sessions.find(token, 11, idle_ms=HOUR) is None


def test_a_session_ends_when_it_is_over_or_was_not_used(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    token = catalog.sessions.begin(ada.id, 0, lasts_ms=10 * HOUR, way="password", agent="x" * 500)
    found = catalog.sessions.find(token, 2 * HOUR, idle_ms=2 * HOUR)
    assert found is not None
    assert (found.user, found.way, len(found.agent)) == (ada.id, "password", 200)
    assert catalog.sessions.find(token, 4 * HOUR, idle_ms=2 * HOUR) is not None  # it was seen since
    assert catalog.sessions.find(token, 7 * HOUR, idle_ms=2 * HOUR) is None
    assert catalog.sessions.find(token, 10 * HOUR, idle_ms=20 * HOUR) is None
    assert catalog.sessions.find("another", 1, idle_ms=HOUR) is None


def test_sessions_of_a_user_end_but_one(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    kept = catalog.sessions.begin(ada.id, 1, lasts_ms=HOUR, way="password")
    other = catalog.sessions.begin(ada.id, 2, lasts_ms=HOUR, way="oidc")
    mine = catalog.sessions.find(kept, 3, idle_ms=HOUR)
    assert mine is not None
    assert catalog.sessions.end_all(ada.id, but=mine.id) == 1
    assert catalog.sessions.find(other, 3, idle_ms=HOUR) is None
    assert list(catalog.sessions.of_user(ada.id, 3)) == [mine]


def test_nobody_ends_a_session_of_somebody_else(catalog: Catalog) -> None:
    ada, bob = (catalog.users.create(name, Role.MEMBER, 5) for name in ("ada", "bob"))
    token = catalog.sessions.begin(ada.id, 1, lasts_ms=HOUR, way="password")
    session = catalog.sessions.find(token, 2, idle_ms=HOUR)
    assert session is not None
    with pytest.raises(NotFound):
        catalog.sessions.end(bob.id, session.id)
    catalog.sessions.end(ada.id, session.id)
    assert catalog.sessions.find(token, 2, idle_ms=HOUR) is None


def test_a_token_opens_until_it_expires_or_is_revoked(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    token, text = catalog.tokens.issue(ada.id, 0, name="ci", scope=Role.READ_ONLY, expires_at=HOUR)
    _, lasting = catalog.tokens.issue(ada.id, 0, name="lasting", scope=Role.MEMBER)
    assert text.startswith("lku_")
    found = catalog.tokens.find(text, 1)
    assert found is not None
    assert (found.id, found.scope) == (token.id, Role.READ_ONLY)
    assert catalog.tokens.find(text, HOUR) is None
    kept = catalog.tokens.find(lasting, 100 * HOUR)
    assert kept is not None
    catalog.tokens.revoke(ada.id, kept.id)
    assert catalog.tokens.find(lasting, 100 * HOUR) is None
    with pytest.raises(NotFound):
        catalog.tokens.revoke(ada.id, kept.id)


def test_a_link_sets_a_password_once(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    session = catalog.sessions.begin(ada.id, 1, lasts_ms=HOUR, way="password")
    link = catalog.invites.issue(ada.id, 0, lasts_ms=HOUR)
    assert catalog.invites.set_password(link, 1, password="digest") == ada.id
    assert catalog.users.get(ada.id).password == "digest"
    assert catalog.sessions.find(session, 2, idle_ms=HOUR) is None
    with pytest.raises(NotFound, match="used already"):
        catalog.invites.set_password(link, 1, password="other")


def test_a_new_link_takes_the_place_of_the_former_one(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.MEMBER, 5)
    former = catalog.invites.issue(ada.id, 0, lasts_ms=HOUR)
    link = catalog.invites.issue(ada.id, 1, lasts_ms=HOUR)
    with pytest.raises(NotFound):
        catalog.invites.find(former, 2)
    assert catalog.invites.find(link, 2).user == ada.id
    with pytest.raises(NotFound):
        catalog.invites.find(link, HOUR + 1)


def first(name: str) -> User:
    return User(id="f" * 12, name=name, role=Role.MEMBER, password="digest", created_at=7)


def test_the_set_up_link_makes_one_administrator(catalog: Catalog) -> None:
    link = catalog.invites.issue("", 0, lasts_ms=HOUR)
    catalog.invites.make_first_admin(link, 1, user=first("ada"))
    assert [(user.name, user.role) for user in catalog.users.list()] == [("ada", Role.ADMIN)]
    with pytest.raises(NotFound):
        catalog.invites.make_first_admin(link, 1, user=first("eve"))


def test_the_set_up_link_opens_nothing_once_there_is_a_user(catalog: Catalog) -> None:
    link = catalog.invites.issue("", 0, lasts_ms=HOUR)
    catalog.users.create("ada", Role.ADMIN, 5)
    with pytest.raises(NotFound):
        catalog.invites.make_first_admin(link, 1, user=first("eve"))
    assert catalog.users.named("eve") is None


def test_a_role_includes_those_below_it() -> None:
    assert Role.ADMIN.includes(Role.MEMBER)
    assert not Role.READ_ONLY.includes(Role.MEMBER)
    assert lower(Role.ADMIN, Role.READ_ONLY) is Role.READ_ONLY
    assert lower(Role.MEMBER, Role.ADMIN) is Role.MEMBER
