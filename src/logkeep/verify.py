"""Verify: every object of an archive against its manifest and against what its key says.

Reads every stored byte once and decodes every line; memory stays flat. Blocks are checked in two
threads, mostly without the GIL. Only what overlaps in ids is read a second time, to count duplicates.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, groupby

import msgspec

from logkeep.archive import block
from logkeep.archive.layout import MANIFESTS, ObjectName, manifest_key, object_key, parse_key
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import read_blocks, read_lines, read_manifest, runs
from logkeep.errors import DamagedArchive, ObjectMissing
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import hour_end, hour_start, iso

_THREADS = 2
_AHEAD = 32  # blocks in the making at a time, which bounds the memory
_NAMED_BLOCKS = 3  # of one object; a damaged object does not need a finding for each of its blocks


class Kind(StrEnum):
    CHECKSUM = "checksum"  # stored bytes do not have the manifest's SHA-256
    SIZE = "size"  # the object is longer or shorter than its manifest says
    BLOCK = "block"  # a block cannot be read, or does not hold what its entry says
    TOTALS = "totals"  # the manifest contradicts itself, its object's key or the lines
    HOUR = "hour"  # a line's time is outside the hour that the key names
    DUPLICATE = "duplicate"  # an id occurs more than once in an hour
    UNREADABLE = "unreadable"  # an object without manifest that is no gzip file of lines
    BAD_MANIFEST = "bad-manifest"
    NO_MANIFEST = "no-manifest"
    NO_OBJECT = "no-object"  # a manifest without its object
    GAP = "gap"  # a part number is missing below one that is there
    STRANGER = "stranger"  # a key that is neither an object's nor a manifest's


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be. `note` marks what is only worth knowing."""

    kind: Kind
    key: str
    detail: str
    note: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    objects: int
    lines: int
    raw_bytes: int
    stored_bytes: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(one.note for one in self.findings)


