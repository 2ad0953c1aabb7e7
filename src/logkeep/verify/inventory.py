"""Inventory: what a bucket lists, sorted into objects, manifests, markers and what belongs to neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import (
    MANIFESTS,
    ObjectName,
    filtered_key,
    manifest_key,
    object_key,
    parse_key,
    parse_marker_key,
    prefixes,
)
from logkeep.archive.manifest import Manifest
from logkeep.errors import DamagedArchive, ObjectFrozen, ObjectMissing
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import TimeRange

_MOST_FOLDERS = 62  # listing more of them, as for a range without an end, costs more than listing all


@dataclass(kw_only=True)
class Inventory:
    """Objects are by hour, account and part."""

    objects: list[tuple[ObjectName, Stat]] = field(default_factory=list)
    manifests: set[str] = field(default_factory=set)  # keys of the objects they are for
    markers: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def take_inventory(bucket: Bucket, account: str | None, within: TimeRange | None) -> Inventory:
    """What there is of one account or all, of the hours that `within` touches or all. Raises StorageError.

    Strangers are only looked for in the whole: nobody can say which account or hour they are of.
    """
    inventory = Inventory()
    hours = within.hours() if within else None
    for stat in _listed(bucket, within):
        key = object_key(stat.key) if stat.key.startswith(MANIFESTS) else stat.key
        name = parse_key(key) if key else None
        if name is None or key is None:
            _sort_other(inventory, stat.key, account, whole=account is None and within is None)
        elif account in (None, name.account) and (hours is None or name.hour in hours):
            if key == stat.key:
                inventory.objects.append((name, stat))
            else:
                inventory.manifests.add(key)
    inventory.objects.sort(key=lambda one: (one[0].hour, one[0].account, one[0].part))
    return inventory


def _listed(bucket: Bucket, within: TimeRange | None) -> Iterator[Stat]:
    folders = prefixes(within) if within else ()
    if not folders or len(folders) > _MOST_FOLDERS:
        yield from bucket.list()
    else:
        for folder in folders:
            yield from bucket.list(folder)
            yield from bucket.list(MANIFESTS + folder)


def _sort_other(inventory: Inventory, key: str, account: str | None, *, whole: bool) -> None:
    if marker := parse_marker_key(key):
        if account in (None, marker[0]):
            inventory.markers.append(key)
    elif whole and filtered_key(key) is None:  # an archive is whole without its filters
        inventory.strangers.append(key)


@dataclass(frozen=True, kw_only=True)
class StoredManifest:
    """A manifest as it is in the bucket. `manifest` is None when there is none or it cannot be read."""

    manifest: Manifest | None
    sha256: str  # of its bytes; "" when there is none
    damage: str = ""  # why it cannot be read


def read_stored(bucket: Bucket, key: str) -> StoredManifest:
    """The manifest at `key`, which is its own and not its object's. Raises StorageError."""
    try:
        data = bucket.get(key)
    except ObjectMissing:
        return StoredManifest(manifest=None, sha256="")
    except ObjectFrozen as error:
        return StoredManifest(manifest=None, sha256="", damage=error.message)
    digest = manifests.digest(data)
    try:
        return StoredManifest(manifest=manifests.decode(data, key, tiled=False), sha256=digest)
    except DamagedArchive as error:
        return StoredManifest(manifest=None, sha256=digest, damage=error.message)


def read_stored_of(bucket: Bucket, key: str) -> StoredManifest:
    """The manifest of the object at `key`. Raises StorageError."""
    return read_stored(bucket, manifest_key(key))
