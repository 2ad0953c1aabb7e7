"""Cold objects of S3: what AWS says of them and moto does not, and what AWS is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from logkeep.errors import BadSetting, LogkeepError, StorageDenied, StorageUnavailable
from logkeep.restore.thaw import ThawTier, expected_hours
from logkeep.storage.base import THAW_TIERS, Cold
from logkeep.storage.s3 import S3Bucket
from logkeep.storage.s3_cold import TIERS, cold_in_head, cold_in_listing, in_doubt, restore_request
from tests.unit.storage.s3_recorder import Answer, Recorder

Opened = Callable[..., S3Bucket]

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PAST, FUTURE = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
# The recorder's clock is the machine's.
LONG_AGO, FAR_OFF = "Fri, 21 Dec 2012 00:00:00 GMT", "Fri, 31 Dec 2100 00:00:00 GMT"


def entry(storage_class: str, **status: object) -> dict[str, Any]:
    return {"StorageClass": storage_class} | ({"RestoreStatus": status} if status else {})


@pytest.mark.parametrize(
    ("listed", "of_aws", "elsewhere"),
    [
        (entry("STANDARD"), False, False),
        (entry("GLACIER_IR"), False, False),
        ({}, False, False),  # a server without classes
        (entry("GLACIER"), False, True),
        (entry("DEEP_ARCHIVE"), False, True),
        (entry("GLACIER", IsRestoreInProgress=True), False, False),
        (entry("GLACIER", IsRestoreInProgress=False, RestoreExpiryDate=FUTURE), False, False),
        (entry("GLACIER", IsRestoreInProgress=False), True, True),
        (entry("INTELLIGENT_TIERING"), True, True),
    ],
)
def test_only_what_a_listing_leaves_in_doubt_is_asked_for(
    listed: Mapping[str, Any], of_aws: bool, elsewhere: bool
) -> None:
    assert (in_doubt(listed, of_aws=True), in_doubt(listed, of_aws=False)) == (of_aws, elsewhere)


@pytest.mark.parametrize(
    ("listed", "thawing"),
    [
        (entry("STANDARD"), None),
        (entry("GLACIER_IR"), None),
        ({}, None),
        (entry("GLACIER"), False),
        (entry("DEEP_ARCHIVE", IsRestoreInProgress=True), True),
        (entry("GLACIER", IsRestoreInProgress=False, RestoreExpiryDate=FUTURE), None),
        (entry("GLACIER", IsRestoreInProgress=False, RestoreExpiryDate=PAST), False),
    ],
)
def test_what_a_listing_says_of_an_object(listed: Mapping[str, Any], thawing: bool | None) -> None:
    found = cold_in_listing("a", listed, NOW)

    expected = Cold(key="a", storage_class=listed.get("StorageClass", ""), thawing=bool(thawing))
    assert found == (None if thawing is None else expected)


@pytest.mark.parametrize(
    ("head", "storage_class", "thawing"),
    [
        ({}, "", None),
        ({"StorageClass": "GLACIER_IR"}, "", None),
        ({"StorageClass": "GLACIER"}, "GLACIER", False),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, "GLACIER", True),
        (
            {"StorageClass": "GLACIER", "Restore": f'ongoing-request="false", expiry-date="{FAR_OFF}"'},
            "",
            None,
        ),
        (
            {"StorageClass": "DEEP_ARCHIVE", "Restore": f'ongoing-request="false", expiry-date="{LONG_AGO}"'},
            "DEEP_ARCHIVE",
            False,
        ),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="false"'}, "", None),  # for good
        (
            {"StorageClass": "GLACIER", "Restore": 'ongoing-request="false", expiry-date="?"'},
            "GLACIER",
            False,
        ),
        ({"StorageClass": "INTELLIGENT_TIERING"}, "", None),
        (
            {"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"},
            "ARCHIVE_ACCESS",
            False,
        ),
        (
            {
                "StorageClass": "INTELLIGENT_TIERING",
                "ArchiveStatus": "DEEP_ARCHIVE_ACCESS",
                "Restore": 'ongoing-request="true"',
            },
            "DEEP_ARCHIVE_ACCESS",
            True,
        ),
    ],
)
def test_what_a_head_says_of_an_object(
    head: Mapping[str, Any], storage_class: str, thawing: bool | None
) -> None:
    found = cold_in_head("a", head, NOW)

    expected = Cold(key="a", storage_class=storage_class, thawing=bool(thawing))
    assert found == (None if thawing is None else expected)


@pytest.mark.parametrize(
    ("storage_class", "tier", "expected"),
    [
        ("GLACIER", "expedited", {"Days": 3, "GlacierJobParameters": {"Tier": "Expedited"}}),
        ("DEEP_ARCHIVE", "bulk", {"Days": 3, "GlacierJobParameters": {"Tier": "Bulk"}}),
        ("ARCHIVE_ACCESS", "standard", {"GlacierJobParameters": {"Tier": "Standard"}}),
        ("DEEP_ARCHIVE_ACCESS", "bulk", {"GlacierJobParameters": {"Tier": "Bulk"}}),
    ],
)
def test_days_are_asked_for_where_a_restored_object_freezes_again(
    storage_class: str, tier: str, expected: dict[str, Any]
) -> None:
    assert restore_request(Cold(key="a", storage_class=storage_class, thawing=False), tier, 3) == expected


def test_the_tiers_of_a_class_are_those_whose_hours_are_known() -> None:
    assert tuple(ThawTier) == THAW_TIERS
    for storage_class, tiers in TIERS.items():
        for tier in THAW_TIERS:
            if tier in tiers:
                assert expected_hours(storage_class, tier)
                continue
            with pytest.raises(BadSetting, match=f"{storage_class} has no thaw tier {tier}") as asked:
                restore_request(Cold(key="a", storage_class=storage_class, thawing=False), tier, 1)
            with pytest.raises(BadSetting, match=f"{storage_class} has no thaw tier {tier}") as planned:
                expected_hours(storage_class, tier)
            assert asked.value.hint == planned.value.hint == f"one of {', '.join(tiers)}"


def page(*entries: tuple[str, str, str], more: bool = False) -> Answer:
    """A page of a listing: keys, their classes, and what is said of a restore."""
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-20T09:00:00Z</LastModified><Size>1</Size>"
        f"<StorageClass>{storage_class}</StorageClass>{status}</Contents>"
        for key, storage_class, status in entries
    )
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return Answer(body=f"<ListBucketResult>{truncated}{contents}</ListBucketResult>")


def status(text: str) -> str:
    return f"<RestoreStatus>{text}</RestoreStatus>"


RUNNING = status("<IsRestoreInProgress>true</IsRestoreInProgress>")
DONE = status(
    "<IsRestoreInProgress>false</IsRestoreInProgress>"
    "<RestoreExpiryDate>2100-12-31T00:00:00Z</RestoreExpiryDate>"
)


def at_aws(bucket: S3Bucket) -> S3Bucket:
    """The bucket, that takes the recorder for AWS."""
    assert bucket._aws.client
    bucket._aws.endpoint = "https://s3.eu-west-1.amazonaws.com"
    return bucket


def test_at_aws_a_listing_is_enough_but_for_intelligent_tiering(server: Recorder, bucket: S3Bucket) -> None:
    server.answers["page"] = [
        page(
            ("prefix/a/1", "GLACIER", ""),
            ("prefix/a/2", "GLACIER", RUNNING),
            ("prefix/a/3", "DEEP_ARCHIVE", DONE),
            ("prefix/a/4", "STANDARD", ""),
            more=True,
        ),
        page(("prefix/a/5", "INTELLIGENT_TIERING", ""), ("prefix/a/6", "GLACIER", "")),
    ]
    tier = {"x-amz-storage-class": "INTELLIGENT_TIERING", "x-amz-archive-status": "ARCHIVE_ACCESS"}
    server.answers["head"] = [Answer(headers=tier)]

    assert list(at_aws(bucket).cold("a/")) == [
        Cold(key="a/1", storage_class="GLACIER", thawing=False),
        Cold(key="a/2", storage_class="GLACIER", thawing=True),
        Cold(key="a/5", storage_class="ARCHIVE_ACCESS", thawing=False),
        Cold(key="a/6", storage_class="GLACIER", thawing=False),
    ]
    first, second = (parse_qs(urlsplit(one.path).query) for one in server.asked("list"))
    assert (first["prefix"], second["prefix"], second["start-after"]) == (
        ["prefix/a/"],
        ["prefix/a/"],
        ["prefix/a/4"],
    )
    assert [one.headers["x-amz-optional-object-attributes"] for one in server.asked("list")] == [
        "RestoreStatus",
        "RestoreStatus",
    ]
    assert [one.path for one in server.asked("head")] == ["/logs/prefix/a/5"]


def test_a_server_that_tells_no_restores_is_asked_for_each_object_that_may_be_cold(
    server: Recorder, opened: Opened
) -> None:
    server.answers["page"] = [page(("prefix/1", "GLACIER", ""), ("prefix/2", "STANDARD", ""))]
    restored = {
        "x-amz-storage-class": "GLACIER",
        "x-amz-restore": f'ongoing-request="false", expiry-date="{FAR_OFF}"',
    }
    server.answers["head"] = [Answer(headers=restored)]

    assert list(opened("s3-compatible").cold()) == []
    assert [one.path for one in server.asked("head")] == ["/logs/prefix/1"]
    assert "x-amz-optional-object-attributes" not in server.asked("list")[0].headers


def test_what_was_deleted_since_it_was_listed_is_not_cold(server: Recorder, bucket: S3Bucket) -> None:
    server.answers["page"] = [page(("prefix/1", "GLACIER", ""))]

    assert list(bucket.cold()) == []  # the recorder's HEADs find nothing
    assert len(server.asked("head")) == 1


def test_a_page_that_failed_is_asked_for_again(server: Recorder, bucket: S3Bucket) -> None:
    server.answers["page"] = [Answer(503, "SlowDown"), page(("prefix/1", "GLACIER", RUNNING))]

    assert [cold.key for cold in bucket.cold()] == ["1"]


FROZEN = Answer(headers={"x-amz-storage-class": "GLACIER"})


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(202)],
        [Answer(200)],
        [Answer(409, "RestoreAlreadyInProgress")],
        [Answer(403, "ObjectAlreadyInActiveTierError")],
        [Answer(503, "SlowDown"), Answer(lost=True), Answer(409, "RestoreAlreadyInProgress")],
    ],
)
def test_a_thaw_is_asked_for_until_it_is_answered(
    server: Recorder, bucket: S3Bucket, answers: list[Answer]
) -> None:
    server.answers |= {"head": [FROZEN], "restore": list(answers)}

    bucket.thaw("a", "bulk", 4)

    asked = server.asked("restore")
    assert len(asked) == len(answers)
    assert asked[0].path == "/logs/prefix/a?restore"
    assert b"<Days>4</Days>" in asked[0].body
    assert b"<Tier>Bulk</Tier>" in asked[0].body


@pytest.mark.parametrize(
    ("answers", "error", "hint"),
    [
        ([Answer(403, "AccessDenied")], StorageDenied, "s3:RestoreObject"),
        ([Answer(503, "GlacierExpeditedRetrievalNotAvailable")] * 4, StorageUnavailable, "standard"),
    ],
)
def test_a_thaw_that_is_refused_says_what_to_do(
    server: Recorder, bucket: S3Bucket, answers: list[Answer], error: type[LogkeepError], hint: str
) -> None:
    server.answers |= {"head": [FROZEN], "restore": list(answers)}

    with pytest.raises(error) as failure:
        bucket.thaw("a", "expedited", 1)

    assert hint in failure.value.hint
    assert len(server.asked("restore")) == len(answers)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-storage-class": "STANDARD_IA"},
        {"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="true"'},
        {
            "x-amz-storage-class": "GLACIER",
            "x-amz-restore": f'ongoing-request="false", expiry-date="{FAR_OFF}"',
        },
    ],
)
def test_what_is_readable_or_thaws_is_not_asked_for(
    server: Recorder, bucket: S3Bucket, headers: Mapping[str, str]
) -> None:
    server.answers["head"] = [Answer(headers=headers)]

    bucket.thaw("a", "standard", 1)

    assert server.asked("restore") == []
