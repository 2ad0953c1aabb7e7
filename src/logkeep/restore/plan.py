"""Plan: what a restore will read, and in which chunks. Reads the bucket's listing, manifests and token
filters only, so it is also the dry run and the preview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TypeVar

from logkeep.archive.foreign.base import Layout
from logkeep.archive.foreign.find import find_foreign
from logkeep.archive.layout import prefixes
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import FETCH_BYTES, FoundObject, find_objects
from logkeep.archive.selection import Selection, select_blocks
from logkeep.errors import DamagedArchive
from logkeep.query.ast import Everything, Node
from logkeep.query.parse import parse
from logkeep.restore.chunks import ChunkSpec, Piece, Selected, Span, cut, target_bytes
from logkeep.restore.request import RestoreRequest
from logkeep.restore.thaw import Frozen, ThawTier, find_cold, frozen_among
from logkeep.storage.base import Bucket, Cold
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange

T = TypeVar("T")

# Objects that nobody counted are taken together up to this many stored bytes, about 128 MB of lines.
_UNKNOWN_CHUNK_BYTES = 32 << 20
# Above this an object without manifest is read piece by piece, so that the ids of its lines, which are
# compared within a chunk, need no more memory than those of other chunks.
_LARGE_BYTES = 128 << 20
_USUAL_RATIO = 6  # raw bytes of a stored one, where nobody counted them
_MOST_PIECES = 1000  # in a chunk: each is a file on its way
_FILTERS_AT_ONCE = 8
_SAMPLED = 8  # blocks that a preview looks at
_OURS = "logkeep"  # the layout by which a large object of our own is read piece by piece


@dataclass(frozen=True, kw_only=True)
class Source:
    """A place that a restore reads; `layout` is None where the archive is ours."""

    target: int
    bucket: Bucket
    layout: Layout | None = None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A block that a preview looks at, or an object without manifest (`length` is 0 then)."""

    target: int
    key: str
    offset: int
    length: int
    size: int  # of the object
    lines: int = 0  # of the block
    layout: str = ""


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """Counts are those of the blocks that will be read. Objects without a manifest add to `objects` and
    `bytes` only, because nobody counted what is in them."""

    objects: int
    unknown_objects: int  # how many of them have no manifest
    blocks: int
    blocks_ruled_out: int  # of the time range, in which the query cannot match
    lines: int
    raw_bytes: int
    bytes: int  # stored bytes to read
    filter_bytes: int  # stored bytes of filters that were read to know it
    requests: int  # to the bucket, about
    exact: bool  # whether exactly `lines` lines will be restored, less duplicates
    frozen: Frozen
    chunks: tuple[ChunkSpec, ...]
    sample_blocks: tuple[Sample, ...] = field(default=(), repr=False)
    rate: float = 0.0  # raw bytes a second that are to be expected

    @property
    def seconds(self) -> float:
        """How long it will take, about, once all of it can be read."""
        known = [piece for chunk in self.chunks for piece in chunk.pieces if piece.lines]
        unknown = self.bytes - sum(piece.stored_bytes for piece in known)
        return (self.raw_bytes + unknown * _USUAL_RATIO) / self.rate if self.rate else 0.0


@dataclass(frozen=True, kw_only=True)
class _Object:
    """An object of ours that has something for the restore; `known` is None for one without manifest."""

    found: FoundObject
    target: int
    known: Selected | None
    cold: bool


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """An object of ours and which of its blocks are wanted; None for one without manifest."""

    found: FoundObject
    target: int
    selection: Selection | None
    in_range: int  # its blocks that the range touches
    cold: bool


@dataclass(frozen=True, kw_only=True)
class _Foreign:
    """An object of another system."""

    key: str
    size: int
    target: int
    layout: str
    cold: bool


def plan_restore(sources: Sequence[Source], request: RestoreRequest) -> RestorePlan:
    """The plan of a restore from all of these places. Raises StorageError."""
    node = parse(request.query)
    everything = isinstance(node, Everything)
    cold = {source.target: _cold(source, request.range) for source in sources}
    looked = _looked(sources, request, node, cold)
    objects = [one for group in _hours(looked) for one in _select(group, request.range)]
    foreign = [
        one
        for source in sources
        if source.layout is not None
        for one in _foreign(source, source.layout, request.range, cold[source.target])
    ]
    known = [one.known for one in objects if one.known is not None]
    unknown = [one for one in objects if one.known is None]
    spans = [span for one in known for span in one.spans]
    chunks = (
        *_known_chunks(known, exact=everything),
        *_unknown_chunks(unknown, objects),
        *_foreign_chunks(foreign),
    )
    return RestorePlan(
        objects=len(objects) + len(foreign),
        unknown_objects=len(unknown) + len(foreign),
        blocks=len(spans),
        blocks_ruled_out=sum(one.in_range - len(one.selection.blocks) for one in looked if one.selection),
        lines=sum(span.lines for span in spans),
        raw_bytes=sum(span.raw_bytes for span in spans),
        bytes=sum(span.length for span in spans)
        + sum(one.found.size for one in unknown)
        + sum(one.size for one in foreign),
        filter_bytes=sum(one.selection.filter_bytes for one in looked if one.selection),
        requests=len(looked) + sum(_requests(chunk) for chunk in chunks),
        exact=everything and not unknown and not foreign and all(span.within for span in spans),
        frozen=_frozen(chunks, cold, request.thaw or ThawTier.STANDARD),
        chunks=chunks,
        sample_blocks=tuple(_samples(known, unknown, foreign)),
    )


