"""The source's objects as canonical lines, in order; those of a remote bucket are begun a few ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import NamedTuple

from logkeep.archive.foreign.base import Layout, Problems
from logkeep.archive.foreign.find import ForeignObject
from logkeep.archive.foreign.read import read_foreign
from logkeep.errors import DamagedArchive
from logkeep.storage.base import Bucket

_AHEAD = 4  # small objects take longer to ask for than to read
_BEGUN_PIECES = 8  # of about 1 MiB of lines each, which bounds the memory


class Reading(NamedTuple):
    """An object that is being read. Its problems are all known when its pieces have been used up."""

    source: ForeignObject
    problems: Problems
    pieces: Iterator[bytes]


def readings(bucket: Bucket, layout: Layout, sources: Sequence[ForeignObject]) -> Iterator[Reading]:
    """Each object in turn; its pieces have to be used up before the next. What cannot be decompressed any
    further is among its problems. Raises StorageError."""
    if not sources:
        return
    if bucket.local_path(sources[0].key) is not None:  # sooner read than handed to a thread
        for source in sources:
            yield _begun(bucket, layout, source, 0)
        return
    running: deque[Future[Reading]] = deque()
    pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="convert")
    try:
        for source in sources:
            running.append(pool.submit(_begun, bucket, layout, source, _BEGUN_PIECES))
            if len(running) > _AHEAD:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begun(bucket: Bucket, layout: Layout, source: ForeignObject, pieces: int) -> Reading:
    """With its first pieces read."""
    problems = Problems(source.key)
    rest = _undamaged(read_foreign(bucket, layout, source.key, source.size, problems), problems)
    return Reading(source, problems, chain(list(islice(rest, pieces)), rest))


def _undamaged(pieces: Iterator[bytes], problems: Problems) -> Iterator[bytes]:
    try:
        yield from pieces
    except DamagedArchive as error:
        problems.add(0, error.message)
