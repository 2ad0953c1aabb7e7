"""The marker: a small object that ties a place to an account of one server.

Two servers that write the same account into the same place would mix their lines, and a restore from the
wrong bucket would bring back another's. A marker is never rewritten, because a place may be create-only:
the one with the highest number is in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from logkeep.archive.layout import MARKERS, marker_key, parse_marker_key
from logkeep.errors import BadTime, Conflict, DamagedArchive, ObjectExists, ObjectMissing, OtherMarker
from logkeep.storage.base import JSON, Bucket
from logkeep.timeline import iso, parse_time

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Whose archive is in a place."""

    account: str
    archive: str  # the id of the archive that wrote it
    server: str  # the id of the installation, random and kept in its catalog
    created_at: int


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What docs/archive-format.md says under "Markers"."""

    format_version: int
    account: str
    archive: str
    server: str
    created_at: str  # ISO 8601


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)


def encode(marker: Marker) -> bytes:
    stored = _Stored(
        format_version=FORMAT_VERSION,
        account=marker.account,
        archive=marker.archive,
        server=marker.server,
        created_at=iso(marker.created_at),
    )
    return _encoder.encode(stored) + b"\n"


def decode(data: bytes, where: str) -> Marker:
    """Raises DamagedArchive, naming `where`, for what is no marker or is of a higher format version."""
    try:
        stored = _decoder.decode(data)
        created_at = parse_time(stored.created_at, now=0)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadTime) as error:
        raise DamagedArchive(
            f"{where} is not a marker: {error}",
            hint="it says whose archive this is; put it back from a copy, or start the archive elsewhere",
        ) from error
    if stored.format_version > FORMAT_VERSION:
        raise DamagedArchive(
            f"{where} has format version {stored.format_version}; this program reads up to {FORMAT_VERSION}",
            hint="update logkeep",
        )
    return Marker(account=stored.account, archive=stored.archive, server=stored.server, created_at=created_at)


def read_marker(bucket: Bucket, account: str) -> Marker | None:
    """The account's marker that is in force; None if it has none. Raises DamagedArchive, StorageError."""
    return _in_force(bucket, account)[0]


def markers(bucket: Bucket) -> Mapping[str, Marker]:
    """The markers in force, by account. Reads one object for each. Raises DamagedArchive, StorageError."""
    keys = {account: marker_key(account, number) for account, number in marked_accounts(bucket).items()}
    return {account: decode(bucket.get(key), key) for account, key in keys.items()}


def marked_accounts(bucket: Bucket) -> Mapping[str, int]:
    """The number of the marker in force, by account. Lists the markers' folder and reads none of them."""
    numbers: dict[str, int] = {}
    for stat in bucket.list(MARKERS):
        if parsed := parse_marker_key(stat.key):
            account, number = parsed
            numbers[account] = max(number, numbers.get(account, 0))
    return numbers


def write_marker(bucket: Bucket, marker: Marker) -> None:
    """Put this marker in force, above any other. Nothing is written when the one in force already names
    its account and server. Raises Conflict when another server does the same at this moment,
    DamagedArchive, StorageError."""
    there, number = _in_force(bucket, marker.account)
    if there is not None and _same(there, marker):
        return
    key = marker_key(marker.account, number)
    try:
        bucket.put_new(key, encode(marker), JSON)
    except ObjectExists:
        # Ours, if an earlier try of this call succeeded and its answer was lost.
        if not _same(decode(bucket.get(key), key), marker):
            raise Conflict(
                f"another server has just marked {bucket.url} for account {marker.account}",
                hint="only one server may write an account's archive into a place",
            ) from None


def tie(bucket: Bucket, *, account: str, archive: str, server: str, now: int) -> None:
    """Mark the place as this archive's. Idempotent; raises what `write_marker` raises."""
    write_marker(bucket, Marker(account=account, archive=archive, server=server, created_at=now))


def check_marker(bucket: Bucket, account: str, server: str) -> None:
    """Raises Conflict when the place is another's: its marker for this account names another server, or
    it has markers only for other accounts of other servers. A place without any marker is fine: older
    archives and those of other writers have none. Raises DamagedArchive, StorageError."""
    marker = read_marker(bucket, account)
    if marker is None:
        others = markers(bucket)
        if others and all(one.server != server for one in others.values()):
            raise _another_account(bucket, account, sorted(others))
    elif marker.account != account:
        raise _another_account(bucket, account, [marker.account])
    elif marker.server != server:
        raise OtherMarker(
            f"the marker in {bucket.url} names another server for account {account}: {marker.server},"
            f" since {iso(marker.created_at)}",
            hint="if that server is gone and this place is yours, say that its marker may differ",
        )


def _another_account(bucket: Bucket, account: str, others: Sequence[str]) -> OtherMarker:
    named = ", ".join(others[:3]) + (" and others" if len(others) > 3 else "")
    return OtherMarker(
        f"the marker in {bucket.url} names another account than {account}: {named}",
        hint="check bucket and prefix; if this is the right place, say that its marker may differ",
    )


def _same(one: Marker, other: Marker) -> bool:
    return (one.account, one.server) == (other.account, other.server)


def _in_force(bucket: Bucket, account: str) -> tuple[Marker | None, int]:
    """The marker in force and the number that is free above it. Numbers have no gaps, so this asks for
    one after the other; a listing would cost more the more accounts there are."""
    found: tuple[bytes, str] | None = None
    number = 0
    while True:
        key = marker_key(account, number)
        try:
            found = bucket.get(key), key
        except ObjectMissing:
            return (decode(*found) if found else None), number
        number += 1
