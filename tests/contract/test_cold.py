"""Cold storage as the servers have it: moto's Glacier, whose restores can be held up, and Azurite's archive
tier, which a blob leaves at once (a rehydration that takes time: tests/unit/storage/test_azure_cold.py)."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from logkeep.errors import BadSetting, ObjectExists, ObjectFrozen, StorageDenied
from logkeep.restore.thaw import Frozen, find_cold, frozen_among
from logkeep.storage.base import GZIP, Bucket, Cold
from logkeep.storage.grants import aws_policy
from logkeep.storage.open import open_bucket, open_connection
from tests.contract.azure_servers import Azurite
from tests.contract.s3_servers import GuardedS3, aws_client, free_port, make_bucket, program, serving

FOLDER = "year=2026/month=11/day=20/"
KEY = f"{FOLDER}main.2026-11-20.0900.json.gz"
PREFIX = "some/prefix"
Options = Callable[[str], dict[str, str]]
READS: tuple[Callable[[Bucket], object], ...] = (
    lambda bucket: bucket.get(KEY),
    lambda bucket: bucket.get_range(KEY, 1, 2),
    lambda bucket: bucket.get_ranges(KEY, [(0, 1), (2, 1)]),
)


class Glacier:
    """A moto server, and how far its restores get."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def finish(self) -> None:
        """Every restore, those to come too, is done as soon as it is asked for."""
        self._progress({"progression": "immediate"})

    def hold_up(self, bucket: str, key: str) -> None:
        """Keep what was asked for this object under way, until `finish`."""
        self._progress({"progression": "manual", "times": 1})
        self.head(bucket, key)  # the step from nothing to under way
        self._progress({"progression": "manual", "times": 1_000_000})

    def hold_all(self) -> None:
        self._progress({"progression": "manual", "times": 1})

    def put(self, bucket: str, key: str, storage_class: str) -> None:
        client = aws_client("s3", self.endpoint)
        client.put_object(Bucket=bucket, Key=f"{PREFIX}/{key}", Body=b"abc", StorageClass=storage_class)

    def head(self, bucket: str, key: str) -> Mapping[str, Any]:
        found = aws_client("s3", self.endpoint).head_object(Bucket=bucket, Key=f"{PREFIX}/{key}")
        return dict(found)

    def _progress(self, transition: Mapping[str, object]) -> None:
        wanted = {"model_name": "s3::keyrestore", "transition": transition}
        url, headers = f"{self.endpoint}/moto-api/state-manager/set-transition", {}
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, json.dumps(wanted).encode(), headers, method="POST")
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glacier]:
    port = free_port()
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, port, tmp_path_factory.mktemp("glacier") / "log") as url:
        yield Glacier(url)


@pytest.fixture
def glacier(server: Glacier) -> Glacier:
    server.finish()
    return server


@pytest.fixture
def name(glacier: Glacier) -> str:
    return make_bucket(glacier.endpoint)


@pytest.fixture
def bucket(glacier: Glacier, name: str, s3_options: Options) -> Bucket:
    return open_bucket(f"s3://{name}/{PREFIX}", s3_options(glacier.endpoint))


@pytest.fixture
def container(azurite: Azurite) -> str:
    return azurite.make_bucket()


def archive(azurite: Azurite, container: str, key: str) -> None:
    """Move a blob to the archive tier, as a lifecycle rule does."""
    with azurite.client(container) as client:
        client.get_blob_client(f"{PREFIX}/{key}").set_standard_blob_tier("Archive")


def tier_of(azurite: Azurite, container: str, key: str) -> str:
    with azurite.client(container) as client:
        return str(client.get_blob_client(f"{PREFIX}/{key}").get_blob_properties().blob_tier)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_read_of_a_frozen_object_says_so(
    glacier: Glacier, name: str, bucket: Bucket, storage_class: str, read: Callable[[Bucket], object]
) -> None:
    glacier.put(name, KEY, storage_class)

    with pytest.raises(ObjectFrozen, match="lies in a cold storage class") as failure:
        read(bucket)

    assert "thaw" in failure.value.hint
    assert not failure.value.retryable
    assert bucket.head(KEY).size == 3
    assert [stat.size for stat in bucket.list()] == [3]


def test_a_read_of_whole_objects_alone_says_so_too(glacier: Glacier, name: str, s3_options: Options) -> None:
    glacier.put(name, KEY, "GLACIER")
    options = s3_options(glacier.endpoint) | {"range_reads": "false"}

    with pytest.raises(ObjectFrozen):
        open_bucket(f"s3://{name}/{PREFIX}", options).get_range(KEY, 0, 1)


def test_only_classes_that_cannot_be_read_are_cold(glacier: Glacier, name: str, bucket: Bucket) -> None:
    classes = (
        "DEEP_ARCHIVE",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",  # moto's has no archive tiers
        "ONEZONE_IA",
        "STANDARD",
        "STANDARD_IA",
    )
    for storage_class in classes:
        glacier.put(name, f"a/{storage_class}", storage_class)
    glacier.put(name, "b/GLACIER", "GLACIER")
    deep = Cold(key="a/DEEP_ARCHIVE", storage_class="DEEP_ARCHIVE", thawing=False)
    flexible = Cold(key="a/GLACIER", storage_class="GLACIER", thawing=False)

    assert list(bucket.cold("a/")) == list(bucket.cold("a")) == [deep, flexible]
    assert [cold.key for cold in bucket.cold()] == ["a/DEEP_ARCHIVE", "a/GLACIER", "b/GLACIER"]
    assert list(bucket.cold("c/")) == []


