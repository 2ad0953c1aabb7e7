from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.people import Role
from logkeep.catalog.users import Users
from logkeep.catalog.values import AccountKind
from logkeep.errors import Forbidden, InputError
from logkeep.oidc.admission import AutoUsers, admit, of_settings
from logkeep.oidc.signin import Identity

ISSUER = "https://accounts.example.org"
ADA = Identity(issuer=ISSUER, subject="subject-1", email="ada@example.org")
NOBODY = AutoUsers()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    opened.accounts.create("main", AccountKind.LIVE, 1)
    yield opened
    opened.close()


@pytest.fixture
def users(catalog: Catalog) -> Users:
    return catalog.users


def test_a_user_with_the_verified_address_as_name_comes_in_and_is_known_from_then_on(users: Users) -> None:
    made = users.create("Ada@Example.org", Role.MEMBER, 1, of_accounts=["main"])
    admitted = admit(users, ADA, NOBODY, 2)
    assert admitted == replace(made, issuer=ISSUER, subject="subject-1")
    married = replace(ADA, email="ada.king@example.org")
    assert admit(users, married, NOBODY, 3) == admitted
    assert admit(users, replace(ADA, email=""), NOBODY, 3) == admitted


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (ADA, "there is no user 'ada@example.org'"),
        (
            replace(ADA, email="", unverified_email="ada@example.org"),
            "has not verified that 'ada@example.org'",
        ),
        (replace(ADA, email=""), "does not tell your e-mail address"),
    ],
)
def test_whom_nobody_made_a_user_stays_outside(users: Users, identity: Identity, reason: str) -> None:
    with pytest.raises(Forbidden, match=reason):
        admit(users, identity, NOBODY, 1)
    assert users.list() == []


def test_an_address_that_is_not_verified_opens_no_user_of_that_name(users: Users) -> None:
    users.create("ada@example.org", Role.ADMIN, 1)
    with pytest.raises(Forbidden, match="has not verified"):
        admit(users, replace(ADA, email="", unverified_email="ada@example.org"), NOBODY, 2)


def test_an_address_that_was_given_to_somebody_else_does_not_open_the_former_ones_user(users: Users) -> None:
    users.create("ada@example.org", Role.ADMIN, 1)
    admit(users, ADA, NOBODY, 2)
    for other in (replace(ADA, subject="subject-2"), replace(ADA, issuer="https://other.example.org")):
        with pytest.raises(Forbidden, match="belongs to another identity"):
            admit(users, other, NOBODY, 3)


def test_a_disabled_user_stays_outside(users: Users) -> None:
    user = users.create("ada@example.org", Role.MEMBER, 1)
    users.update(user.id, disabled=True)
    for _ in range(2):  # also once known
        with pytest.raises(Forbidden, match="this user is disabled"):
            admit(users, ADA, NOBODY, 2)


def test_the_settings_can_let_people_of_a_domain_be_made_users(users: Users) -> None:
    auto = of_settings("read-only", "main", "example.com, Example.ORG")
    made = admit(users, ADA, auto, 5)
    assert (made.name, made.role, made.accounts, made.created_at) == (
        "ada@example.org",
        Role.READ_ONLY,
        frozenset({"main"}),
        5,
    )
    assert admit(users, ADA, NOBODY, 6) == made


@pytest.mark.parametrize(
    "email", ["eve@evil.example", "eve@example.org.evil.example", "eve@sub.example.org", "eve@notexample.org"]
)
def test_people_of_other_domains_stay_outside(users: Users, email: str) -> None:
    with pytest.raises(Forbidden, match="there is no user"):
        admit(users, replace(ADA, email=email), of_settings("member", "main", "example.org"), 1)


@pytest.mark.parametrize(
    "email",
    [
        "example.org",
        "@example.org",
        "eve@",
        " ada@example.org",
        "a@example.org,b@example.org",
        "ada\n@example.org",
    ],
)
def test_what_is_no_address_names_nobody(users: Users, email: str) -> None:
    with pytest.raises(Forbidden, match="is no e-mail address"):
        admit(users, replace(ADA, email=email), of_settings("member", "main", "*"), 1)


def test_letters_that_look_alike_without_their_case_are_nobody_elses(users: Users) -> None:
    users.create("ken@example.org", Role.ADMIN, 1)
    kelvin = replace(ADA, email="\N{KELVIN SIGN}en@example.org")
    assert users.named(kelvin.email) is not None
    with pytest.raises(Forbidden, match="is no e-mail address"):
        admit(users, kelvin, NOBODY, 2)


def test_any_domain_has_to_be_asked_for(users: Users) -> None:
    assert not of_settings("member", "", "").fits("ada@example.org")
    assert not of_settings("", "", "*").fits("ada@example.org")
    assert of_settings("member", "", "*").fits("ada@example.org")


def test_an_account_that_is_not_there_is_told(users: Users) -> None:
    with pytest.raises(InputError, match="there is no account 'team-a'"):
        admit(users, ADA, of_settings("member", "main, team-a", "*"), 1)
