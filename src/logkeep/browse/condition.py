"""What can be told of an object without reading its lines: is it there, can it be read, and do the bucket,
its manifest and the catalog say the same of it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logkeep.archive.manifest import Manifest
from logkeep.archive.reader import read_manifest
from logkeep.browse.found import Found
from logkeep.errors import DamagedArchive, NotFound, ObjectFrozen, ObjectMissing
from logkeep.storage.base import Cold, Stat
from logkeep.verify.last import LastVerify, named_by
from logkeep.verify.report import Finding, Kind


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`stat` is None for an object that is missing. `cold` is of one that cannot be read before a thaw."""

    stat: Stat | None
    cold: Cold | None
    manifest: Manifest | None
    problems: Sequence[str]  # what is not as it should be


def condition(found: Found) -> Condition:
    """As the bucket has it now. Raises NotFound for an object that neither bucket nor catalog have, and
    StorageError for a bucket that does not answer."""
    problems: list[str] = []
    stat = _stat(found)
    cold = _cold(found) if stat and stat.size else None
    manifest = None if found.layout else _manifest(found, problems)
    problems += _contradictions(found, stat, manifest)
    return Condition(stat=stat, cold=cold, manifest=manifest, problems=problems)


def verified(found: Found, verify: LastVerify | None) -> tuple[bool, Sequence[Finding]]:
    """Whether the last verify read the object, and what it found."""
    if verify is None or verify.target != found.target.id or found.name is None:
        return False, ()
    findings = [one for one in verify.findings if named_by(one.key) == found.name]
    there = found.row is not None and found.row.sealed_at <= verify.began
    unread = any(one.kind in (Kind.FROZEN, Kind.NO_OBJECT) for one in findings)
    return there and not unread, findings


def _stat(found: Found) -> Stat | None:
    try:
        return found.bucket.head(found.key)
    except ObjectMissing as error:
        if found.row is None:
            raise NotFound(error.message) from error
        return None


def _cold(found: Found) -> Cold | None:
    """One byte tells, whatever the provider; only then the listing is asked for the class."""
    try:
        found.bucket.get_range(found.key, 0, 1)
    except ObjectFrozen:
        listed = found.bucket.cold(found.key.rpartition("/")[0])
        known = next((one for one in listed if one.key == found.key), None)
        return known or Cold(key=found.key, storage_class="", thawing=False)
    except ObjectMissing:  # it went this very moment
        return None
    return None


def _manifest(found: Found, problems: list[str]) -> Manifest | None:
    try:
        manifest = read_manifest(found.bucket, found.key)
    except (DamagedArchive, ObjectFrozen) as error:
        problems.append(error.message)
        return None
    if manifest is None:
        problems.append("it has no manifest")
    return manifest


def _contradictions(found: Found, stat: Stat | None, manifest: Manifest | None) -> Iterator[str]:
    row = found.row
    if stat is None:
        yield "it is not in the bucket"
    if stat and manifest and stat.size != manifest.stored_bytes:
        yield f"it has {stat.size} bytes, and its manifest says {manifest.stored_bytes}"
    if stat and row and stat.size != row.stored_bytes:
        yield f"it has {stat.size} bytes, and {row.stored_bytes} were sealed"
    if manifest and row and manifest.sha256 != row.sha256:
        yield "its manifest is not the one that was sealed"
