"""One run over an archive: inventory, every object in turn, chains; and its report."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from logkeep.archive import marker
from logkeep.archive.layout import ObjectName, manifest_key, parse_key
from logkeep.errors import DamagedArchive, ObjectMissing
from logkeep.faults import crash_point
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import Clock, Hour, TimeRange
from logkeep.verify.blocks import Held, count_duplicates
from logkeep.verify.chain import Chain, check_chains
from logkeep.verify.inventory import Inventory, StoredManifest, read_stored, read_stored_of, take_inventory
from logkeep.verify.ledger import Done, Ledger
from logkeep.verify.objects import ObjectCheck
from logkeep.verify.report import AccountPart, Finding, Kind, Report
from logkeep.verify.sample import Sample

_THREADS = 2
_MANIFESTS_AHEAD = 16  # read side by side, before their objects' turn
# How long an object of a server that is running may be without its manifest, which is written after it.
_SEALING_MS = 600_000


def _now() -> int:
    return int(time.time() * 1000)


def verify(
    bucket: Bucket,
    account: str | None = None,
    *,
    within: TimeRange | None = None,
    sample: Sample | None = None,
    resume: Path | None = None,
    live: bool = False,
    expected: Collection[str] = (),
    found: Callable[[Finding], None] = lambda _finding: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    clock: Clock = _now,
) -> Report:
    """Check the whole archive, or one account's part or some hours of it, and report.

    `sample` reads of each object only some blocks; manifests, chains and sizes are checked all the same.
    `resume` is a file that holds what is done: made if it is not there, and what it holds of an earlier
    run is not read again. `live` says that a server may be writing: an object that was put a moment ago
    and has no manifest yet is a note. `expected` are keys of objects that somebody knows to be there; one
    that is not is missed even where its manifest is gone with it. `found` is called with each finding when
    it is made, `progress` with stored bytes done and in all. A bucket without any manifest is only checked
    for being readable.

    Raises StorageError when the bucket fails or denies, BadSetting for a file that cannot be gone on
    from; damage never raises.
    """
    clocked = time.perf_counter()
    started = clock()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(resume, bucket.url, started)) if resume else None
        pool = stack.enter_context(ThreadPoolExecutor(_THREADS, thread_name_prefix="verify"))
        readers = stack.enter_context(ThreadPoolExecutor(_MANIFESTS_AHEAD, thread_name_prefix="manifests"))
        run = _Run(
            bucket=bucket,
            pool=pool,
            readers=readers,
            whole=within is None,
            sample=sample,
            ledger=ledger,
            young=started - _SEALING_MS if live else None,
            expected=expected,
            found=found,
            progress=progress,
            inventory=take_inventory(bucket, account, within),
        )
        run.check()
    return Report(
        place=bucket.url,
        account=account,
        within=within,
        sample=sample,
        objects=len(run.inventory.objects),
        objects_before=run.objects_before,
        blocks=run.blocks,
        blocks_checked=run.blocks_checked,
        lines=run.lines,
        raw_bytes=run.raw_bytes,
        stored_bytes=sum(stat.size for _, stat in run.inventory.objects),
        accounts=tuple(run.account_parts()),
        started=ledger.started if ledger else started,
        ended=clock(),
        seconds=time.perf_counter() - clocked,
        findings=tuple(run.findings),
    )


@dataclass(kw_only=True)
class _Counts:
    """Of one account, as its manifests and the listing tell them."""

    objects: int = 0
    lines: int = 0
    stored_bytes: int = 0
    hours: tuple[Hour, Hour] | None = None

    def add(self, hour: Hour, size: int, lines: int) -> None:
        first, last = self.hours or (hour, hour)
        self.hours = min(first, hour), max(last, hour)
        self.objects += 1
        self.stored_bytes += size
        self.lines += lines


_Item = tuple[ObjectName, Stat, StoredManifest]


@dataclass(kw_only=True)
class _Run:
    bucket: Bucket
    pool: ThreadPoolExecutor  # in which blocks are checked
    readers: ThreadPoolExecutor  # in which manifests are read
    whole: bool  # all hours are looked at
    sample: Sample | None
    ledger: Ledger | None
    young: int | None  # an object put after this may still be without manifest
    expected: Collection[str]
    found: Callable[[Finding], None]
    progress: Callable[[int, int], None]
    inventory: Inventory
    findings: list[Finding] = field(default_factory=list)
    objects_before: int = 0
    blocks: int = 0
    blocks_checked: int = 0
    lines: int = 0
    raw_bytes: int = 0
    chains: dict[str, Chain] = field(default_factory=dict)
    counts: dict[str, _Counts] = field(default_factory=lambda: defaultdict(_Counts))

    def check(self) -> None:
        self._check_names()
        self._check_markers()
        done, total = 0, sum(stat.size for _, stat in self.inventory.objects)
        for _, of_hour in groupby(self._items(), key=lambda one: (one[0].hour, one[0].account)):
            held: list[Held] = []
            for item in of_hour:
                held += self._check_item(*item)
                done += item[1].size
                self.progress(done, total)
            self._check_duplicates(held)
        self._check_chains()

    def account_parts(self) -> Iterator[AccountPart]:
        for account, counts in sorted(self.counts.items()):
            if counts.hours:
                first, last = counts.hours
                yield AccountPart(
                    account=account,
                    objects=counts.objects,
                    lines=counts.lines,
                    stored_bytes=counts.stored_bytes,
                    first_hour=first,
                    last_hour=last,
                    head=self.chains[account].head() if account in self.chains else None,
                )

    def _add(self, *findings: Finding) -> None:
        for finding in findings:
            self.findings.append(finding)
            self.found(finding)

    def _found(self, kind: Kind, key: str, detail: str, *, gap: bool = False) -> None:
        self._add(Finding(kind=kind, key=key, detail=detail, gap=gap))

    def _check_names(self) -> None:
        for key in self.inventory.strangers:
            self._found(Kind.STRANGER, key, "the key is neither an object's nor a manifest's nor a marker's")
        for key in self._without_object():
            self._found(Kind.NO_OBJECT, key, "there is a manifest for this object, but no object", gap=True)
        for key in self._lost():
            self._found(
                Kind.NO_OBJECT, key, "it was sealed, and neither it nor its manifest is there", gap=True
            )
        parts: dict[tuple[str, int], set[int]] = defaultdict(set)
        last: dict[tuple[str, int], str] = {}
        for name, stat in self.inventory.objects:
            parts[name.account, name.hour].add(name.part)
            last[name.account, name.hour] = stat.key
        for hour, numbers in parts.items():
            for part in sorted(set(range(max(numbers))) - numbers):
                detail = f"the hour's part {part} is missing before it"
                self._found(Kind.GAP, last[hour], detail, gap=True)

    def _lost(self) -> Sequence[str]:
        """What is expected and left no trace."""
        there = {stat.key for _, stat in self.inventory.objects}
        return sorted(set(self.expected) - there - self.inventory.manifests)

    def _without_object(self) -> Sequence[str]:
        there = {stat.key for _, stat in self.inventory.objects}
        return sorted(self.inventory.manifests - there)

    def _check_markers(self) -> None:
        for key in self.inventory.markers:
            try:
                marker.decode(self.bucket.get(key), key)
            except DamagedArchive as error:
                self._found(Kind.MARKER, key, error.message)
            except ObjectMissing:
                self._found(Kind.MARKER, key, "it went away while it was read")

    def _items(self) -> Iterator[_Item]:
        """The objects with their manifests, in order; those of a remote bucket are read a few ahead."""
        running: deque[tuple[ObjectName, Stat, Future[StoredManifest]]] = deque()
        local = any(self.bucket.local_path(stat.key) for _, stat in self.inventory.objects[:1])
        for name, stat in self.inventory.objects:
            if local:  # sooner read than handed to a thread
                yield name, stat, read_stored_of(self.bucket, stat.key)
                continue
            running.append((name, stat, self.readers.submit(read_stored_of, self.bucket, stat.key)))
            if len(running) == _MANIFESTS_AHEAD:
                yield _read(*running.popleft())
        while running:
            yield _read(*running.popleft())

    def _check_item(self, name: ObjectName, stat: Stat, stored: StoredManifest) -> Sequence[Held]:
        self._learn(name, stat.key, stored)
        manifest = stored.manifest
        self.counts[name.account].add(name.hour, stat.size, manifest.lines if manifest else 0)
        self.blocks += len(manifest.blocks) if manifest else 0
        if (done := self._done_before(stat, stored)) is not None:
            return self._taken(done, stored)
        check = ObjectCheck(
            bucket=self.bucket,
            pool=self.pool,
            name=name,
            stat=stat,
            stored=stored,
            sample=self.sample,
            no_manifest_is_a_note=self._may_lack_manifest(stat),
        )
        check.run()
        if self.ledger:
            self.ledger.add(_done(check, self._depth()))
        crash_point("verify.object")
        self._count(check)
        self._add(*check.findings)
        return check.blocks_held()

    def _learn(self, name: ObjectName, key: str, stored: StoredManifest) -> None:
        if stored.manifest is not None:
            chain = self.chains.setdefault(name.account, Chain(account=name.account))
            chain.add(manifest_key(key), stored.manifest, stored.sha256)

    def _may_lack_manifest(self, stat: Stat) -> bool:
        sealing = self.young is not None and stat.modified >= self.young
        return sealing or not self.inventory.manifests

    def _depth(self) -> str:
        return f"sample {self.sample.fraction} {self.sample.seed}" if self.sample else "full"

    def _done_before(self, stat: Stat, stored: StoredManifest) -> Done | None:
        if self.ledger is None:
            return None
        return self.ledger.find(stat.key, size=stat.size, manifest=stored.sha256, depth=self._depth())

    def _taken(self, done: Done, stored: StoredManifest) -> Sequence[Held]:
        """What an earlier run found."""
        self.objects_before += 1
        self._count(done)
        self._add(*done.findings)
        blocks = stored.manifest.blocks if stored.manifest else ()
        return [
            Held(
                bucket=self.bucket,
                key=done.key,
                entry=blocks[number],
                low=low,
                high=high,
                duplicates=duplicates,
            )
            for number, low, high, duplicates in done.held
        ]

    def _count(self, one: ObjectCheck | Done) -> None:
        self.blocks_checked += one.blocks_checked
        self.lines += one.lines
        self.raw_bytes += one.raw_bytes

    def _check_duplicates(self, held: list[Held]) -> None:
        try:
            counts = count_duplicates(held)
        except (DamagedArchive, ObjectMissing) as error:  # it was sound when its bounds were taken
            self._found(Kind.BLOCK, held[-1].key, f"the hour's ids cannot be compared: {error.message}")
            return
        for key, count in counts.items():
            if count:
                self._found(Kind.DUPLICATE, key, f"{count} lines have the id of another line of this hour")

    def _check_chains(self) -> None:
        for key in self._without_object():
            if name := parse_key(key):
                self._learn(name, key, read_stored_of(self.bucket, key))
        for finding in check_chains(self.chains, lambda key: read_stored(self.bucket, key), whole=self.whole):
            self._add(finding)


def _read(name: ObjectName, stat: Stat, manifest: Future[StoredManifest]) -> _Item:
    return name, stat, manifest.result()


def _done(check: ObjectCheck, depth: str) -> Done:
    manifest = check.stored.manifest
    numbers = {one.offset: number for number, one in enumerate(manifest.blocks)} if manifest else {}
    return Done(
        key=check.stat.key,
        size=check.stat.size,
        manifest=check.stored.sha256,
        depth=depth,
        lines=check.lines,
        raw_bytes=check.raw_bytes,
        blocks_checked=check.blocks_checked,
        held=tuple((numbers[entry.offset], one.low, one.high, one.duplicates) for entry, one in check.held),
        findings=tuple(check.findings),
    )
