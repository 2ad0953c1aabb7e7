"""Grafana Loki, through its push API as JSON.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs

Labels are what the settings name, each with the value of a field; how many different values they have is the
user's business. What of host, app, file, env, level and tag is no label goes with the line as structured
metadata, which Loki takes from 2.9 on, and the id always does, as `lid`. Entries of a stream are in the order
of their times.

Loki keeps one of several entries with the same stream, time and line: one that is sent again is there once.
But lines of one millisecond may be equal, so an event that has no finer time is given one within its
millisecond, made of its id and the same each time.

Loki takes the good entries of a push and answers 400 for the others without saying which. They are found by
sending parts again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from zlib import crc32

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import check
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.destinations.events import event_ns
from logkeep.pipeline.destinations.web import Web
from logkeep.pipeline.fields import text_getter
from logkeep.record import Record

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")  # Prometheus's; two underscores are Loki's own
_OWN = ("host", "app", "file", "env", "level")

_MS = 1_000_000  # nanoseconds

_encode = msgspec.json.Encoder().encode


class LokiDestination:
    whole_frames = False

    def __init__(self, spec: model.ToLoki, secrets: Mapping[str, str], hop: str) -> None:
        del hop
        _check_labels(spec)
        self._web = Web(spec, secrets, path="/loki/api/v1/push")
        self._headers = {"X-Scope-OrgID": _tenant(spec.tenant)} if spec.tenant else {}
        self._static = spec.static_labels
        self._labels = [(label, text_getter(field, setting="labels")) for label, field in spec.labels.items()]
        self._other = [name for name in _OWN if name not in spec.labels.values()]
        self._tags = "tag" not in spec.labels.values()

    def send(self, batch: Batch) -> Sent:
        body = _encode({"streams": self._streams(batch.records)})
        check(self._web.send(body, "application/json", headers=self._headers))
        return Sent()

    def close(self) -> None:
        self._web.close()

    def _streams(self, records: Sequence[Record]) -> list[dict[str, object]]:
        streams: dict[tuple[str, ...], list[tuple[int, str, dict[str, str]]]] = {}
        for record in records:
            values = tuple(value(record) for _, value in self._labels)
            streams.setdefault(values, []).append((_instant(record), record.line, self._metadata(record)))
        return [
            {
                "stream": self._named(values),
                "values": [(str(ns), line, other) for ns, line, other in sorted(entries, key=itemgetter(0))],
            }
            for values, entries in streams.items()
        ]

    def _named(self, values: Sequence[str]) -> dict[str, str]:
        """Loki takes no label without a value."""
        found = zip(self._labels, values, strict=True)
        return self._static | {label: value for (label, _), value in found if value}

    def _metadata(self, record: Record) -> dict[str, str]:
        other = {"lid": record.lid} if record.lid else {}
        for name in self._other:
            value = getattr(record, name)
            if value:
                other[name] = value
        if record.tag and self._tags:
            other["tag"] = ",".join(record.tag)
        return other


def _instant(record: Record) -> int:
    """Epoch nanoseconds. Ids given out one after the other stay in order, but for one in a million."""
    ns = event_ns(record)
    if ns % _MS:
        return ns
    number = (
        int(record.lid[-18:]) if record.lid.isascii() and record.lid.isdigit() else crc32(record.lid.encode())
    )
    return ns + number % _MS


def _check_labels(spec: model.ToLoki) -> None:
    for field, labels in (("labels", spec.labels), ("static_labels", spec.static_labels)):
        for label in labels:
            if not _LABEL.fullmatch(label):
                raise BadSetting(
                    f"{label[:64]!r} cannot be a label",
                    hint="write letters, digits and underscores; no digit first, and not two underscores",
                    field=field,
                )
    twice = sorted(spec.labels.keys() & spec.static_labels.keys())
    if twice:
        raise BadSetting(
            f"the label {twice[0]} has a field and a value", hint="keep one of them", field="static_labels"
        )
    if not any(spec.static_labels.values()) or not all(spec.static_labels.values()):
        raise BadSetting(
            "an event could be without any label, and Loki takes none such",
            hint="write at least one static label, and a value for each",
            field="static_labels",
        )


def _tenant(tenant: str) -> str:
    """https://grafana.com/docs/loki/latest/operations/multi-tenancy/: what an id may hold."""
    if not re.fullmatch(r"[a-zA-Z0-9!\-_.*'()|]{1,150}", tenant) or tenant in (".", ".."):
        raise BadSetting(
            "the tenant cannot be used", hint="write letters, digits or !-_.*'()", field="tenant"
        )
    return tenant
