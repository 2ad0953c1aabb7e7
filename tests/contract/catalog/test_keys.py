"""Keys: issued, resolved, listed, revoked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Key, KeyInfo, KeyRole
from logkeep.errors import Conflict, InputError, NotFound
from tests.contract.catalog import samples


def test_a_token_resolves_to_its_account_and_role(catalog: Catalog) -> None:
    samples.account(catalog)
    ingest = catalog.keys.issue("main", KeyRole.INGEST, 8)
    admin = catalog.keys.issue("", KeyRole.ADMIN, 8)
    assert (ingest[:4], admin[:4], len(ingest)) == ("lki_", "lka_", 47)
    (ingest_id,), (admin_id,) = ([one.id for one in catalog.keys.listed(of)] for of in ("main", ""))
    assert catalog.keys.resolve(ingest) == Key(account="main", role=KeyRole.INGEST, id=ingest_id)
    assert catalog.keys.resolve(admin) == Key(account="", role=KeyRole.ADMIN, id=admin_id)
    assert catalog.keys.resolve(ingest[:-1]) is None
    assert catalog.keys.resolve("") is None


def test_a_token_is_kept_only_as_a_digest(url: str, tmp_path: Path) -> None:
    catalog = open_catalog(url)
    token = catalog.keys.issue("", KeyRole.ADMIN, 8)
    catalog.close()
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert files
    assert not any(token.encode() in data or token[4:].encode() in data for data in files)


def test_keys_are_listed_by_account_oldest_first_without_their_tokens(catalog: Catalog) -> None:
    samples.account(catalog)
    samples.account(catalog, "other")
    second = catalog.keys.issue("main", KeyRole.INGEST, 9, name="laptop")
    first = catalog.keys.issue("main", KeyRole.INGEST, 8)
    catalog.keys.issue("other", KeyRole.INGEST, 8)
    admin = catalog.keys.issue("", KeyRole.ADMIN, 8, name="ops")
    ids = {token: key.id for token in (first, second, admin) if (key := catalog.keys.resolve(token))}
    assert catalog.keys.listed("main") == [
        KeyInfo(id=ids[first], account="main", role=KeyRole.INGEST, name="", created_at=8),
        KeyInfo(id=ids[second], account="main", role=KeyRole.INGEST, name="laptop", created_at=9),
    ]
    assert catalog.keys.listed("") == [
        KeyInfo(id=ids[admin], account="", role=KeyRole.ADMIN, name="ops", created_at=8)
    ]
    assert catalog.keys.listed("nobody") == []
    assert all(len(one) == 12 and set(one) <= set("0123456789abcdef") for one in ids.values())


def test_a_revoked_key_opens_nothing_even_when_it_was_just_used(catalog: Catalog) -> None:
    samples.account(catalog)
    lost = catalog.keys.issue("main", KeyRole.INGEST, 8, name="lost")
    kept = catalog.keys.issue("main", KeyRole.INGEST, 9)
    assert catalog.keys.resolve(lost) is not None
    assert catalog.keys.resolve(kept) is not None
    (info, _) = catalog.keys.listed("main")
    assert catalog.keys.revoke(info.id) == info
    assert catalog.keys.resolve(lost) is None
    assert catalog.keys.resolve(kept) is not None
    assert [one.id for one in catalog.keys.listed("main")] != [info.id]
    with pytest.raises(NotFound, match=f"no key '{info.id}'"):
        catalog.keys.revoke(info.id)


def test_a_key_that_is_revoked_while_it_is_looked_up_does_not_stay_cached(catalog: Catalog) -> None:
    samples.account(catalog)
    for _ in range(20):
        token = catalog.keys.issue("main", KeyRole.INGEST, 8)
        (info,) = catalog.keys.listed("main")
        samples.at_once(partial(catalog.keys.resolve, token), partial(catalog.keys.revoke, info.id))
        assert catalog.keys.resolve(token) is None


def test_the_last_admin_token_stays(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.keys.issue("main", KeyRole.INGEST, 8)
    catalog.keys.issue("", KeyRole.ADMIN, 8)
    second = catalog.keys.issue("", KeyRole.ADMIN, 9)
    first_id, second_id = (one.id for one in catalog.keys.listed(""))
    assert catalog.keys.revoke(first_id).role is KeyRole.ADMIN
    with pytest.raises(Conflict, match="the last admin token"):
        catalog.keys.revoke(second_id)
    assert catalog.keys.resolve(second) is not None


def test_two_revocations_at_once_leave_an_admin_token(catalog: Catalog) -> None:
    for _ in range(2):
        catalog.keys.issue("", KeyRole.ADMIN, 8)
    first, second = (one.id for one in catalog.keys.listed(""))
    outcome = samples.at_once(lambda: catalog.keys.revoke(first), lambda: catalog.keys.revoke(second))
    assert sorted(type(one).__name__ for one in outcome) == ["Conflict", "KeyInfo"]
    assert len(catalog.keys.listed("")) == 1


def test_a_key_of_a_deleted_account_opens_nothing_even_when_it_was_just_used(catalog: Catalog) -> None:
    samples.account(catalog)
    token = catalog.keys.issue("main", KeyRole.INGEST, 8)
    assert catalog.keys.resolve(token) is not None
    catalog.accounts.delete("main")
    assert catalog.keys.resolve(token) is None


def test_a_key_of_a_suspended_account_is_still_known(catalog: Catalog) -> None:
    samples.account(catalog)
    token = catalog.keys.issue("main", KeyRole.INGEST, 8)
    catalog.accounts.update("main", suspended=True)
    key = catalog.keys.resolve(token)
    assert key is not None
    assert key.account == "main"


def test_a_token_issued_after_it_was_asked_for_elsewhere_is_seen(url: str, catalog: Catalog) -> None:
    other = open_catalog(url)
    token = other.keys.issue("", KeyRole.ADMIN, 8)
    other.close()
    key = catalog.keys.resolve(token)
    assert key is not None
    assert key.role is KeyRole.ADMIN


def test_a_key_needs_an_account_that_exists(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.keys.issue("nobody", KeyRole.INGEST, 8)
    with pytest.raises(InputError, match="belongs to one account"):
        catalog.keys.issue("", KeyRole.INGEST, 8)
    with pytest.raises(InputError, match="belongs to one account"):
        catalog.keys.issue("main", KeyRole.ADMIN, 8)


def test_it_is_known_whether_an_account_has_a_key(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.accounts.create("back", AccountKind.RESTORED, 7, "ab12")
    assert not catalog.keys.issued("main")
    assert catalog.keys.issued("back")
    catalog.keys.issue("main", KeyRole.INGEST, 8)
    assert catalog.keys.issued("main")
