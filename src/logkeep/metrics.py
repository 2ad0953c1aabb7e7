"""Metrics: what a Prometheus server reads at `/metrics`.

The parts are asked at the moment of a scrape, so that nothing is counted twice and nothing gets out of step.
What no part can be asked for is counted in a `Tally`. docs/metrics.md lists every metric; a test compares.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from logkeep.archiver import Archiver, ArchiveStatus
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import ArchiveObject, RestoreState
from logkeep.errors import LogkeepError
from logkeep.indexer import Indexer
from logkeep.intake import Accepted
from logkeep.metric_families import counter, gauge
from logkeep.pipeline.metrics import PipelineStatuses, pipeline_metrics
from logkeep.spool.base import Spool
from logkeep.timeline import Clock

ARCHIVE_STATES = ("ok", "paused", "off", "late", "differs", "failing")  # as ArchiveStatus.state names them
_SEAL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_ARCHIVE = ("archive", "account")


class Sealed(NamedTuple):
    """Sums over the objects that an archive has sealed since the start."""

    objects: int = 0
    lines: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0


class Tally:
    """What happened since the start and no part can be asked for. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: Counter[str] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._sealed: dict[str, Sealed] = {}
        self.seal_seconds = Histogram(
            "logkeep_seal_seconds",
            "How long an object took, from its plan until bucket and catalog had it.",
            buckets=_SEAL_SECONDS,
            registry=None,
        )

    def request_refused(self, error: LogkeepError) -> None:
        """A request was answered with this error."""
        with self._lock:
            self._refused[error.code] += 1

    def archive_failed(self, archive: str, error: LogkeepError) -> None:
        """An archive could not be sealed, at one try."""
        with self._lock:
            self._failed[archive, error.code] += 1

    def object_sealed(self, one: ArchiveObject, seconds: float) -> None:
        """An object was sealed, and took so long."""
        own = (1, one.lines, one.raw_bytes, one.stored_bytes)
        with self._lock:
            before = self._sealed.get(one.archive, Sealed())
            self._sealed[one.archive] = Sealed(*(had + more for had, more in zip(before, own, strict=True)))
        self.seal_seconds.observe(seconds)

    def refused(self) -> Mapping[str, int]:
        """Requests that were refused, by reason."""
        with self._lock:
            return dict(self._refused)

    def failed(self) -> Mapping[tuple[str, str], int]:
        """Tries that failed, by archive and reason."""
        with self._lock:
            return dict(self._failed)

    def sealed(self) -> Mapping[str, Sealed]:
        """By archive; without those that have sealed nothing."""
        with self._lock:
            return dict(self._sealed)


class IntakeTotals(Protocol):
    """What intake counts since the start."""

    def accepted(self) -> Mapping[str, Accepted]: ...  # by account

    def excluded(self) -> Mapping[str, tuple[int, int]]: ...  # by account: lines, and bytes of their text

    def refused(self) -> Mapping[str, int]: ...  # lines by reason


class WatchedWorker(Protocol):
    """What a worker tells of itself."""

    @property
    def name(self) -> str: ...

    def errors(self) -> Mapping[str, int]: ...  # rounds that failed since the start, by reason

    def failing_s(self) -> float: ...  # for how long every round has failed; 0.0 when the last one did not


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is asked at a scrape."""

    tally: Tally
    intake: IntakeTotals
    spool: Spool
    spool_max_bytes: int
    spool_account_max_bytes: int
    archiver: Archiver
    indexer: Indexer
    catalog: Catalog
    pipelines: PipelineStatuses
    workers: Sequence[WatchedWorker]
    clock: Clock


class Metrics:
    """All metrics of one server, in a registry of their own. Safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self.tally = parts.tally
        self._registry = CollectorRegistry()
        self._registry.register(_Asking(parts))
        ProcessCollector(registry=self._registry)
        self._one = threading.Lock()  # scrapes that come together must not cost more than one does

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """(body, content type) of a scrape, in the format that the Accept header asks for. Raises Overloaded
        when spool or catalog cannot be read."""
        encode, content_type = choose_encoder(accept)
        with self._one:
            return encode(self._registry), content_type


