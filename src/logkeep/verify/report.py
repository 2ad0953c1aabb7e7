"""What verify finds and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from logkeep.archive.manifest import ChainHead
from logkeep.timeline import Hour, TimeRange, hour_start, iso
from logkeep.verify.sample import Sample

REPORT_VERSION = 1


class Kind(StrEnum):
    CHECKSUM = "checksum"  # stored bytes do not have the manifest's SHA-256
    SIZE = "size"  # the object is longer or shorter than its manifest says
    BLOCK = "block"  # a block cannot be read, or does not hold what its entry says
    TOTALS = "totals"  # the manifest contradicts itself, its object's key or the lines
    HOUR = "hour"  # a line's time is outside the hour that the key names
    DUPLICATE = "duplicate"  # an id occurs more than once in an hour
    UNREADABLE = "unreadable"  # an object without manifest that is no gzip file of lines
    BAD_MANIFEST = "bad-manifest"
    NO_MANIFEST = "no-manifest"
    FROZEN = "frozen"  # in cold storage: it cannot be read before a thaw
    NO_OBJECT = "no-object"  # an object is missing that has a manifest, or that is expected
    GAP = "gap"  # a part number is missing below one that is there
    CHAIN = "chain"  # a manifest is missing from its account's chain, or is not what the next one says
    MARKER = "marker"  # an account's marker cannot be read
    STRANGER = "stranger"  # a key that is neither an object's nor a manifest's nor a marker's


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be. `note` marks what is only worth knowing, `gap` what is missing
    and should be there."""

    kind: Kind
    key: str
    detail: str
    note: bool = False
    gap: bool = False


@dataclass(frozen=True, kw_only=True)
class AccountPart:
    """What of the archive is one account's."""

    account: str
    objects: int
    lines: int  # as its manifests count them
    stored_bytes: int
    first_hour: Hour
    last_hour: Hour
    head: ChainHead | None  # the last manifest of its chain in these hours; None: none is in one


@dataclass(frozen=True, kw_only=True)
class Report:
    """Lines and bytes are those that were read; what the ledger of an interrupted run holds is counted."""

    place: str
    account: str | None  # None: all
    within: TimeRange | None
    sample: Sample | None  # None: everything was read
    objects: int
    objects_before: int  # of these, how many an earlier run had verified
    blocks: int  # of the objects with a manifest
    blocks_checked: int
    lines: int
    raw_bytes: int
    stored_bytes: int  # of all objects, whether read or not
    accounts: tuple[AccountPart, ...]
    started: int
    ended: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(one.note for one in self.findings)

    @property
    def wrong(self) -> int:
        return sum(not one.note for one in self.findings)


def document(report: Report) -> dict[str, Any]:
    """The report as JSON, for machines and for keeping. docs/archive-format.md says what is in it."""
    within, sample = report.within, report.sample
    return {
        "report_version": REPORT_VERSION,
        "ok": report.ok,
        "place": report.place,
        "account": report.account,
        "from": iso(within.start) if within else None,
        "to": iso(within.end) if within else None,
        "depth": "sample" if sample else "full",
        "fraction": sample.fraction if sample else 1.0,
        "seed": sample.seed if sample else None,
        "started": iso(report.started),
        "ended": iso(report.ended),
        "seconds": round(report.seconds, 3),
        "objects": report.objects,
        "objects_before": report.objects_before,
        "blocks": report.blocks,
        "blocks_checked": report.blocks_checked,
        "lines": report.lines,
        "raw_bytes": report.raw_bytes,
        "stored_bytes": report.stored_bytes,
        "accounts": [_account(one) for one in report.accounts],
        "wrong": report.wrong,
        "notes": len(report.findings) - report.wrong,
        "findings": [asdict(one) for one in report.findings],
    }


def _account(part: AccountPart) -> Mapping[str, Any]:
    head = part.head
    return {
        "account": part.account,
        "objects": part.objects,
        "lines": part.lines,
        "stored_bytes": part.stored_bytes,
        "first_hour": iso(hour_start(part.first_hour)),
        "last_hour": iso(hour_start(part.last_hour)),
        "chain": {"number": head.chain, "key": head.key, "sha256": head.sha256} if head else None,
    }
