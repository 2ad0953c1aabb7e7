"""Small archives whose manifests are a chain, as the archiver writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import ChainHead, Manifest
from logkeep.archive.writer import write_object
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour
from tests.unit.archiver_doubles import frame, records


def put_chain(
    bucket: Bucket,
    work: Path,
    parts: Sequence[tuple[Hour, int]],
    *,
    account: str = "main",
    head: ChainHead | None = None,
    lines: int = 10,
) -> list[str]:
    """An object for each (hour, part), sealed in this order. The keys of their manifests."""
    keys = []
    for number, (hour, part) in enumerate(parts):
        built = work / "built.json.gz"
        of = records(lines, hour=hour, first_lid=1000 + 100_000 * (hour % 1000) + 10_000 * part + number)
        manifest = write_object([frame(of)], built, account=account, hour=hour, part=part)
        manifest = linked(manifest, head)
        data = manifests.encode(manifest)
        key = manifest_key(manifest.key)
        bucket.put_new(manifest.key, built, GZIP)
        bucket.put_new(key, data, JSON)
        head = ChainHead(chain=manifest.chain, key=key, sha256=manifests.digest(data))
        keys.append(key)
    return keys


def linked(manifest: Manifest, head: ChainHead | None) -> Manifest:
    if head is None:
        return msgspec.structs.replace(manifest, chain=1)
    return msgspec.structs.replace(
        manifest, chain=head.chain + 1, previous_key=head.key, previous_sha256=head.sha256
    )


def change(bucket: FolderBucket, key: str, edit: Callable[[bytes], bytes]) -> None:
    path = bucket.local_path(key)
    assert path is not None
    path.write_bytes(edit(path.read_bytes()))


def remove(bucket: FolderBucket, key: str) -> None:
    path = bucket.local_path(key)
    assert path is not None
    path.unlink()