def _cold(source: Source, within: TimeRange) -> Mapping[str, Cold]:
    """What cannot be read now of the folders that the range touches."""
    layout = source.layout
    folders = prefixes(within) if layout is None else layout.folders(_widened(within, layout.margin_ms))
    return find_cold(source.bucket, folders)


def _widened(within: TimeRange, margin_ms: int) -> TimeRange:
    return TimeRange(start=max(MIN_MS, within.start - margin_ms), end=min(MAX_MS, within.end + margin_ms))


def _frozen(chunks: Sequence[ChunkSpec], cold: Mapping[int, Mapping[str, Cold]], tier: str) -> Frozen:
    """Raises BadSetting for a tier that the storage class of an object has not."""
    pieces = [piece for piece in _distinct(chunks) if piece.key in cold[piece.target]]
    named = {f"{piece.target} {piece.key}": cold[piece.target][piece.key] for piece in pieces}
    return frozen_among([(f"{piece.target} {piece.key}", piece.size) for piece in pieces], named, tier)


def _looked(
    sources: Sequence[Source],
    request: RestoreRequest,
    node: Node,
    cold: Mapping[int, Mapping[str, Cold]],
) -> list[_Looked]:
    """Every object of ours in the range, by hour, target and part, each with the blocks that are wanted."""
    found = [
        (one, source)
        for source in sources
        if source.layout is None
        for one in find_objects(source.bucket, request.source, request.range)
    ]
    found.sort(key=lambda one: (one[0].hour, one[1].target, one[0].part))

    def look(item: tuple[FoundObject, Source]) -> _Looked:
        one, source = item
        manifest = one.manifest
        return _Looked(
            found=one,
            target=source.target,
            selection=select_blocks(source.bucket, manifest, node, request.range) if manifest else None,
            in_range=len(_touched(manifest, request.range)) if manifest else 0,
            cold=one.key in cold[source.target],
        )

    with ThreadPoolExecutor(_FILTERS_AT_ONCE, thread_name_prefix="filters") as pool:
        return list(pool.map(look, found))


def _touched(manifest: Manifest, within: TimeRange) -> list[BlockEntry]:
    return [block for block in manifest.blocks if within.overlaps(block.min_ts, block.max_ts)]


def _hours(looked: Sequence[_Looked]) -> Iterator[list[_Looked]]:
    for _, group in groupby(looked, key=lambda one: one.found.hour):
        yield list(group)


def _select(hour: Sequence[_Looked], within: TimeRange) -> Iterator[_Object]:
    """The objects of one hour that have blocks to read.

    A line can be in two of them only where their ids overlap. Then the later ones need a look at what
    the earlier ones brought; nothing is known of the ids of an object without manifest. What has to be
    thawed comes last, whatever its hour, so it needs that look too.
    """
    id_ranges: list[tuple[int, int]] = []
    for one in hour:
        manifest, selection = one.found.manifest, one.selection
        if manifest is None or selection is None:
            if one.found.size:
                yield _Object(found=one.found, target=one.target, known=None, cold=one.cold)
            continue
        if not selection.blocks:
            continue
        ids = _ids(manifest)
        overlaps = ids is None or any(ids[0] <= last and first <= ids[1] for first, last in id_ranges)
        id_ranges.append(ids or _ALL_IDS)
        selected = _selected(one, manifest, selection.blocks, within)
        known = replace(selected, dedupe=overlaps or one.cold)
        yield _Object(found=one.found, target=one.target, known=known, cold=one.cold)


_ALL_IDS = (0, 1 << 64)


def _ids(manifest: Manifest) -> tuple[int, int] | None:
    """The first and last id, None when they are not numbers."""
    if not (manifest.first_lid.isdecimal() and manifest.last_lid.isdecimal()):
        return None
    return int(manifest.first_lid), int(manifest.last_lid)


def _selected(one: _Looked, manifest: Manifest, blocks: Sequence[BlockEntry], within: TimeRange) -> Selected:
    return Selected(
        key=one.found.key,
        size=manifest.stored_bytes,
        spans=tuple(_span(block, within) for block in blocks),
        whole=sum(block.length for block in blocks) == manifest.stored_bytes,
        target=one.target,
        cold=one.cold,
    )


