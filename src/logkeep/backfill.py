"""Backfill: retained lines that came while an archive was off, into the archive, on request.

What is there already is told by id, from the archive's own objects and from what waits for it: so a backfill
can be repeated, also after it was cut short, and adds each line once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from logkeep.archive.reader import find_objects, read_blocks, read_lines
from logkeep.archive.writer import lines_of
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, Target
from logkeep.faults import crash_point
from logkeep.index.live import LiveLines
from logkeep.intake import pieces_of
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record
from logkeep.spool.base import Spool
from logkeep.storage.base import Bucket
from logkeep.timeline import Hour, TimeRange, hour_end, hour_of, hour_start

_PAGE = 10_000  # lines read from the index at a time


@dataclass(frozen=True, kw_only=True)
class Backfilled:
    """What a backfill added. `retained` counts the live lines of the range, `hours` the hours of these."""

    retained: int
    lines: int
    hours: int


class _Id(msgspec.Struct, frozen=True, gc=False):
    lid: int = msgspec.field(name="_lid")


_ids = msgspec.json.Decoder(_Id, strict=False)  # not strict: `_lid` is a decimal string


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """Adds to archives what the live search still has."""

    catalog: Catalog
    spool: Spool
    live: LiveLines
    bucket_of: Callable[[Target], Bucket]
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def run(self, archive_id: str, within: TimeRange) -> Backfilled:
        """Put the account's live lines of the range that the archive's query matches, and that it does not
        have, into the spool for the archive. They are sealed as late lines are, or with the next
        `seal_due(now=True)`. Raises NotFound, StorageError, Overloaded; then part of the lines may be
        added, and a repetition adds the rest."""
        archive = self.catalog.archives.get(archive_id)
        matches = compile_predicate(parse(archive.query))
        retained = lines = 0
        hours: set[Hour] = set()
        known: set[int] = set()
        with self._one_at_a_time:
            for hour, records in self._retained(archive.account, within):
                if hour not in hours:
                    known = self._known(archive, hour)
                hours.add(hour)
                missing = [one for one in records if int(one.lid) not in known and matches(one)]
                self._append(archive, hour, missing)
                retained += len(records)
                lines += len(missing)
        return Backfilled(retained=retained, lines=lines, hours=len(hours))

    def _retained(self, account: str, within: TimeRange) -> Iterator[tuple[Hour, list[Record]]]:
        """Runs of live lines of one hour, in the order of time.

        Only such as were accepted before now: each of them that went to the archive is in the spool or the
        bucket whenever these are looked at, and what comes from now on goes there by itself.
        """
        last_lid = self.spool.last_lid()
        after = None
        while page := self.live.lines_of(account, within.start, within.end, after, _PAGE):
            after = page[-1].key
            accepted = [one.record for one in page if int(one.record.lid) <= last_lid]
            for hour, run in groupby(accepted, key=lambda one: hour_of(one.ts)):
                yield hour, list(run)

    def _append(self, archive: Archive, hour: Hour, missing: list[Record]) -> None:
        if missing:
            missing = sorted(missing, key=lambda one: int(one.lid))
            self.spool.append_now(list(pieces_of(archive.account, archive.id, hour, missing, indexed=False)))
            crash_point("backfill.appended")

    def _known(self, archive: Archive, hour: Hour) -> set[int]:
        """The ids of the hour's lines that the archive has, in any of its places, or is to get.

        The spool is looked at first: what is sealed meanwhile is then seen in the bucket.
        """
        known: set[int] = set()
        for waiting in self.spool.waiting(archive.id):
            if waiting.hour == hour:
                after = self.spool.archived_upto(archive.id, hour)
                for frame in self.spool.frames(archive.id, hour, after=after, upto=waiting.last_seq):
                    known |= _ids_of(lines_of(frame))
        within = TimeRange(start=hour_start(hour), end=hour_end(hour))
        for target in self.catalog.archives.targets(archive.id):
            if target.id == archive.target or self.catalog.objects.list(within=within, target=target.id):
                known |= _archived_ids(self.bucket_of(target), archive.account, within)
        return known


def _archived_ids(bucket: Bucket, account: str, within: TimeRange) -> set[int]:
    known: set[int] = set()
    for one in find_objects(bucket, account, within):
        if one.manifest is None:
            chunks = read_lines(bucket, one.key, one.size)
        else:
            chunks = read_blocks(bucket, one.key, one.manifest.blocks)
        for lines in chunks:
            known |= _ids_of(lines)
    return known


def _ids_of(lines: bytes) -> set[int]:
    return {one.lid for one in _ids.decode_lines(lines)}