@pytest.mark.parametrize(("storage_class", "tier"), [("GLACIER", "expedited"), ("DEEP_ARCHIVE", "bulk")])
def test_a_thaw_runs_and_then_the_object_is_read(
    glacier: Glacier, name: str, bucket: Bucket, storage_class: str, tier: str
) -> None:
    glacier.put(name, KEY, storage_class)
    glacier.hold_all()

    bucket.thaw(KEY, tier, 1)
    glacier.hold_up(name, KEY)

    assert list(bucket.cold(FOLDER)) == [Cold(key=KEY, storage_class=storage_class, thawing=True)]
    with pytest.raises(ObjectFrozen):
        bucket.get(KEY)
    bucket.thaw(KEY, tier, 9)
    glacier.finish()
    assert list(bucket.cold(FOLDER)) == []
    assert bucket.get(KEY) == b"abc"
    assert glacier.head(name, KEY)["StorageClass"] == storage_class
    expiry = parsedate_to_datetime(glacier.head(name, KEY)["Restore"].split('"')[3])
    assert expiry < datetime.now(UTC) + timedelta(days=2)  # the second request of nine days was not sent


def test_deep_archive_has_no_expedited_tier(glacier: Glacier, name: str, bucket: Bucket) -> None:
    glacier.put(name, KEY, "DEEP_ARCHIVE")

    with pytest.raises(BadSetting, match="DEEP_ARCHIVE has no thaw tier expedited") as failure:
        bucket.thaw(KEY, "expedited", 1)

    assert failure.value.hint == "one of bulk, standard"
    assert "Restore" not in glacier.head(name, KEY)


@pytest.mark.parametrize("granted", [False, True])
def test_a_thaw_needs_a_permission_that_the_policy_leaves_out(guarded_s3: GuardedS3, granted: bool) -> None:
    name = guarded_s3.make_bucket()
    guarded_s3.client("s3").put_object(
        Bucket=name, Key=f"{PREFIX}/{KEY}", Body=b"abc", StorageClass="GLACIER"
    )
    anyone = guarded_s3.connection(name, ("", ""))
    statements = aws_policy(anyone)["Statement"]
    if granted:
        [objects] = [one for one in statements if "s3:GetObject" in one["Action"]]
        objects["Action"].append("s3:RestoreObject")
    bucket = open_connection(guarded_s3.connection(name, guarded_s3.make_user(statements)))
    assert [cold.key for cold in bucket.cold()] == [KEY]

    if granted:
        bucket.thaw(KEY, "standard", 1)
        assert bucket.get(KEY) == b"abc"
        return
    with pytest.raises(StorageDenied) as failure:
        bucket.thaw(KEY, "standard", 1)
    assert "s3:RestoreObject" in failure.value.hint


def test_what_is_frozen_is_found_in_some_folders(glacier: Glacier, name: str, bucket: Bucket) -> None:
    for key, storage_class in (
        ("a/1", "GLACIER"),
        ("a/2", "STANDARD"),
        ("b/1", "DEEP_ARCHIVE"),
        ("c/1", "GLACIER"),
    ):
        glacier.put(name, key, storage_class)

    found = find_cold(bucket, ["a/", "b/", "a/"])

    assert sorted(found) == ["a/1", "b/1"]
    assert frozen_among([("a/1", 10), ("a/2", 100)], found, "bulk") == Frozen(
        objects=1, bytes=10, thawing=0, by_class={"GLACIER": 1}, hours=(5.0, 12.0)
    )


@pytest.mark.parametrize("read", READS)
def test_a_read_of_an_archived_blob_says_so(
    azurite: Azurite, container: str, read: Callable[[Bucket], object]
) -> None:
    bucket = open_connection(azurite.connection(container, PREFIX))
    bucket.put_new(KEY, b"abc", GZIP)
    archive(azurite, container, KEY)

    with pytest.raises(ObjectFrozen, match="lies in a cold storage class"):
        read(bucket)

    assert bucket.head(KEY).size == 3
    assert [stat.size for stat in bucket.list()] == [3]
    with pytest.raises(ObjectExists):
        bucket.put_new(KEY, b"other", GZIP)


@pytest.mark.parametrize(("storage_class", "tier"), [("", "Hot"), ("Cool", "Cool")])
def test_a_thawed_blob_is_in_its_archives_tier(
    azurite: Azurite, container: str, storage_class: str, tier: str
) -> None:
    more = {"storage_class": storage_class} if storage_class else {}
    bucket = open_connection(azurite.connection(container, PREFIX, **more))
    bucket.put_new(KEY, b"abc", GZIP)
    bucket.put_new("other", b"abc", GZIP)
    archive(azurite, container, KEY)
    assert (
        list(bucket.cold())
        == list(bucket.cold(FOLDER))
        == [Cold(key=KEY, storage_class="Archive", thawing=False)]
    )

    bucket.thaw(KEY, "standard", 1)

    assert list(bucket.cold()) == []
    assert bucket.get(KEY) == b"abc"
    assert tier_of(azurite, container, KEY) == tier


def test_a_sas_token_as_we_ask_for_it_may_thaw(azurite: Azurite, container: str) -> None:
    token = azurite.sas(container, "rcwl")
    bucket = open_connection(azurite.connection(container, PREFIX, "sas", sas_token=token))
    bucket.put_new(KEY, b"abc", GZIP)
    archive(azurite, container, KEY)

    bucket.thaw(KEY, "expedited", 1)

    assert bucket.get(KEY) == b"abc"


def test_a_sas_token_that_may_not_write_may_not_thaw(azurite: Azurite, container: str) -> None:
    open_connection(azurite.connection(container, PREFIX)).put_new(KEY, b"abc", GZIP)
    archive(azurite, container, KEY)
    token = azurite.sas(container, "rl")
    bucket = open_connection(azurite.connection(container, PREFIX, "sas", sas_token=token))

    with pytest.raises(StorageDenied):
        bucket.thaw(KEY, "standard", 1)
