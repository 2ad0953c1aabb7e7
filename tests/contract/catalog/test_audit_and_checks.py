"""The audit log, and the last results of scheduled checks."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from logkeep.catalog.audit import Audit
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.database import open_database
from logkeep.catalog.values import AuditEntry, Check, CheckKind
from logkeep.errors import NotFound
from tests.contract.catalog import samples


def test_audit_entries_come_newest_first_page_by_page(catalog: Catalog, url: str) -> None:
    details = MappingProxyType({"state": ["on", "off"], "n": 1, "who": None})
    first = catalog.audit.add(1000, "k1", "archive.update", "main", details)
    assert first == AuditEntry(
        id=1, at=1000, actor="k1", action="archive.update", subject="main", details=details
    )
    for at in (900, 1100):  # a clock that was set back does not change the order
        catalog.audit.add(at, "server", "verify", "main", {})
    other = open_catalog(url)
    assert [one.id for one in other.audit.list(10)] == [3, 2, 1]
    assert [one.id for one in other.audit.list(2)] == [3, 2]
    assert other.audit.list(2, before=2) == [replace(first, details=dict(details))]
    assert other.audit.list(2, before=1) == []
    other.close()


def test_the_audit_log_keeps_the_newest_entries(url: str) -> None:
    database = open_database(url)
    audit = Audit(database, kept=5)

    def add() -> None:
        for at in range(20):
            audit.add(at, "server", "verify", "main", {})

    samples.at_once(add, add)
    assert [one.id for one in audit.list(100)] == [40, 39, 38, 37, 36]
    database.close()


def test_a_check_replaces_the_last_one_of_its_kind(catalog: Catalog) -> None:
    samples.set_up(catalog)
    samples.set_up(catalog, "other", of="other")
    bad = Check(archive="main", kind=CheckKind.VERIFY, at=1, ok=False, summary="one is missing")
    good = Check(archive="main", kind=CheckKind.VERIFY, at=2, ok=True, summary="fine", report=b"{}")
    drill = replace(good, kind=CheckKind.DRILL)
    elsewhere = replace(good, archive="other")
    for one in (elsewhere, bad, drill, good):
        catalog.checks.put(one)
    short = [replace(one, report=b"") for one in (drill, good, elsewhere)]
    assert catalog.checks.list() == short
    assert catalog.checks.list("main") == short[:2]
    assert catalog.checks.get("main", CheckKind.VERIFY) == good
    assert catalog.checks.list("nope") == []
    with pytest.raises(NotFound, match="no archive 'nope'"):
        catalog.checks.put(replace(good, archive="nope"))
    with pytest.raises(NotFound, match="no verify of the archive 'nope'"):
        catalog.checks.get("nope", CheckKind.VERIFY)


def test_checks_go_with_their_archive(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.checks.put(Check(archive="main", kind=CheckKind.DRILL, at=1, ok=True, summary="fine"))
    catalog.archives.delete("main")
    assert catalog.checks.list() == []
