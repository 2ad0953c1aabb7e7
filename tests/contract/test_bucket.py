"""What every bucket promises: on a folder, two authors' S3 servers, Azure's emulator and one of Google's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from logkeep.errors import (
    BadSetting,
    DamagedArchive,
    InputError,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.storage.open import open_bucket, open_connection
from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, free_port, make_bucket

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
Options = Callable[[str], dict[str, str]]


@pytest.fixture(params=["folder", "moto", "rclone", "azure-key", "azure-sas", "azure-app", "gcs"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path, s3_options: Options) -> Bucket:
    if request.param == "folder":
        return open_bucket((tmp_path / "archive").as_uri())
    if request.param == "gcs":
        gcs = request.getfixturevalue("gcs_emulator")
        return open_connection(gcs.connection(gcs.make_bucket(), "some/prefix"))
    if request.param.startswith("azure-"):
        azurite = request.getfixturevalue("azurite")
        credentials = request.param.removeprefix("azure-")
        return open_connection(azurite.connection(azurite.make_bucket(), "some/prefix", credentials))
    endpoint = request.getfixturevalue(f"{request.param}_s3")
    options = s3_options(endpoint)
    if request.param == "rclone":  # neither conditional puts nor 206 answers, so both are done without
        options |= {"atomic_create": "false", "range_reads": "false"}
    return open_bucket(f"s3://{make_bucket(endpoint)}/some/prefix", options)


def test_an_object_comes_back_as_it_was_put(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"the bytes", GZIP)

    assert bucket.get(KEY) == b"the bytes"


def test_a_file_is_put_as_its_bytes(bucket: Bucket, tmp_path: Path) -> None:
    content = bytes(range(256)) * 30_000
    (tmp_path / "built").write_bytes(content)

    bucket.put_new(KEY, tmp_path / "built", GZIP)

    assert (bucket.get(KEY), bucket.head(KEY).size) == (content, len(content))


def test_a_taken_key_is_refused_and_keeps_its_bytes(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"first", GZIP)

    with pytest.raises(ObjectExists):
        bucket.put_new(KEY, b"second", GZIP)

    assert bucket.get(KEY) == b"first"


# rclone has no conditional put
@pytest.mark.parametrize("bucket", ["folder", "moto", "azure-key", "gcs"], indirect=True)
def test_of_puts_at_the_same_moment_one_succeeds(bucket: Bucket) -> None:
    def put(number: int) -> bool:
        try:
            bucket.put_new(KEY, f"object {number}".encode() * 1000, GZIP)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, ok in enumerate(pool.map(put, range(8))) if ok]

    assert len(won) == 1
    assert bucket.get(KEY) == f"object {won[0]}".encode() * 1000


def test_ranges_come_back_in_the_order_asked_for(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"0123456789", GZIP)

    assert bucket.get_range(KEY, 2, 3) == b"234"
    assert bucket.get_ranges(KEY, [(8, 2), (0, 1), (3, 4)]) == [b"89", b"0", b"3456"]
    assert bucket.get_ranges(KEY, []) == []


@pytest.mark.parametrize("wanted", [(8, 5), (50, 5)])
def test_a_range_beyond_the_end_is_damage(bucket: Bucket, wanted: tuple[int, int]) -> None:
    bucket.put_new(KEY, b"0123456789", GZIP)

    with pytest.raises(DamagedArchive):
        bucket.get_range(KEY, *wanted)


def test_a_listing_is_ordered_and_keeps_to_its_folder(bucket: Bucket) -> None:
    keys = [
        "_manifest/year=2026/a.json",
        "year=2026/month=01/b.json.gz",
        "year=2026/month=01/c.json.gz",
        "year=2026/month=010/d.json.gz",
        "year=2026/month=02/e.json.gz",
    ]
    for key in reversed(keys):
        bucket.put_new(key, key.encode(), JSON)

    assert [(stat.key, stat.size) for stat in bucket.list()] == [(key, len(key)) for key in keys]
    assert [stat.key for stat in bucket.list("year=2026/month=01/")] == keys[1:3]
    assert list(bucket.list("year=1999/")) == []


def test_a_listing_of_many_objects_is_complete(bucket: Bucket) -> None:
    keys = [f"year=2026/{number:04d}.json.gz" for number in range(1010)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.put_new(key, b"x", GZIP), keys))

    assert [stat.key for stat in bucket.list("year=2026/")] == keys


def test_a_new_bucket_lists_nothing(bucket: Bucket) -> None:
    assert list(bucket.list()) == []


@pytest.mark.parametrize("call", ["get", "head"])
def test_a_missing_object_is_named(bucket: Bucket, call: str) -> None:
    with pytest.raises(ObjectMissing, match=r"main\.2026-11-20\.0900"):
        getattr(bucket, call)(KEY)


def test_what_is_deleted_is_gone_and_may_be_deleted_again(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"abc", GZIP)
    bucket.put_new("other", b"", GZIP)

    bucket.delete(KEY)
    bucket.delete(KEY)

    assert [stat.key for stat in bucket.list()] == ["other"]
    bucket.put_new(KEY, b"anew", GZIP)
    assert bucket.get(KEY) == b"anew"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../b", "a//b", "./a", "a/"])
def test_a_key_that_leaves_the_bucket_is_refused(bucket: Bucket, key: str) -> None:
    with pytest.raises(InputError):
        bucket.put_new(key, b"", GZIP)
    with pytest.raises(InputError):
        bucket.get(key)
    with pytest.raises(InputError):
        bucket.delete(key)


def test_what_can_be_read_is_not_cold_and_a_thaw_leaves_it_as_it_is(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"the bytes", GZIP)

    bucket.thaw(KEY, "standard", 2)

    assert list(bucket.cold()) == list(bucket.cold("year=2026/")) == []
    assert bucket.get(KEY) == b"the bytes"


def test_a_thaw_of_nothing_is_refused(bucket: Bucket) -> None:
    with pytest.raises(ObjectMissing, match=r"main\.2026-11-20\.0900"):
        bucket.thaw(KEY, "bulk", 1)


@pytest.mark.parametrize(("tier", "days"), [("slow", 1), ("", 1), ("Bulk", 1), ("bulk", 0)])
def test_a_thaw_that_no_provider_understands_is_refused(bucket: Bucket, tier: str, days: int) -> None:
    bucket.put_new(KEY, b"", GZIP)

    with pytest.raises(BadSetting):
        bucket.thaw(KEY, tier, days)


def test_credentials_and_endpoint_come_from_the_environment(
    moto_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_s3)
    bucket = open_bucket(f"s3://{make_bucket(moto_s3)}")

    bucket.put_new(KEY, b"abc", GZIP)

    assert [stat.key for stat in bucket.list()] == [KEY]


def test_a_bucket_that_does_not_exist_is_named(moto_s3: str, s3_options: Options) -> None:
    bucket = open_bucket("s3://no-such-bucket", s3_options(moto_s3))

    with pytest.raises(StorageError, match="s3://no-such-bucket does not exist"):
        bucket.put_new(KEY, b"", GZIP)
    with pytest.raises(StorageError, match="s3://no-such-bucket does not exist"):
        list(bucket.list())


def test_a_wrong_access_key_is_denied(rclone_s3: str, s3_options: Options) -> None:
    options = s3_options(rclone_s3) | {"access_key_id": "SOMEBODYELSESKEY"}
    bucket = open_bucket(f"s3://{make_bucket(rclone_s3)}", options)

    with pytest.raises(StorageDenied, match="InvalidAccessKeyId"):
        bucket.put_new(KEY, b"", GZIP)


def test_a_server_that_is_not_there_is_unavailable(s3_options: Options) -> None:
    bucket = open_bucket("s3://logs", s3_options(f"http://127.0.0.1:{free_port()}"))

    with pytest.raises(StorageUnavailable) as failure:
        bucket.get(KEY)

    assert failure.value.retryable


def test_a_folder_says_where_its_files_are_and_a_server_does_not(tmp_path: Path, s3_options: Options) -> None:
    assert open_bucket(str(tmp_path)).local_path(KEY) == tmp_path / KEY
    assert open_bucket("s3://logs", s3_options("http://127.0.0.1:1")).local_path(KEY) is None


@pytest.mark.parametrize(
    "url", ["", "s3://", "gs:///dir", "azure://acme", "file://elsewhere/dir", "http://h/b"]
)
def test_a_url_that_is_no_bucket_is_named(url: str) -> None:
    with pytest.raises(BadSetting, match="not a place"):
        open_bucket(url)


def test_an_option_that_s3_does_not_have_is_named() -> None:
    with pytest.raises(BadSetting, match="colour"):
        open_bucket("s3://logs", {"colour": "blue"})
