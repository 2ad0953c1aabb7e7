"""Metrics of pipelines. Counts are of all the time since a pipeline was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client.core import Metric

from logkeep.metric_families import counter, gauge
from logkeep.pipeline.status import DestinationStatus, Status

_DESTINATION = ("pipeline", "destination")


class PipelineStatuses(Protocol):
    def statuses(self) -> Mapping[str, Status]: ...  # by the id of the pipeline


def pipeline_metrics(statuses: Mapping[str, Status], now: int) -> Iterator[Metric]:
    """`now` in epoch ms."""
    yield counter("pipeline_source_events", "Events that a source brought.", "pipeline", "source").each(
        ((name, one.name), one.events) for name, status in statuses.items() for one in status.sources
    )
    yield counter(
        "pipeline_processor_events",
        "Events that came into a processor, left it, or met something in it.",
        *("pipeline", "processor", "what"),
    ).each(
        ((name, one.name, what), count)
        for name, status in statuses.items()
        for one in status.processors
        for what, count in {"in": one.events_in, "out": one.events_out, **one.notes}.items()
    )
    yield from _destinations(
        {(name, one.name): one for name, status in statuses.items() for one in status.destinations}, now
    )


def _destinations(every: Mapping[tuple[str, str], DestinationStatus], now: int) -> Iterator[Metric]:
    yield counter(
        "pipeline_destination_events",
        "Events that a destination took, refused, or had no room for.",
        *_DESTINATION,
        "what",
    ).each(
        ((*labels, what), count)
        for labels, one in every.items()
        for what, count in (("delivered", one.delivered), ("refused", one.refused), ("dropped", one.dropped))
    )
    yield gauge("pipeline_waiting_events", "Events that wait for a destination.", *_DESTINATION).each(
        (labels, one.waiting.lines) for labels, one in every.items()
    )
    yield gauge(
        "pipeline_waiting_bytes", "Compressed bytes of events that wait for a destination.", *_DESTINATION
    ).each((labels, one.waiting.stored_bytes) for labels, one in every.items())
    yield gauge(
        "pipeline_oldest_seconds", "For how long the oldest event waits for a destination.", *_DESTINATION
    ).each(
        (labels, max(0, now - one.waiting.oldest_rx) / 1000 if one.waiting.oldest_rx else 0.0)
        for labels, one in every.items()
    )
    yield gauge(
        "pipeline_failing", "1 while a destination cannot be delivered to, else 0.", *_DESTINATION
    ).each((labels, one.state in ("failing", "full")) for labels, one in every.items())
    yield gauge(
        "pipeline_dead_letters",
        "Events that a destination refused for good, and that are kept.",
        *_DESTINATION,
    ).each((labels, one.dead_letters) for labels, one in every.items())
