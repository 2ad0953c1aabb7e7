"""Accounts and sub-accounts."""

from __future__ import annotations

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import Account, AccountKind, Check, CheckKind, KeyRole, Match
from logkeep.errors import Conflict, InputError, NotFound
from tests.contract.catalog import samples
from tests.contract.catalog.test_objects import planned, seal


def test_an_account_is_found_by_its_name(catalog: Catalog) -> None:
    main = catalog.accounts.create("main", AccountKind.LIVE, 7)
    assert main == Account(id="main", kind=AccountKind.LIVE, created_at=7, restore_id="")
    assert catalog.accounts.get("main") == main
    assert catalog.accounts.list() == [main]


def test_a_taken_account_name_is_a_conflict(catalog: Catalog) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, 7)
    with pytest.raises(Conflict, match="'main' exists already"):
        catalog.accounts.create("main", AccountKind.LIVE, 8)


def test_one_of_two_that_take_a_name_at_once_gets_it(catalog: Catalog) -> None:
    outcome = samples.at_once(
        lambda: catalog.accounts.create("main", AccountKind.LIVE, 7),
        lambda: catalog.accounts.create("main", AccountKind.LIVE, 7),
    )
    assert sorted(type(one).__name__ for one in outcome) == ["Account", "Conflict"]


@pytest.mark.parametrize("name", ["", "-a", "Main", "a b", "a/b", "a.b", "ä", "a\n", "x" * 64])
def test_a_name_that_cannot_stand_in_object_keys_is_refused_with_the_rule(
    catalog: Catalog, name: str
) -> None:
    with pytest.raises(InputError, match="lower-case letters, digits and dashes"):
        catalog.accounts.create(name, AccountKind.LIVE, 7)


def test_an_unknown_account_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.accounts.get("nobody")
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.accounts.update("nobody", title="x")
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.accounts.update("nobody")
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.accounts.delete("nobody")


def test_a_sub_account_names_its_parent(catalog: Catalog) -> None:
    samples.account(catalog)
    made = catalog.accounts.create("main-eu", AccountKind.LIVE, 8, title="Europe", parent="main")
    assert made == Account(id="main-eu", kind=AccountKind.LIVE, created_at=8, title="Europe", parent="main")
    assert catalog.accounts.get("main-eu") == made


def test_a_parent_is_a_live_account_that_is_no_sub_account(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.accounts.create("sub", AccountKind.LIVE, 8, parent="main")
    catalog.accounts.create("back", AccountKind.RESTORED, 8, "ab12")
    with pytest.raises(InputError, match="no account 'nobody'"):
        catalog.accounts.create("new", AccountKind.LIVE, 9, parent="nobody")
    with pytest.raises(InputError, match="'sub' is a sub-account of 'main'"):
        catalog.accounts.create("new", AccountKind.LIVE, 9, parent="sub")
    with pytest.raises(InputError, match="'back' is a restored account"):
        catalog.accounts.create("new", AccountKind.LIVE, 9, parent="back")
    with pytest.raises(InputError, match="no account 'new'"):
        catalog.accounts.create("new", AccountKind.LIVE, 9, parent="new")
    assert [one.id for one in catalog.accounts.list()] == ["back", "main", "sub"]


def test_an_update_changes_what_is_given_and_nothing_else(catalog: Catalog, url: str) -> None:
    samples.account(catalog)
    assert catalog.accounts.update("main", title="Main") == Account(
        id="main", kind=AccountKind.LIVE, created_at=7, title="Main"
    )
    changed = catalog.accounts.update("main", suspended=True, retention_s=3600, match=Match.ALL)
    assert changed == Account(
        id="main",
        kind=AccountKind.LIVE,
        created_at=7,
        title="Main",
        suspended=True,
        retention_s=3600,
        match=Match.ALL,
    )
    other = open_catalog(url)
    assert other.accounts.get("main") == changed
    other.close()
    assert catalog.accounts.update("main") == changed
    back = catalog.accounts.update("main", title="", suspended=False, retention_s=0, match=Match.FIRST)
    assert back == Account(id="main", kind=AccountKind.LIVE, created_at=7)


def test_an_account_with_sub_accounts_is_not_deleted(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.accounts.create("sub", AccountKind.LIVE, 8, parent="main")
    with pytest.raises(Conflict, match="has sub-accounts, such as 'sub'"):
        catalog.accounts.delete("main")
    catalog.accounts.delete("sub")
    catalog.accounts.delete("main")
    assert catalog.accounts.list() == []


def test_a_parent_is_not_deleted_while_it_gets_a_sub_account(catalog: Catalog) -> None:
    samples.account(catalog)
    samples.at_once(
        lambda: catalog.accounts.delete("main"),
        lambda: catalog.accounts.create("sub", AccountKind.LIVE, 8, parent="main"),
    )
    assert [one.id for one in catalog.accounts.list()] in ([], ["main", "sub"])


def test_a_deleted_account_takes_everything_along_but_its_objects_and_the_audit_log(
    catalog: Catalog,
) -> None:
    for name in ("main", "other"):
        made = samples.set_up(catalog, name, of=name)
        token = catalog.keys.issue(name, KeyRole.INGEST, 8)
        catalog.rules.create(samples.rule(f"rule-{name}", of=name))
        catalog.checks.put(Check(archive=name, kind=CheckKind.VERIFY, at=1, ok=True, summary="fine"))
        seal(catalog, planned(account=name, archive=name, target=made.target))
        catalog.objects.plan(planned(account=name, archive=name, target=made.target, part=1))
        catalog.audit.add(1, "k1", "account.create", name, {})
        assert catalog.keys.resolve(token) is not None
    catalog.accounts.delete("main")
    assert [one.id for one in catalog.accounts.list()] == ["other"]
    assert catalog.keys.listed("main") == []
    assert [one.id for one in catalog.archives.list()] == ["other"]
    assert catalog.archives.targets_of_account("main") == []
    assert [target_id for target_id, _ in catalog.archives.sealed_secrets()] == [2]
    assert [one.id for one in catalog.rules.list()] == ["rule-other"]
    assert [one.archive for one in catalog.checks.list()] == ["other"]
    assert [one.account for one in catalog.objects.list()] == ["main", "other"]
    assert [one.account for one in catalog.objects.planned()] == ["other"]
    assert [one.subject for one in catalog.audit.list(10)] == ["other", "main"]
