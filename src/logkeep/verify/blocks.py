"""Blocks: what one really holds, against its manifest's entry; and what manifests say of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import msgspec

from logkeep.archive import block
from logkeep.archive.layout import ObjectName
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import read_blocks
from logkeep.errors import DamagedArchive
from logkeep.storage.base import Bucket


class _Line(msgspec.Struct, frozen=True, gc=False):
    lid: int = msgspec.field(name="_lid")
    ts: int = msgspec.field(name="_ts")


_lines = msgspec.json.Decoder(_Line, strict=False)  # not strict: `_lid` is a decimal string


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What one block really holds."""

    lines: int
    min_ts: int
    max_ts: int
    low: int  # lowest and highest id
    high: int
    duplicates: int  # lines of the block whose id an earlier one has


def check_block(stored: bytes, entry: BlockEntry, where: str) -> Checked:
    """Raises DamagedArchive when it cannot be read as its entry says."""
    raw = block.decompress(stored, entry.raw_bytes, where)
    lids, times = _ids_and_times(raw, where)
    return Checked(
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
class Held:
    """The bounds of a block's ids, and all of its ids once somebody has to look."""

    bucket: Bucket
    key: str
    entry: BlockEntry
    low: int
    high: int
    duplicates: int

    @cached_property
    def ids(self) -> set[int]:
        """Raises DamagedArchive, StorageError."""
        (raw,) = read_blocks(self.bucket, self.key, [self.entry])
        return set(_ids_and_times(raw, self.key)[0])


def count_duplicates(held: Sequence[Held]) -> Counter[str]:
    """Lines whose id another line of these blocks has, by object. Objects without any count 0.

    Holds the ids only of blocks whose bounds overlap.
    """
    counts: Counter[str] = Counter({one.key: 0 for one in held})
    active: list[Held] = []
    for one in sorted(held, key=lambda one: one.low):
        active = [other for other in active if other.high >= one.low]
        counts[one.key] += one.duplicates + sum(len(one.ids & other.ids) for other in active)
        active.append(one)
    return counts


def contradictions(manifest: Manifest, name: ObjectName, key: str) -> Iterator[str]:
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


def tiles(manifest: Manifest) -> bool:
    """Whether the blocks follow each other from the first stored byte to the last."""
    ends = list(accumulate((one.length for one in manifest.blocks), initial=0))
    return [one.offset for one in manifest.blocks] == ends[:-1] and ends[-1] == manifest.stored_bytes


def differences(entry: BlockEntry, checked: Checked, key: str) -> Iterator[str]:
    for name in ("lines", "min_ts", "max_ts"):
        said, held = getattr(entry, name), getattr(checked, name)
        if said != held:
            yield f"{key} at byte {entry.offset} has {name} {held}, its entry says {said}"
