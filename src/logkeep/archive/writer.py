"""From frames to one object file, its filter and its manifest.

A block is a run of whole frames, its counts and bounds are theirs. What its lines hold is looked at only for
the filter. Decompressing and compressing release the GIL and run in two threads; order is kept, and the same
frames give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import NamedTuple

import zstandard

from logkeep.archive import block
from logkeep.archive.contents import UNKNOWN, Contents, Values, contents_of
from logkeep.archive.filter_file import FilterFile
from logkeep.archive.layout import key_of
from logkeep.archive.manifest import FORMAT_VERSION, BlockEntry, Manifest
from logkeep.archive.tokens import Hasher
from logkeep.errors import DamagedArchive, StorageUnavailable
from logkeep.spool.base import Frame
from logkeep.timeline import Hour

THREADS = 2
_AHEAD = 2 * THREADS  # blocks in the making at a time, which bounds the memory

Group = Sequence[Frame]


class Made(NamedTuple):
    """A block as it was made."""

    stored: bytes
    contents: Contents


def write_object(
    frames: Iterable[Frame],
    path: Path,
    *,
    account: str,
    hour: Hour,
    part: int,
    level: int = block.LEVEL,
    filters: Path | None = None,
) -> Manifest:
    """Write the object of these frames (at least one, of one account and hour) to a file, and its filter
    to the file `filters`.

    `level` is gzip's, one of block.LEVELS. Without `filters` the manifest says nothing of the blocks'
    contents; with it there is no filter either when the object is small.

    Memory stays flat whatever the size. Raises DamagedArchive for a frame that is not what its row
    says, StorageUnavailable when a file cannot be written.
    """
    digest = hashlib.sha256()
    blocks: list[BlockEntry] = []
    lids: list[tuple[int, int]] = []
    values = Values()
    offset = 0
    try:
        with path.open("wb") as file, FilterFile(filters) as filter_file:
            for group, made in _made(_groups(frames), level, None if filters is None else values):
                file.write(made.stored)
                digest.update(made.stored)
                entry = _entry(group, offset, made, values)
                filter_file.add(made.contents.tokens, entry.raw_bytes)
                blocks.append(entry)
                lids.append((min(f.first_lid for f in group), max(f.last_lid for f in group)))
                offset += len(made.stored)
            found = filter_file.end(key_of(account, hour, part))
    except OSError as error:
        raise StorageUnavailable(
            f"the object of {account} cannot be built at {path}: {error.strerror}",
            hint="free space on the disk of the data folder; it is tried again",
        ) from error
    if not blocks:
        raise DamagedArchive(
            f"the spool has no frames for {key_of(account, hour, part)}",
            hint="put the spool's file back; catalog and spool belong together",
        )
    return Manifest(
        format_version=FORMAT_VERSION,
        key=key_of(account, hour, part),
        account=account,
        hour=hour,
        part=part,
        lines=sum(one.lines for one in blocks),
        raw_bytes=sum(one.raw_bytes for one in blocks),
        stored_bytes=offset,
        min_ts=min(one.min_ts for one in blocks),
        max_ts=max(one.max_ts for one in blocks),
        first_lid=str(min(first for first, _ in lids)),
        last_lid=str(max(last for _, last in lids)),
        sha256=digest.hexdigest(),
        blocks=values.only_listed(blocks),
        values=values.lists(),
        filters=found,
    )


def _groups(frames: Iterable[Frame]) -> Iterator[Group]:
    """Runs of frames that hold a block's bytes, the last one perhaps fewer."""
    group: list[Frame] = []
    size = 0
    for frame in frames:
        group.append(frame)
        size += frame.raw_bytes
        if size >= block.BLOCK_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _made(groups: Iterable[Group], level: int, values: Values | None) -> Iterator[tuple[Group, Made]]:
    running: deque[tuple[Group, Future[Made]]] = deque()
    hashers = local()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="seal") as pool:
        for group in groups:
            running.append((group, pool.submit(_block, group, level, values, hashers)))
            if len(running) == _AHEAD:
                done, future = running.popleft()
                yield done, future.result()
        while running:
            done, future = running.popleft()
            yield done, future.result()


def _block(group: Group, level: int, values: Values | None, hashers: local) -> Made:
    lines = b"".join([lines_of(frame) for frame in group])
    if values is None:
        return Made(block.compress(lines, level), UNKNOWN)
    try:
        hasher = hashers.own
    except AttributeError:
        hasher = hashers.own = Hasher()
    return Made(block.compress(lines, level), contents_of(lines, values.columns, hasher))


def lines_of(frame: Frame) -> bytes:
    """The canonical lines of a frame. Raises DamagedArchive."""
    try:
        lines = zstandard.ZstdDecompressor().decompress(frame.data, max_output_size=frame.raw_bytes)
    except zstandard.ZstdError as error:
        raise DamagedArchive(f"frame {frame.seq} of the spool cannot be decompressed: {error}") from error
    if len(lines) != frame.raw_bytes:
        raise DamagedArchive(f"frame {frame.seq} of the spool is not as long as it should be")
    return lines


def _entry(group: Group, offset: int, made: Made, values: Values) -> BlockEntry:
    masks = values.masks(made.contents.values)
    return BlockEntry(
        offset=offset,
        length=len(made.stored),
        raw_bytes=sum(frame.raw_bytes for frame in group),
        lines=sum(frame.lines for frame in group),
        min_ts=min(frame.min_ts for frame in group),
        max_ts=max(frame.max_ts for frame in group),
        host=masks.get("_host", 0),
        app=masks.get("_app", 0),
        level=masks.get("level", 0),
        escapes=made.contents.tokens is not None and made.contents.escapes,
    )
