"""Preview: a plan with lines that it would bring, and how many they may be in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from logkeep.archive.foreign.base import Layout, Problems
from logkeep.archive.foreign.read import read_foreign
from logkeep.archive.scan import Scan
from logkeep.errors import DamagedArchive, ObjectFrozen, ObjectMissing
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record, decode_line
from logkeep.restore.plan import RestorePlan, Sample
from logkeep.restore.request import RestoreRequest
from logkeep.storage.base import Bucket

_SHOWN = 5
_ON_DISK = 2  # bytes of a stored one; with the text index 1.7 were measured
_MOST_PIECES = 4  # of about a MiB, of an object without blocks


@dataclass(frozen=True, kw_only=True)
class Preview:
    plan: RestorePlan
    sample: tuple[Record, ...]  # at most five that would be restored
    hits: int | None  # how many would be, about; None: there is nothing to go by
    sampled_lines: int
    free_bytes: int = 0  # of the disk that the lines go to, above what stays free

    @property
    def needed_bytes(self) -> int:
        """What the lines will take up there, about."""
        lines = self.plan.lines
        share = self.hits / lines if self.hits is not None and lines else 1.0
        return round(self.plan.bytes * _ON_DISK * min(1.0, share))

    @property
    def fits(self) -> bool:
        """Whether there is room for that."""
        return self.needed_bytes <= self.free_bytes


@dataclass
class _Seen:
    lines: int = 0
    hits: int = 0


def preview(
    plan: RestorePlan,
    request: RestoreRequest,
    bucket_of: Callable[[int], Bucket],
    layout_of: Callable[[int, str], Layout],
) -> Preview:
    """Look at some blocks from all over the plan. What is damaged is left out: the restore tells of it.
    Raises StorageError for a bucket that fails or denies."""
    scan = Scan(parse(request.query), request.range)
    holds = compile_predicate(parse(request.query))
    seen = _Seen()
    shown: list[Record] = []
    for one in plan.sample_blocks:
        try:
            if one.length:
                found = _of_block(one, bucket_of(one.target), scan, seen)
            else:
                layout = layout_of(one.target, one.layout)
                records = _of_object(one, bucket_of(one.target), layout, seen)
                found = (
                    record
                    for record in records
                    if request.range.start <= record.ts < request.range.end and holds(record)
                )
            for record in found:
                seen.hits += 1
                if len(shown) < _SHOWN:
                    shown.append(record)
        except (DamagedArchive, ObjectMissing, ObjectFrozen):
            continue
    return Preview(plan=plan, sample=tuple(shown), hits=_estimate(plan, seen), sampled_lines=seen.lines)


def _of_block(one: Sample, bucket: Bucket, scan: Scan, seen: _Seen) -> Iterator[Record]:
    data = bucket.get_range(one.key, one.offset, one.length)
    seen.lines += one.lines
    for lines in scan.lines(data):
        yield from map(decode_line, lines)


def _of_object(one: Sample, bucket: Bucket, layout: Layout, seen: _Seen) -> Iterator[Record]:
    pieces = read_foreign(bucket, layout, one.key, one.size, Problems(one.key))
    for lines in islice(pieces, _MOST_PIECES):
        records = [decode_line(line) for line in lines.splitlines()]
        seen.lines += len(records)
        yield from records


def _estimate(plan: RestorePlan, seen: _Seen) -> int | None:
    if plan.exact:
        return plan.lines
    if not seen.lines or plan.unknown_objects:
        return None
    return round(plan.lines * seen.hits / seen.lines)
