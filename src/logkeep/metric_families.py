"""Families of metrics as the Prometheus client has them, named as all of ours are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Family(NamedTuple):
    """A metric that is to get its values."""

    metric: GaugeMetricFamily | CounterMetricFamily

    def of(self, value: float) -> Metric:
        """The only one, without labels."""
        self.metric.add_metric([], value)
        return self.metric

    def each(self, values: Iterable[tuple[str | Sequence[str], float]]) -> Metric:
        """One for each combination of labels."""
        for labels, value in values:
            self.metric.add_metric([labels] if isinstance(labels, str) else labels, value)
        return self.metric


def gauge(name: str, help_: str, *labels: str) -> Family:
    """Of something that rises and falls. `name` is without `logkeep_`."""
    return Family(GaugeMetricFamily(f"logkeep_{name}", help_, labels=labels))


def counter(name: str, help_: str, *labels: str) -> Family:
    """Of something that only rises. `name` is without `logkeep_` and `_total`."""
    return Family(CounterMetricFamily(f"logkeep_{name}", help_, labels=labels))
