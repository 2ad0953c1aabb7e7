"""The manifest: what an object holds and where its blocks are. Deterministic, like the object."""

from __future__ import annotations

from typing import Annotated

import msgspec

from logkeep.archive.block import MAX_BLOCK_BYTES
from logkeep.errors import DamagedArchive

FORMAT_VERSION = 1

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class BlockEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One gzip member. Bytes `offset` to `offset + length` of the object; times are inclusive."""

    offset: Count
    length: Annotated[int, msgspec.Meta(ge=1, le=2 * MAX_BLOCK_BYTES)]
    raw_bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_BLOCK_BYTES)]
    lines: Count
    min_ts: Count
    max_ts: Count


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
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


class _Version(msgspec.Struct):
    format_version: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)
_version = msgspec.json.Decoder(_Version)


def encode(manifest: Manifest) -> bytes:
    return _encoder.encode(manifest) + b"\n"


def decode(data: bytes, where: str) -> Manifest:
    """The manifest. Members that this version does not know are ignored.

    Raises DamagedArchive, naming `where`, for what is no manifest or is of a higher format version:
    that is how a later format keeps older readers from misunderstanding it.
    """
    try:
        version = _version.decode(data).format_version
        if version <= FORMAT_VERSION:
            return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedArchive(f"{where} is not a manifest: {error}") from error
    raise DamagedArchive(
        f"{where} has format version {version}; this program reads up to {FORMAT_VERSION}",
        hint="update logkeep",
    )
