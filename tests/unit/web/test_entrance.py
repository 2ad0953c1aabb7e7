from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import argon2
import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.invites import FIRST_ADMIN
from logkeep.catalog.people import Role, User
from logkeep.catalog.values import AccountKind
from logkeep.errors import (
    BadSetting,
    Conflict,
    Forbidden,
    InputError,
    LogkeepError,
    NotFound,
    TooManyAttempts,
    Unauthorized,
)
from logkeep.oidc.signin import Identity
from logkeep.passwords import hash_password, needs_rehash
from logkeep.settings import Settings
from logkeep.web import entrance as module
from logkeep.web.entrance import Entrance, Visitor

PASSWORD, OTHER = "nine owls at dusk", "ten owls at dawn"
DIGEST = hash_password(PASSWORD)
HERE = Visitor(address="192.0.2.7", agent="Firefox")
ADA = Identity(issuer="https://accounts.example.org", subject="subject-1", email="ada@example.org")
DAY_MS = 86_400_000


class Clock:
    now = 1_795_165_933_123

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    opened.accounts.create("main", AccountKind.LIVE, 1)
    yield opened
    opened.close()


@pytest.fixture
def entrance(catalog: Catalog, clock: Clock) -> Entrance:
    return Entrance(catalog, Settings(), clock)


@pytest.fixture
def ada(catalog: Catalog) -> User:
    return catalog.users.create("ada", Role.MEMBER, 1, of_accounts=["main"], password=DIGEST)


def whose(catalog: Catalog, token: str, clock: Clock) -> str:
    session = catalog.sessions.find(token, clock(), idle_ms=DAY_MS)
    return "" if session is None else session.user


def noted(catalog: Catalog) -> list[tuple[str, str, str, dict[str, Any]]]:
    """The audit log, oldest first."""
    entries = reversed(catalog.audit.list(100))
    return [(one.actor, one.action, one.subject, dict(one.details)) for one in entries]


