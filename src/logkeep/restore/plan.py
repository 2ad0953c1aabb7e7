"""Plan: what a restore will read, and in which chunks. Reads the bucket's listing and manifests only, so
it is also the dry run and the preview."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import FoundObject, find_objects
from logkeep.query.ast import Everything
from logkeep.query.parse import parse
from logkeep.restore.chunks import ChunkSpec, Piece, Selected, Span, cut, target_bytes
from logkeep.restore.request import RestoreRequest
from logkeep.storage.base import Bucket
from logkeep.timeline import TimeRange


@dataclass(frozen=True, kw_only=True)
class Source:
    """A place that a restore reads."""

    target: int
    bucket: Bucket


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """Counts are those of the blocks that will be read. Objects without a manifest add to `objects` and
    `bytes` only, because nobody counted what is in them."""

    objects: int
    unknown_objects: int  # how many of them have no manifest
    blocks: int
    lines: int
    raw_bytes: int
    bytes: int  # stored bytes to read
    exact: bool  # whether exactly `lines` lines will be restored, less duplicates
    chunks: tuple[ChunkSpec, ...]


@dataclass(frozen=True, kw_only=True)
class _Object:
    """A selected object; `known` is None for one without manifest."""

    found: FoundObject
    target: int
    known: Selected | None


def plan_restore(sources: Sequence[Source], request: RestoreRequest) -> RestorePlan:
    """The plan of a restore from all of these places. Raises StorageError."""
    everything = isinstance(parse(request.query), Everything)
    found = [
        (one, source.target)
        for source in sources
        for one in find_objects(source.bucket, request.source, request.range)
    ]
    found.sort(key=lambda one: (one[0].hour, one[1], one[0].part))
    objects = [one for group in _hours(found) for one in _select(group, request.range)]
    known = [one.known for one in objects if one.known is not None]
    unknown = [one for one in objects if one.known is None]
    spans = [span for one in known for span in one.spans]
    return RestorePlan(
        objects=len(objects),
        unknown_objects=len(unknown),
        blocks=len(spans),
        lines=sum(span.lines for span in spans),
        raw_bytes=sum(span.raw_bytes for span in spans),
        bytes=sum(span.length for span in spans) + sum(one.found.size for one in unknown),
        exact=everything and not unknown and all(span.within for span in spans),
        chunks=(*_known_chunks(known, exact=everything), *map(_unknown_chunk, unknown)),
    )


_Found = tuple[FoundObject, int]  # and the target that it is in


def _hours(found: Sequence[_Found]) -> Iterator[list[_Found]]:
    for _, group in groupby(found, key=lambda one: one[0].hour):
        yield list(group)


def _select(hour: Sequence[_Found], within: TimeRange) -> Iterator[_Object]:
    """The objects of one hour that have blocks in the range.

    A line can be in two of them only where their ids overlap. Then the later ones need a look at what
    the earlier ones brought; nothing is known of the ids of an object without manifest.
    """
    id_ranges: list[tuple[int, int]] = []
    for one, target in hour:
        if one.manifest is None:
            if one.size:
                yield _Object(found=one, target=target, known=None)
            continue
        selected = _selected(one.key, target, one.manifest, within)
        if not selected.spans:
            continue
        ids = _ids(one.manifest)
        overlaps = ids is None or any(ids[0] <= last and first <= ids[1] for first, last in id_ranges)
        id_ranges.append(ids or _ALL_IDS)
        yield _Object(found=one, target=target, known=replace(selected, dedupe=overlaps))


_ALL_IDS = (0, 1 << 64)


def _ids(manifest: Manifest) -> tuple[int, int] | None:
    """The first and last id, None when they are not numbers."""
    if not (manifest.first_lid.isdecimal() and manifest.last_lid.isdecimal()):
        return None
    return int(manifest.first_lid), int(manifest.last_lid)


def _selected(key: str, target: int, manifest: Manifest, within: TimeRange) -> Selected:
    blocks = [block for block in manifest.blocks if within.overlaps(block.min_ts, block.max_ts)]
    return Selected(
        key=key,
        size=manifest.stored_bytes,
        spans=tuple(_span(block, within) for block in blocks),
        whole=sum(block.length for block in blocks) == manifest.stored_bytes,
        target=target,
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
    """Chunks that cannot bring a line twice first, then the others."""
    target = target_bytes(sum(one.raw_bytes for one in objects))
    for dedupe in (False, True):
        yield from cut([one for one in objects if one.dedupe is dedupe], target, exact=exact)


def _unknown_chunk(one: _Object) -> ChunkSpec:
    piece = Piece(key=one.found.key, size=one.found.size, target=one.target)
    return ChunkSpec(pieces=(piece,), dedupe=True)
