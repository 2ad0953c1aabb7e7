"""The second pass's end: one hour's ordered lines to objects and manifests in the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import zstandard

from logkeep.archive import manifest as manifests
from logkeep.archive.filters import CONTENT_TYPE
from logkeep.archive.layout import filter_key, manifest_key
from logkeep.archive.manifest import Manifest
from logkeep.archive.reader import manifest_of_same_lines
from logkeep.archive.writer import write_object
from logkeep.convert.split import heads
from logkeep.errors import Conflict, DamagedArchive, ObjectExists
from logkeep.faults import crash_point
from logkeep.spool.base import FRAME_BYTES, Frame
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.timeline import Hour

MAX_OBJECT_BYTES = 512 << 20  # of lines

# A canonical line up to where the account goes; its id may be missing, and an account that it has goes.
_HEAD = re.compile(
    rb'\{(?:"_lid":"(\d+)",)?("_ts":\d+(?:,"_ns":-?\d+)?(?:,"_rx":-?\d+)?)(?:,"_account":"(?:[^"\\]|\\.)*")?'
)
_HOUR_BITS = 32


def frames_of(lines: Iterable[bytes], account: str, hour: Hour) -> Iterator[Frame]:
    """Frames of about 1 MiB of an hour's ordered lines, each with its account and with an id.

    A line that came without an id, or with 0, gets one from its place in the hour: it tells it from others of
    its time, and is the same whenever the same source is converted. It is below any that a server gives out.
    """
    compressor = zstandard.ZstdCompressor(level=1)
    owner = b',"_account":"%b"' % account.encode()
    seq, size = 1, 0
    piece: list[bytes] = []
    ids: list[int] = []
    for number, line in enumerate(lines, (hour << _HOUR_BITS) + 1):
        head = _HEAD.match(line)
        if head is None:
            raise DamagedArchive(f"a line is no canonical line: {line[:100]!r}")
        own, times = head.groups()
        lid = int(own or 0) or number
        stamped = b'{"_lid":"%d",%b%b%b' % (lid, times, owner, line[head.end() :])
        ids.append(lid)
        piece.append(stamped)
        size += len(stamped)
        if size >= FRAME_BYTES:
            yield _frame(piece, ids, compressor, account, hour, seq)
            seq, size, piece, ids = seq + 1, 0, [], []
    if piece:
        yield _frame(piece, ids, compressor, account, hour, seq)


def _frame(
    lines: Sequence[bytes],
    ids: Sequence[int],
    compressor: zstandard.ZstdCompressor,
    account: str,
    hour: Hour,
    seq: int,
) -> Frame:
    raw = b"".join(lines)
    [first, last] = heads(lines[0] + lines[-1])  # they are in the order of their times
    return Frame(
        seq=seq,
        account=account,
        archive=account,
        indexed=False,
        hour=hour,
        lines=len(lines),
        raw_bytes=len(raw),
        min_ts=first.ts,
        max_ts=last.ts,
        first_lid=min(ids),
        last_lid=max(ids),
        rx=0,
        data=compressor.compress(raw),
    )


def parts_of(frames: Iterable[Frame], most: int = MAX_OBJECT_BYTES) -> Iterator[Iterator[Frame]]:
    """The frames of one object after the other, of at most `most` bytes of lines but one frame at least.
    Each has to be used up before the next."""
    rest = iter(frames)
    over: list[Frame] = []

    def part(first: Frame) -> Iterator[Frame]:
        yield first
        size = first.raw_bytes
        for frame in rest:
            size += frame.raw_bytes
            if size > most:
                over.append(frame)
                return
            yield frame

    for frame in rest:
        yield part(frame)
        while over:
            yield part(over.pop())


def store_object(
    bucket: Bucket, frames: Iterator[Frame], work: Path, *, account: str, hour: Hour, part: int
) -> tuple[Manifest, bool]:
    """Write the object, its filter and then its manifest. Returns also whether the object was there already.

    Raises Conflict when there is another one under its key, StorageError.
    """
    path = work / "object.json.gz"
    filter_path = work / "object.filter"
    try:
        manifest = write_object(frames, path, account=account, hour=hour, part=part, filters=filter_path)
        crash_point("convert.built")
        manifest, found = _put_object(bucket, manifest, path)
        crash_point("convert.uploaded")
        manifest = _put_filter(bucket, manifest, filter_path)
        crash_point("convert.filtered")
    finally:
        path.unlink(missing_ok=True)
        filter_path.unlink(missing_ok=True)
    _put_manifest(bucket, manifest)
    crash_point("convert.manifest")
    return manifest, found


def _put_object(bucket: Bucket, manifest: Manifest, path: Path) -> tuple[Manifest, bool]:
    try:
        bucket.put_new(manifest.key, path, GZIP)
    except ObjectExists:
        there = manifest_of_same_lines(bucket, manifest, path)
        if there is None:
            raise Conflict(
                f"{bucket.url} has another object {manifest.key} already",
                hint="it is of another account, range, layout or state of the source; convert into an empty "
                "place, or under another account",
            ) from None
        return there, True
    return manifest, False


def _put_filter(bucket: Bucket, manifest: Manifest, path: Path) -> Manifest:
    """Small objects have none."""
    if manifest.filters is None:
        return manifest
    key = filter_key(manifest.key, manifest.filters.sha256)
    with suppress(ObjectExists):  # of a convert that was cut short: the key goes by the bytes
        bucket.put_new(key, path, CONTENT_TYPE)
    return msgspec.structs.replace(manifest, filters=msgspec.structs.replace(manifest.filters, key=key))


def _put_manifest(bucket: Bucket, manifest: Manifest) -> None:
    key = manifest_key(manifest.key)
    try:
        bucket.put_new(key, manifests.encode(manifest), JSON)
    except ObjectExists:
        # Of a convert that was run before: what it says of the object's bytes decides.
        if manifests.decode(bucket.get(key), key).sha256 != manifest.sha256:
            raise Conflict(
                f"the manifest {key} in {bucket.url} belongs to another object",
                hint="run 'logkeep verify'; move the manifest away and convert again",
            ) from None
