"""Backfill: retained lines that came while an archive was off, into the archive, on request.

What is there already is told by id, from the archive's own objects and from what waits for it: so a backfill
can be repeated, also after it was cut short, and adds each line once.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Annotated

import msgspec

from logkeep.archive.reader import find_objects, read_blocks, read_lines
from logkeep.archive.writer import lines_of
from logkeep.archives import require_ours
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, Target
from logkeep.errors import Conflict, DamagedArchive, NotFound
from logkeep.faults import crash_point
from logkeep.index.live import LiveLines
from logkeep.intake import pieces_of
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record
from logkeep.spool.base import Spool
from logkeep.storage.base import Bucket
from logkeep.timeline import Clock, Hour, TimeRange, hour_end, hour_of, hour_start

_PAGE = 10_000  # lines read from the index at a time
_RUN = 8192  # ids that are sorted together, at least


@dataclass(frozen=True, kw_only=True)
class Backfilled:
    """What a backfill added. `retained` counts the live lines of the range, `hours` the hours of these."""

    retained: int
    lines: int
    hours: int


class _Id(msgspec.Struct, frozen=True, gc=False):
    lid: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(name="_lid")


_ids = msgspec.json.Decoder(_Id, strict=False)  # not strict: `_lid` is a decimal string


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """Adds to archives what the live search still has.

    `held` keeps an archive from being sealed and removed within its block. Backfills of one archive run one
    after the other, those of several side by side. Each takes 8 bytes for every line that the archive has
    of one hour, and some tens of MiB beside.
    """

    catalog: Catalog
    spool: Spool
    live: LiveLines
    bucket_of: Callable[[Target], Bucket]
    held: Callable[[str], AbstractContextManager[None]]
    clock: Clock
    _turns: dict[str, threading.Lock] = field(default_factory=dict)  # by archive
    _turns_lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, archive_id: str, within: TimeRange) -> Backfilled:
        """Put the account's live lines of the range that the archive's query matches, and that it does not
        have, into the spool for the archive. They are sealed as lines of their hours that come now are, or
        with the next `seal_due(now=True)`. Raises NotFound, StorageError, DamagedArchive, Overloaded, and
        Conflict for another system's archive and when the archive was removed meanwhile; then part of the
        lines may be added, and a repetition adds the rest."""
        with self._turn(archive_id):
            archive = self.catalog.archives.get(archive_id)
            require_ours(archive, "backfilled")
            matches = compile_predicate(parse(archive.query))
            retained = lines = hours = 0
            pages = self._retained(archive.account, within)
            for hour, of_hour in groupby(pages, key=lambda page: hour_of(page[0].ts)):
                found, added = self._fill(archive, hour, within, of_hour, matches)
                retained, lines, hours = retained + found, lines + added, hours + 1
        return Backfilled(retained=retained, lines=lines, hours=hours)

    def _turn(self, archive_id: str) -> threading.Lock:
        with self._turns_lock:
            return self._turns.setdefault(archive_id, threading.Lock())

    def _retained(self, account: str, within: TimeRange) -> Iterator[list[Record]]:
        """Live lines in the order of time, each list of one hour.

        Only such as were accepted before now: each of them that went to the archive is in the spool or the
        bucket whenever these are looked at, and what comes from now on goes there by itself.
        """
        last_lid = self.spool.last_lid()
        after = None
        while page := self.live.lines_of(account, within.start, within.end, after, _PAGE):
            after = page[-1].key
            accepted = [one.record for one in page if int(one.record.lid) <= last_lid]
            for _, of_hour in groupby(accepted, key=lambda one: hour_of(one.ts)):
                yield list(of_hour)

    def _fill(
        self,
        archive: Archive,
        hour: Hour,
        within: TimeRange,
        pages: Iterable[list[Record]],
        matches: Callable[[Record], bool],
    ) -> tuple[int, int]:
        """Add what the archive lacks of one hour. Returns how many live lines there were and how many of them
        it lacked."""
        known = self._known(archive, hour, within)
        retained = lines = 0
        for page in pages:
            missing = known.lacking([one for one in page if matches(one)])
            if missing:
                self._append(archive, hour, missing)
            retained += len(page)
            lines += len(missing)
        return retained, lines

    def _append(self, archive: Archive, hour: Hour, missing: list[Record]) -> None:
        pieces = pieces_of(archive.account, archive.id, hour, missing, indexed=False)
        # To the archive they come now: with the receipt times of their lines they would be overdue at once,
        # and each page an object of its own.
        rx = self.clock()
        due_later = [replace(piece, rx=rx) for piece in pieces]
        with self.held(archive.id):
            self._check_there(archive)
            self.spool.append_now(due_later)
        crash_point("backfill.appended")

    def _check_there(self, archive: Archive) -> None:
        """Raises Conflict when the archive is gone: what is appended then would wait for whichever archive
        is given its id next."""
        try:
            there = self.catalog.archives.get(archive.id).created_at == archive.created_at
        except NotFound:
            there = False
        if not there:
            raise Conflict(
                f"the archive {archive.id!r} was removed meanwhile, and the rest was not added to it",
                hint="see 'logkeep archive status'; a backfill of another archive adds the lines to that one",
            )

    def _known(self, archive: Archive, hour: Hour, within: TimeRange) -> _Ids:
        """The ids of the hour's lines that the archive has, in any of its places, or is to get; those
        outside the range may be left out.

        The spool is looked at first: what is sealed meanwhile is then seen in the bucket.
        """
        within = TimeRange(start=max(within.start, hour_start(hour)), end=min(within.end, hour_end(hour)))
        known = _Ids()
        for waiting in self.spool.waiting(archive.id):
            if waiting.hour == hour:
                after = self.spool.archived_upto(archive.id, hour)
                for frame in self.spool.frames(archive.id, hour, after=after, upto=waiting.last_seq):
                    if within.overlaps(frame.min_ts, frame.max_ts):
                        known.add(_ids_of(lines_of(frame), f"frame {frame.seq} of the spool"))
        for target in self.catalog.archives.targets(archive.id):
            if target.id == archive.target or self.catalog.objects.list(within=within, target=target.id):
                for ids in _archived_ids(self.bucket_of(target), archive.account, within):
                    known.add(ids)
        return known


class _Ids:
    """Ids of lines, 8 bytes each, in sorted runs. Runs hardly overlap, since ids rise as lines come: a page
    of lines is looked up in few of them."""

    def __init__(self) -> None:
        self._runs: list[array[int]] = []
        self._unsorted = array("Q")

    def add(self, ids: Iterable[int]) -> None:
        self._unsorted.extend(ids)
        if len(self._unsorted) >= _RUN:
            self._end_run()

    def lacking(self, records: Iterable[Record]) -> list[Record]:
        """Those of the records whose ids are not among these, in the order of their ids."""
        if self._unsorted:
            self._end_run()
        by_id = {int(one.lid): one for one in records}
        wanted = sorted(by_id)
        for run in self._runs:
            for lid in wanted[bisect_left(wanted, run[0]) : bisect_right(wanted, run[-1])]:
                if run[bisect_left(run, lid)] == lid:
                    by_id.pop(lid, None)
        return [by_id[lid] for lid in wanted if lid in by_id]

    def _end_run(self) -> None:
        self._runs.append(array("Q", sorted(self._unsorted)))
        self._unsorted = array("Q")


def _archived_ids(bucket: Bucket, account: str, within: TimeRange) -> Iterator[Sequence[int]]:
    """Ids of the account's lines of the range in the bucket, and of others beside them, block by block."""
    for one in find_objects(bucket, account, within):
        if one.manifest is None:
            chunks = read_lines(bucket, one.key, one.size)
        else:
            blocks = [entry for entry in one.manifest.blocks if within.overlaps(entry.min_ts, entry.max_ts)]
            chunks = read_blocks(bucket, one.key, blocks)
        for lines in chunks:
            yield _ids_of(lines, one.key)


def _ids_of(lines: bytes, where: str) -> Sequence[int]:
    try:
        return array("Q", [one.lid for one in _ids.decode_lines(lines)])
    except (msgspec.MsgspecError, OverflowError, UnicodeDecodeError) as error:
        raise DamagedArchive(
            f"{where} has a line without an id: {error}", hint="run 'logkeep verify'"
        ) from error
