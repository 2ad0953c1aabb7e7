"""What S3 promises beyond every other bucket, on moto: encryption, classes, locks, roles, permissions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logkeep.errors import LogkeepError, ObjectExists, ObjectMissing, StorageDenied, StorageError
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.connection import Connection, connection_of_url
from logkeep.storage.open import open_bucket, open_connection
from logkeep.storage.s3 import S3Bucket
from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, GuardedS3, aws_client, make_bucket

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
NAME = f"some/prefix/{KEY}"
Options = Callable[[str], dict[str, str]]


@pytest.fixture
def name(moto_s3: str) -> str:
    return make_bucket(moto_s3)


@pytest.fixture
def opened(moto_s3: str, name: str, s3_options: Options) -> Callable[..., S3Bucket]:
    def with_options(**more: str) -> S3Bucket:
        bucket = open_bucket(f"s3://{name}/some/prefix", s3_options(moto_s3) | more)
        assert isinstance(bucket, S3Bucket)
        return bucket

    return with_options


@pytest.fixture
def s3(moto_s3: str) -> Any:
    return aws_client("s3", moto_s3)


@pytest.fixture
def big(tmp_path: Path) -> Iterator[Path]:
    """40 MB, none of whose parts are alike; three requests to put."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        for number in range(40):
            file.write(bytes([number]) * 1_000_000)
    yield path
    path.unlink()


def uploads(s3: Any, name: str) -> list[dict[str, object]]:
    return list(s3.list_multipart_uploads(Bucket=name).get("Uploads", []))


def test_a_big_file_comes_back_as_it_was_put(
    opened: Callable[..., S3Bucket], s3: Any, name: str, big: Path
) -> None:
    bucket = opened()

    bucket.put_new(KEY, big, GZIP)

    assert bucket.get(KEY) == big.read_bytes()
    found = s3.head_object(Bucket=name, Key=NAME)
    assert (found["ContentLength"], found["ContentType"]) == (40_000_000, GZIP)
    assert "ContentEncoding" not in found
    assert uploads(s3, name) == []


@pytest.mark.parametrize("atomic_create", ["true", "false"])
def test_a_big_file_does_not_replace_an_object_and_leaves_no_parts(
    opened: Callable[..., S3Bucket], s3: Any, name: str, big: Path, atomic_create: str
) -> None:
    bucket = opened(atomic_create=atomic_create)
    bucket.put_new(KEY, b"first", GZIP)

    with pytest.raises(ObjectExists):
        bucket.put_new(KEY, big, GZIP)

    assert bucket.get(KEY) == b"first"
    assert uploads(s3, name) == []


