"""The connection test: which verdicts a bucket gets, and what is to be done."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from logkeep.errors import (
    DamagedArchive,
    LogkeepError,
    ObjectExists,
    ObjectFrozen,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.base import Bucket, Cold, Stat
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.storage.probe import CHECKS, READ_CHECKS, Verdict, probe, usable

S3 = Connection(
    provider="s3", options={"bucket": "logs"}, secrets={"secret_access_key": "hush", "session_token": ""}
)
DENIED = StorageDenied("s3://logs does not let us at it: AccessDenied", hint="ask")


@dataclass
class DoubleBucket:
    """A bucket in memory. `failing` says which calls fail, and how."""

    url: str = "s3://logs"
    atomic_create: bool = True
    failing: dict[str, Exception] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    overwrites: bool = False
    hidden: bool = False  # whether listings leave out what was written
    ranges: bool = True  # whether a part is the part that was asked for
    held: threading.Event | None = None  # no call returns before this
    calls: list[str] = field(default_factory=list)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.held:
            self.held.wait()
        if name in self.failing:
            raise self.failing[name]

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        del content_type
        self._call("put_again" if key in self.objects else "put_new")
        if key in self.objects and not self.overwrites:
            raise ObjectExists(key)
        assert isinstance(data, bytes)
        self.objects[key] = data

    def get(self, key: str) -> bytes:
        self._call("get")
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self._call("get_range")
        first = start if self.ranges else 0
        return self.objects[key][first : first + length]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.get_range(key, *one) for one in ranges]

    def head(self, key: str) -> Stat:
        return Stat(key=key, size=len(self.objects[key]), modified=0)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        self._call("list")
        keys = [key for key in self.objects if key.startswith(prefix)]
        yield from (Stat(key=key, size=len(self.objects[key]), modified=0) for key in keys if not self.hidden)

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        del prefix
        return iter(())

    def thaw(self, key: str, tier: str, days: int) -> None:
        raise AssertionError(f"a connection test thaws nothing: {key}, {tier}, {days}")

    def delete(self, key: str) -> None:
        self._call("delete")
        del self.objects[key]

    def local_path(self, key: str) -> Path | None:
        del key
        return None


def by_check(bucket: Bucket, connection: Connection = S3) -> dict[str, Verdict]:
    verdicts = probe(bucket, connection)
    assert tuple(one.check for one in verdicts) == CHECKS
    assert all(one.detail for one in verdicts)
    assert all(bool(one.remedy) is (one.ok is False) for one in verdicts)
    return {one.check: one for one in verdicts}


def oks(verdicts: dict[str, Verdict]) -> list[bool | None]:
    return [one.ok for one in verdicts.values()]


def test_a_bucket_that_does_all_passes_and_is_left_as_it_was() -> None:
    bucket = DoubleBucket()
    verdicts = by_check(bucket)

    assert oks(verdicts) == [True] * 6
    assert usable(list(verdicts.values()))
    assert bucket.objects == {}


def test_a_folder_passes(tmp_path: Path) -> None:
    connection = Connection(provider="folder", options={"path": str(tmp_path)})

    assert oks(by_check(FolderBucket(tmp_path), connection)) == [True] * 6


def test_what_may_not_be_deleted_stays_and_the_bucket_is_usable() -> None:
    bucket = DoubleBucket(failing={"delete": DENIED})
    verdicts = by_check(bucket)
    [left] = bucket.objects

    assert oks(verdicts) == [True] * 5 + [None]
    assert verdicts["clean_up"].detail.startswith(f"not allowed, and not needed: the object {left} stays")
    assert left.startswith("_logkeep-test/")
    assert usable(list(verdicts.values()))


@pytest.mark.parametrize(
    ("call", "check", "permission"),
    [
        ("put_again", "create_only", "s3:PutObject, and s3:GetObject, as logkeep looks whether it is there"),
        ("get", "read", "s3:GetObject"),
        ("get_range", "read", "s3:GetObject"),
        ("list", "list", "s3:ListBucket"),
    ],
)
def test_a_permission_that_is_missing_is_named(call: str, check: str, permission: str) -> None:
    verdicts = by_check(DoubleBucket(failing={call: DENIED}))

    assert {name for name, one in verdicts.items() if not one.ok} == {check}
    assert verdicts[check].remedy == f"allow {permission}"
    assert "AccessDenied" in verdicts[check].detail
    assert not usable(list(verdicts.values()))


def test_with_keys_of_ones_own_the_permissions_on_the_key_are_named() -> None:
    connection = Connection(provider="s3", options={"sse": "kms"})
    verdicts = by_check(DoubleBucket(failing={"put_new": DENIED}), connection)

    assert "kms:GenerateDataKey" in verdicts["write"].remedy


def test_a_key_that_the_bucket_encrypts_with_by_itself_is_named() -> None:
    denied = StorageDenied("it may not be used: not authorized to perform: kms:GenerateDataKey", hint="-")
    verdicts = by_check(DoubleBucket(failing={"put_new": denied}))

    assert "allow kms:GenerateDataKey and kms:Decrypt" in verdicts["write"].remedy


def test_an_account_key_lacks_no_permission() -> None:
    connection = Connection(provider="azure", options={"credentials": "key"})
    verdicts = by_check(DoubleBucket(failing={"put_new": DENIED}), connection)

    assert "network settings" in verdicts["write"].remedy


@pytest.mark.parametrize(
    ("provider", "permission"),
    [("azure", "Storage Blob Data Contributor"), ("gcs", "storage.objects.create"), ("folder", "write")],
)
def test_a_permission_is_named_as_the_provider_names_it(provider: str, permission: str) -> None:
    connection = Connection(provider=provider, options={})
    verdicts = by_check(DoubleBucket(failing={"put_new": DENIED}), connection)

    assert permission in verdicts["write"].remedy


def test_without_write_permission_the_rest_is_tried_as_far_as_it_can_be() -> None:
    bucket = DoubleBucket(failing={"put_new": DENIED})
    verdicts = by_check(bucket)

    assert oks(verdicts) == [True, False, None, True, True, None]
    assert bucket.calls == ["put_new", "list", "list", "get"]


def test_without_write_permission_a_read_that_is_denied_is_told() -> None:
    verdicts = by_check(DoubleBucket(failing={"put_new": DENIED, "get": DENIED}))

    assert oks(verdicts) == [True, False, None, False, True, None]
    assert verdicts["read"].remedy == "allow s3:GetObject"


def test_without_write_and_list_permission_nothing_can_be_told_of_reading() -> None:
    """S3 then answers 403 for a missing key, whether reading is allowed or not."""
    bucket = DoubleBucket(failing={"put_new": DENIED, "list": DENIED, "get": DENIED})

    assert oks(by_check(bucket)) == [True, False, None, None, False, None]
    assert "get" not in bucket.calls


def test_a_provider_that_overwrites_must_be_said_to() -> None:
    verdicts = by_check(DoubleBucket(overwrites=True))

    assert oks(verdicts) == [True, True, False, True, True, True]
    assert verdicts["create_only"].remedy.startswith("set atomic_create=false")


def test_a_provider_without_conditional_puts_says_so_itself() -> None:
    """Some answer 501 to If-None-Match."""
    refused = StorageError("it could not be written: NotImplemented")
    verdicts = by_check(DoubleBucket(failing={"put_new": refused}))

    assert oks(verdicts)[:2] == [True, False]
    assert verdicts["write"].remedy.startswith("set atomic_create=false")


def test_looking_first_is_said_to_be_no_refusal_of_the_provider() -> None:
    verdicts = by_check(DoubleBucket(atomic_create=False))

    assert verdicts["create_only"] == Verdict(
        check="create_only",
        ok=True,
        detail="the provider does not refuse a second write itself; logkeep looks first",
    )


def test_looking_first_needs_permission_to_read() -> None:
    verdicts = by_check(DoubleBucket(atomic_create=False, failing={"put_new": DENIED}))

    assert verdicts["write"].remedy.startswith("allow s3:PutObject, and s3:GetObject, as logkeep looks")


def test_an_object_that_is_shown_late_is_not_safe_from_a_second_write() -> None:
    verdicts = by_check(DoubleBucket(atomic_create=False, overwrites=True))

    assert verdicts["create_only"].ok is False
    assert "atomic_create" not in verdicts["create_only"].remedy


def test_the_answer_of_the_write_may_be_lost() -> None:
    """Then the second try of the same call finds the object that the first one wrote."""

    class Losing(DoubleBucket):
        def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
            first = key not in self.objects
            super().put_new(key, data, content_type)
            if first:
                raise ObjectExists(key)

    assert oks(by_check(Losing())) == [True] * 6


def test_other_bytes_than_were_written_are_no_read() -> None:
    class Changing(DoubleBucket):
        def get(self, key: str) -> bytes:
            return super().get(key).replace(b"\n", b"\r\n")

    assert by_check(Changing())["read"].ok is False


@pytest.mark.parametrize(
    "error", [StorageError("no ranges here: 501"), DamagedArchive("it ends before byte 16")]
)
def test_a_provider_without_ranges_must_be_said_to(error: LogkeepError) -> None:
    verdicts = by_check(DoubleBucket(failing={"get_range": error}))

    assert verdicts["read"].ok is False
    assert verdicts["read"].remedy.startswith("set range_reads=false")


def test_a_read_that_fails_for_now_is_no_lack_of_ranges() -> None:
    verdicts = by_check(
        DoubleBucket(failing={"get_range": StorageUnavailable("SlowDown", hint="test again")})
    )

    assert verdicts["read"].remedy == "test again"


def test_a_part_that_is_another_part_is_no_read() -> None:
    verdict = by_check(DoubleBucket(ranges=False))["read"]

    assert verdict.ok is False
    assert verdict.remedy.startswith("set range_reads=false")


def test_a_listing_must_show_what_was_written() -> None:
    verdicts = by_check(DoubleBucket(hidden=True))

    assert verdicts["list"].ok is False
    assert "does not show _logkeep-test/" in verdicts["list"].detail


@pytest.mark.parametrize(
    ("words", "found", "remedy"),
    [
        ("dns error: failed to lookup address information", "name is not known", "region (or endpoint)"),
        ("tcp connect error: Connection refused (os error 111)", "refuses the connection", "port"),
        ("Client sent an HTTP request to an HTTPS server", "wants https", "https://"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "speaks http", "http://"),
        ("invalid peer certificate: UnknownIssuer", "certificate", "trusts"),
        ("URL scheme is not allowed", "http was not asked for", "allow_http=true"),
        ("RequestTimeTooSkewed: The difference between", "clocks", "NTP"),
        (
            "AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            "another region",
            "set region=eu-west-1",
        ),
        ("PermanentRedirect", "another region", "set region to the region of the bucket"),
        ("the bucket of s3://logs does not exist", "no such bucket", "correct bucket"),
        ("InvalidBucketName", "no name of a bucket", "correct bucket"),
        ("ExpiredToken: The provided token has expired.", "have expired", "make new ones"),
        ("SignatureDoesNotMatch", "does not fit the key", "access_key_id and secret_access_key"),
        ("InvalidAccessKeyId", "does not know these credentials", "access_key_id and secret_access_key"),
        ("AccessDenied: not authorized to perform: sts:AssumeRole", "cannot be assumed", "trust policy"),
        ("Unable to locate credentials", "no credentials were found", "role or identity"),
        ("operation timed out", "there is no answer", "firewalls"),
    ],
)
def test_what_keeps_us_from_the_bucket_is_told_apart(words: str, found: str, remedy: str) -> None:
    bucket = DoubleBucket(failing={"put_new": StorageDenied(f"no way: {words}", hint="-")})
    verdicts = by_check(bucket)

    assert oks(verdicts) == [False] + [None] * 5
    assert found in verdicts["reach"].detail
    assert words in verdicts["reach"].detail
    assert remedy in verdicts["reach"].remedy
    assert bucket.calls == ["put_new"]


@pytest.mark.parametrize(
    ("options", "words", "remedy"),
    [
        (
            {"credentials": "app"},
            "AADSTS7000215: Invalid client secret",
            "tenant_id, client_id and client_secret",
        ),
        ({"credentials": "app"}, "AADSTS90002: Tenant 'x' not found", "correct tenant_id"),
        ({"credentials": "app"}, "AADSTS700016: Application with id", "correct client_id"),
        ({"credentials": "sas"}, "AuthenticationFailed: not valid in the specified time frame", "sas_token"),
        ({"credentials": "key"}, "AuthenticationFailed", "account_name and account_key"),
        ({}, "ContainerNotFound", "correct container"),
        ({}, "AuthorizationFailure: This request is not authorized", "network settings"),
        ({}, "AuthorizationProtocolMismatch", "https://"),
        ({}, "getaddrinfo failed", "account_name"),
    ],
)
def test_remedies_name_the_settings_of_the_provider(options: dict[str, str], words: str, remedy: str) -> None:
    bucket = DoubleBucket(failing={"put_new": StorageError(words)})
    verdicts = by_check(bucket, Connection(provider="azure", options=options))

    assert remedy in verdicts["reach"].remedy


def test_the_cause_of_an_error_is_read_too() -> None:
    error = StorageUnavailable("it could not be written", hint="-")
    error.__cause__ = ConnectionError("Connection refused")

    assert "refuses" in by_check(DoubleBucket(failing={"put_new": error}))["reach"].detail


def test_the_region_that_an_error_already_found_is_told() -> None:
    error = StorageError("s3://logs is in another region: PermanentRedirect", hint="set region=eu-west-1")

    assert by_check(DoubleBucket(failing={"put_new": error}))["reach"].remedy == "set region=eu-west-1"


def test_a_bucket_with_a_telling_name_is_no_sign() -> None:
    error = StorageDenied("s3://tls-kms-timeout-expired/x does not let us at it: AccessDenied", hint="-")

    verdicts = by_check(DoubleBucket(failing={"put_new": error}))

    assert oks(verdicts)[:2] == [True, False]
    assert verdicts["write"].remedy == "allow s3:PutObject"


def test_a_server_in_trouble_is_not_reached() -> None:
    busy = StorageUnavailable("it could not be written: SlowDown", hint="it is tried again")
    verdicts = by_check(DoubleBucket(failing={"put_new": busy}))

    assert oks(verdicts) == [False] + [None] * 5
    assert verdicts["reach"].remedy == "it is tried again"


def test_secrets_that_a_provider_repeats_are_masked() -> None:
    said = StorageDenied("you said hush", hint="-")
    for call in ("put_new", "put_again", "get", "get_range", "list", "delete"):
        assert "hush" not in repr(probe(DoubleBucket(failing={call: said}), S3))


def test_a_server_that_never_answers_does_not_hold_up_the_test() -> None:
    released = threading.Event()

    try:
        verdicts = probe(DoubleBucket(held=released), S3, limit_s=0.02)
    finally:
        released.set()

    assert [one.ok for one in verdicts] == [False] + [None] * 5
    assert "there is no answer" in verdicts[0].detail


def reading(bucket: Bucket) -> dict[str, Verdict]:
    verdicts = probe(bucket, S3, read_only=True)
    assert tuple(one.check for one in verdicts) == READ_CHECKS
    assert all(bool(one.remedy) is (one.ok is False) for one in verdicts)
    return {one.check: one for one in verdicts}


def test_a_bucket_that_is_only_read_is_not_written_to() -> None:
    bucket = DoubleBucket(objects={"empty/": b"", "theirs.json.gz": b"x"})
    verdicts = reading(bucket)

    assert oks(verdicts) == [True, True, True]
    assert usable(list(verdicts.values()))
    assert bucket.calls == ["list", "get_range"]
    assert bucket.objects == {"empty/": b"", "theirs.json.gz": b"x"}


@pytest.mark.parametrize("objects", [{}, {"marker": b""}])
def test_a_bucket_that_is_only_read_needs_something_to_read(objects: dict[str, bytes]) -> None:
    bucket = DoubleBucket(objects=objects)
    verdicts = reading(bucket)

    assert oks(verdicts) == [True, None, bool(objects)]
    assert not usable(list(verdicts.values()))
    assert bucket.calls == ["list"]


@pytest.mark.parametrize(
    ("call", "wanted", "permission"),
    [("list", [True, None, False], "s3:ListBucket"), ("get_range", [True, False, True], "s3:GetObject")],
)
def test_a_permission_to_read_that_is_missing_is_named(
    call: str, wanted: list[bool | None], permission: str
) -> None:
    verdicts = reading(DoubleBucket(objects={"a": b"x"}, failing={call: DENIED}))

    assert oks(verdicts) == wanted
    assert not usable(list(verdicts.values()))
    assert any(permission in one.remedy for one in verdicts.values())


def test_a_bucket_that_is_only_read_and_not_reached_is_told_by_the_listing() -> None:
    failing: dict[str, Exception] = {"list": StorageDenied("no way: InvalidAccessKeyId", hint="-")}
    verdicts = reading(DoubleBucket(failing=failing))

    assert oks(verdicts) == [False, None, None]
    assert "access_key_id" in verdicts["reach"].remedy


def test_an_archive_in_cold_storage_can_be_read_once_it_is_thawed() -> None:
    failing: dict[str, Exception] = {"get_range": ObjectFrozen("a is frozen")}
    verdicts = reading(DoubleBucket(objects={"a": b"x"}, failing=failing))

    assert oks(verdicts) == [True, True, True]
    assert "cold storage" in verdicts["read"].detail


def test_what_is_no_answer_of_a_bucket_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        probe(DoubleBucket(failing={"put_new": ZeroDivisionError()}), S3)
