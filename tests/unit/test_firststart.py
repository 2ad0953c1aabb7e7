from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.invites import FIRST_ADMIN
from logkeep.catalog.people import Role
from logkeep.catalog.values import Account, AccountKind, Archive, ArchiveState, Key, KeyRole, Origin
from logkeep.errors import BadSetting, Conflict, NotFound
from logkeep.firststart import AccountOpener, FirstStart, new_setup_link, prepare_accounts
from logkeep.settings import Settings
from logkeep.vault import Vault

NOW = 1_795_165_933_123
URL = "http://127.0.0.1:7280"
VAULT = Vault(["A" * 43 + "="])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield opened
    opened.close()


def opener(
    catalog: Catalog, data: Path, archive: str = "", declared: dict[str, dict[str, object]] | None = None
) -> AccountOpener:
    settings = Settings(data=data, archive=archive, archives=declared or {})
    return AccountOpener(catalog=catalog, settings=settings, vault=VAULT, clock=lambda: NOW)


def places(catalog: Catalog) -> dict[str, str]:
    """Where each archive is."""
    return {one.id: catalog.archives.target(one.target).place for one in catalog.archives.list()}


def test_the_first_start_makes_an_account_its_archive_and_two_keys(catalog: Catalog, tmp_path: Path) -> None:
    started = prepare_accounts(opener(catalog, tmp_path), URL)
    assert started is not None
    assert started == FirstStart(
        url=URL, account="main", ingest_key=started.ingest_key, admin_token=started.admin_token
    )
    assert [(account.id, account.kind) for account in catalog.accounts.list()] == [("main", AccountKind.LIVE)]
    assert places(catalog) == {"main": f"file://{tmp_path}/archive"}
    [archive] = catalog.archives.list()
    assert archive == Archive(
        id="main",
        account="main",
        state=ArchiveState.ON,
        created_at=NOW,
        target=archive.target,
        origin=Origin.SETTINGS,
    )
    ingest, admin = catalog.keys.resolve(started.ingest_key), catalog.keys.resolve(started.admin_token)
    assert isinstance(ingest, Key)
    assert isinstance(admin, Key)
    assert (ingest.account, ingest.role, admin.role) == ("main", KeyRole.INGEST, KeyRole.ADMIN)
    file = tmp_path / "first-start.json"
    assert json.loads(file.read_bytes()) == {
        "url": URL,
        "account": "main",
        "ingest_key": started.ingest_key,
        "admin_token": started.admin_token,
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "first-start.new").exists()


def test_an_account_whose_creation_was_cut_off_is_finished_and_a_whole_one_is_refused(
    catalog: Catalog, tmp_path: Path
) -> None:
    catalog.accounts.create("team-a", AccountKind.LIVE, NOW)
    name, key = opener(catalog, tmp_path).open_account("team-a")
    found = catalog.keys.resolve(key)
    assert found is not None
    assert (name, found.account, found.role) == ("team-a", "team-a", KeyRole.INGEST)
    with pytest.raises(Conflict):
        opener(catalog, tmp_path).open_account("team-a")


