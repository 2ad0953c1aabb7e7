"""The last verify of an archive, as its result in the catalog tells: what it looked at, and what it found of
which object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from logkeep.archive.layout import ObjectName, filtered_key, object_key, parse_key
from logkeep.catalog.values import Check
from logkeep.timeline import instant_of_text
from logkeep.verify.report import Finding, Kind


class _Found(msgspec.Struct, frozen=True):
    kind: Kind
    key: str
    detail: str
    note: bool = False
    gap: bool = False


class _Report(msgspec.Struct, frozen=True):
    started: str
    depth: str
    findings: list[_Found]
    target: int = 0  # reports of former releases do not say it


@dataclass(frozen=True, kw_only=True)
class LastVerify:
    at: int
    ok: bool
    summary: str
    target: int = 0  # whose objects it looked at; 0: nobody knows, or it could not be done
    began: int = 0  # what was sealed up to then was looked at
    depth: str = ""  # "full" or "sample"
    findings: Sequence[Finding] = ()

    def located(self) -> Iterator[tuple[ObjectName, Finding]]:
        """Each finding that is about an object, or its manifest or filter, with what the key says."""
        for one in self.findings:
            if name := named_by(one.key):
                yield name, one

    @property
    def elsewhere(self) -> int:
        """How many things are wrong that no object's key tells of."""
        return sum(not one.note and named_by(one.key) is None for one in self.findings)


def last_verify(check: Check) -> LastVerify:
    """What a result with its report says. One that could not be done has no report."""
    if not check.report:
        return LastVerify(at=check.at, ok=check.ok, summary=check.summary)
    report = msgspec.json.decode(check.report, type=_Report)
    began = instant_of_text(report.started)
    return LastVerify(
        at=check.at,
        ok=check.ok,
        summary=check.summary,
        target=report.target,
        began=began[0] if began else 0,
        depth=report.depth,
        findings=[Finding(**msgspec.structs.asdict(one)) for one in report.findings],
    )


def named_by(key: str) -> ObjectName | None:
    """What the key of an object, of its manifest or of its filter says; None for any other."""
    of = object_key(key) or filtered_key(key) or key
    return parse_key(of)
