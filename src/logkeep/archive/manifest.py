"""The manifest: what an object holds and where its blocks are. Deterministic, like the object."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec

from logkeep.archive.block import MAX_BLOCK_BYTES
from logkeep.archive.layout import MANIFESTS, ObjectName, object_key, parse_key, prefixes
from logkeep.errors import DamagedArchive
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import TimeRange

FORMAT_VERSION = 1

MAX_GROUP_BLOCKS = 64
# Pages have about 5 kB. What a filter may ask a reader to hold is bounded by this.
MAX_PAGE_BYTES = 1 << 20

# How many manifests are read to find the last one of a chain, of the latest written and of the latest hours
# each. More than were written at a time when the catalog was lost, so that the last one is among them.
_LATEST = 64

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class BlockEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One gzip member. Bytes `offset` to `offset + length` of the object; times are inclusive.

    `host`, `app` and `level` have a bit for each of the manifest's `values` that occurs in the block; 0 is
    not known.
    """

    offset: Count
    length: Annotated[int, msgspec.Meta(ge=1, le=2 * MAX_BLOCK_BYTES)]
    raw_bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_BLOCK_BYTES)]
    lines: Count
    min_ts: Count
    max_ts: Count
    host: Count = msgspec.field(default=0, name="_host")
    app: Count = msgspec.field(default=0, name="_app")
    level: Count = 0
    escapes: bool = False  # some text has a backslash followed by u; told of blocks with a filter


class FilterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of neighbouring blocks. Its pages follow each other from `offset` in the filter object."""

    first: Count  # number of the first block
    blocks: Annotated[int, msgspec.Meta(ge=1, le=MAX_GROUP_BLOCKS)]
    offset: Count
    width: Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]  # places in a page
    pages: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_BYTES)], ...], msgspec.Meta(min_length=1)
    ]  # their lengths


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Where the token filters of an object are. Blocks that are in no group have none."""

    key: str
    bytes: Count
    sha256: str
    groups: tuple[FilterGroup, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What docs/archive-format.md says under "Manifest". Ids are decimal strings, as in the lines."""

    format_version: int
    key: str
    account: str
    hour: Count  # hours since 1970-01-01T00:00Z
    part: Count
    lines: Count
    raw_bytes: Count
    stored_bytes: Count
    min_ts: Count
    max_ts: Count
    first_lid: str
    last_lid: str
    sha256: str
    blocks: tuple[BlockEntry, ...]
    chain: Count = 0  # its number among the manifests of its account here, from 1; 0: not in a chain
    previous_key: str = ""  # of the manifest before it, below _manifest/; "" in the first
    previous_sha256: str = ""  # of that manifest's stored bytes
    values: dict[str, tuple[str, ...]] = {}  # of `_host`, `_app` and `level`, if they are few; "" is absent
    filters: Filters | None = None


@dataclass(frozen=True, kw_only=True)
class ChainHead:
    """The last manifest of an account's chain in one place: what the next one has to name."""

    chain: int
    key: str  # of the manifest itself
    sha256: str  # of its stored bytes


class _Version(msgspec.Struct):
    format_version: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)
_version = msgspec.json.Decoder(_Version)


def encode(manifest: Manifest) -> bytes:
    return _encoder.encode(manifest) + b"\n"


def decode(data: bytes, where: str, *, tiled: bool = True) -> Manifest:
    """The manifest. Members that this version does not know are ignored.

    Raises DamagedArchive, naming `where`, for what is no manifest or is of a higher format version:
    that is how a later format keeps older readers from misunderstanding it. So it does where the blocks do
    not follow each other to the end of the object, which a reader could be made to read many times; `tiled`
    is False for one that looks at this itself.
    """
    try:
        version = _version.decode(data).format_version
        if version > FORMAT_VERSION:
            raise DamagedArchive(
                f"{where} has format version {version}; this program reads up to {FORMAT_VERSION}",
                hint="update logkeep",
            )
        manifest = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedArchive(f"{where} is not a manifest: {error}") from error
    if tiled:
        _check_tiled(manifest, where)
    return manifest


def _check_tiled(manifest: Manifest, where: str) -> None:
    end = 0
    for number, block in enumerate(manifest.blocks):
        if block.offset != end:
            raise DamagedArchive(
                f"{where} is wrong: block {number} begins at byte {block.offset}, and should at {end}"
            )
        end += block.length
    if end != manifest.stored_bytes:
        raise DamagedArchive(
            f"{where} is wrong: its blocks end at byte {end}, the object at {manifest.stored_bytes}"
        )


def digest(data: bytes) -> str:
    """SHA-256 of a manifest's stored bytes, as the next one in the chain names it."""
    return hashlib.sha256(data).hexdigest()


def find_chain_head(bucket: Bucket, account: str, within: TimeRange | None = None) -> ChainHead | None:
    """The last manifest of an account's chain, for a place whose rows in the catalog are lost; or of those
    of the days that `within` touches.

    Lists every manifest there and reads those written last and those of the last hours, not all. None
    when none of them is in a chain. A manifest that cannot be read is passed over; verify names it.
    Raises StorageError.
    """
    head: ChainHead | None = None
    for key in _latest_manifests(bucket, account, within):
        data = bucket.get(key)
        try:
            chain = decode(data, key).chain
        except DamagedArchive:
            continue
        if chain > (head.chain if head else 0):
            head = ChainHead(chain=chain, key=key, sha256=digest(data))
    return head


def _latest_manifests(bucket: Bucket, account: str, within: TimeRange | None) -> set[str]:
    # Two listings, each kept to its _LATEST: copying an archive may lose the times, and late hours the order.
    written = heapq.nlargest(_LATEST, _manifests(bucket, account, within), key=lambda one: one[1].modified)
    named = heapq.nlargest(_LATEST, _manifests(bucket, account, within), key=lambda one: one[0][1:])
    return {stat.key for _, stat in written + named}


def _manifests(bucket: Bucket, account: str, within: TimeRange | None) -> Iterator[tuple[ObjectName, Stat]]:
    for folder in [""] if within is None else prefixes(within):
        for stat in bucket.list(MANIFESTS + folder):
            key = object_key(stat.key)
            name = parse_key(key) if key else None
            if name is not None and name.account == account:
                yield name, stat