def test_name_and_password_give_a_session(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    token = entrance.by_password("ADA ", PASSWORD, HERE)
    (session,) = catalog.sessions.of_user(ada.id, clock())
    assert whose(catalog, token, clock) == ada.id
    assert (session.way, session.agent, session.expires_at) == ("password", "Firefox", clock() + 7 * DAY_MS)
    assert catalog.users.get(ada.id).signed_in_at == clock()
    details = {"user": ada.id, "way": "password", "address": "192.0.2.7"}
    assert noted(catalog) == [(f"user:{ada.id}", "session.begin", session.id, details)]


def test_every_sign_in_gives_another_session(entrance: Entrance, ada: User) -> None:
    assert len({entrance.by_password("ada", PASSWORD, HERE) for _ in range(3)}) == 3


def test_whatever_is_wrong_is_told_in_the_same_words(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    catalog.users.create("ben", Role.MEMBER, 1)  # was invited, and has no password yet
    off = catalog.users.create("cid", Role.MEMBER, 1, password=DIGEST)
    catalog.users.update(off.id, disabled=True)
    told = set()
    for name, password in (("ada", OTHER), ("nobody", PASSWORD), ("ben", ""), ("cid", PASSWORD), ("", "")):
        with pytest.raises(Unauthorized) as refused:
            entrance.by_password(name, password, HERE)
        told.add((refused.value.message, refused.value.hint))
    assert len(told) == 1
    assert catalog.sessions.of_user(off.id, clock()) == []


def test_a_name_that_nobody_has_costs_a_digest_too(
    entrance: Entrance, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def verify(_: str, digest: str) -> bool:
        asked.append(digest)
        return False

    monkeypatch.setattr(module, "verify", verify)
    for name in ("ada", "nobody"):
        with pytest.raises(Unauthorized):
            entrance.by_password(name, PASSWORD, HERE)
    assert asked == [DIGEST, ""]


def test_too_many_attempts_have_to_wait_even_with_the_right_password(
    entrance: Entrance, clock: Clock, ada: User
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            entrance.by_password("ada", OTHER, HERE)
    with pytest.raises(TooManyAttempts):
        entrance.by_password("ada", PASSWORD, HERE)
    clock.now += 2000
    assert entrance.by_password("ada", PASSWORD, HERE)
    with pytest.raises(Unauthorized):  # and starts anew
        entrance.by_password("ada", OTHER, HERE)


def test_blanks_and_case_make_no_other_name_to_try(entrance: Entrance, ada: User) -> None:
    for name in ("ada", " ada", "ada  ", "ADA", "\tAda"):
        with pytest.raises(Unauthorized):
            entrance.by_password(name, OTHER, HERE)
    with pytest.raises(TooManyAttempts):
        entrance.by_password("  aDa", OTHER, HERE)


def test_failures_are_noted_once_a_minute_without_names_that_may_be_passwords(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    def fail(name: str) -> None:
        with pytest.raises(LogkeepError):
            entrance.by_password(name, OTHER, HERE)

    for name in ("ada", "ada", PASSWORD, "nobody", "ada"):
        fail(name)
    clock.now += 60_000
    fail("ada")
    assert noted(catalog) == []  # the time of an answer tells nothing
    entrance.note_refusals()
    details = {"way": "password", "reason": "wrong name or password", "address": "192.0.2.7", "attempts": 1}
    assert noted(catalog) == [
        ("nobody", "session.refuse", ada.id, details),
        ("nobody", "session.refuse", "", details),
        ("nobody", "session.refuse", ada.id, details | {"attempts": 3}),
    ]
    assert PASSWORD not in repr(catalog.audit.list(100))


def test_a_digest_of_older_parameters_is_made_anew_at_sign_in(
    entrance: Entrance, catalog: Catalog, clock: Clock
) -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    user = catalog.users.create("ada", Role.MEMBER, 1, password=older)
    assert whose(catalog, entrance.by_password("ada", PASSWORD, HERE), clock) == user.id
    assert not needs_rehash(catalog.users.get(user.id).password)
    assert entrance.by_password("ada", PASSWORD, HERE)


@pytest.mark.parametrize("change", ["disabled", "password"])
def test_a_user_who_is_changed_at_that_very_moment_gets_no_session(
    entrance: Entrance,
    catalog: Catalog,
    clock: Clock,
    ada: User,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    def change_meanwhile(*_: object) -> bool:
        if change == "disabled":
            catalog.users.update(ada.id, disabled=True)
        else:
            catalog.users.set_password(ada.id, "another digest")
        return True

    monkeypatch.setattr(module, "verify", change_meanwhile)
    with pytest.raises(Unauthorized, match="at this very moment"):
        entrance.by_password("ada", PASSWORD, HERE)
    assert catalog.sessions.of_user(ada.id, clock()) == []


def test_an_identity_gives_a_session_and_is_noted_the_first_time(
    entrance: Entrance, catalog: Catalog, clock: Clock
) -> None:
    user = catalog.users.create("ada@example.org", Role.ADMIN, 1)
    for _ in range(2):
        assert whose(catalog, entrance.by_identity(ADA, HERE), clock) == user.id
    assert [action for _, action, _, _ in noted(catalog)] == [
        "user.identity",
        "session.begin",
        "session.begin",
    ]


def test_an_identity_that_is_nobody_here_is_noted(entrance: Entrance, catalog: Catalog) -> None:
    with pytest.raises(Forbidden, match=r"there is no user 'ada@example\.org'"):
        entrance.by_identity(ADA, HERE)
    entrance.note_refusals()
    reason = "there is no user 'ada@example.org'"
    details = {"way": "oidc", "reason": reason, "address": "192.0.2.7", "attempts": 1}
    assert noted(catalog) == [("nobody", "session.refuse", "", details)]


def test_the_settings_can_make_an_identity_a_user(catalog: Catalog, clock: Clock) -> None:
    wanted = {"oidc_auto_role": "read-only", "oidc_auto_accounts": "main", "oidc_auto_domains": "example.org"}
    entrance = Entrance(catalog, replace(Settings(), **wanted), clock)  # type: ignore[arg-type]
    entrance.by_identity(ADA, HERE)
    (user,) = catalog.users.list()
    assert (user.name, user.role, user.accounts) == ("ada@example.org", Role.READ_ONLY, frozenset({"main"}))
    assert [action for _, action, _, _ in noted(catalog)] == ["user.create", "session.begin"]


@pytest.fixture
def setup_token(catalog: Catalog, clock: Clock) -> str:
    return catalog.invites.issue(FIRST_ADMIN, clock(), lasts_ms=DAY_MS)


def test_the_set_up_link_makes_the_first_administrator_once(
    entrance: Entrance, catalog: Catalog, clock: Clock, setup_token: str
) -> None:
    entrance.check_setup(setup_token)
    token = entrance.set_up(setup_token, " Ada ", PASSWORD, HERE)
    (user,) = catalog.users.list()
    assert (user.name, user.role, user.created_at) == ("Ada", Role.ADMIN, clock())
    assert whose(catalog, token, clock) == user.id
    assert [action for _, action, _, _ in noted(catalog)] == ["user.set-up", "session.begin"]
    with pytest.raises(NotFound):
        entrance.check_setup(setup_token)
    with pytest.raises(NotFound):
        entrance.set_up(setup_token, "eve", PASSWORD, HERE)
    assert whose(catalog, entrance.by_password("ada", PASSWORD, HERE), clock) == user.id


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "short"), ("", PASSWORD), ("a\nb", PASSWORD), (PASSWORD, PASSWORD)]
)
def test_a_set_up_that_fails_leaves_the_link_as_it_was(
    entrance: Entrance, catalog: Catalog, setup_token: str, name: str, password: str
) -> None:
    with pytest.raises(InputError):
        entrance.set_up(setup_token, name, password, HERE)
    assert catalog.users.list() == []
    entrance.check_setup(setup_token)


def test_the_set_up_link_opens_nothing_once_there_is_a_user(
    entrance: Entrance, ada: User, setup_token: str
) -> None:
    with pytest.raises(NotFound):
        entrance.check_setup(setup_token)
    with pytest.raises(NotFound):
        entrance.set_up(setup_token, "eve", PASSWORD, HERE)


def test_an_invitation_sets_the_password_and_ends_other_sessions(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    before = entrance.by_password("ada", PASSWORD, HERE)
    link = catalog.invites.issue(ada.id, clock(), lasts_ms=DAY_MS)
    assert entrance.invited(link).name == "ada"
    with pytest.raises(BadSetting):
        entrance.accept(link, "short", HERE)
    token = entrance.accept(link, OTHER, HERE)
    assert (whose(catalog, before, clock), whose(catalog, token, clock)) == ("", ada.id)
    assert entrance.by_password("ada", OTHER, HERE)
    for refused in (entrance.invited, lambda used: entrance.accept(used, OTHER, HERE)):
        with pytest.raises(NotFound):
            refused(link)


def test_a_set_up_link_is_no_invitation_and_the_other_way_round(
    entrance: Entrance, catalog: Catalog, clock: Clock, setup_token: str
) -> None:
    with pytest.raises(NotFound):
        entrance.accept(setup_token, OTHER, HERE)
    ada = catalog.users.create("ada", Role.MEMBER, 1)
    with pytest.raises(NotFound):
        entrance.set_up(catalog.invites.issue(ada.id, clock(), lasts_ms=DAY_MS), "eve", OTHER, HERE)


def test_a_disabled_user_cannot_accept_an_invitation(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    link = catalog.invites.issue(ada.id, clock(), lasts_ms=DAY_MS)
    catalog.users.update(ada.id, disabled=True)
    with pytest.raises(Forbidden):
        entrance.accept(link, OTHER, HERE)
    assert catalog.users.get(ada.id).password == DIGEST


def test_a_changed_password_ends_all_other_sessions(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    mine, other = (entrance.by_password("ada", PASSWORD, HERE) for _ in range(2))
    session = catalog.sessions.find(mine, clock(), idle_ms=DAY_MS)
    assert session is not None
    entrance.change_password(ada, session.id, PASSWORD, OTHER, HERE)
    assert (whose(catalog, mine, clock), whose(catalog, other, clock)) == (ada.id, "")
    assert noted(catalog)[-1] == (
        f"user:{ada.id}",
        "user.password",
        ada.id,
        {"way": "own", "sessions_ended": 1},
    )
    with pytest.raises(Unauthorized):
        entrance.by_password("ada", PASSWORD, HERE)
    assert entrance.by_password("ada", OTHER, HERE)


def test_the_old_password_is_needed_and_cannot_be_guessed(
    entrance: Entrance, catalog: Catalog, ada: User
) -> None:
    with pytest.raises(BadSetting):
        entrance.change_password(ada, "", PASSWORD, "short", HERE)
    for _ in range(5):
        with pytest.raises(BadSetting, match="the old password is wrong"):
            entrance.change_password(ada, "", OTHER, OTHER, HERE)
    with pytest.raises(TooManyAttempts):
        entrance.change_password(ada, "", PASSWORD, OTHER, HERE)
    assert catalog.users.get(ada.id).password == DIGEST


def test_who_has_no_password_sets_none_without_a_link(entrance: Entrance, catalog: Catalog) -> None:
    user = catalog.users.create("ada@example.org", Role.MEMBER, 1)
    with pytest.raises(Conflict, match="no password here"):
        entrance.change_password(user, "", "", OTHER, HERE)


def test_signing_out_ends_this_session_alone(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    mine, other = (entrance.by_password("ada", PASSWORD, HERE) for _ in range(2))
    session = catalog.sessions.find(mine, clock(), idle_ms=DAY_MS)
    assert session is not None
    for _ in range(2):  # the second time nothing happens
        entrance.sign_out(ada, session.id)
    assert (whose(catalog, mine, clock), whose(catalog, other, clock)) == ("", ada.id)
    assert [action for _, action, _, _ in noted(catalog)].count("session.end") == 1


def test_all_other_sessions_can_be_ended(
    entrance: Entrance, catalog: Catalog, clock: Clock, ada: User
) -> None:
    mine, *others = (entrance.by_password("ada", PASSWORD, HERE) for _ in range(3))
    session = catalog.sessions.find(mine, clock(), idle_ms=DAY_MS)
    assert session is not None
    assert entrance.end_other_sessions(ada, session.id) == 2
    assert [whose(catalog, token, clock) for token in (mine, *others)] == [ada.id, "", ""]
