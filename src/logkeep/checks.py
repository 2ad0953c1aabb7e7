"""Checks: the scheduled verify of an archive, and the scheduled drill that restores a random hour of it.

Both are off until an archive's settings ask for them, and can be run on request. The last result of each is
in the catalog and in the archive's status.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from logkeep.archives import require_ours
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, Check, CheckKind, Target
from logkeep.drill import drill, drop_drill, next_check_due
from logkeep.errors import LogkeepError
from logkeep.index.base import Engine
from logkeep.plurals import plural
from logkeep.storage.base import Bucket
from logkeep.timeline import Clock
from logkeep.verify import Report, document, verify
from logkeep.worker import Worker

log = logging.getLogger("logkeep")

_LOOK_FOR_DUE_CHECKS_S = 60.0
_LONGEST_SUMMARY = 500


class Checks:
    """Runs checks one at a time. A check that finds damage, or cannot be done, has a result that says so."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        engine: Engine,
        bucket_of: Callable[[Target], Bucket],
        work: Path,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._engine = engine
        self._bucket_of = bucket_of
        self._work = work
        self._clock = clock
        self._one = threading.Lock()
        self.worker = Worker("checks", self.round)
        drop_drill(engine)  # that a kill cut short

    def run(self, archive_id: str, kind: CheckKind) -> Check:
        """Check an archive where it is now, and write the result down. Raises NotFound; Conflict for another
        system's archive."""
        archive = self._catalog.archives.get(archive_id)
        require_ours(archive, "verified" if kind is CheckKind.VERIFY else "drilled")
        with self._one:
            check = self._verify(archive) if kind is CheckKind.VERIFY else self._drill(archive)
        self._catalog.checks.put(check)
        if not check.ok:
            log.warning("the %s of the archive %s failed: %s", kind, archive_id, check.summary)
        return check

    def round(self) -> float:
        """One step of the worker: the first check that is due. Returns seconds until the next."""
        for archive in self._catalog.archives.list():
            for kind in CheckKind:
                if self._is_due(archive, kind) and not self.worker.stopping.is_set():
                    self.run(archive.id, kind)
                    return 0.0
        return _LOOK_FOR_DUE_CHECKS_S

    def _is_due(self, archive: Archive, kind: CheckKind) -> bool:
        every_s = archive.verify_every_s if kind is CheckKind.VERIFY else archive.drill_every_s
        checks = [one for one in self._catalog.checks.list(archive.id) if one.kind is kind]
        due = next_check_due(checks, every_s=every_s, created_at=archive.created_at, now=self._clock())
        return due is not None and due <= self._clock()

    def _bucket(self, archive: Archive) -> Bucket:
        return self._bucket_of(self._catalog.archives.target(archive.target))

    def _verify(self, archive: Archive) -> Check:
        # Read before the verify begins: the chain may go on while it runs.
        objects = self._catalog.objects
        head, sealed = objects.chain_head(archive.target), objects.keys(archive.target)
        try:
            report = verify(
                self._bucket(archive), archive.account, live=True, expected=sealed, clock=self._clock
            )
        except LogkeepError as error:
            return self._failed(archive, CheckKind.VERIFY, error)
        cut_off = head is not None and _last_number(report, archive.account) < head.chain
        wrong = plural(report.wrong, "thing is wrong", "things are wrong")
        verdict = "all as it should be" if report.ok else wrong
        if cut_off:
            verdict += "; the newest manifests, which the catalog knows, are missing"
        return Check(
            archive=archive.id,
            kind=CheckKind.VERIFY,
            at=self._clock(),
            ok=report.ok and not cut_off,
            summary=f"{plural(report.objects, 'object')}, {plural(report.lines, 'line')}: {verdict}",
            report=msgspec.json.encode(document(report) | {"target": archive.target}),
        )

    def _drill(self, archive: Archive) -> Check:
        try:
            result = drill(
                self._bucket(archive),
                archive.account,
                rng=random.Random(),
                work=self._work,
                engine=self._engine,
            )
        except LogkeepError as error:
            return self._failed(archive, CheckKind.DRILL, error)
        return Check(
            archive=archive.id, kind=CheckKind.DRILL, at=self._clock(), ok=result.ok, summary=result.detail
        )

    def _failed(self, archive: Archive, kind: CheckKind, error: LogkeepError) -> Check:
        summary = f"it could not be done: {error}"[:_LONGEST_SUMMARY]
        return Check(archive=archive.id, kind=kind, at=self._clock(), ok=False, summary=summary)


def _last_number(report: Report, account: str) -> int:
    """The number at which the account's chain ends in the bucket; 0 when there is none."""
    heads = (part.head for part in report.accounts if part.account == account)
    return max((head.chain for head in heads if head), default=0)
