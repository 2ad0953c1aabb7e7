"""S3's objects that it gives out only after a restore: finding them, and asking for it.

As AWS's API reference has it, of ListObjectsV2 (RestoreStatus), HeadObject (x-amz-storage-class,
x-amz-restore, x-amz-archive-status) and RestoreObject. obstore tells none of this. A restored object of the
Glacier classes keeps its class and is readable until a date; one of Intelligent-Tiering leaves its archive
tier for good. GLACIER_IR can be read at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from logkeep.errors import BadSetting, ObjectMissing, StorageDenied, StorageUnavailable
from logkeep.storage.aws import Aws
from logkeep.storage.base import THAW_TIERS, Cold
from logkeep.storage.connection import Connection, is_aws

T = TypeVar("T")

# The tiers that each place has.
TIERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "GLACIER": THAW_TIERS,
        "DEEP_ARCHIVE": ("bulk", "standard"),
        # of INTELLIGENT_TIERING
        "ARCHIVE_ACCESS": THAW_TIERS,
        "DEEP_ARCHIVE_ACCESS": ("bulk", "standard"),
    }
)

# Answers to a RestoreObject by which there is nothing left to ask for.
_ASKED_ALREADY = frozenset({"RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError"})

_GLACIER = ("GLACIER", "DEEP_ARCHIVE")
_TIERING = "INTELLIGENT_TIERING"
_EXPIRY = re.compile(r'expiry-date="([^"]*)"')
_PAGE = 1000  # keys, as many as S3 gives in one answer
_HEADS_AT_ONCE = 8


class Call(Protocol):
    """Calls botocore, tries again what may heal, and translates its errors."""

    def __call__(self, key: str, call: Callable[[], T]) -> T: ...


class ColdObjects:
    """Those of one bucket and prefix. Objects that a listing leaves in doubt are asked for by HEAD, some side
    by side. Safe from any thread."""

    def __init__(self, connection: Connection, aws: Aws, call: Call, url: str) -> None:
        options = connection.options
        self._url, self._aws, self._call = url, aws, call
        self._bucket = options["bucket"]
        self._prefix = f"{options['prefix']}/" if "prefix" in options else ""
        # Others may refuse a header that they do not know.
        self._listed = {"OptionalObjectAttributes": ["RestoreStatus"]} if connection.provider == "s3" else {}

    def below(self, prefix: str) -> Iterator[Cold]:
        folder = f"{self._prefix}{prefix.rstrip('/')}/" if prefix else self._prefix
        last, more = "", True
        while more:
            page, more = self._call(prefix or ".", partial(self._page, folder, last))
            yield from self._cold_of(page)
            last = page[-1]["Key"] if page else last

    def thaw(self, key: str, tier: str, days: int) -> None:
        found = self._by_head(key)
        # What thaws already is left alone: S3 takes money for each such request.
        if found and not found.thawing:
            self._call(key, partial(self._restore, key, restore_request(found, tier, days)))

    def _page(self, folder: str, after: str) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """A page of the listing from `after` on, and whether there may be more."""
        start = {"StartAfter": after} if after else {}
        answer = self._aws.client.list_objects_v2(
            Bucket=self._bucket, Prefix=folder, MaxKeys=_PAGE, **start, **self._listed
        )
        page = [found for found in answer.get("Contents", ()) if found["Key"] > after]
        return page, bool(page) and answer.get("IsTruncated", False)

    def _cold_of(self, page: Sequence[Mapping[str, Any]]) -> Iterator[Cold]:
        of_aws = not self._aws.endpoint or is_aws(self._aws.endpoint)
        now = datetime.now(UTC)
        entries = {str(one["Key"]).removeprefix(self._prefix): one for one in page}
        doubtful = [key for key, one in entries.items() if in_doubt(one, of_aws=of_aws)]
        with ThreadPoolExecutor(_HEADS_AT_ONCE, thread_name_prefix="heads") as pool:
            heads = dict(zip(doubtful, pool.map(self._by_head_if_there, doubtful), strict=True))
        for key, one in entries.items():
            found = heads[key] if key in heads else cold_in_listing(key, one, now)
            if found:
                yield found

    def _by_head_if_there(self, key: str) -> Cold | None:
        try:
            return self._by_head(key)
        except ObjectMissing:  # deleted since it was listed
            return None

    def _by_head(self, key: str) -> Cold | None:
        head = self._call(key, lambda: self._aws.client.head_object(**self._named(key)))
        return cold_in_head(key, head, datetime.now(UTC))

    def _restore(self, key: str, request: Mapping[str, Any]) -> None:
        try:
            self._aws.client.restore_object(RestoreRequest=request, **self._named(key))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code in _ASKED_ALREADY:
                return
            if code == "AccessDenied":
                raise StorageDenied(
                    f"{self._url} does not let us thaw {key}",
                    hint="allow s3:RestoreObject where s3:GetObject is allowed",
                ) from error
            if code == "GlacierExpeditedRetrievalNotAvailable":
                raise StorageUnavailable(
                    f"{self._url} has no room for an expedited thaw of {key} now",
                    hint="it is tried again; the tier standard always has room",
                ) from error
            raise

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}


def in_doubt(listed: Mapping[str, Any], *, of_aws: bool) -> bool:
    """Whether only a HEAD of the object tells if it can be read.

    A listing shows nothing of the tiers of Intelligent-Tiering. The status of a restore is left out by
    servers that do not know it, but by AWS only where there was none.
    """
    storage_class = listed.get("StorageClass")
    if storage_class == _TIERING:
        return True
    status = listed.get("RestoreStatus")
    if storage_class not in _GLACIER or (status and _tells(status)):
        return False
    return bool(status) or not of_aws


def cold_in_listing(key: str, listed: Mapping[str, Any], now: datetime) -> Cold | None:
    """The object as an entry of a listing that leaves no doubt has it; None: it can be read."""
    storage_class = str(listed.get("StorageClass"))
    status = listed.get("RestoreStatus") or {}
    expiry = status.get("RestoreExpiryDate")
    if storage_class not in _GLACIER or (expiry and expiry > now):
        return None
    return Cold(key=key, storage_class=storage_class, thawing=bool(status.get("IsRestoreInProgress")))


def cold_in_head(key: str, head: Mapping[str, Any], now: datetime) -> Cold | None:
    """The object as the answer to a HEAD has it; None: it can be read."""
    storage_class = str(head.get("ArchiveStatus") or head.get("StorageClass"))
    restore = str(head.get("Restore", ""))
    if storage_class not in TIERS or _is_restored(restore, now):
        return None
    return Cold(key=key, storage_class=storage_class, thawing='ongoing-request="true"' in restore)


def restore_request(cold: Cold, tier: str, days: int) -> dict[str, Any]:
    """The RestoreRequest. Raises BadSetting for a tier that the object's class has not."""
    tiers = TIERS[cold.storage_class]
    if tier not in tiers:
        raise BadSetting(
            f"{cold.storage_class} has no thaw tier {tier}, and {cold.key} lies in it",
            hint=f"one of {', '.join(tiers)}",
            field="tier",
        )
    asked: dict[str, Any] = {"GlacierJobParameters": {"Tier": tier.capitalize()}}
    # What leaves an archive tier of Intelligent-Tiering stays out, and AWS refuses days for it.
    return asked | {"Days": days} if cold.storage_class in _GLACIER else asked


def _tells(status: Mapping[str, Any]) -> bool:
    return bool(status.get("IsRestoreInProgress") or status.get("RestoreExpiryDate"))


def _is_restored(restore: str, now: datetime) -> bool:
    """By x-amz-restore. Without a date the restored copy stays: some servers have such restores."""
    if 'ongoing-request="false"' not in restore:
        return False
    expiry = _EXPIRY.search(restore)
    return expiry is None or _date(expiry[1]) > now


def _date(text: str) -> datetime:
    """A date of HTTP; one that cannot be read is past, as a thaw that is asked for again does no harm."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
