"""From frames to one object file and its manifest.

Frames are whole, so lines are never looked at: a block is a run of frames, its counts and bounds are
theirs. Decompressing and compressing release the GIL and run in two threads; order is kept, and the
same frames give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import zstandard

from logkeep.archive import block
from logkeep.archive.layout import key_of
from logkeep.archive.manifest import FORMAT_VERSION, BlockEntry, Manifest
from logkeep.errors import DamagedArchive, StorageUnavailable
from logkeep.spool.base import Frame
from logkeep.timeline import Hour

THREADS = 2
_AHEAD = 2 * THREADS  # blocks in the making at a time, which bounds the memory

Group = Sequence[Frame]


def write_object(
    frames: Iterable[Frame], path: Path, *, account: str, hour: Hour, part: int, level: int = block.LEVEL
) -> Manifest:
    """Write the object of these frames (at least one, of one account and hour) to a file.

    `level` is gzip's, one of block.LEVELS.

    Memory stays flat whatever the size. Raises DamagedArchive for a frame that is not what its row
    says, StorageUnavailable when the file cannot be written.
    """
    digest = hashlib.sha256()
    blocks: list[BlockEntry] = []
    lids: list[tuple[int, int]] = []
    offset = 0
    try:
        with path.open("wb") as file:
            for group, stored in _compressed(_groups(frames), level):
                file.write(stored)
                digest.update(stored)
                blocks.append(_entry(group, offset, len(stored)))
                lids.append((min(f.first_lid for f in group), max(f.last_lid for f in group)))
                offset += len(stored)
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
        blocks=tuple(blocks),
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


def _compressed(groups: Iterable[Group], level: int) -> Iterator[tuple[Group, bytes]]:
    running: deque[tuple[Group, Future[bytes]]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="seal") as pool:
        for group in groups:
            running.append((group, pool.submit(_block, group, level)))
            if len(running) == _AHEAD:
                done, future = running.popleft()
                yield done, future.result()
        while running:
            done, future = running.popleft()
            yield done, future.result()


def _block(group: Group, level: int) -> bytes:
    return block.compress(b"".join([lines_of(frame) for frame in group]), level)


def lines_of(frame: Frame) -> bytes:
    """The canonical lines of a frame. Raises DamagedArchive."""
    try:
        lines = zstandard.ZstdDecompressor().decompress(frame.data, max_output_size=frame.raw_bytes)
    except zstandard.ZstdError as error:
        raise DamagedArchive(f"frame {frame.seq} of the spool cannot be decompressed: {error}") from error
    if len(lines) != frame.raw_bytes:
        raise DamagedArchive(f"frame {frame.seq} of the spool is not as long as it should be")
    return lines


def _entry(group: Group, offset: int, length: int) -> BlockEntry:
    return BlockEntry(
        offset=offset,
        length=length,
        raw_bytes=sum(frame.raw_bytes for frame in group),
        lines=sum(frame.lines for frame in group),
        min_ts=min(frame.min_ts for frame in group),
        max_ts=max(frame.max_ts for frame in group),
    )