class _Asking(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._version = version("logkeep")

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("logkeep_build", "The version that runs.", value={"version": self._version})
        yield from self._intake()
        yield from self._spool()
        yield from self._archives(self._parts.archiver.status())
        yield _without_created(self._parts.tally.seal_seconds)
        yield gauge("index_lag_frames", "Frames of the spool that are not in the index yet.").of(
            self._parts.indexer.lag_frames()
        )
        yield from self._workers()
        yield self._restores()
        yield from self._checks()
        yield from pipeline_metrics(self._parts.pipelines.statuses(), self._parts.clock())

    def _intake(self) -> Iterator[Metric]:
        intake = self._parts.intake
        accepted, excluded = intake.accepted(), intake.excluded()
        yield counter(
            "intake_lines", "Lines that were accepted, those that a rule dropped included.", "account"
        ).each((account, one.lines) for account, one in accepted.items())
        yield counter("intake_bytes", "Bytes of the accepted lines, as they are archived.", "account").each(
            (account, one.bytes) for account, one in accepted.items()
        )
        yield counter(
            "intake_refused",
            "Lines that were refused while the rest of their request was accepted.",
            "reason",
        ).each(intake.refused().items())
        yield counter("excluded_lines", "Lines that an exclusion rule dropped.", "account").each(
            (account, lines) for account, (lines, _) in excluded.items()
        )
        yield counter("excluded_bytes", "Bytes of the text that an exclusion rule dropped.", "account").each(
            (account, size) for account, (_, size) in excluded.items()
        )
        yield counter("requests_refused", "Requests that were answered with an error.", "reason").each(
            self._parts.tally.refused().items()
        )

    def _spool(self) -> Iterator[Metric]:
        parts, spool = self._parts, self._parts.spool
        yield gauge("spool_bytes", "Bytes that the spool holds, compressed.").of(spool.stored_bytes())
        yield gauge("spool_max_bytes", "Bytes that the spool may hold; intake refuses what comes beyond.").of(
            parts.spool_max_bytes
        )
        yield gauge("spool_account_bytes", "Bytes that the spool holds of an account.", "account").each(
            spool.account_bytes().items()
        )
        yield gauge("spool_account_max_bytes", "Bytes that the spool may hold of one account.").of(
            parts.spool_account_max_bytes
        )
        oldest = spool.oldest_rx()
        age_s = 0.0 if oldest is None else max(0, parts.clock() - oldest) / 1000
        yield gauge(
            "spool_oldest_seconds", "How long ago the oldest line in the spool came; 0 when it is empty."
        ).of(age_s)

    def _archives(self, statuses: Sequence[ArchiveStatus]) -> Iterator[Metric]:
        ids = [((one.archive, one.account), one) for one in statuses]
        yield gauge(
            "archive_state", "1 for the state that the archive is in, 0 for the others.", *_ARCHIVE, "state"
        ).each(((*id_, state), one.state == state) for id_, one in ids for state in ARCHIVE_STATES)
        yield gauge("archive_lag_seconds", "How long the oldest overdue lines are overdue.", *_ARCHIVE).each(
            (id_, one.lag_s) for id_, one in ids
        )
        yield gauge("archive_waiting_lines", "Lines that wait to be archived.", *_ARCHIVE).each(
            (id_, one.waiting_lines) for id_, one in ids
        )
        yield gauge("archive_waiting_bytes", "Raw bytes that wait to be archived.", *_ARCHIVE).each(
            (id_, one.waiting_bytes) for id_, one in ids
        )
        sealed = self._parts.tally.sealed()
        sums = [(id_, sealed.get(one.archive, Sealed())) for id_, one in ids]
        yield counter("archive_objects", "Objects that were sealed since the start.", *_ARCHIVE).each(
            (id_, one.objects) for id_, one in sums
        )
        yield counter("archive_lines", "Lines in the objects that were sealed.", *_ARCHIVE).each(
            (id_, one.lines) for id_, one in sums
        )
        yield counter("archive_raw_bytes", "Raw bytes in the objects that were sealed.", *_ARCHIVE).each(
            (id_, one.raw_bytes) for id_, one in sums
        )
        yield counter("archive_stored_bytes", "Bytes of the sealed objects in the bucket.", *_ARCHIVE).each(
            (id_, one.stored_bytes) for id_, one in sums
        )
        account_of = dict(id_ for id_, _ in ids)
        yield counter("archive_errors", "Tries to seal that failed.", *_ARCHIVE, "reason").each(
            ((archive, account_of[archive], reason), count)
            for (archive, reason), count in self._parts.tally.failed().items()
            if archive in account_of
        )

    def _workers(self) -> Iterator[Metric]:
        workers = self._parts.workers
        yield gauge(
            "worker_failing_seconds", "For how long every round of the worker has failed.", "worker"
        ).each((one.name, one.failing_s()) for one in workers)
        yield counter("worker_errors", "Rounds of the worker that failed.", "worker", "reason").each(
            ((one.name, reason), count) for one in workers for reason, count in one.errors().items()
        )

    def _restores(self) -> Metric:
        states = Counter(one.state for one in self._parts.catalog.restores.list())
        return gauge("restores", "Restores that the catalog knows.", "state").each(
            (state.value, states[state]) for state in RestoreState
        )

    def _checks(self) -> Iterator[Metric]:
        now, checks = self._parts.clock(), self._parts.catalog.checks.list()
        yield gauge(
            "check_ok", "Whether the last verify or drill of the archive found all well.", "archive", "kind"
        ).each(((one.archive, one.kind.value), one.ok) for one in checks)
        yield gauge(
            "check_age_seconds",
            "How long ago the last verify or drill of the archive ended.",
            "archive",
            "kind",
        ).each(((one.archive, one.kind.value), max(0, now - one.at) / 1000) for one in checks)


def _without_created(histogram: Histogram) -> Metric:
    """The library adds when it was made, to be switched off for a whole process only."""
    (metric,) = histogram.collect()
    metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
    return metric
