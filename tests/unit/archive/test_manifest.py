from __future__ import annotations

import pytest

from logkeep.archive.manifest import BlockEntry, Manifest, decode, encode
from logkeep.errors import DamagedArchive

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
    later = ENCODED.replace(b'"part":0,', b'"part":0,"filters":{"kind":"bloom"},')

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
