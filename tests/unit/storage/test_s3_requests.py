"""What goes over the wire to S3, and what is made of answers that a healthy server never gives."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from logkeep.errors import (
    BadSetting,
    LogkeepError,
    ObjectExists,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.retry import retrying
from logkeep.storage import s3
from logkeep.storage.base import GZIP
from logkeep.storage.connection import Connection
from logkeep.storage.open import open_connection
from logkeep.storage.s3 import S3Bucket
from tests.unit.storage.s3_recorder import Answer, Recorder

Opened = Callable[..., S3Bucket]

SLOW_DOWN = Answer(503, "SlowDown")
BROKEN = Answer(500, "InternalError")
TAKEN = Answer(412, "PreconditionFailed")
LOST = Answer(lost=True)
PART = 16 << 20


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file of two parts, the second of one byte."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(PART + 1)
    return path


def test_a_put_is_conditional_and_has_type_and_checksum_and_no_encoding(
    server: Recorder, bucket: S3Bucket
) -> None:
    bucket.put_new("a/b.json.gz", b"abc", GZIP)

    [asked] = server.requests
    assert (asked.method, asked.path, asked.body) == ("PUT", "/logs/prefix/a/b.json.gz", b"abc")
    assert asked.headers["if-none-match"] == "*"
    assert asked.headers["content-type"] == "application/gzip"
    assert asked.headers["x-amz-checksum-sha256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert not {"content-encoding", "expect", "content-md5"} & asked.headers.keys()


def test_a_server_that_is_not_known_to_check_sha256_gets_md5_and_is_looked_at_first(
    server: Recorder, opened: Opened
) -> None:
    opened("s3-compatible").put_new("a", b"abc", GZIP)

    head, put = server.requests
    assert (head.method, put.method) == ("HEAD", "PUT")
    assert put.headers["content-md5"] == "kAFQmDzST7DWlj99KOF/cg=="
    assert not [name for name in put.headers if "checksum" in name or name == "if-none-match"]


def test_a_passing_fault_is_tried_again(server: Recorder, bucket: S3Bucket) -> None:
    server.answers["put"] = [BROKEN, SLOW_DOWN, LOST]

    bucket.put_new("a", b"abc", GZIP)

    assert [asked.body for asked in server.requests] == [b"abc"] * 4


@pytest.mark.parametrize("fault", [BROKEN, LOST])
def test_a_lost_answer_shows_as_an_object_that_exists(
    server: Recorder, bucket: S3Bucket, fault: Answer
) -> None:
    server.answers["put"] = [fault, TAKEN]

    with pytest.raises(ObjectExists):
        bucket.put_new("a", b"abc", GZIP)


def test_a_lost_answer_shows_so_too_where_nothing_is_conditional(server: Recorder, opened: Opened) -> None:
    there = Answer(headers={"Last-Modified": "Fri, 20 Nov 2026 09:00:00 GMT", "Content-Length": "3"})
    server.answers["head"] = [Answer(404), there]
    server.answers["put"] = [LOST]

    with pytest.raises(ObjectExists):
        opened(atomic_create="false").put_new("a", b"abc", GZIP)

    assert len(server.asked("put")) == 1


@pytest.mark.parametrize(
    ("answer", "error", "says", "hint"),
    [
        (Answer(403, "AccessDenied"), StorageDenied, "AccessDenied", "may list, read and write"),
        (Answer(401, "Unauthorized"), StorageDenied, "Unauthorized", "may list, read and write"),
        (Answer(403, "SignatureDoesNotMatch"), StorageDenied, "SignatureDoesNotMatch", "secret"),
        (Answer(403, "InvalidAccessKeyId"), StorageDenied, "InvalidAccessKeyId", "active"),
        (Answer(400, "ExpiredToken"), StorageDenied, "ExpiredToken", "use a role"),
        (Answer(403, "RequestTimeTooSkewed"), StorageDenied, "clock", "NTP"),
        (Answer(400, "KMS.DisabledException"), StorageDenied, "KMS key", "kms:GenerateDataKey"),
        (
            Answer(403, "AccessDenied", "<Message>not authorized to perform: kms:GenerateDataKey</Message>"),
            StorageDenied,
            "KMS key",
            "kms:Decrypt",
        ),
        (Answer(400, "InvalidRequest"), StorageError, "InvalidRequest", "endpoint"),
        (Answer(501, "NotImplemented"), StorageError, "NotImplemented", "atomic_create=false"),
        (Answer(404, "NoSuchBucket"), StorageError, "s3://logs/prefix does not exist", "name"),
        (
            Answer(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-central-1"}),
            StorageError,
            "another region",
            "region=eu-central-1",
        ),
        (
            Answer(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"),
            StorageError,
            "another region",
            "region=eu-west-3",
        ),
        (
            Answer(400, "IllegalLocationConstraintException"),
            StorageError,
            "another region",
            "region",
        ),
    ],
)
def test_what_will_not_heal_is_not_tried_again(
    server: Recorder, bucket: S3Bucket, answer: Answer, error: type[LogkeepError], says: str, hint: str
) -> None:
    server.answers["put"] = [answer]

    with pytest.raises(LogkeepError, match=says) as failure:
        bucket.put_new("a", b"abc", GZIP)

    assert (type(failure.value), failure.value.retryable, len(server.requests)) == (error, False, 1)
    assert hint in failure.value.hint
    assert "hush-hush" not in str(failure.value)


@pytest.mark.parametrize(
    "answer",
    [
        SLOW_DOWN,
        Answer(429, "TooManyRequests"),
        Answer(400, "RequestTimeout"),
        Answer(400, "BadDigest"),
        Answer(409, "ConditionalRequestConflict"),
        Answer(502, body="<html>no XML"),
        LOST,
    ],
)
def test_what_does_not_heal_in_time_is_unavailable(
    server: Recorder, bucket: S3Bucket, answer: Answer
) -> None:
    server.answers["put"] = [answer] * 4

    with pytest.raises(StorageUnavailable) as failure:
        bucket.put_new("a", b"abc", GZIP)

    assert len(server.requests) == 4
    assert answer.code in failure.value.message


def test_a_listing_that_fails_in_the_middle_is_complete_all_the_same(
    server: Recorder, bucket: S3Bucket
) -> None:
    server.answers["list"] = [BROKEN, BROKEN]

    assert [stat.key for stat in bucket.list()] == ["a", "b"]
    assert server.answers["list"] == []


def test_a_big_file_goes_up_in_parts_and_only_the_end_is_conditional(
    server: Recorder, bucket: S3Bucket, big: Path
) -> None:
    bucket.put_new("a", big, GZIP)

    assert [len(asked.body) for asked in sorted(server.asked("part"), key=lambda one: one.path)] == [PART, 1]
    for asked in server.asked("part"):
        digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
        assert asked.headers["x-amz-checksum-sha256"] == digest
    [complete] = server.asked("complete")
    assert complete.headers["if-none-match"] == "*"
    assert complete.body.count(b"<ChecksumSHA256>") == 2
    [start] = server.asked("start")
    assert start.headers["content-type"] == GZIP
    assert server.asked("abort") == []


def test_passing_faults_of_a_big_file_are_tried_again(server: Recorder, bucket: S3Bucket, big: Path) -> None:
    server.answers = {"start": [SLOW_DOWN], "part": [BROKEN, LOST], "complete": [SLOW_DOWN]}

    bucket.put_new("a", big, GZIP)

    kinds = ("start", "part", "complete", "abort")
    assert [len(server.asked(kind)) for kind in kinds] == [2, 4, 2, 0]


@pytest.mark.parametrize(
    ("kind", "answers", "error"),
    [
        ("part", [Answer(403, "AccessDenied")] * 2, StorageDenied),
        ("part", [SLOW_DOWN] * 8, StorageUnavailable),
        ("part", [Answer(404, "NoSuchUpload")] * 8, StorageUnavailable),
        ("complete", [TAKEN], ObjectExists),
        ("complete", [LOST, TAKEN], ObjectExists),
        ("complete", [Answer(409, "ConditionalRequestConflict")] * 4, StorageUnavailable),
        # a failure that is told after 200 OK was already said
        ("complete", [Answer(200, "InternalError")] * 4, StorageUnavailable),
        ("complete", [Answer(200, "AccessDenied")], StorageDenied),
    ],
)
def test_parts_of_a_big_file_that_fails_are_taken_back(
    server: Recorder,
    bucket: S3Bucket,
    big: Path,
    kind: str,
    answers: list[Answer],
    error: type[LogkeepError],
) -> None:
    server.answers[kind] = list(answers)

    with pytest.raises(error):
        bucket.put_new("a", big, GZIP)

    [abort] = server.asked("abort")
    assert "uploadId=u1" in abort.path


def test_an_answer_that_was_cut_off_is_no_success(server: Recorder, bucket: S3Bucket, big: Path) -> None:
    cut = Answer(body="", headers={"ETag": ""})
    server.answers = {"put": [cut, TAKEN], "start": [cut], "part": [cut], "complete": [cut]}

    with pytest.raises(ObjectExists):
        bucket.put_new("a", b"abc", GZIP)
    bucket.put_new("b", big, GZIP)

    assert [len(server.asked(kind)) for kind in ("put", "start", "part", "complete")] == [2, 2, 3, 2]


@pytest.mark.parametrize("kind", ["start", "part", "complete"])
def test_what_never_answers_in_full_does_not_speak_s3(
    server: Recorder, bucket: S3Bucket, big: Path, kind: str
) -> None:
    server.answers[kind] = [Answer(headers={"ETag": ""})] * 8

    with pytest.raises(StorageUnavailable) as failure:
        bucket.put_new("a", big, GZIP)

    assert failure.value.hint


def test_an_upload_that_is_gone_need_not_be_taken_back_twice(
    server: Recorder, bucket: S3Bucket, big: Path
) -> None:
    server.answers = {"complete": [TAKEN], "abort": [Answer(404, "NoSuchUpload")]}

    with pytest.raises(ObjectExists):
        bucket.put_new("a", big, GZIP)

    assert len(server.asked("abort")) == 1


def test_parts_that_cannot_be_taken_back_do_not_hide_why(
    server: Recorder, bucket: S3Bucket, big: Path
) -> None:
    server.answers = {"complete": [TAKEN], "abort": [Answer(403, "AccessDenied")]}

    with pytest.raises(ObjectExists):
        bucket.put_new("a", big, GZIP)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (Answer(headers={"Last-Modified": "Fri, 20 Nov 2026 09:00:00 GMT"}), ObjectExists),
        (Answer(404), StorageUnavailable),
    ],
)
def test_an_upload_that_ended_meanwhile_made_the_object_or_is_tried_again(
    server: Recorder, bucket: S3Bucket, big: Path, head: Answer, error: type[LogkeepError]
) -> None:
    server.answers = {"complete": [LOST] + [Answer(404, "NoSuchUpload")] * 3, "head": [head] * 3}

    with pytest.raises(error):
        bucket.put_new("a", big, GZIP)


def assumed(number: int, ends_in: timedelta) -> Answer:
    ends = (datetime.now(UTC) + ends_in).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(
        body=f"""<AssumeRoleResponse><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
        <SessionToken>t{number}</SessionToken><Expiration>{ends}</Expiration>
        </Credentials></AssumeRoleResult></AssumeRoleResponse>"""
    )


def with_role(opened: Opened, server: Recorder) -> S3Bucket:
    role = {"role_arn": "arn:aws:iam::123456789012:role/logs", "external_id": "logkeep-0badc0de"}
    return opened(sts_endpoint=server.url, **role)


def test_a_role_is_assumed_once_with_its_external_id(server: Recorder, opened: Opened) -> None:
    server.answers["sts"] = [assumed(1, timedelta(hours=1))]
    bucket = with_role(opened, server)

    bucket.put_new("a", b"", GZIP)
    assert [stat.key for stat in bucket.list()] == ["a", "b"]

    [sts] = server.asked("sts")
    said = dict(parse_qsl(sts.body.decode()))
    assert (said["RoleArn"], said["ExternalId"]) == (
        "arn:aws:iam::123456789012:role/logs",
        "logkeep-0badc0de",
    )
    tokens = {asked.headers["x-amz-security-token"] for asked in server.asked("put") + server.asked("list")}
    assert tokens == {"t1"}


def test_a_role_that_ends_soon_is_assumed_anew(server: Recorder, opened: Opened) -> None:
    server.answers["sts"] = [assumed(1, timedelta(minutes=5)), assumed(2, timedelta(hours=1))]
    bucket = with_role(opened, server)

    bucket.put_new("a", b"", GZIP)
    bucket.put_new("b", b"", GZIP)

    assert server.asked("put")[-1].headers["x-amz-security-token"] == "t2"
    assert len(server.asked("sts")) == 2


def test_a_role_at_a_stand_in_for_s3_is_not_assumed_at_aws(opened: Opened) -> None:
    with pytest.raises(BadSetting, match="assumed at AWS") as failure:
        opened(role_arn="arn:aws:iam::123456789012:role/logs")

    assert failure.value.field == "sts_endpoint"


def test_a_file_of_one_part_is_read_where_it_is(server: Recorder, bucket: S3Bucket, tmp_path: Path) -> None:
    (tmp_path / "built").write_bytes(b"0123456789")

    bucket.put_new("a", tmp_path / "built", GZIP)

    [asked] = server.requests
    assert (asked.body, asked.headers["content-length"]) == (b"0123456789", "10")


def test_a_server_that_never_answers_is_given_up_long_before_the_time_for_a_whole_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(s3._CLIENT_DEFAULTS, "read_timeout", "20ms")
    defaults = retrying.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "backoff_s", 0.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        bucket = open_connection(
            Connection(
                provider="minio",
                options={
                    "bucket": "logs",
                    "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}",
                    "access_key_id": "id",
                },
                secrets={"secret_access_key": "key"},
            )
        )
        with pytest.raises(StorageUnavailable):
            bucket.head("a")
        with pytest.raises(StorageUnavailable):
            bucket.get("a")