def test_an_upload_needs_the_same_memory_whatever_the_size(moto_s3: str, name: str, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 << 20)
    program = f"""
import resource
from pathlib import Path
from logkeep.storage.open import open_bucket
bucket = open_bucket("s3://{name}", {{"endpoint": {moto_s3!r}, "region": "us-east-1",
    "access_key_id": {ACCESS_KEY!r}, "secret_access_key": {SECRET_KEY!r}}})
bucket.put_new("small", b"", "application/gzip")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bucket.put_new("big", Path({str(tmp_path / "sparse")!r}), "application/gzip")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert int(grown.stdout) < 40 << 10  # KiB; of 200 MiB


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {"ServerSideEncryption": None, "SSEKMSKeyId": None}),
        ({"sse": "s3"}, {"ServerSideEncryption": "AES256", "SSEKMSKeyId": None}),
        (
            {"sse": "kms", "kms_key_id": "alias/logs"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/logs"},
        ),
    ],
)
@pytest.mark.parametrize("size", [10, 17 << 20])
def test_uploads_ask_for_the_encryption_that_was_chosen(
    opened: Callable[..., S3Bucket],
    s3: Any,
    name: str,
    tmp_path: Path,
    size: int,
    options: dict[str, str],
    headers: dict[str, str | None],
) -> None:
    (tmp_path / "built").write_bytes(bytes(size))
    bucket = opened(**options)

    bucket.put_new(KEY, tmp_path / "built", GZIP)
    bucket.put_new("manifest.json", b"{}", JSON)

    for key in (NAME, "some/prefix/manifest.json"):
        found = s3.head_object(Bucket=name, Key=key)
        assert {header: found.get(header) for header in headers} == headers


@pytest.mark.parametrize("size", [10, 17 << 20])
def test_objects_are_in_the_storage_class_and_manifests_in_the_standard_one(
    opened: Callable[..., S3Bucket], s3: Any, name: str, tmp_path: Path, size: int
) -> None:
    (tmp_path / "built").write_bytes(bytes(size))
    bucket = opened(storage_class="STANDARD_IA")

    bucket.put_new(KEY, tmp_path / "built", GZIP)
    bucket.put_new("manifest.json", b"{}", JSON)

    assert s3.head_object(Bucket=name, Key=NAME)["StorageClass"] == "STANDARD_IA"
    assert "StorageClass" not in s3.head_object(Bucket=name, Key="some/prefix/manifest.json")


def test_a_bucket_under_object_lock_takes_objects_and_keeps_them(
    moto_s3: str, s3: Any, s3_options: Options, big: Path
) -> None:
    s3.create_bucket(Bucket="locked-logs", ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket="locked-logs",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},
    )
    bucket = open_bucket("s3://locked-logs/some/prefix", s3_options(moto_s3))

    bucket.put_new(KEY, b"first", GZIP)
    bucket.put_new("big", big, GZIP)

    for key in (KEY, "big"):
        with pytest.raises(ObjectExists):
            bucket.put_new(key, b"second", GZIP)
    assert bucket.get(KEY) == b"first"
    assert s3.head_object(Bucket="locked-logs", Key=NAME)["ObjectLockMode"] == "COMPLIANCE"
    versions = s3.list_object_versions(Bucket="locked-logs", Prefix="some/prefix/")["Versions"]
    assert sorted(version["Key"] for version in versions) == ["some/prefix/big", NAME]


# Permissions

ALL_OF_S3: dict[str, object] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def without(*actions: str) -> list[dict[str, object]]:
    return [ALL_OF_S3, {"Effect": "Deny", "Action": list(actions), "Resource": "*"}]


def guarded_bucket(server: GuardedS3, *denied: str) -> S3Bucket:
    """A bucket with one object, opened by a user who may do everything but what is denied."""
    name = server.make_bucket()
    server.client("s3").put_object(Bucket=name, Key=f"some/prefix/{KEY}", Body=b"first")
    keys = server.make_user(without(*denied) if denied else [ALL_OF_S3])
    bucket = open_connection(server.connection(name, keys))
    assert isinstance(bucket, S3Bucket)
    return bucket


def test_a_user_with_all_permissions_may_do_everything(guarded_s3: GuardedS3) -> None:
    bucket = guarded_bucket(guarded_s3)

    bucket.put_new("new", b"", GZIP)
    assert bucket.get(KEY) == b"first"
    assert [stat.key for stat in bucket.list()] == ["new", KEY]
    bucket.delete("new")
    with pytest.raises(ObjectMissing):
        bucket.head("new")


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("s3:PutObject", lambda bucket: bucket.put_new("new", b"", GZIP)),
        ("s3:GetObject", lambda bucket: bucket.get(KEY)),
        ("s3:ListBucket", lambda bucket: list(bucket.list())),
        ("s3:DeleteObject", lambda bucket: bucket.delete(KEY)),
    ],
)
def test_a_permission_that_is_missing_is_denied_in_words(
    guarded_s3: GuardedS3, action: str, call: Callable[[S3Bucket], object]
) -> None:
    bucket = guarded_bucket(guarded_s3, action)

    with pytest.raises(StorageDenied, match="AccessDenied") as failure:
        call(bucket)

    assert failure.value.hint


def test_without_leave_to_delete_everything_else_works(guarded_s3: GuardedS3) -> None:
    bucket = guarded_bucket(guarded_s3, "s3:DeleteObject")

    bucket.put_new("new", b"abc", GZIP)

    assert (bucket.get("new"), bucket.head("new").size, len(list(bucket.list()))) == (b"abc", 3, 2)


def test_a_big_file_that_may_not_be_put_leaves_no_parts(guarded_s3: GuardedS3, big: Path) -> None:
    name = guarded_s3.make_bucket()
    keys = guarded_s3.make_user(without("s3:PutObject"))

    with pytest.raises(StorageDenied):
        open_connection(guarded_s3.connection(name, keys)).put_new(KEY, big, GZIP)

    assert uploads(guarded_s3.client("s3"), name) == []


def test_keys_that_nobody_has_are_denied(guarded_s3: GuardedS3) -> None:
    connection = guarded_s3.connection(guarded_s3.make_bucket(), ("AKIAIOSFODNN7EXAMPLE", "some-secret"))

    with pytest.raises(StorageDenied, match="InvalidAccessKeyId") as failure:
        open_connection(connection).put_new(KEY, b"", GZIP)

    assert "some-secret" not in str(failure.value)


# Roles


def role_connection(server: GuardedS3, bucket: str, role: str, keys: tuple[str, str]) -> Connection:
    return server.connection(
        bucket, keys, role_arn=role, external_id="logkeep-0badc0de", sts_endpoint=server.endpoint
    )


def test_a_role_is_assumed_for_writing_and_reading(guarded_s3: GuardedS3, big: Path) -> None:
    role = guarded_s3.make_role([ALL_OF_S3])
    assume = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]
    keys = guarded_s3.make_user(assume)  # who may do nothing but assume roles
    bucket = open_connection(role_connection(guarded_s3, guarded_s3.make_bucket(), role, keys))

    bucket.put_new(KEY, b"abc", GZIP)
    bucket.put_new("big", big, GZIP)

    assert bucket.get(KEY) == b"abc"
    assert [stat.key for stat in bucket.list()] == ["big", KEY]


def test_what_a_role_may_not_do_is_denied(guarded_s3: GuardedS3) -> None:
    role = guarded_s3.make_role(without("s3:PutObject"))
    keys = guarded_s3.make_user([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}])
    bucket = open_connection(role_connection(guarded_s3, guarded_s3.make_bucket(), role, keys))

    with pytest.raises(StorageDenied, match="AccessDenied"):
        bucket.put_new(KEY, b"abc", GZIP)


@pytest.mark.parametrize("call", ["put_new", "get"])
def test_a_role_that_may_not_be_assumed_is_denied(guarded_s3: GuardedS3, call: str) -> None:
    role = guarded_s3.make_role([ALL_OF_S3])
    keys = guarded_s3.make_user([ALL_OF_S3])
    bucket = open_connection(role_connection(guarded_s3, guarded_s3.make_bucket(), role, keys))

    with pytest.raises(StorageDenied, match=r"role .* cannot be assumed: AccessDenied"):
        bucket.put_new(KEY, b"", GZIP) if call == "put_new" else bucket.get(KEY)


def test_a_role_is_assumed_again_before_it_ends(guarded_s3: GuardedS3) -> None:
    role = guarded_s3.make_role([ALL_OF_S3])
    keys = guarded_s3.make_user([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}])
    bucket = open_connection(role_connection(guarded_s3, guarded_s3.make_bucket(), role, keys))
    assert isinstance(bucket, S3Bucket)
    bucket.put_new("first", b"", GZIP)
    before = bucket._aws.credentials().access_key

    session = bucket._aws._session
    session.get_credentials()._expiry_time = datetime.now(UTC) + timedelta(minutes=1)
    bucket.put_new("second", b"", GZIP)

    assert bucket._aws.credentials().access_key != before
    assert [stat.key for stat in bucket.list()] == ["first", "second"]


# The machine's own


def test_the_machines_own_keys_serve_a_role_too(
    guarded_s3: GuardedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = guarded_s3.make_role([ALL_OF_S3])
    key, secret = guarded_s3.make_user([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", guarded_s3.endpoint)
    connection = connection_of_url(
        f"s3://{guarded_s3.make_bucket()}", {"endpoint": guarded_s3.endpoint, "role_arn": role}
    )

    bucket = open_connection(connection)
    bucket.put_new(KEY, b"abc", GZIP)

    assert bucket.get(KEY) == b"abc"


@pytest.mark.parametrize("call", ["put_new", "get"])
def test_a_machine_without_credentials_is_told_so(
    moto_s3: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    bucket = open_bucket(f"s3://{name}", {"endpoint": moto_s3})

    with pytest.raises(StorageDenied, match="no credentials") as failure:
        bucket.put_new(KEY, b"", GZIP) if call == "put_new" else bucket.get(KEY)

    assert "AWS_ACCESS_KEY_ID" in failure.value.hint


def test_what_is_deleted_is_gone_and_may_be_deleted_again(opened: Callable[..., S3Bucket]) -> None:
    bucket = opened()
    bucket.put_new(KEY, b"abc", GZIP)

    bucket.delete(KEY)
    bucket.delete(KEY)

    assert list(bucket.list()) == []


def test_deleting_in_a_bucket_that_is_not_there_is_an_error(moto_s3: str, s3_options: Options) -> None:
    with pytest.raises(StorageError, match="does not exist") as failure:
        open_bucket("s3://no-such-bucket", s3_options(moto_s3)).delete(KEY)

    assert isinstance(failure.value, LogkeepError)
