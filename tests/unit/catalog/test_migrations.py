"""The migrations lead to the tables of models.py, and a catalog that is up to date opens without them."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.models import HEAD, metadata
from logkeep.catalog.values import (
    Account,
    AccountKind,
    Archive,
    ArchiveObject,
    ArchiveState,
    Key,
    KeyRole,
    ObjectState,
    Origin,
    Pipeline,
    RestoreState,
    Target,
)
from logkeep.errors import Overloaded
from logkeep.storage.connection import Connection, place_of
from logkeep.timeline import Hour


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", "logkeep.catalog:migrations")
    made.set_main_option("path_separator", "os")
    return made


def test_the_migrated_tables_are_those_of_the_models(tmp_path: Path) -> None:
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()
    engine = create_engine(f"sqlite:///{tmp_path}/c.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_head_names_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


def test_a_catalog_that_is_up_to_date_opens_without_alembic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()
    monkeypatch.setitem(sys.modules, "alembic", None)
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()


def test_a_catalog_that_cannot_be_written_is_overloaded_not_a_vendor_error(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="the catalog cannot be used"):
        open_catalog(f"sqlite:///{tmp_path}/missing/c.sqlite")


INGEST, ADMIN = "lki_a", "lka_b"  # tokens
BARE = "bare"  # an account whose archive was never set up


@pytest.fixture
def first_shape(tmp_path: Path) -> Path:
    """A catalog of the first release. One account has no archive, one is restored, two are deleted."""
    path = tmp_path / "catalog.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO accounts VALUES (?, ?, ?, ?)",
            [
                ("main", "live", 100, ""),
                ("audit", "live", 50, ""),
                ("home", "live", 200, ""),
                (BARE, "live", 300, ""),
                ("r-one", "restored", 400, "ab12"),
            ],
        )
        database.executemany(
            "INSERT INTO keys VALUES (?, ?, ?, ?)",
            [(digest(INGEST), "main", "ingest", 101), (digest(ADMIN), None, "admin", 102)],
        )
        database.executemany(
            "INSERT INTO archives VALUES (?, ?, ?, ?, ?)",
            [
                ("main", "s3://bucket/some/pre%20fix/", 600, 21600, 1 << 29),
                ("audit", "s3://whole", 0, 5, 1000),
                ("home", "file:///var/my%20logs", 1, 2, 3),
            ],
        )
        row = "INSERT INTO objects VALUES (?, ?, ?, ?, 10, 20, 77, ?, 3, 300, 90, 'ab', 1, 2, 3)"
        database.executemany(
            row,
            [
                ("main", 480_000, 0, "sealed", "k0"),
                ("main", 480_000, 1, "planned", ""),
                ("home", 480_000, 0, "sealed", "k0"),
                ("gone", 480_000, 0, "sealed", "k1"),
                ("gone", 480_000, 1, "planned", ""),
                ("lost", 480_000, 0, "sealed", "k2"),
            ],
        )
        database.execute(
            "INSERT INTO restores VALUES ('ab12', 'one', 'ACTIVE', 'r-one', 'main', 0, 1, '',"
            " 1, 1, 1, 1, 1, 1, 0, 400, 0, 500, 0, 0, '')"
        )
        database.execute("INSERT INTO chunks VALUES ('ab12', 0, 'done', x'7b7d', 1, 0, 1)")
    return path


@pytest.fixture
def upgraded(first_shape: Path) -> Iterator[Catalog]:
    catalog = open_catalog(f"sqlite:///{first_shape}")
    yield catalog
    catalog.close()


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_an_upgraded_catalog_has_the_tables_of_a_fresh_one(first_shape: Path, tmp_path: Path) -> None:
    open_catalog(f"sqlite:///{first_shape}").close()
    open_catalog(f"sqlite:///{tmp_path}/fresh.sqlite").close()
    assert schema(first_shape) == schema(tmp_path / "fresh.sqlite")
    names = {name for name, _ in schema(first_shape)}
    assert {"targets", "rules", "checks", "audit", "pipelines", "pipeline_versions", "source_keys"} <= names


def schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return set(database.execute("SELECT name, sql FROM sqlite_master"))


def test_accounts_and_keys_survive_the_upgrade(upgraded: Catalog) -> None:
    assert upgraded.accounts.list() == [
        Account(id="audit", kind=AccountKind.LIVE, created_at=50),
        Account(id=BARE, kind=AccountKind.LIVE, created_at=300),
        Account(id="home", kind=AccountKind.LIVE, created_at=200),
        Account(id="main", kind=AccountKind.LIVE, created_at=100),
        Account(id="r-one", kind=AccountKind.RESTORED, created_at=400, restore_id="ab12"),
    ]
    assert upgraded.keys.resolve(INGEST) == Key(account="main", role=KeyRole.INGEST, id=digest(INGEST)[:12])
    assert upgraded.keys.resolve(ADMIN) == Key(account="", role=KeyRole.ADMIN, id=digest(ADMIN)[:12])
    assert [one.name for one in upgraded.keys.listed("main")] == [""]
    assert upgraded.restores.get("ab12").state is RestoreState.ACTIVE
    assert len(upgraded.restores.chunks("ab12")) == 1


def test_what_was_there_before_pipelines_belongs_to_none(upgraded: Catalog) -> None:
    restore = upgraded.restores.get("ab12")
    assert (restore.pipeline, restore.pipeline_source, restore.rate, restore.sent) == ("", "", 0, 0)
    assert [one.pipeline for one in upgraded.archives.list()] == ["", "", ""]
    assert [one.id for one in upgraded.archives.of_account("main")] == ["main"]
    assert upgraded.pipelines.list() == []


def test_a_pipeline_can_be_made_of_an_upgraded_account(upgraded: Catalog) -> None:
    made = upgraded.pipelines.save(Pipeline(id="web", account="main", spec=b"{}", created_at=1, updated_at=1))
    assert upgraded.pipelines.get("web") == made


def test_an_upgraded_account_keeps_its_archive(upgraded: Catalog) -> None:
    assert upgraded.archives.list() == [
        archive("audit", 50, target=1, seal_after_s=0, late_sweep_s=5, max_object_bytes=1000),
        archive("home", 200, target=3, seal_after_s=1, late_sweep_s=2, max_object_bytes=3),
        archive("main", 100, target=2, seal_after_s=600, late_sweep_s=21600, max_object_bytes=1 << 29),
    ]


def archive(
    name: str, created_at: int, *, target: int, seal_after_s: int, late_sweep_s: int, max_object_bytes: int
) -> Archive:
    return Archive(
        id=name,
        account=name,
        state=ArchiveState.ON,
        created_at=created_at,
        target=target,
        origin=Origin.SETTINGS,
        seal_after_s=seal_after_s,
        late_sweep_s=late_sweep_s,
        max_object_bytes=max_object_bytes,
    )


def test_an_upgraded_archive_writes_where_it_wrote(upgraded: Catalog) -> None:
    found = [upgraded.archives.target(one.target) for one in upgraded.archives.list()]
    bucket = {"bucket": "bucket", "prefix": "some/pre%20fix", "credentials": "machine"}
    whole = {"bucket": "whole", "credentials": "machine"}
    assert found == [
        target(1, "audit", 50, "s3", whole, "s3://whole"),
        target(3, "home", 200, "folder", {"path": "/var/my logs"}, "file:///var/my%20logs"),
        target(2, "main", 100, "s3", bucket, "s3://bucket/some/pre%2520fix"),
    ]
    connections = [Connection(provider=one.provider, options=one.options) for one in found]
    assert [place_of(one) for one in connections] == [one.place for one in found]


def target(
    number: int, name: str, created_at: int, provider: str, options: dict[str, str], place: str
) -> Target:
    return Target(
        id=number,
        archive=name,
        account=name,
        provider=provider,
        options=options,
        place=place,
        created_at=created_at,
    )


@pytest.mark.parametrize("url", ["logs/a%20b", "x/../logs/a%20b", "./logs/a%20b/"])
def test_a_plain_path_of_the_first_shape_is_a_folder(
    first_shape: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(first_shape.parent)
    with closing(sqlite3.connect(first_shape)) as database, database:
        database.execute("UPDATE archives SET url = ? WHERE account = 'home'", (url,))
    catalog = open_catalog(f"sqlite:///{first_shape}")
    folder = first_shape.parent.resolve() / "logs" / "a%20b"
    found = catalog.archives.target(3)
    assert (found.provider, found.options, found.place) == (
        "folder",
        {"path": str(folder)},
        folder.as_uri(),
    )
    catalog.close()


def test_upgraded_objects_belong_to_their_archives_target(upgraded: Catalog) -> None:
    sealed = one_object("main", 2, ObjectState.SEALED, key="k0")
    planned = one_object("main", 2, ObjectState.PLANNED, part=1)
    assert upgraded.objects.list("main") == [sealed]
    assert upgraded.objects.list(archive="main") == [sealed]
    assert upgraded.objects.planned() == [planned]
    assert upgraded.objects.next_part(2, Hour(480_000)) == 2
    assert upgraded.objects.chain_head(2) is None


def test_upgraded_objects_of_deleted_accounts_are_in_targets_that_no_archive_ever_has(
    upgraded: Catalog,
) -> None:
    assert upgraded.objects.list("gone") == [one_object("gone", -1, ObjectState.SEALED, key="k1")]
    assert upgraded.objects.list("lost") == [one_object("lost", -3, ObjectState.SEALED, key="k2")]
    new = Archive(id="gone", account=BARE, state=ArchiveState.ON, created_at=1)
    made = upgraded.archives.create(new, target(0, "gone", 1, "folder", {}, "file:///x"))
    assert made.target == 4
    assert upgraded.objects.list(archive="gone") == []


def one_object(
    name: str, target_id: int, state: ObjectState, *, part: int = 0, key: str = ""
) -> ArchiveObject:
    return ArchiveObject(
        account=name,
        archive=name,
        target=target_id,
        hour=Hour(480_000),
        part=part,
        state=state,
        after_seq=10,
        upto_seq=20,
        spool_id=77,
        key=key,
        lines=3,
        raw_bytes=300,
        stored_bytes=90,
        sha256="ab",
        min_ts=1,
        max_ts=2,
        sealed_at=3,
    )


def test_an_upgraded_account_is_deleted_with_all_it_has(upgraded: Catalog) -> None:
    upgraded.accounts.delete("main")
    assert upgraded.keys.resolve(INGEST) is None
    assert [one.id for one in upgraded.archives.list()] == ["audit", "home"]
    assert upgraded.archives.targets_of_account("main") == []
    assert len(upgraded.objects.list("main")) == 1
