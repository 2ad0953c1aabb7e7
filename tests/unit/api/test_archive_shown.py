"""What the API shows of an archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from cryptography.fernet import Fernet

from logkeep.api.answers import Asker
from logkeep.api.callers import Caller
from logkeep.api.services import Services
from logkeep.api.v1.archive_shown import all_shown, shown
from logkeep.archiver import ArchiveStatus
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.people import Role
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Check, CheckKind, Target
from logkeep.errors import NotFound
from logkeep.storage.open import open_connection
from logkeep.targets import Buckets
from logkeep.vault import Vault

SECRET = "hunter2-hunter2"
STATUS = ArchiveStatus(
    archive="main",
    account="main",
    state="failing",
    lag_s=7,
    open_hours=(),
    waiting_lines=5,
    waiting_bytes=100,
    last_error="no such bucket",
    next_try=1000,
    differences=(),
)

ADMIN = Caller(actor="k", role=Role.ADMIN)


def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    catalog.accounts.create("main", AccountKind.LIVE, 0)
    yield catalog
    catalog.close()


def services_with(catalog: Catalog, sealing: Vault, opening: Vault) -> Services:
    """Services with one S3 archive whose secret was sealed by one vault and is opened by another."""
    archive = Archive(id="main", account="main", state=ArchiveState.ON, created_at=0)
    target = Target(
        archive="main",
        account="main",
        provider="s3",
        options={"bucket": "logs", "access_key_id": "AK", "credentials": "keys"},
        place="s3://logs",
        created_at=0,
        secret=sealing.seal({"secret_access_key": SECRET}),
    )
    catalog.archives.create(archive, target)
    catalog.checks.put(
        Check(archive="main", kind=CheckKind.DRILL, at=0, ok=True, summary="fine", report=b"{}")
    )
    desk = SimpleNamespace(
        buckets=Buckets(opening, open_connection), external_id=lambda account: f"x-{account}"
    )
    archiver = SimpleNamespace(status=lambda: [STATUS])
    return cast(Services, SimpleNamespace(catalog=catalog, archives=desk, archiver=archiver))


def test_secrets_are_shown_as_their_names_only(catalog: Catalog) -> None:
    key = vault()
    found: dict[str, Any] = shown(services_with(catalog, key, key), "main")
    assert found["secrets"] == {"secret_access_key": "********"}
    assert found["options"] == {"bucket": "logs", "access_key_id": "AK", "credentials": "keys"}
    assert (found["place"], found["external_id"], found["secrets_error"]) == ("s3://logs", "x-main", None)
    assert [one["current"] for one in found["targets"]] == [True]
    assert (found["status"]["state"], found["status"]["alarm"]) == ("failing", True)
    assert found["status"]["next_try"] == "1970-01-01T00:00:01.000Z"
    assert [(one["kind"], one["ok"]) for one in found["checks"]] == [("drill", True)]
    assert (found["layout"], found["layout_options"], found["newest"]) == ("", {}, None)
    assert SECRET.encode() not in msgspec.json.encode(found)


def test_an_archive_whose_secrets_no_key_opens_is_shown_with_the_reason(catalog: Catalog) -> None:
    found = shown(services_with(catalog, vault(), vault()), "main")
    assert found["secrets"] == {}
    assert "cannot be opened" in str(found["secrets_error"])


def test_archives_are_listed_by_account(catalog: Catalog) -> None:
    key = vault()
    services = services_with(catalog, key, key)
    catalog.accounts.create("shop", AccountKind.LIVE, 0)
    assert [one["id"] for one in all_shown(Asker(services, ADMIN), "")] == ["main"]
    assert all_shown(Asker(services, ADMIN), "shop") == []
    with pytest.raises(NotFound):
        all_shown(Asker(services, ADMIN), "nobody")


def test_another_systems_archive_is_shown_with_its_layout(catalog: Catalog) -> None:
    key = vault()
    services = services_with(catalog, key, key)
    archive = catalog.archives.get("main")
    catalog.archives.update(replace(archive, layout="custom", layout_options={"path": "x"}))
    found = shown(services, "main")
    assert (found["layout"], found["layout_options"]) == ("custom", {"path": "x"})


def test_a_pipelines_archive_is_listed_with_the_account_and_told_apart(catalog: Catalog) -> None:
    key = vault()
    services = services_with(catalog, key, key)
    own = catalog.archives.get("main")
    place = replace(catalog.archives.target(own.target), place="s3://copy")
    catalog.archives.create(replace(own, id="copy", pipeline="clean"), place)
    found = all_shown(Asker(services, ADMIN), "main")
    assert [(one["id"], one["pipeline"], one["label"]) for one in found] == [
        ("copy", "clean", "Pipeline archive"),
        ("main", "", "Archive"),
    ]