def verify(
    bucket: Bucket,
    account: str | None = None,
    *,
    found: Callable[[Finding], None] = lambda _finding: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Check the whole archive, or one account's part of it, and report.

    `found` is called with each finding when it is made, `progress` with stored bytes done and in all.
    A bucket without any manifest is only checked for being readable. Raises StorageError when the
    bucket fails or denies; damage never raises.
    """
    started = time.perf_counter()
    inventory = _take_inventory(bucket, account)
    run = _Run(bucket=bucket, found=found, progress=progress, inventory=inventory)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
        run.check(pool)
    return Report(
        objects=len(inventory.objects),
        lines=run.lines,
        raw_bytes=run.raw_bytes,
        stored_bytes=sum(stat.size for _, stat in inventory.objects),
        seconds=time.perf_counter() - started,
        findings=tuple(run.findings),
    )


@dataclass(kw_only=True)
class _Inventory:
    """What the bucket lists. Objects are by hour, account and part."""

    objects: list[tuple[ObjectName, Stat]] = field(default_factory=list)
    manifests: set[str] = field(default_factory=set)  # keys of the objects they are for
    strangers: list[str] = field(default_factory=list)


def _take_inventory(bucket: Bucket, account: str | None) -> _Inventory:
    inventory = _Inventory()
    for stat in bucket.list():
        key = object_key(stat.key) if stat.key.startswith(MANIFESTS) else stat.key
        name = parse_key(key) if key else None
        if name is None or key is None:
            if account is None:
                inventory.strangers.append(stat.key)
        elif account in (None, name.account):
            if key == stat.key:
                inventory.objects.append((name, stat))
            else:
                inventory.manifests.add(key)
    inventory.objects.sort(key=lambda one: (one[0].hour, one[0].account, one[0].part))
    return inventory


class _Line(msgspec.Struct, frozen=True, gc=False):
    lid: int = msgspec.field(name="_lid")
    ts: int = msgspec.field(name="_ts")


_lines = msgspec.json.Decoder(_Line, strict=False)  # not strict: `_lid` is a decimal string


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """What one block really holds."""

    lines: int
    min_ts: int
    max_ts: int
    low: int  # lowest and highest id
    high: int
    duplicates: int  # lines of the block whose id an earlier one has


def _check_block(stored: bytes, entry: BlockEntry, where: str) -> _Checked:
    """Raises DamagedArchive when it cannot be read as its entry says."""
    raw = block.decompress(stored, entry.raw_bytes, where)
    lids, times = _ids_and_times(raw, where)
    return _Checked(
        lines=len(lids),
        min_ts=min(times),
        max_ts=max(times),
        low=min(lids),
        high=max(lids),
        duplicates=len(lids) - len(set(lids)),
    )


def _ids_and_times(raw: bytes, where: str) -> tuple[list[int], list[int]]:
    try:
        lines = _lines.decode_lines(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedArchive(f"{where} has a line that is no canonical line: {error}") from error
    if len(lines) != raw.count(b"\n") or not raw.endswith(b"\n"):
        raise DamagedArchive(f"{where} is not one JSON object a line")
    return [line.lid for line in lines], [line.ts for line in lines]


@dataclass(kw_only=True)
class _Held:
    """What a block holds, and all of its ids once somebody has to look."""

    bucket: Bucket
    key: str
    entry: BlockEntry
    checked: _Checked

    @cached_property
    def ids(self) -> set[int]:
        (raw,) = read_blocks(self.bucket, self.key, [self.entry])
        return set(_ids_and_times(raw, self.key)[0])


@dataclass(kw_only=True)
class _Run:
    bucket: Bucket
    found: Callable[[Finding], None]
    progress: Callable[[int, int], None]
    inventory: _Inventory
    findings: list[Finding] = field(default_factory=list)
    lines: int = 0
    raw_bytes: int = 0
    done_bytes: int = 0

    def check(self, pool: ThreadPoolExecutor) -> None:
        self._check_names()
        total = sum(stat.size for _, stat in self.inventory.objects)
        for _, of_hour in groupby(self.inventory.objects, key=lambda one: (one[0].hour, one[0].account)):
            held: list[_Held] = []
            for name, stat in of_hour:
                held += self._check_object(pool, name, stat)
                self.done_bytes += stat.size
                self.progress(self.done_bytes, total)
            self._check_duplicates(held)

    def _add(self, kind: Kind, key: str, detail: str, *, note: bool = False) -> None:
        finding = Finding(kind=kind, key=key, detail=detail, note=note)
        self.findings.append(finding)
        self.found(finding)

    def _check_names(self) -> None:
        for key in self.inventory.strangers:
            self._add(Kind.STRANGER, key, "the key is neither an object's nor a manifest's")
        there = {stat.key for _, stat in self.inventory.objects}
        for key in sorted(self.inventory.manifests - there):
            self._add(Kind.NO_OBJECT, key, "there is a manifest for this object, but no object")
        parts: dict[tuple[str, int], set[int]] = defaultdict(set)
        last: dict[tuple[str, int], str] = {}
        for name, stat in self.inventory.objects:
            parts[name.account, name.hour].add(name.part)
            last[name.account, name.hour] = stat.key
        for hour, numbers in parts.items():
            for part in sorted(set(range(max(numbers))) - numbers):
                self._add(Kind.GAP, last[hour], f"the hour's part {part} is missing before it")

    def _check_object(self, pool: ThreadPoolExecutor, name: ObjectName, stat: Stat) -> Sequence[_Held]:
        try:
            manifest = read_manifest(self.bucket, stat.key)
        except DamagedArchive as error:
            self._add(Kind.BAD_MANIFEST, manifest_key(stat.key), error.message)
            manifest = None
        else:
            if manifest is None:
                detail = "there is no manifest, so it is only checked for being readable"
                self._add(Kind.NO_MANIFEST, stat.key, detail, note=not self.inventory.manifests)
        try:
            if manifest is None:
                self._check_readable(stat)
                return []
            return self._check_against(pool, manifest, name, stat)
        except ObjectMissing as error:
            self._add(Kind.NO_OBJECT, stat.key, f"it went away while it was read: {error.message}")
            return []

    def _check_readable(self, stat: Stat) -> None:
        try:
            for raw in read_lines(self.bucket, stat.key, stat.size):
                self.lines += raw.count(b"\n")
                self.raw_bytes += len(raw)
        except DamagedArchive as error:
            self._add(Kind.UNREADABLE, stat.key, error.message)

    def _check_against(
        self, pool: ThreadPoolExecutor, manifest: Manifest, name: ObjectName, stat: Stat
    ) -> Sequence[_Held]:
        for problem in _contradictions(manifest, name, stat.key):
            self._add(Kind.TOTALS, stat.key, problem)
        if stat.size != manifest.stored_bytes or not _tiles(manifest):
            detail = f"{stat.size} bytes are stored, the manifest has blocks for {manifest.stored_bytes}"
            self._add(Kind.SIZE, stat.key, detail)
            self._check_readable(stat)
            return []
        digest = hashlib.sha256()
        held: list[_Held] = []
        damaged: list[str] = []
        for entry, future in self._blocks(pool, stat.key, manifest.blocks, digest.update):
            try:
                checked = future.result()
            except DamagedArchive as error:
                damaged.append(error.message)
                continue
            self.lines += checked.lines
            self.raw_bytes += entry.raw_bytes
            damaged += _differences(entry, checked, stat.key)
            held.append(_Held(bucket=self.bucket, key=stat.key, entry=entry, checked=checked))
        self._report_blocks(stat.key, damaged)
        if digest.hexdigest() != manifest.sha256:
            detail = (
                f"the stored bytes have SHA-256 {digest.hexdigest()}, the manifest says {manifest.sha256}"
            )
            self._add(Kind.CHECKSUM, stat.key, detail)
        self._check_bounds(manifest, name, stat.key, held)
        return held

    def _blocks(
        self,
        pool: ThreadPoolExecutor,
        key: str,
        blocks: Sequence[BlockEntry],
        sum_up: Callable[[bytes], None],
    ) -> Iterator[tuple[BlockEntry, Future[_Checked]]]:
        """Each block and its check, in order; a few are fetched and under way ahead of the caller."""
        running: deque[tuple[BlockEntry, Future[_Checked]]] = deque()
        for run in runs(blocks):
            stored = self.bucket.get_ranges(key, [(one.offset, one.length) for one in run])
            for entry, data in zip(run, stored, strict=True):
                where = f"{key} at byte {entry.offset}"
                running.append((entry, pool.submit(_check_block, data, entry, where)))
                sum_up(data)
                if len(running) == _AHEAD:
                    yield running.popleft()
        yield from running

    def _report_blocks(self, key: str, damaged: Sequence[str]) -> None:
        for detail in damaged[:_NAMED_BLOCKS]:
            self._add(Kind.BLOCK, key, detail)
        if len(damaged) > _NAMED_BLOCKS:
            self._add(Kind.BLOCK, key, f"and {len(damaged) - _NAMED_BLOCKS} more like these")

    def _check_bounds(self, manifest: Manifest, name: ObjectName, key: str, held: Sequence[_Held]) -> None:
        """Of ids against the manifest, and of times against the hour."""
        if not held:
            return
        checked = [one.checked for one in held]
        low, high = min(one.low for one in checked), max(one.high for one in checked)
        if (str(low), str(high)) != (manifest.first_lid, manifest.last_lid):
            detail = f"ids are {low} to {high}, the manifest says {manifest.first_lid} to {manifest.last_lid}"
            self._add(Kind.TOTALS, key, detail)
        first, last = min(one.min_ts for one in checked), max(one.max_ts for one in checked)
        if not hour_start(name.hour) <= first <= last < hour_end(name.hour):
            self._add(Kind.HOUR, key, f"lines are from {iso(first)} to {iso(last)}")

    def _check_duplicates(self, held: list[_Held]) -> None:
        """Ids that occur more than once in an hour. Holds the ids only of blocks whose bounds overlap."""
        counts: Counter[str] = Counter({one.key: 0 for one in held})
        active: list[_Held] = []
        for one in sorted(held, key=lambda one: one.checked.low):
            active = [other for other in active if other.checked.high >= one.checked.low]
            counts[one.key] += one.checked.duplicates + sum(len(one.ids & other.ids) for other in active)
            active.append(one)
        for key, count in counts.items():
            if count:
                self._add(Kind.DUPLICATE, key, f"{count} lines have the id of another line of this hour")


def _contradictions(manifest: Manifest, name: ObjectName, key: str) -> Iterator[str]:
    """Where the manifest does not fit its key or its own blocks."""
    blocks = manifest.blocks
    if (manifest.key, manifest.account, manifest.hour, manifest.part) != (key, *name):
        yield "the manifest is of another object"
    for field_name in ("lines", "raw_bytes"):
        total = sum(getattr(one, field_name) for one in blocks)
        if total != getattr(manifest, field_name):
            yield f"{field_name} is {getattr(manifest, field_name)}, its blocks have {total}"
    if blocks and min(one.min_ts for one in blocks) != manifest.min_ts:
        yield "min_ts is not that of its blocks"
    if blocks and max(one.max_ts for one in blocks) != manifest.max_ts:
        yield "max_ts is not that of its blocks"


def _tiles(manifest: Manifest) -> bool:
    """Whether the blocks follow each other from the first stored byte to the last."""
    ends = list(accumulate((one.length for one in manifest.blocks), initial=0))
    return [one.offset for one in manifest.blocks] == ends[:-1] and ends[-1] == manifest.stored_bytes


def _differences(entry: BlockEntry, checked: _Checked, key: str) -> Iterator[str]:
    for name in ("lines", "min_ts", "max_ts"):
        said, held = getattr(entry, name), getattr(checked, name)
        if said != held:
            yield f"{key} at byte {entry.offset} has {name} {held}, its entry says {said}"
