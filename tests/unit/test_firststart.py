from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import Account, AccountKind, ArchivePolicy, Key, KeyRole
from logkeep.errors import Conflict
from logkeep.firststart import AccountOpener, FirstStart, prepare_accounts
from logkeep.settings import Settings

NOW = 1_795_165_933_123
URL = "http://127.0.0.1:7280"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield opened
    opened.close()


def opener(catalog: Catalog, data: Path, archive: str = "") -> AccountOpener:
    return AccountOpener(catalog=catalog, settings=Settings(data=data, archive=archive), clock=lambda: NOW)


def policy(account: str, url: str) -> ArchivePolicy:
    return ArchivePolicy(
        account=account, url=url, seal_after_s=600, late_sweep_s=21_600, max_object_bytes=512 << 20
    )


def test_the_first_start_makes_an_account_its_archive_and_two_keys(catalog: Catalog, tmp_path: Path) -> None:
    started = prepare_accounts(opener(catalog, tmp_path), URL)
    assert started is not None
    assert started == FirstStart(
        url=URL, account="main", ingest_key=started.ingest_key, admin_token=started.admin_token
    )
    assert [(account.id, account.kind) for account in catalog.accounts.list()] == [("main", AccountKind.LIVE)]
    assert catalog.archives.list() == [policy("main", f"file://{tmp_path}/archive")]
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
    assert (name, catalog.keys.resolve(key)) == ("team-a", Key(account="team-a", role=KeyRole.INGEST))
    with pytest.raises(Conflict):
        opener(catalog, tmp_path).open_account("team-a")


def test_later_starts_issue_nothing_and_keep_the_url_true(catalog: Catalog, tmp_path: Path) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    file = tmp_path / "first-start.json"
    before = json.loads(file.read_bytes())
    assert prepare_accounts(opener(catalog, tmp_path), "http://127.0.0.1:9") is None
    assert json.loads(file.read_bytes()) == {**before, "url": "http://127.0.0.1:9"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_every_start_brings_all_archives_in_line_with_the_settings(catalog: Catalog, tmp_path: Path) -> None:
    prepare_accounts(opener(catalog, tmp_path), URL)
    opener(catalog, tmp_path).open_account("second")
    prepare_accounts(opener(catalog, tmp_path, "s3://bucket/prefix"), URL)
    by_account = {archive.account: archive for archive in catalog.archives.list()}
    assert by_account == {name: policy(name, "s3://bucket/prefix") for name in ("main", "second")}


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
    assert catalog.archives.get("shop") == policy("shop", f"file://{tmp_path}/archive")
    found = catalog.keys.resolve(key)
    assert found is not None
    assert (found.account, found.role) == ("shop", KeyRole.INGEST)
    with pytest.raises(Conflict):
        opener(catalog, tmp_path).open_account("shop")
