from __future__ import annotations

from pathlib import Path

import pytest

from logkeep.archive.marker import (
    Marker,
    check_marker,
    decode,
    encode,
    markers,
    read_marker,
    tie,
    write_marker,
)
from logkeep.errors import Conflict, DamagedArchive
from logkeep.storage.base import JSON
from logkeep.storage.folder import FolderBucket

OURS = Marker(account="main", archive="main-1", server="9f2c", created_at=1_795_165_200_000)
ENCODED = (
    b'{"format_version":1,"account":"main","archive":"main-1","server":"9f2c",'
    b'"created_at":"2026-11-20T09:00:00.000Z"}\n'
)
FIRST, SECOND = "_account/main.json", "_account/main.1.json"


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "archive")


def other(server: str = "0000", account: str = "main") -> Marker:
    return Marker(account=account, archive="x", server=server, created_at=1_795_165_200_000)


def keys(bucket: FolderBucket) -> list[str]:
    return [stat.key for stat in bucket.list()]


def test_a_marker_is_one_line_of_json_and_comes_back() -> None:
    assert encode(OURS) == ENCODED
    assert decode(ENCODED, "m") == OURS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"\xff",
        ENCODED[:-20],
        ENCODED.replace(b"2026-11-20", b"someday"),
        ENCODED.replace(b"server", b"s"),
    ],
)
def test_what_is_no_marker_is_named(data: bytes) -> None:
    with pytest.raises(DamagedArchive, match="_account/x is not a marker"):
        decode(data, "_account/x")


def test_a_higher_format_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(DamagedArchive, match=r"format version 2.*update logkeep"):
        decode(ENCODED.replace(b'"format_version":1', b'"format_version":2'), "_account/x")


def test_a_place_has_no_marker_until_one_is_written(bucket: FolderBucket) -> None:
    assert (read_marker(bucket, "main"), markers(bucket)) == (None, {})

    write_marker(bucket, OURS)

    assert (read_marker(bucket, "main"), keys(bucket)) == (OURS, [FIRST])
    assert markers(bucket) == {"main": OURS}


def test_the_same_account_and_server_are_written_once(bucket: FolderBucket) -> None:
    write_marker(bucket, OURS)
    tie(bucket, account="main", archive="main-2", server="9f2c", now=1_800_000_000_000)

    assert (read_marker(bucket, "main"), keys(bucket)) == (OURS, [FIRST])


def test_the_highest_number_is_in_force(bucket: FolderBucket) -> None:
    for one in (OURS, other("0000"), other("1111")):
        write_marker(bucket, one)

    assert read_marker(bucket, "main") == other("1111")
    assert keys(bucket) == ["_account/main.1.json", "_account/main.2.json", FIRST]
    assert markers(bucket) == {"main": other("1111")}


def test_a_marker_can_be_put_back_in_force(bucket: FolderBucket) -> None:
    for one in (OURS, other(), OURS):
        write_marker(bucket, one)

    assert (read_marker(bucket, "main"), len(keys(bucket))) == (OURS, 3)


def test_what_is_no_marker_beside_them_is_passed_over(bucket: FolderBucket) -> None:
    write_marker(bucket, OURS)
    bucket.put_new("_account/README", b"", JSON)
    bucket.put_new("_account/main.01.json", b"", JSON)

    assert markers(bucket) == {"main": OURS}


class Hurried(FolderBucket):
    """Somebody puts a marker just before we do."""

    before: bytes = b""

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if self.before:
            super().put_new(key, self.before, content_type)
        super().put_new(key, data, content_type)


def test_an_answer_that_was_lost_is_no_conflict(tmp_path: Path) -> None:
    bucket = Hurried(tmp_path)
    bucket.before = encode(OURS)

    write_marker(bucket, OURS)

    assert read_marker(bucket, "main") == OURS


def test_another_server_at_the_same_moment_is_a_conflict(tmp_path: Path) -> None:
    bucket = Hurried(tmp_path)
    bucket.before = encode(other())

    with pytest.raises(Conflict, match="another server has just marked"):
        write_marker(bucket, OURS)


def test_a_place_without_any_marker_is_anybodys(bucket: FolderBucket) -> None:
    check_marker(bucket, "main", "9f2c")


def test_our_own_marker_is_fine_beside_those_of_others(bucket: FolderBucket) -> None:
    write_marker(bucket, other("0000", "shop"))
    write_marker(bucket, OURS)

    check_marker(bucket, "main", "9f2c")


def test_a_marker_of_another_server_is_refused(bucket: FolderBucket) -> None:
    write_marker(bucket, other("0000"))

    with pytest.raises(Conflict, match="names another server for account main: 0000, since 2026-11-20"):
        check_marker(bucket, "main", "9f2c")


def test_a_place_that_this_server_shares_among_accounts_is_fine_before_each_is_marked(
    bucket: FolderBucket,
) -> None:
    write_marker(bucket, other("9f2c", "shop"))

    check_marker(bucket, "main", "9f2c")


def test_a_place_with_markers_of_other_accounts_only_is_refused(bucket: FolderBucket) -> None:
    for account in ("d", "c", "b", "a"):
        write_marker(bucket, other("0000", account))

    with pytest.raises(Conflict, match="names another account than main: a, b, c and others"):
        check_marker(bucket, "main", "9f2c")


def test_a_marker_that_was_copied_to_another_accounts_key_is_refused(bucket: FolderBucket) -> None:
    bucket.put_new(FIRST, encode(other("9f2c", "shop")), JSON)

    with pytest.raises(Conflict, match="names another account than main: shop"):
        check_marker(bucket, "main", "9f2c")


def test_only_the_marker_in_force_has_to_be_readable(bucket: FolderBucket) -> None:
    bucket.put_new(FIRST, b"torn", JSON)
    with pytest.raises(DamagedArchive, match=r"_account/main\.json is not a marker"):
        check_marker(bucket, "main", "9f2c")
    with pytest.raises(DamagedArchive, match=r"_account/main\.json is not a marker"):
        write_marker(bucket, OURS)

    bucket.put_new(SECOND, ENCODED, JSON)

    check_marker(bucket, "main", "9f2c")