def _span(block: BlockEntry, within: TimeRange) -> Span:
    return Span(
        offset=block.offset,
        length=block.length,
        lines=block.lines,
        raw_bytes=block.raw_bytes,
        within=within.start <= block.min_ts and block.max_ts < within.end,
    )


def _known_chunks(objects: Sequence[Selected], *, exact: bool) -> Iterator[ChunkSpec]:
    """Chunks that cannot bring a line twice first, then the others; what is cold in chunks of its own."""
    target = target_bytes(sum(one.raw_bytes for one in objects))
    for kind in ((False, False), (True, False), (True, True)):
        yield from cut([one for one in objects if (one.dedupe, one.cold) == kind], target, exact=exact)


def _unknown_chunks(unknown: Sequence[_Object], objects: Sequence[_Object]) -> Iterator[ChunkSpec]:
    """Lines of different hours cannot be the same. So where an hour has nothing but a few objects without
    manifest, they are a chunk that only has to be compared with itself."""
    counted = {one.found.hour for one in objects if one.known is not None}
    for hour, group in groupby(unknown, key=lambda one: one.found.hour):
        members = list(group)
        pieces = tuple(_unknown_piece(one) for one in members)
        small = sum(piece.size for piece in pieces) <= _UNKNOWN_CHUNK_BYTES or len(pieces) == 1
        plain = not any(one.cold for one in members) and not any(piece.layout for piece in pieces)
        if hour not in counted and small and plain:
            yield ChunkSpec(pieces=pieces, alone=True)
            continue
        for one, piece in zip(members, pieces, strict=True):
            yield ChunkSpec(pieces=(piece,), dedupe=True, cold=one.cold)


def _unknown_piece(one: _Object) -> Piece:
    size = one.found.size
    return Piece(key=one.found.key, size=size, target=one.target, layout=_OURS if size > _LARGE_BYTES else "")


def _foreign(
    source: Source, layout: Layout, within: TimeRange, cold: Mapping[str, Cold]
) -> Iterator[_Foreign]:
    for one in find_foreign(source.bucket, layout, within):
        if not _is_text(one.key):
            raise DamagedArchive(
                f"the name of the object {one.key!a} is not UTF-8",
                hint="rename it, or restore from a copy without it",
            )
        yield _Foreign(
            key=one.key,
            size=one.size,
            target=source.target,
            layout=layout.name,
            cold=one.key in cold,
        )


def _is_text(key: str) -> bool:
    """A folder's names may be any bytes; others of the same names could not be told apart in a ledger."""
    return not any("\ud800" <= char <= "\udfff" for char in key)


def _foreign_chunks(foreign: Sequence[_Foreign]) -> Iterator[ChunkSpec]:
    """Nothing is known of what other systems write twice, so all of it is compared with what is there."""
    for is_cold in (False, True):
        pieces: list[Piece] = []
        size = 0
        for one in foreign:
            if one.cold is not is_cold:
                continue
            full = size + one.size > _UNKNOWN_CHUNK_BYTES or len(pieces) == _MOST_PIECES
            if pieces and full:
                yield ChunkSpec(pieces=tuple(pieces), dedupe=True, cold=is_cold)
                pieces, size = [], 0
            pieces.append(Piece(key=one.key, size=one.size, target=one.target, layout=one.layout))
            size += one.size
        if pieces:
            yield ChunkSpec(pieces=tuple(pieces), dedupe=True, cold=is_cold)


def _distinct(chunks: Iterable[ChunkSpec]) -> Iterator[Piece]:
    """One piece of each object."""
    seen: set[tuple[int, str]] = set()
    for chunk in chunks:
        for piece in chunk.pieces:
            if (piece.target, piece.key) not in seen:
                seen.add((piece.target, piece.key))
                yield piece


def _requests(chunk: ChunkSpec) -> int:
    """A look at each object, and the reads of its bytes."""
    return sum(1 + len(piece.ranges or [0]) + piece.stored_bytes // FETCH_BYTES for piece in chunk.pieces)


def _samples(
    known: Sequence[Selected], unknown: Sequence[_Object], foreign: Sequence[_Foreign]
) -> Iterator[Sample]:
    """Blocks from all over the range, and where there are none, objects."""
    spans = [(one, span) for one in known for span in one.spans if not one.cold]
    for one, span in _spread(spans):
        yield Sample(
            target=one.target,
            key=one.key,
            offset=span.offset,
            length=span.length,
            size=one.size,
            lines=span.lines,
        )
    if not spans:
        whole = [(one.target, one.found.key, one.found.size, _OURS) for one in unknown if not one.cold]
        whole += [(one.target, one.key, one.size, one.layout) for one in foreign if not one.cold]
        for target, key, size, layout in _spread(whole)[:2]:
            yield Sample(target=target, key=key, offset=0, length=0, size=size, layout=layout)


def _spread(items: Sequence[T]) -> list[T]:
    if len(items) <= _SAMPLED:
        return list(items)
    return [items[number * len(items) // _SAMPLED] for number in range(_SAMPLED)]
