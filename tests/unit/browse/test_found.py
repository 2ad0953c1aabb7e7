"""Objects by their keys: only an archive's own are found, in whichever of its places they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from logkeep.archive.layout import key_of, marker_key
from logkeep.archive.marker import Marker, encode
from logkeep.browse.found import Finder
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, ArchiveObject, ArchiveState, ObjectState, Target
from logkeep.errors import Conflict, InputError, NotFound
from logkeep.storage.base import JSON
from logkeep.storage.folder import FolderBucket
from logkeep.storage.open import open_connection
from logkeep.targets import Buckets
from logkeep.vault import Vault
from tests.unit.archiver_doubles import HOUR, KEY, new_catalog, set_up_archive


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog: Catalog = new_catalog(folder)
        set_up_archive(self.catalog, folder)
        buckets = Buckets(Vault([Fernet.generate_key().decode()]), open_connection)
        self.finder = Finder(catalog=self.catalog, buckets=buckets, server="here")

    def target(self) -> Target:
        archives = self.catalog.archives
        return archives.target(archives.get("main").target)

    def move(self, folder: str) -> int:
        place = self.folder / folder
        moved = replace(self.target(), place=place.as_uri(), options={"path": str(place)})
        return self.catalog.archives.move("main", moved).target

    def seal(self, target: int, *, part: int = 0, at: int = 0) -> ArchiveObject:
        planned = ArchiveObject(
            account="main",
            archive="main",
            target=target,
            hour=HOUR,
            part=part,
            state=ObjectState.PLANNED,
            after_seq=0,
            upto_seq=1,
        )
        self.catalog.objects.plan(planned)
        sealed = replace(
            planned, state=ObjectState.SEALED, key=key_of("main", HOUR, part), sealed_at=at, sha256="ab"
        )
        self.catalog.objects.seal(sealed)
        return sealed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.catalog.close()


def test_an_object_is_found_where_it_was_sealed(site: Site) -> None:
    first = site.seal(1)
    found = site.finder.find("main", KEY)
    assert (found.target.id, found.row, found.late) == (1, first, False)
    assert found.bucket.url == (site.folder / "archive" / "main").as_uri()


def test_the_same_key_in_a_former_place_is_another_object(site: Site) -> None:
    old = site.seal(1, at=10)
    second = site.move("second")
    assert site.finder.find("main", KEY).target.id == 1
    new = site.seal(second, at=20)
    assert [site.finder.find("main", KEY, target=one).row for one in (0, 1, second)] == [new, old, new]
    assert [site.finder.find("main", KEY, target=one).late for one in (1, second)] == [False, True]
    site.move("third")
    assert site.finder.find("main", KEY).target.id == second


def test_one_that_is_not_the_first_of_its_hour_is_late(site: Site) -> None:
    site.seal(1, at=10)
    site.seal(1, part=1, at=20)
    assert [site.finder.find("main", key_of("main", HOUR, part)).late for part in (0, 1)] == [False, True]


@pytest.mark.parametrize(
    "key",
    [
        KEY.replace("main", "other"),
        "_manifest/" + KEY.replace(".gz", ""),
        "_account/main.json",
        "README",
        KEY.replace("day=20/", "day=21/"),
        "year=2026/month=11/day=20/../day=20/main.2026-11-20.0900.json.gz",
    ],
)
def test_what_is_none_of_its_objects_is_not_found(site: Site, key: str) -> None:
    site.seal(1)
    with pytest.raises((NotFound, InputError)):
        site.finder.find("main", key)


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../etc/passwd", "a//b", "a\0b"])
def test_what_is_no_key_is_refused(site: Site, key: str) -> None:
    with pytest.raises(InputError):
        site.finder.find("main", key)


def test_neither_another_archives_target_nor_another_archives_object_is_found(site: Site) -> None:
    set_up_archive(site.catalog, site.folder, account="shop", place=site.folder / "archive" / "main")
    site.seal(1)
    with pytest.raises(NotFound):
        site.finder.find("main", KEY, target=2)
    with pytest.raises(NotFound):
        site.finder.find("shop", KEY)
    with pytest.raises(NotFound):
        site.finder.find("nobody", KEY)


def test_what_only_its_key_tells_of_is_believed_in_a_place_of_ours(site: Site) -> None:
    assert site.finder.find("main", KEY).row is None
    marker = Marker(account="main", archive="main", server="another", created_at=0)
    FolderBucket(site.folder / "archive" / "main").put_new(marker_key("main", 0), encode(marker), JSON)
    with pytest.raises(Conflict, match="another server"):
        site.finder.find("main", KEY)
    site.seal(1)
    assert site.finder.find("main", KEY).row is not None


def test_of_another_systems_archive_only_what_its_layout_reads_is_found(site: Site) -> None:
    archive = Archive(
        id="old", account="main", state=ArchiveState.OFF, created_at=0, layout="datadog", rank=1
    )
    place = site.folder / "old"
    target = replace(site.target(), place=place.as_uri(), options={"path": str(place)}, archive="old")
    site.catalog.archives.create(archive, target)
    key = "dt=20261120/hour=09/archive_090000.1234.ab.json.gz"
    found = site.finder.find("old", key)
    assert (found.layout is not None, found.row, found.late) == (True, None, False)
    for other in ("README", "_manifest/x.json.gz", "dt=20261120/hour=09/_SUCCESS", KEY):
        with pytest.raises(NotFound):
            site.finder.find("old", other)
