"""An archive that is started, stopped, paused, moved, reconnected, sealed, failing and killed in any order:
every line that came while it was on or paused is archived exactly once, and no other line is."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.unit.archiver_doubles import new_catalog

from logkeep import sealing
from logkeep.archiver import Archiver
from logkeep.archives import ArchiveDesk, Settings
from logkeep.catalog.values import AccountKind, ArchiveState
from logkeep.errors import StorageUnavailable
from logkeep.exclusion import ExclusionCounts
from logkeep.intake import Intake
from logkeep.receivers.lines import Origin, receive_lines
from logkeep.record import IdSource
from logkeep.routing import Router
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.tail import Tails
from logkeep.targets import Buckets
from logkeep.vault import Vault
from logkeep.verify import Kind, verify

START = 1_795_165_200_000  # 2026-11-20T09:00:00Z
PLACES = ("first", "second", "third")
POINTS = ["planned", "marker", "built", "uploaded", "manifest", "catalog", "archived", "trimmed"]


class Killed(BaseException):
    """Stands for the end of the process at a crash point."""


class FailingBucket(FolderBucket):
    """A folder whose puts fail while `down`; they may have got through all the same."""

    down = False
    answer_lost = False

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if self.down:
            raise StorageUnavailable("the bucket is down")
        super().put_new(key, data, content_type)
        if self.answer_lost:
            self.answer_lost = False
            raise StorageUnavailable("the answer was lost")


class Switches(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="logkeep-switches-"))
        self.now = START
        self.sent = 0
        self.expected: list[str] = []
        self.replanned = False
        self.buckets = {name: FailingBucket(self.folder / name) for name in PLACES}
        self.catalog = new_catalog(self.folder)
        self.catalog.accounts.create("main", AccountKind.LIVE, 0)
        self.spool = SqliteSpool(
            self.folder / "spool.sqlite",
            clock=lambda: self.now,
            max_bytes=1 << 30,
            max_account_bytes=1 << 30,
            min_free_bytes=0,
        )
        self.open()

    def teardown(self) -> None:
        for bucket in self.buckets.values():
            bucket.down = bucket.answer_lost = False
        self.finish()
        self.archiver.close()
        self.spool.close()
        self.catalog.close()
        shutil.rmtree(self.folder)

    def open(self) -> None:
        """The parts over spool and catalog, as after a start of the process."""
        vault = Vault(["A" * 43 + "="])
        buckets = Buckets(vault, self.bucket_at)
        self.sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=buckets.of,
            server="server-1",
            clock=lambda: self.now,
            work_dir=self.folder,
        )
        self.archiver = Archiver(self.sealer, clock=lambda: self.now)
        router = Router(self.catalog)
        self.desk = ArchiveDesk(
            catalog=self.catalog,
            archiver=self.archiver,
            sealer=self.sealer,
            spool=self.spool,
            router=router,
            buckets=buckets,
            vault=vault,
            open_connection=self.bucket_at,
            clock=lambda: self.now,
        )
        ids = IdSource(lambda: self.now, floor=self.spool.last_lid())
        self.intake = Intake(
            self.spool, ids, lambda: self.now, lambda: None, router, ExclusionCounts(), Tails()
        )

    def bucket_at(self, connection: Connection) -> FailingBucket:
        return self.buckets[Path(connection.options["path"]).name]

    def connection(self, place: str) -> Connection:
        return Connection(provider="folder", options={"path": str(self.folder / place)})

    def state(self) -> ArchiveState:
        return self.catalog.archives.get("main").state

    @initialize(may_replan=st.booleans())
    def set_up(self, may_replan: bool) -> None:
        self.may_replan = may_replan
        self.desk.create("main", self.connection("first"), Settings(max_object_bytes=2000), start=True)

    @rule(count=st.integers(1, 12))
    def lines_come(self, count: int) -> None:
        self.take_in(count)

    def take_in(self, count: int) -> None:
        lines = [f"line {self.sent + number}" for number in range(count)]
        self.sent += count
        received = receive_lines("\n".join(lines).encode(), Origin())
        asyncio.run(self.intake.accept("main", received, reply=b""))
        if self.state() is not ArchiveState.OFF:
            self.expected += lines

    @rule()
    def the_index_catches_up(self) -> None:
        self.spool.indexed(self.spool.last_seq())

    @rule(minutes=st.sampled_from([1, 15, 60, 400]))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000

    @rule(now=st.booleans())
    def objects_are_sealed(self, now: bool) -> None:
        self.archiver.seal_due(now=now)

    @precondition(lambda self: self.state() is ArchiveState.ON)
    @rule(point=st.sampled_from(POINTS))
    def the_process_is_killed_while_it_seals(self, point: str) -> None:
        self.take_in(3)

        def kill(name: str) -> None:
            if name == f"seal.{point}":
                raise Killed

        with mock.patch.object(sealing, "crash_point", kill):
            try:
                self.archiver.seal_due(now=True)
            except Killed:
                self.open()

    @rule()
    def it_is_started(self) -> None:
        before = self.state()
        try:
            self.desk.start("main")
        except StorageUnavailable:  # the marker could not be written
            assert self.state() is before

    @rule()
    def it_is_stopped(self) -> None:
        self.desk.stop("main")

    @rule()
    def it_is_paused(self) -> None:
        self.desk.pause("main")

    @rule(place=st.sampled_from(PLACES))
    def it_moves(self, place: str) -> None:
        self.desk.update("main", self.connection(place), Settings(), untested=True)

    @precondition(lambda self: self.may_replan)
    @rule(place=st.sampled_from(PLACES))
    def it_moves_and_gives_up_what_was_begun(self, place: str) -> None:
        """Of which lines may then be in two places; a restore leaves them out, and so does this test."""
        self.desk.update("main", self.connection(place), Settings(), untested=True, replan=True)
        self.replanned = True

    @precondition(lambda self: not any(bucket.down for bucket in self.buckets.values()))
    @rule(place=st.sampled_from(PLACES))
    def it_is_removed_and_made_again(self, place: str) -> None:
        state = self.state()
        for bucket in self.buckets.values():
            bucket.answer_lost = False
        self.finish()
        self.desk.remove("main")
        self.desk.create("main", self.connection(place), Settings(max_object_bytes=2000), untested=True)
        if state is not ArchiveState.OFF:
            self.desk.start("main")

    @rule(place=st.sampled_from(PLACES), down=st.booleans())
    def a_bucket_fails_or_heals(self, place: str, down: bool) -> None:
        self.buckets[place].down = down

    @rule(place=st.sampled_from(PLACES))
    def an_answer_is_lost(self, place: str) -> None:
        self.buckets[place].answer_lost = True

    @precondition(lambda self: not any(bucket.down for bucket in self.buckets.values()))
    @rule()
    def all_is_written(self) -> None:
        self.finish()
        self.nothing_is_lost_or_doubled()

    def finish(self) -> None:
        state = self.state()
        if state is ArchiveState.PAUSED:
            self.desk.stop("main")
        for _ in range(6):  # each lost answer may fail a round
            self.archiver.seal_due(now=True)
        archive = self.catalog.archives.get("main")
        self.catalog.archives.update(replace(archive, state=state))
        self.desk.router.refresh("main")
        assert self.spool.waiting() == []
        self.nothing_is_lost_or_doubled()
        self.archiver.compare_counts()
        assert [one.differences for one in self.archiver.status()] == [()]

    def nothing_is_lost_or_doubled(self) -> None:
        waiting = sum(one.lines for one in self.spool.waiting())
        found: Counter[str] = Counter()
        for bucket in self.buckets.values():
            for stat in bucket.list("year=2026/"):
                for line in gzip.decompress(bucket.get(stat.key)).splitlines():
                    found[json.loads(line)["_line"]] += 1
            kinds = {finding.kind for finding in verify(bucket).findings}
            # A plan that was given up leaves its object or manifest behind.
            assert kinds <= ({Kind.NO_MANIFEST, Kind.NO_OBJECT, Kind.DUPLICATE} if self.replanned else set())
        if self.replanned:
            found = Counter(found.keys())
        assert found.total() + waiting >= len(self.expected)
        if not waiting:
            assert found == Counter(self.expected)


Switches.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSwitches = Switches.TestCase
