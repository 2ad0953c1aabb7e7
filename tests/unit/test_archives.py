"""Archives of other systems: set up to be read, and never written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from logkeep.archiver import Archiver
from logkeep.archives import ArchiveDesk, Settings, check_layout_change, require_ours
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Restore, RestoreState
from logkeep.errors import BadSetting, Conflict, ConnectionTestFailed
from logkeep.routing import Router
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.base import GZIP
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.targets import Buckets
from logkeep.vault import Vault

from .archiver_doubles import new_catalog

NOW = 1_795_165_200_000
THEIRS = Settings(layout="mezmo")
CUSTOM = {"path": "{year}/{month}/{day}/*.gz", "format": "ndjson"}


class ReadOnlyFolder(FolderBucket):
    """A folder that fails the test when something is written to it or deleted."""

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        raise AssertionError(f"{key} was written ({content_type}, {type(data).__name__})")

    def delete(self, key: str) -> None:
        raise AssertionError(f"{key} was deleted")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ArchiveDesk]:
    catalog = new_catalog(tmp_path)
    catalog.accounts.create("main", AccountKind.LIVE, 0)
    spool = SqliteSpool(
        tmp_path / "spool.sqlite",
        clock=lambda: NOW,
        max_bytes=1 << 30,
        max_account_bytes=1 << 30,
        min_free_bytes=0,
    )
    vault = Vault([Fernet.generate_key().decode()])

    def open_connection(connection: Connection) -> FolderBucket:
        path = Path(connection.options["path"])
        return ReadOnlyFolder(path) if path.name == "theirs" else FolderBucket(path)

    buckets = Buckets(vault, open_connection)
    sealer = Sealer(
        spool=spool,
        objects=catalog.objects,
        archives=catalog.archives,
        bucket_of=buckets.of,
        server="server-1",
        clock=lambda: NOW,
        work_dir=tmp_path,
    )
    archiver = Archiver(sealer, clock=lambda: NOW)
    FolderBucket(tmp_path / "theirs").put_new("2026/11/20/x.json.gz", b"bytes", GZIP)
    yield ArchiveDesk(
        catalog=catalog,
        archiver=archiver,
        sealer=sealer,
        spool=spool,
        router=Router(catalog),
        buckets=buckets,
        vault=vault,
        open_connection=open_connection,
        clock=lambda: NOW,
    )
    archiver.close()
    spool.close()
    catalog.close()


def folder(tmp_path: Path, name: str = "theirs") -> Connection:
    return Connection(provider="folder", options={"path": str(tmp_path / name)})


def test_an_archive_of_another_system_is_set_up_by_reading_alone(desk: ArchiveDesk, tmp_path: Path) -> None:
    made = desk.create("main", folder(tmp_path), THEIRS)
    assert (made.layout, made.layout_options, made.state) == ("mezmo", {}, ArchiveState.OFF)
    assert desk.catalog.archives.get(made.id).foreign
    assert {one.check: one.ok for one in desk.test_archive(made.id)} == {
        "reach": True,
        "read": True,
        "list": True,
    }
    assert desk.test("main", folder(tmp_path), read_only=True) == desk.test_archive(made.id)


def test_one_whose_place_is_empty_is_not_set_up_unless_it_is_not_tested(
    desk: ArchiveDesk, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionTestFailed):
        desk.create("main", folder(tmp_path, "nothing"), THEIRS)
    assert desk.catalog.archives.list() == []
    assert desk.create("main", folder(tmp_path, "nothing"), THEIRS, untested=True).layout == "mezmo"


def test_lines_never_go_to_one(desk: ArchiveDesk, tmp_path: Path) -> None:
    made = desk.create("main", folder(tmp_path), THEIRS)
    assert desk.router.route("main").sole == ""
    for switch in (desk.start, desk.pause):
        with pytest.raises(Conflict, match="another system's archive"):
            switch(made.id)
    with pytest.raises(Conflict, match="another system's archive"):
        desk.create("main", folder(tmp_path, "more"), THEIRS, start=True)
    assert [one.state for one in desk.catalog.archives.list()] == [ArchiveState.OFF]
    assert desk.stop(made.id).state is ArchiveState.OFF


def test_one_cannot_be_verified_or_drilled_on_a_schedule(desk: ArchiveDesk, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="verified or drilled"):
        desk.create("main", folder(tmp_path), replace(THEIRS, drill_every_s=60))
    made = desk.create("main", folder(tmp_path), THEIRS)
    with pytest.raises(Conflict, match="verified or drilled"):
        desk.update(made.id, None, Settings(verify_every_s=60))


def test_a_layout_that_cannot_be_is_refused_by_name(desk: ArchiveDesk, tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as caught:
        desk.create("main", folder(tmp_path), Settings(layout="papyrus"))
    assert caught.value.field == "layout"
    with pytest.raises(BadSetting) as caught:
        desk.create("main", folder(tmp_path), Settings(layout_options=CUSTOM))
    assert caught.value.field == "layout_options"


def test_a_layout_is_changed_for_another_and_its_options_do_not_stay(
    desk: ArchiveDesk, tmp_path: Path
) -> None:
    made = desk.create("main", folder(tmp_path), Settings(layout="custom", layout_options=CUSTOM))
    assert made.layout_options == CUSTOM
    assert desk.update(made.id, None, Settings(title="old")).layout_options == CUSTOM
    changed = desk.update(made.id, None, THEIRS)
    assert (changed.layout, changed.layout_options) == ("mezmo", {})
    moved = desk.update(made.id, folder(tmp_path, "more"), Settings(), untested=True)
    assert moved.layout == "mezmo"


@pytest.mark.parametrize(("before", "after"), [("", "mezmo"), ("mezmo", "")])
def test_an_archive_stays_ours_or_theirs(desk: ArchiveDesk, tmp_path: Path, before: str, after: str) -> None:
    made = desk.create("main", folder(tmp_path, "place"), Settings(layout=before), untested=True)
    with pytest.raises(Conflict, match="cannot become"):
        desk.update(made.id, None, Settings(layout=after))
    assert desk.catalog.archives.get(made.id) == made


def test_what_is_asked_of_archives_of_ours_only_says_why_it_is_not_done() -> None:
    ours = Archive(id="main", account="main", state=ArchiveState.ON, created_at=0)
    require_ours(ours, "verified")
    check_layout_change(ours, replace(ours, title="x"))
    with pytest.raises(Conflict) as caught:
        require_ours(replace(ours, layout="mezmo"), "verified")
    assert caught.value.message == (
        "the archive 'main' cannot be verified: it is another system's archive (mezmo), and only read"
    )


@pytest.mark.parametrize("state", [RestoreState.IN_PROGRESS, RestoreState.PAUSED, RestoreState.THAWING])
def test_an_archive_that_a_restore_reads_now_or_later_is_not_removed(
    desk: ArchiveDesk, tmp_path: Path, state: RestoreState
) -> None:
    made = desk.create("main", folder(tmp_path), THEIRS)
    restore = Restore(
        id="42",
        name="x",
        state=state,
        account="r-x-42",
        source="main",
        from_ms=0,
        to_ms=1,
        query="",
        planned_objects=0,
        planned_lines=0,
        planned_bytes=0,
        planned_raw_bytes=0,
        lines=0,
        bytes=0,
        duplicates=0,
        created_at=0,
    )
    desk.catalog.restores.create(restore, [])
    with pytest.raises(Conflict, match="restore 42 reads"):
        desk.remove(made.id)
    desk.catalog.restores.set_state("42", RestoreState.ABORTED)
    desk.remove(made.id)
    assert desk.catalog.archives.list() == []
