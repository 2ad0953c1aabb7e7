"""Grafana Loki, through its push API as JSON.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs

Labels are what the settings name, each with the value of a field; how many different values they have is the
user's business. What of host, app, file, env, level and tag is no label goes with the line as structured
metadata, which Loki takes from 2.9 on, and so do the id, as `lid`, and texts, numbers, true and false that
are members of meta itself: the first 32, cut to a thousand characters, under their names with `_` for what
such a name cannot hold. Without `structured_metadata` none of that is sent. Entries of a stream are in the
order of their times.

Loki keeps one of several entries with the same stream, time and line: one that is sent again is there once.
But lines of one millisecond may be equal, so an event that has no finer time is given one within its
millisecond, made of its id and the same each time.

Loki takes the good entries of a push and answers 400 for the others without saying which. They are found by
sending parts again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from zlib import crc32

import msgspec

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, check
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.destinations.events import event_ns, meta_of
from logkeep.pipeline.destinations.web import Web
from logkeep.pipeline.fields import text_getter
from logkeep.record import Record

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")  # Prometheus's; two underscores are Loki's own
_OWN = ("host", "app", "file", "env", "level")

_MOST_MEMBERS = 32  # of meta, as structured metadata: Loki takes 128 names and 64 KiB
_LONGEST_MEMBER = 1000  # characters
_LONGEST_NAME = 100
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9_]")

_MS = 1_000_000  # nanoseconds

# `validation.DisallowedStructuredMetadataErrorMsg` of Loki, and what such a switch may be called besides.
_NO_METADATA = re.compile(
    r"(?i)allow_structured_metadata"
    r"|structured metadata[^.]{0,100}(?:disallowed|not (?:allowed|enabled|supported))"
)

_encode = msgspec.json.Encoder().encode


class LokiDestination:
    whole_frames = False

    def __init__(self, spec: model.ToLoki, secrets: Mapping[str, str], hop: str) -> None:
        del hop
        _check_labels(spec)
        own = ("X-Scope-OrgID",) if spec.tenant else ()
        self._web = Web(spec, secrets, path="/loki/api/v1/push", own_headers=own)
        self._with_metadata = spec.structured_metadata
        self._stream_labels = frozenset((*spec.labels, *spec.static_labels))
        self._headers = {"X-Scope-OrgID": _tenant(spec.tenant)} if spec.tenant else {}
        self._static = spec.static_labels
        self._labels = [(label, text_getter(field, setting="labels")) for label, field in spec.labels.items()]
        self._other = [name for name in _OWN if name not in spec.labels.values()]
        self._tags = "tag" not in spec.labels.values()

    def send(self, batch: Batch) -> Sent:
        body = _encode({"streams": self._streams(batch.records)})
        answer = self._web.send(body, "application/json", headers=self._headers)
        _check_metadata(answer)
        check(answer)
        return Sent()

    def close(self) -> None:
        self._web.close()

    def _streams(self, records: Sequence[Record]) -> list[dict[str, object]]:
        streams: dict[tuple[str, ...], list[tuple[int, str, *tuple[dict[str, str], ...]]]] = {}
        for record in records:
            values = tuple(value(record) for _, value in self._labels)
            other = (self._metadata(record),) if self._with_metadata else ()
            streams.setdefault(values, []).append((_instant(record), record.line, *other))
        return [
            {
                "stream": self._named(values),
                "values": [(str(ns), *entry) for ns, *entry in sorted(entries, key=itemgetter(0))],
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
        if record.meta:
            for name, value in islice(_members(meta_of(record)), _MOST_MEMBERS):
                if name not in self._stream_labels:
                    other.setdefault(name, value)
        return other


def _members(meta: object) -> Iterator[tuple[str, str]]:
    """Those that are no lists and no objects, as text; an empty one is none."""
    for key, value in meta.items() if isinstance(meta, dict) else ():
        if isinstance(value, str | int | float) and value != "":
            name = _NOT_IN_NAME.sub("_", key[:_LONGEST_NAME])
            text = value if isinstance(value, str) else _encode(value).decode()
            yield (name if _LABEL.fullmatch(name) else f"meta_{name}"), text[:_LONGEST_MEMBER]


def _check_metadata(answer: Answer) -> None:
    """Of a Loki that takes no structured metadata, which is no reason to give up events. Raises
    DeliveryFailed."""
    words = answer.body.decode(errors="replace")
    if answer.status == 400 and _NO_METADATA.search(words):
        raise DeliveryFailed(
            f"{answer.host} answered 400: {answer.shown(words)}",
            hint="set allow_structured_metadata there, or structured_metadata to false here",
        )


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
