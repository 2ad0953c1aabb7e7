from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import (
    BlockEntry,
    ChainHead,
    Manifest,
    decode,
    digest,
    encode,
    find_chain_head,
)
from logkeep.errors import DamagedArchive
from logkeep.storage.base import JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour

MANIFEST = Manifest(
    format_version=1,
    key="year=2026/month=11/day=20/main.2026-11-20.0900.json.gz",
    account="main",
    hour=498_657,
    part=0,
    lines=2,
    raw_bytes=140,
    stored_bytes=101,
    min_ts=1_795_165_200_000,
    max_ts=1_795_165_200_001,
    first_lid="914000000000000001",
    last_lid="914000000000000002",
    sha256="00" * 32,
    blocks=(
        BlockEntry(
            offset=0,
            length=101,
            raw_bytes=140,
            lines=2,
            min_ts=1_795_165_200_000,
            max_ts=1_795_165_200_001,
        ),
    ),
)
ENCODED = (
    b'{"format_version":1,"key":"year=2026/month=11/day=20/main.2026-11-20.0900.json.gz","account":"main",'
    b'"hour":498657,"part":0,"lines":2,"raw_bytes":140,"stored_bytes":101,"min_ts":1795165200000,'
    b'"max_ts":1795165200001,"first_lid":"914000000000000001","last_lid":"914000000000000002","sha256":"'
    + b"00"
    * 32
    + b'","blocks":[{"offset":0,"length":101,"raw_bytes":140,"lines":2,"min_ts":1795165200000,'
    b'"max_ts":1795165200001}]}\n'
)


def test_a_manifest_is_one_line_of_json() -> None:
    assert encode(MANIFEST) == ENCODED


def test_a_manifest_comes_back() -> None:
    assert decode(ENCODED, "m") == MANIFEST


def test_members_of_a_later_format_are_passed_over() -> None:
    later = ENCODED.replace(b'"part":0,', b'"part":0,"ribbons":{"kind":"bloom"},')

    assert decode(later, "m") == MANIFEST


def test_a_higher_format_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(DamagedArchive, match=r"_manifest/x has format version 2.*update logkeep"):
        decode(ENCODED.replace(b'"format_version":1', b'"format_version":2'), "_manifest/x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"not json",
        b"\xff\xfe",
        ENCODED[:-20],
        ENCODED.replace(b'"lines":2', b'"lines":-2'),
        ENCODED.replace(b'"raw_bytes":140,"lines"', b'"raw_bytes":14000000000,"lines"'),
        ENCODED.replace(b'"sha256"', b'"md5"'),
        ENCODED.replace(b'"blocks":[', b'"blocks":[7,'),
    ],
)
def test_what_is_no_manifest_is_named(data: bytes) -> None:
    with pytest.raises(DamagedArchive, match="_manifest/x is not a manifest"):
        decode(data, "_manifest/x")


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([(0, 40), (39, 61)], "block 1 begins at byte 39, and should at 40"),
        ([(0, 40), (41, 60)], "block 1 begins at byte 41, and should at 40"),
        ([(0, 101), (0, 101)], "block 1 begins at byte 0, and should at 101"),
        ([(1, 100)], "block 0 begins at byte 1, and should at 0"),
        ([(0, 40), (40, 62)], "its blocks end at byte 102, the object at 101"),
        ([], "its blocks end at byte 0, the object at 101"),
    ],
)
def test_blocks_that_do_not_follow_each_other_are_named(blocks: list[tuple[int, int]], said: str) -> None:
    entries = tuple(
        msgspec.structs.replace(MANIFEST.blocks[0], offset=offset, length=length) for offset, length in blocks
    )
    data = encode(msgspec.structs.replace(MANIFEST, blocks=entries))
    with pytest.raises(DamagedArchive, match=f"_manifest/x is wrong: {said}"):
        decode(data, "_manifest/x")
    assert decode(data, "_manifest/x", tiled=False).blocks == entries


def test_a_manifest_of_a_chain_names_the_one_before_it() -> None:
    linked = msgspec.structs.replace(MANIFEST, chain=7, previous_key="_manifest/x.json", previous_sha256="ab")

    data = encode(linked)

    assert data.endswith(b'}],"chain":7,"previous_key":"_manifest/x.json","previous_sha256":"ab"}\n')
    assert decode(data, "m") == linked


def test_the_first_of_a_chain_names_none() -> None:
    assert encode(msgspec.structs.replace(MANIFEST, chain=1)).endswith(b'}],"chain":1}\n')


def test_the_digest_is_that_of_the_stored_bytes() -> None:
    assert digest(ENCODED) == hashlib.sha256(ENCODED).hexdigest()


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "archive")


def put(
    bucket: FolderBucket, hour: int, chain: int, *, account: str = "main", modified: int = 0
) -> ChainHead:
    """A manifest with this number, written at `modified` seconds."""
    key = manifest_key(key_of(account, Hour(hour), 0))
    data = encode(msgspec.structs.replace(MANIFEST, account=account, hour=hour, chain=chain))
    bucket.put_new(key, data, JSON)
    os.utime(bucket.local_path(key) or "", (modified, modified))
    return ChainHead(chain=chain, key=key, sha256=digest(data))


def test_a_place_without_a_chain_has_no_head(bucket: FolderBucket) -> None:
    assert find_chain_head(bucket, "main") is None

    put(bucket, 500_000, 0)
    put(bucket, 500_001, 5, account="other")

    assert find_chain_head(bucket, "main") is None


def test_the_head_is_found_in_an_old_hour(bucket: FolderBucket) -> None:
    for number in range(150):
        put(bucket, 500_000 + number, number + 1, modified=number)
    head = put(bucket, 499_000, 151, modified=1000)

    assert find_chain_head(bucket, "main") == head


def test_the_head_is_found_where_copying_lost_the_times(bucket: FolderBucket) -> None:
    for number in range(150):
        put(bucket, 500_000 + number, number + 1)
    head = put(bucket, 500_150, 151)

    assert find_chain_head(bucket, "main") == head


def test_the_head_is_found_past_manifests_that_cannot_be_read(bucket: FolderBucket) -> None:
    head = put(bucket, 500_000, 1)
    bucket.put_new(manifest_key(key_of("main", Hour(500_001), 0)), b"torn", JSON)
    bucket.put_new("_manifest/README", b"", JSON)

    assert find_chain_head(bucket, "main") == head


def test_no_more_manifests_are_read_than_the_latest(
    bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "_LATEST", 2)
    for number in range(10):
        put(bucket, 500_000 + number, number + 1, modified=100 - number)
    watched = Watched(bucket)

    head = find_chain_head(watched, "main")

    assert (head and head.chain, watched.read) == (10, 4)


class Watched(FolderBucket):
    """The same bucket, counting reads."""

    def __init__(self, bucket: FolderBucket) -> None:
        super().__init__(Path(urlsplit(bucket.url).path))
        self.read = 0

    def get(self, key: str) -> bytes:
        self.read += 1
        return super().get(key)