def test_later_starts_issue_nothing_and_keep_the_url_true(catalog: Catalog, tmp_path: Path) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    file = tmp_path / "first-start.json"
    before = json.loads(file.read_bytes())
    assert prepare_accounts(opener(catalog, tmp_path), "http://127.0.0.1:9") is None
    assert json.loads(file.read_bytes()) == {**before, "url": "http://127.0.0.1:9"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_set_up_link_stands_in_the_file_for_as_long_as_there_is_one(
    catalog: Catalog, tmp_path: Path
) -> None:
    def link() -> str | None:
        found: str | None = json.loads((tmp_path / "first-start.json").read_bytes()).get("setup_link")
        return found

    prepare_accounts(opener(catalog, tmp_path), URL, f"{URL}/setup/one")
    assert link() == f"{URL}/setup/one"
    prepare_accounts(opener(catalog, tmp_path), URL, f"{URL}/setup/two")
    assert link() == f"{URL}/setup/two"
    prepare_accounts(opener(catalog, tmp_path), URL)
    assert link() is None


def test_each_start_makes_a_new_set_up_link_until_there_is_a_user(catalog: Catalog) -> None:
    def opens(link: str) -> bool:
        try:
            return catalog.invites.find(link.rpartition("/")[2], 3).user == FIRST_ADMIN
        except NotFound:
            return False

    one = new_setup_link(catalog, "https://logs.example.org/", 1)
    other = new_setup_link(catalog, URL, 2)
    assert one.startswith("https://logs.example.org/setup/")
    assert other.startswith(f"{URL}/setup/")
    assert (opens(one), opens(other)) == (False, True)
    catalog.users.create("ada", Role.MEMBER, 2)
    assert new_setup_link(catalog, URL, 3) == ""


def test_a_file_that_was_put_away_is_not_made_again(catalog: Catalog, tmp_path: Path) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    (tmp_path / "first-start.json").unlink()
    prepare_accounts(opener(catalog, tmp_path), URL, f"{URL}/setup/one")
    assert not (tmp_path / "first-start.json").exists()


def test_every_start_brings_all_archives_in_line_with_the_settings(catalog: Catalog, tmp_path: Path) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    opener(catalog, tmp_path).open_account("second")
    prepare_accounts(opener(catalog, tmp_path, "s3://bucket/prefix"), URL)
    assert places(catalog) == dict.fromkeys(("main", "second"), "s3://bucket/prefix")


def test_an_archive_that_was_changed_by_request_follows_the_settings_no_more(
    catalog: Catalog, tmp_path: Path
) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    catalog.archives.update(replace(catalog.archives.get("main"), origin=Origin.API, seal_after_s=5))

    prepare_accounts(opener(catalog, tmp_path, "s3://bucket/prefix"), URL)

    assert places(catalog) == {"main": f"file://{tmp_path}/archive"}
    assert catalog.archives.get("main").seal_after_s == 5


def test_an_archive_that_was_removed_does_not_come_back_and_no_new_keys_are_issued(
    catalog: Catalog, tmp_path: Path
) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    catalog.archives.delete("main")

    assert prepare_accounts(opener(catalog, tmp_path), URL) is None
    assert catalog.archives.list() == []


def test_archives_of_the_settings_file_are_set_up_with_their_accounts_and_secrets(
    catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("the-secret\n")
    table: dict[str, object] = {
        "account": "shop",
        "provider": "s3",
        "bucket": "shop-logs",
        "region": "eu-central-1",
        "credentials": "keys",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "seal_after": "20m",
        "secrets": {"secret_access_key": {"file": str(tmp_path / "secret")}},
    }

    prepare_accounts(opener(catalog, tmp_path, declared={"shop-s3": table}), URL)

    archive = catalog.archives.get("shop-s3")
    assert (archive.account, archive.state, archive.seal_after_s) == ("shop", ArchiveState.ON, 1200)
    target = catalog.archives.target(archive.target)
    assert (target.place, VAULT.open(target.secret)) == (
        "s3://shop-logs",
        {"secret_access_key": "the-secret"},
    )
    assert places(catalog)["main"] == f"file://{tmp_path}/archive"

    prepare_accounts(opener(catalog, tmp_path, "s3://other/place"), URL)
    assert places(catalog) == {"main": "s3://other/place", "shop-s3": "s3://shop-logs"}
    assert catalog.archives.get("shop-s3").origin is Origin.API


@pytest.mark.parametrize(
    ("name", "reason"),
    [("new", "no archive can be called 'new'"), ("Old_One", "'Old_One' cannot be the id of an archive")],
)
def test_a_table_with_a_name_that_no_archive_can_have_is_refused_before_anything_is_made(
    catalog: Catalog, tmp_path: Path, name: str, reason: str
) -> None:
    tables: dict[str, dict[str, object]] = {name: {"account": "main", "url": f"file://{tmp_path}/a"}}
    with pytest.raises(BadSetting) as refused:
        prepare_accounts(opener(catalog, tmp_path, declared=tables), URL)
    assert str(refused.value) == (
        f"the settings file, [archives.{name}]: {reason} (give the table another name)"
    )
    assert catalog.accounts.list() == []


def test_another_systems_archive_is_declared_off_beside_the_accounts_own(
    catalog: Catalog, tmp_path: Path
) -> None:
    table: dict[str, object] = {"url": f"{tmp_path}/theirs", "layout": "mezmo"}
    declared = opener(catalog, tmp_path, declared={"main": table})
    prepare_accounts(declared, URL)
    theirs, ours = catalog.archives.get("main"), catalog.archives.get("main-2")
    assert (theirs.layout, theirs.state, theirs.origin) == ("mezmo", ArchiveState.OFF, Origin.DECLARED)
    assert (ours.layout, ours.state) == ("", ArchiveState.ON)
    prepare_accounts(declared, URL)
    assert catalog.archives.get("main") == theirs

    with pytest.raises(Conflict, match="cannot become the other kind"):
        prepare_accounts(opener(catalog, tmp_path, declared={"main-2": table}), URL)
    with pytest.raises(BadSetting):
        prepare_accounts(opener(catalog, tmp_path, declared={"x": {**table, "layout": "papyrus"}}), URL)
    with pytest.raises(Conflict, match="cannot become the other kind"):
        prepare_accounts(opener(catalog, tmp_path, declared={"main": {"url": table["url"]}}), URL)


def test_an_account_that_has_only_anothers_archive_gets_its_own(catalog: Catalog, tmp_path: Path) -> None:
    table: dict[str, object] = {"url": f"{tmp_path}/theirs", "layout": "datadog", "account": "acme"}
    opens = opener(catalog, tmp_path, declared={"old": table})
    prepare_accounts(opens, URL)
    opens.open_account("acme")
    archives = {one.id: (one.foreign, one.state) for one in catalog.archives.of_account("acme")}
    assert archives == {"old": (True, ArchiveState.OFF), "acme": (False, ArchiveState.ON)}


def test_a_crash_before_the_end_of_the_first_start_makes_the_next_one_issue_new_keys(
    catalog: Catalog, tmp_path: Path
) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, NOW)
    lost = catalog.keys.issue("main", KeyRole.INGEST, NOW)
    (tmp_path / "first-start.new").write_text("half")
    started = prepare_accounts(opener(catalog, tmp_path), URL)
    assert started is not None
    assert started.ingest_key != lost
    assert json.loads((tmp_path / "first-start.json").read_bytes())["ingest_key"] == started.ingest_key


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b'{"url":"\xff"}', b'{"url":5}'])
def test_a_file_that_its_owner_took_away_or_changed_is_left_alone(
    catalog: Catalog, tmp_path: Path, content: bytes | None
) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    file = tmp_path / "first-start.json"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert prepare_accounts(opener(catalog, tmp_path), "http://127.0.0.1:9") is None
    assert (file.read_bytes() if file.exists() else None) == content


def test_an_account_that_is_opened_has_an_archive_and_a_key(catalog: Catalog, tmp_path: Path) -> None:
    account, key = opener(catalog, tmp_path).open_account("shop")
    assert account == "shop"
    assert isinstance(catalog.accounts.get("shop"), Account)
    assert places(catalog) == {"shop": f"file://{tmp_path}/archive"}
    found = catalog.keys.resolve(key)
    assert found is not None
    assert (found.account, found.role) == ("shop", KeyRole.INGEST)
    with pytest.raises(Conflict):
        opener(catalog, tmp_path).open_account("shop")


def test_the_archive_of_an_account_is_never_called_as_a_page_is(catalog: Catalog, tmp_path: Path) -> None:
    opener(catalog, tmp_path).open_account("new")
    assert places(catalog) == {"new-2": f"file://{tmp_path}/archive"}
