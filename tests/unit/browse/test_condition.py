"""What can be told of an object without reading its lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logkeep.archive.layout import manifest_key, parse_key
from logkeep.browse.condition import condition, verified
from logkeep.browse.found import Found
from logkeep.catalog.values import Archive, ArchiveObject, ArchiveState, ObjectState, Target
from logkeep.errors import NotFound, ObjectFrozen
from logkeep.storage.base import Cold
from logkeep.storage.folder import FolderBucket
from logkeep.verify.last import LastVerify
from logkeep.verify.report import Finding, Kind
from tests.unit.inplace.archive import HOUR, put, record

ARCHIVE = Archive(id="main", account="main", state=ArchiveState.ON, created_at=0)
TARGET = Target(id=1, archive="main", account="main", provider="folder", options={}, place="", created_at=0)


def found(folder: Path, key: str, *, bucket: FolderBucket | None = None, **row: Any) -> Found:
    sealed = ArchiveObject(
        account="main",
        archive="main",
        target=1,
        hour=HOUR,
        part=0,
        state=ObjectState.SEALED,
        after_seq=0,
        upto_seq=1,
        key=key,
        sha256="0" * 64,
        sealed_at=100,
    )
    return Found(
        archive=ARCHIVE,
        target=TARGET,
        bucket=bucket or FolderBucket(folder),
        key=key,
        name=parse_key(key),
        row=replace(sealed, **row) if row else None,
    )


def size(folder: Path, key: str) -> int:
    return (folder / key).stat().st_size


def test_a_sound_object_has_no_problems(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "a")], [record(1, 2, "b")])
    now = condition(found(tmp_path, key, stored_bytes=size(tmp_path, key)))
    assert now.stat is not None
    assert now.manifest is not None
    assert (now.stat.size, len(now.manifest.blocks), now.cold) == (size(tmp_path, key), 2, None)
    assert now.problems == []


def test_an_object_that_went_is_missing_and_its_manifest_still_shown(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "a")])
    one = found(tmp_path, key, stored_bytes=size(tmp_path, key))
    (tmp_path / key).unlink()
    now = condition(one)
    assert (now.stat, now.problems) == (None, ["it is not in the bucket"])
    assert now.manifest is not None


def test_what_neither_bucket_nor_catalog_know_is_not_found(tmp_path: Path) -> None:
    put(tmp_path, [record(0, 1, "a")])
    key = put(tmp_path / "other", [record(0, 1, "a")], part=3)
    with pytest.raises(NotFound):
        condition(found(tmp_path, key))


def test_where_bucket_manifest_and_catalog_differ_is_told(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "a")])
    whole = size(tmp_path, key)
    path = tmp_path / key
    path.write_bytes(path.read_bytes() + b"\0")
    now = condition(found(tmp_path, key, stored_bytes=whole, sha256="1" * 64))
    assert now.problems == [
        f"it has {whole + 1} bytes, and its manifest says {whole}",
        f"it has {whole + 1} bytes, and {whole} were sealed",
        "its manifest is not the one that was sealed",
    ]
    (tmp_path / manifest_key(key)).write_text("nonsense")
    now = condition(found(tmp_path, key))
    assert now.manifest is None
    assert "is not a manifest" in now.problems[0]
    (tmp_path / manifest_key(key)).unlink()
    assert condition(found(tmp_path, key)).problems == ["it has no manifest"]


class Glacier(FolderBucket):
    def get_range(self, key: str, start: int, length: int) -> bytes:
        del start, length
        raise ObjectFrozen(f"{key} is in cold storage")

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        for stat in self.list(prefix):
            yield Cold(key=stat.key, storage_class="GLACIER", thawing=True)


def test_an_object_in_cold_storage_is_told_with_its_class(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "a")])
    now = condition(found(tmp_path, key, bucket=Glacier(tmp_path)))
    assert now.cold == Cold(key=key, storage_class="GLACIER", thawing=True)
    assert now.problems == []


def test_only_what_was_there_and_read_is_verified(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "a")])
    one = found(tmp_path, key, sealed_at=100)
    other = Finding(kind=Kind.BLOCK, key=key.replace("1200", "1300"), detail="bad")
    hurt = Finding(kind=Kind.BLOCK, key=key, detail="bad")
    cold = Finding(kind=Kind.FROZEN, key=key, detail="cold", note=True)
    of_manifest = Finding(kind=Kind.BAD_MANIFEST, key=manifest_key(key), detail="bad")

    def said(*findings: Finding, began: int = 100, target: int = 1) -> tuple[bool, list[Finding]]:
        last = LastVerify(at=1, ok=True, summary="", target=target, began=began, findings=findings)
        looked, its = verified(one, last)
        return looked, list(its)

    assert verified(one, None) == (False, ())
    assert said(other) == (True, [])
    assert said(hurt, of_manifest, other) == (True, [hurt, of_manifest])
    assert said(cold) == (False, [cold])
    assert said(began=99) == (False, [])
    assert said(target=2) == (False, [])
