"""Reading an archive: which objects there are, and the lines of their blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import msgspec
from isal import igzip_lib

from logkeep.archive import block, manifest
from logkeep.archive.layout import MANIFESTS, ObjectName, manifest_key, parse_key, prefixes
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.errors import DamagedArchive, ObjectFrozen, ObjectMissing
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import Hour, TimeRange

FETCH_BYTES = 8 << 20  # one request for stored bytes
_MANIFESTS_AT_ONCE = 8
_RAW_CHUNK = 1 << 20
_SLICE = 128 << 10


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """An object of the archive. `manifest` is None when it has none or one that cannot be read; then
    `damage` says why not, and is "" when there simply is none."""

    key: str
    account: str
    hour: Hour
    part: int
    size: int
    manifest: Manifest | None
    damage: str = ""


def find_objects(
    bucket: Bucket, account: str | None = None, within: TimeRange | None = None
) -> list[FoundObject]:
    """Objects of one account or all, of the hours that `within` touches or all; by hour, account, part.

    Keys that are no objects are passed over. Raises StorageError.
    """
    wanted = [
        (name, stat)
        for name, stat in _named(bucket, within)
        if account in (None, name.account) and (within is None or name.hour in within.hours())
    ]
    wanted.sort(key=lambda one: (one[0].hour, one[0].account, one[0].part))
    with ThreadPoolExecutor(_MANIFESTS_AT_ONCE, thread_name_prefix="manifests") as pool:
        return list(pool.map(lambda one: _found(bucket, *one), wanted))


def read_manifest(bucket: Bucket, key: str) -> Manifest | None:
    """The manifest of the object at `key`, None if there is none. Raises DamagedArchive, StorageError."""
    name = manifest_key(key)
    try:
        return manifest.decode(bucket.get(name), name)
    except ObjectMissing:
        return None


def read_blocks(bucket: Bucket, key: str, blocks: Sequence[BlockEntry]) -> Iterator[bytes]:
    """The lines of each of these blocks of an object, in that order. Raises DamagedArchive, StorageError."""
    for run in runs(blocks):
        stored = bucket.get_ranges(key, [(one.offset, one.length) for one in run])
        for one, data in zip(run, stored, strict=True):
            yield block.decompress(data, one.raw_bytes, f"{key} at byte {one.offset}")


def runs(blocks: Sequence[BlockEntry]) -> Iterator[Sequence[BlockEntry]]:
    """The blocks in runs of about FETCH_BYTES stored bytes, so that memory stays flat."""
    run: list[BlockEntry] = []
    size = 0
    for one in blocks:
        if run and size + one.length > FETCH_BYTES:
            yield run
            run, size = [], 0
        run.append(one)
        size += one.length
    if run:
        yield run


def stored_chunks(bucket: Bucket, key: str, size: int, *, fetch: int = FETCH_BYTES) -> Iterator[bytes]:
    """All stored bytes of an object, so many in one request."""
    for start in range(0, size, fetch):
        yield bucket.get_range(key, start, min(fetch, size - start))


def read_lines(bucket: Bucket, key: str, size: int) -> Iterator[bytes]:
    """The lines of an object without its manifest, in chunks of whole lines of about a MiB.

    Takes any gzip file, of one member or many. A last line without its newline gets one. Raises
    DamagedArchive for what is not gzip, ends early, or has a line over MAX_BLOCK_BYTES.
    """
    rest = b""
    for chunk in decompressed(stored_chunks(bucket, key, size), key):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) > block.MAX_BLOCK_BYTES:
            raise DamagedArchive(f"{key} has a line of more than {block.MAX_BLOCK_BYTES} bytes")
    if rest:
        yield rest + b"\n"


def manifest_of_same_lines(bucket: Bucket, ours: Manifest, path: Path) -> Manifest | None:
    """The manifest of the object at our key if it holds our lines in our blocks, compressed to other bytes.

    Compressors differ between releases and processors, so an object whose sealing was cut short on one
    machine and repeated on another may have other bytes. None when the lines differ. `path` is our file.
    """
    digest = hashlib.sha256()
    blocks: list[BlockEntry] = []
    offset = 0
    members = _members(_digested(bucket, ours.key, digest), ours.key)
    try:
        with path.open("rb") as file:
            for one, member in zip_longest(ours.blocks, members):
                if one is None or member is None:
                    return None
                lines = block.decompress(file.read(one.length), one.raw_bytes, str(path))
                length, theirs = member
                if theirs != lines:
                    return None
                blocks.append(msgspec.structs.replace(one, offset=offset, length=length))
                offset += length
    except DamagedArchive:
        return None
    return msgspec.structs.replace(ours, blocks=tuple(blocks), stored_bytes=offset, sha256=digest.hexdigest())


def _digested(bucket: Bucket, key: str, digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in stored_chunks(bucket, key, bucket.head(key).size):
        digest.update(chunk)
        yield chunk


def _members(chunks: Iterator[bytes], key: str) -> Iterator[tuple[int, bytes]]:
    """(stored length, lines) of each member. Raises DamagedArchive, also for one over MAX_BLOCK_BYTES."""
    member, length, lines = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP), 0, bytearray()
    try:
        for piece in _sliced(chunks):
            pending = piece
            while pending:
                length += len(pending)
                lines += member.decompress(pending, max_length=block.MAX_BLOCK_BYTES + 1 - len(lines))
                if len(lines) > block.MAX_BLOCK_BYTES:
                    raise DamagedArchive(f"{key} has a block of more than {block.MAX_BLOCK_BYTES} bytes")
                if not member.eof:
                    break
                pending = member.unused_data
                yield length - len(pending), bytes(lines)
                member, length, lines = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP), 0, bytearray()
    except block.CODEC_ERROR as error:
        raise DamagedArchive(f"{key} cannot be decompressed: {error}") from error
    if length:
        raise DamagedArchive(f"{key} ends in the middle of its compressed data")


def decompressed(chunks: Iterator[bytes], key: str) -> Iterator[bytes]:
    """The content of gzip members that come in chunks, in pieces of at most a MiB. Raises DamagedArchive,
    behind what came before, for what cannot be decompressed or ends early."""
    member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    started = False  # whether the current member has any byte yet
    try:
        for pending in _sliced(chunks):
            while pending or not member.needs_input:
                lines = member.decompress(pending, max_length=_RAW_CHUNK)
                started, pending = True, b""
                if lines:
                    yield lines
                if member.eof:
                    pending, started = member.unused_data, False
                    member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    except block.CODEC_ERROR as error:
        raise DamagedArchive(f"{key} cannot be decompressed: {error}") from error
    if started:
        raise DamagedArchive(f"{key} ends in the middle of its compressed data")


def _sliced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces: what follows a member's end is copied, which must stay cheap for many small members."""
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            yield chunk[start : start + _SLICE]


def _named(bucket: Bucket, within: TimeRange | None) -> Iterator[tuple[ObjectName, Stat]]:
    for prefix in [""] if within is None else prefixes(within):
        for stat in bucket.list(prefix):
            if not stat.key.startswith(MANIFESTS) and (name := parse_key(stat.key)):
                yield name, stat


def _found(bucket: Bucket, name: ObjectName, stat: Stat) -> FoundObject:
    found, damage = None, ""
    try:
        found = read_manifest(bucket, stat.key)
    except (DamagedArchive, ObjectFrozen) as error:
        damage = error.message
    return FoundObject(
        key=stat.key,
        account=name.account,
        hour=name.hour,
        part=name.part,
        size=stat.size,
        manifest=found,
        damage=damage,
    )
