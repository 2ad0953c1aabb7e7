"""One object that an archive has, by its key: in which of its places, and what is known of it.

A key is believed only where it can be this archive's: of ours it names the archive's account, of another
system's it is one that the layout reads. So nobody gets at what else lies in the same bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from logkeep.archive.foreign.base import Layout, skipped
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.layout import ObjectName, parse_key
from logkeep.archive.marker import check_marker
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, ArchiveObject, Target
from logkeep.errors import NotFound
from logkeep.storage.base import Bucket, checked_key
from logkeep.targets import Buckets
from logkeep.timeline import TimeRange, hour_end, hour_start


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where an object of an archive is. That it is there still has to be seen."""

    archive: Archive
    target: Target
    bucket: Bucket
    key: str
    layout: Layout | None = None  # of another system's archive
    name: ObjectName | None = None  # what the key of one of ours says
    row: ArchiveObject | None = None  # as the catalog has it; None for one that another catalog knows
    hour: Sequence[ArchiveObject] = ()  # what the archive has of the same hour, in the order of sealing

    @property
    def late(self) -> bool:
        """Whether it is not the first of its hour: it holds late lines, or what the first had no room for."""
        return bool(self.row and self.hour and self.row != self.hour[0])


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Safe from any thread. `server` is this installation, as markers name it."""

    catalog: Catalog
    buckets: Buckets
    server: str

    def find(self, archive_id: str, key: str, *, target: int = 0) -> Found:
        """The object under this key, in the target that is named or in the one that has it; the one that is
        written to now comes first. Raises NotFound for an archive, a target or a key that is none of its own;
        Conflict where only the key tells that it is, and the place is marked as another's; StorageError."""
        archive = self.catalog.archives.get(archive_id)
        targets = {one.id: one for one in self.catalog.archives.targets(archive_id)}
        checked_key(key)
        if target and target not in targets:
            raise _no_object(archive, key)
        if archive.foreign:
            return self._foreign(archive, targets[target or archive.target], key)
        name = parse_key(key)
        if name is None or name.account != archive.account:
            raise _no_object(archive, key)
        within = TimeRange(start=hour_start(name.hour), end=hour_end(name.hour))
        hour = sorted(
            self.catalog.objects.list(within=within, archive=archive_id),
            key=lambda one: (one.sealed_at, one.target, one.part),
        )
        rows = {one.target: one for one in hour if one.key == key and target in (0, one.target)}
        number = target or (archive.target if archive.target in rows or not rows else max(rows))
        bucket = self.buckets.of(targets[number])
        if number not in rows:
            check_marker(bucket, archive.account, self.server)
        return Found(
            archive=archive,
            target=targets[number],
            bucket=bucket,
            key=key,
            name=name,
            row=rows.get(number),
            hour=hour,
        )

    def _foreign(self, archive: Archive, target: Target, key: str) -> Found:
        layout = layout_of(archive.layout, archive.layout_options)
        if skipped(key) or layout.hint(key) is None:
            raise _no_object(archive, key)
        bucket = self.buckets.of(target)
        return Found(archive=archive, target=target, bucket=bucket, key=key, layout=layout)


def _no_object(archive: Archive, key: str) -> NotFound:
    return NotFound(
        f"the archive {archive.id!r} has no object {key!r}",
        hint="keys are those of GET /v1/archives/{id}/objects, targets those of GET /v1/archives/{id}",
    )
