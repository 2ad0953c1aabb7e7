"""One object of an archive, checked against its manifest as deep as it was asked for."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from logkeep.archive.layout import ObjectName, manifest_key
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import read_lines, runs
from logkeep.errors import DamagedArchive, ObjectFrozen, ObjectMissing
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import hour_end, hour_start, iso
from logkeep.verify.blocks import Checked, Held, check_block, contradictions, differences, tiles
from logkeep.verify.inventory import StoredManifest
from logkeep.verify.report import Finding, Kind
from logkeep.verify.sample import Sample

_AHEAD = 32  # blocks in the making at a time, which bounds the memory
_NAMED_BLOCKS = 3  # of one object; a damaged object does not need a finding for each of its blocks


@dataclass(kw_only=True)
class ObjectCheck:
    """The check of one object, and what it found."""

    bucket: Bucket
    pool: ThreadPoolExecutor  # in which blocks are checked
    name: ObjectName
    stat: Stat
    stored: StoredManifest
    sample: Sample | None
    no_manifest_is_a_note: bool
    findings: list[Finding] = field(default_factory=list)
    lines: int = 0
    raw_bytes: int = 0
    blocks_checked: int = 0
    held: list[tuple[BlockEntry, Checked]] = field(default_factory=list)

    def run(self) -> None:
        """Raises StorageError; damage never raises."""
        key, manifest = self.stat.key, self.stored.manifest
        if self.stored.damage:
            self._add(Kind.BAD_MANIFEST, manifest_key(key), self.stored.damage)
        elif manifest is None:
            self._add_no_manifest(key)
        try:
            if manifest is None:
                self._check_readable()
            else:
                self._check_against(manifest)
        except ObjectMissing as error:
            self._add(Kind.NO_OBJECT, key, f"it went away while it was read: {error.message}", gap=True)
            self.held.clear()
        except ObjectFrozen:
            self._add(Kind.FROZEN, key, "it is in cold storage, and was not looked into", note=True)
            self.held.clear()

    def blocks_held(self) -> list[Held]:
        return [
            Held(
                bucket=self.bucket,
                key=self.stat.key,
                entry=entry,
                low=checked.low,
                high=checked.high,
                duplicates=checked.duplicates,
            )
            for entry, checked in self.held
        ]

    def _add(self, kind: Kind, key: str, detail: str, *, note: bool = False, gap: bool = False) -> None:
        self.findings.append(Finding(kind=kind, key=key, detail=detail, note=note, gap=gap))

    def _add_no_manifest(self, key: str) -> None:
        detail = "there is no manifest, so it is only checked for being readable"
        if self._left_out():
            detail = "there is no manifest, and the sample leaves it out"
        self._add(Kind.NO_MANIFEST, key, detail, note=self.no_manifest_is_a_note)

    def _left_out(self) -> bool:
        return self.sample is not None and not self.sample.takes(self.stat.key)

    def _check_readable(self) -> None:
        if self._left_out():
            return
        try:
            for raw in read_lines(self.bucket, self.stat.key, self.stat.size):
                self.lines += raw.count(b"\n")
                self.raw_bytes += len(raw)
        except DamagedArchive as error:
            self._add(Kind.UNREADABLE, self.stat.key, error.message)

    def _check_against(self, manifest: Manifest) -> None:
        key = self.stat.key
        for problem in contradictions(manifest, self.name, key):
            self._add(Kind.TOTALS, key, problem)
        if self.stat.size != manifest.stored_bytes or not tiles(manifest):
            detail = f"{self.stat.size} bytes are stored, the manifest has blocks for {manifest.stored_bytes}"
            self._add(Kind.SIZE, key, detail)
            self._check_readable()
        elif self.sample is None:
            self._check_whole(manifest)
        else:
            self._check_blocks(self.sample.blocks(key, manifest.blocks), lambda _stored: None)
            self._check_bounds(manifest)

    def _check_whole(self, manifest: Manifest) -> None:
        digest = hashlib.sha256()
        self._check_blocks(manifest.blocks, digest.update)
        if digest.hexdigest() != manifest.sha256:
            detail = (
                f"the stored bytes have SHA-256 {digest.hexdigest()}, the manifest says {manifest.sha256}"
            )
            self._add(Kind.CHECKSUM, self.stat.key, detail)
        self._check_bounds(manifest)

    def _check_blocks(self, blocks: Sequence[BlockEntry], sum_up: Callable[[bytes], None]) -> None:
        damaged: list[str] = []
        for entry, future in self._blocks(blocks, sum_up):
            self.blocks_checked += 1
            try:
                checked = future.result()
            except DamagedArchive as error:
                damaged.append(error.message)
                continue
            self.lines += checked.lines
            self.raw_bytes += entry.raw_bytes
            damaged += differences(entry, checked, self.stat.key)
            self.held.append((entry, checked))
        self._report_blocks(damaged)

    def _blocks(
        self, blocks: Sequence[BlockEntry], sum_up: Callable[[bytes], None]
    ) -> Iterator[tuple[BlockEntry, Future[Checked]]]:
        """Each block and its check, in order; a few are fetched and under way ahead of the caller."""
        key = self.stat.key
        running: deque[tuple[BlockEntry, Future[Checked]]] = deque()
        for run in runs(blocks):
            stored = self.bucket.get_ranges(key, [(one.offset, one.length) for one in run])
            for entry, data in zip(run, stored, strict=True):
                where = f"{key} at byte {entry.offset}"
                running.append((entry, self.pool.submit(check_block, data, entry, where)))
                sum_up(data)
                if len(running) == _AHEAD:
                    yield running.popleft()
        yield from running

    def _report_blocks(self, damaged: Sequence[str]) -> None:
        for detail in damaged[:_NAMED_BLOCKS]:
            self._add(Kind.BLOCK, self.stat.key, detail)
        if len(damaged) > _NAMED_BLOCKS:
            self._add(Kind.BLOCK, self.stat.key, f"and {len(damaged) - _NAMED_BLOCKS} more like these")

    def _check_bounds(self, manifest: Manifest) -> None:
        """Of ids against the manifest, and of times against the hour."""
        if not self.held:
            return
        key, checked = self.stat.key, [one for _, one in self.held]
        low, high = min(one.low for one in checked), max(one.high for one in checked)
        if not self._ids_fit(manifest, low, high):
            detail = f"ids are {low} to {high}, the manifest says {manifest.first_lid} to {manifest.last_lid}"
            self._add(Kind.TOTALS, key, detail)
        first, last = min(one.min_ts for one in checked), max(one.max_ts for one in checked)
        if not hour_start(self.name.hour) <= first <= last < hour_end(self.name.hour):
            self._add(Kind.HOUR, key, f"lines are from {iso(first)} to {iso(last)}")

    def _ids_fit(self, manifest: Manifest, low: int, high: int) -> bool:
        """Of the whole object they are the manifest's bounds, of a sample they are within them."""
        first, last = manifest.first_lid, manifest.last_lid
        if self.sample is None:
            return (str(low), str(high)) == (first, last)
        return first.isdecimal() and last.isdecimal() and int(first) <= low <= high <= int(last)
