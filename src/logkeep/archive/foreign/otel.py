"""OpenTelemetry Collector, awss3exporter: one OTLP message an object, as JSON or protobuf.

Keys are `year=YYYY/month=MM/day=DD/hour=HH/minute=MM/<file prefix>logs_<id>.json` or `.binpb`, with `.gz` or
`.zst` behind it when compressed, below `{s3_base_prefix}/{s3_prefix}/`; without `minute=MM/` when partitioned
by hour. Their time is the collector's clock when it wrote, in `s3_partition_timezone` or its local time.
The file prefix stands before `logs_` without anything between: `applogs_1.json` with the prefix `app`.
`traces_` and `metrics_` hold no logs. Honeycomb Enhance writes the same, with `index_*` files beside.

The message is LogsData (OTLP 1.x): https://github.com/open-telemetry/opentelemetry-proto, logs.proto, and
its JSON form. Layout: opentelemetry-collector-contrib, exporter/awss3exporter/README.md.

Resource attributes `host.name`, `service.name` and `deployment.environment.name` become host, app and env,
the attribute `log.file.path` (or `log.file.name`) the file; all else is in meta under OTLP's own names.
`observedTimeUnixNano` is the time of receipt, and the line's time where it has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from logkeep.archive.foreign.base import (
    DAY_MS,
    EVERYTHING,
    KeyHint,
    Problems,
    dated_folders,
    skipped,
    time_of_key,
)
from logkeep.archive.foreign.otlp_json import read_json
from logkeep.archive.foreign.otlp_proto import read_proto
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_KEY = re.compile(
    r"year=(\d{4})/month=(\d\d)/day=(\d\d)/hour=(\d\d)/(?:minute=(\d\d)/)?"
    r"(?!index_)[^/]*logs_(?![^/]*(?:traces|metrics)_)[^/]*\.(?:json|binpb)(?:\.(?:gz|gzip|zst))?"
)
_SIDECAR = re.compile(r"(?:.*/)?index_[^/]*", re.DOTALL)
_OTHER_SIGNAL = re.compile(r"(?:.*/)?[^/]*(?:traces|metrics)_(?![^/]*logs_)[^/]*", re.DOTALL)
_MINUTE_MS = 60_000
# Devices upload days late, and the key may be in any time zone.
_OLDER_MS = 3 * DAY_MS
_YOUNGER_MS = 15 * HOUR_MS


@dataclass(frozen=True)
class OpenTelemetry:
    name: str = "otel"
    title: str = "OpenTelemetry Collector, awss3exporter"
    margin_ms: int = _OLDER_MS + HOUR_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(
            within, "year=%Y/month=%m/day=%d/hour=%H/", "year=%Y/month=%m/day=%d/", "year=%Y/month=%m/"
        )

    def hint(self, key: str) -> KeyHint | None:
        found = _KEY.fullmatch(key)
        if found is None or skipped(key):
            return None
        start = time_of_key(found[1], found[2], found[3], found[4], found[5] or "0")
        if start is None:
            return None
        length = _MINUTE_MS if found[5] else HOUR_MS
        return KeyHint.around(start, length, older=_OLDER_MS, younger=_YOUNGER_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return _records(content, key, problems)


@dataclass(frozen=True)
class AnyKeys:
    """The same messages under keys that are otherwise: with an `s3_partition_format` of the user's own, or of
    another exporter. They say nothing of the time, so the whole place is listed."""

    name: str = "otel-any"
    title: str = "OpenTelemetry logs under any keys"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        others = skipped(key) or is_sidecar(key) or _OTHER_SIGNAL.fullmatch(key)
        return None if others else KeyHint()

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return _records(content, key, problems)


def is_sidecar(key: str) -> bool:
    """Whether the key is of an index that Honeycomb Enhance puts beside the objects."""
    return _SIDECAR.fullmatch(key) is not None


def _records(content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
    first = next(content, b"")
    content = chain((first,), content)
    if ".binpb" in key and not first.startswith((b"{", b"[")):
        return read_proto(content, problems)
    return read_json(content, problems)


LAYOUT = OpenTelemetry()
LAYOUTS = (LAYOUT, AnyKeys())
