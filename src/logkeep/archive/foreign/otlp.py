"""OTLP's log records as ours, whether they came as JSON or as protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from logkeep.archive.foreign.base import NO_TIME, Problems, lid_of, text
from logkeep.record import NO_META, Record, text_of
from logkeep.timeline import MAX_MS

# OTLP's 24 severities, four to a name.
_LEVELS = ("", *(name for name in ("trace", "debug", "info", "warn", "error", "fatal") for _ in range(4)))
_MAX_NS = MAX_MS * 1_000_000

_encode = msgspec.json.Encoder().encode


def instant(at: int, seen: int) -> tuple[int, int, int]:
    """(ts, ns, rx) of times in nanoseconds; ts is -1 when neither is one."""
    rx = seen // 1_000_000 if 0 < seen < _MAX_NS else -1
    if not 0 < at < _MAX_NS:
        at = seen
        if rx < 0:
            return -1, 0, -1
    return at // 1_000_000, at % 1_000_000, rx


def level_of(severity: object, number: object) -> str:
    if severity:
        return severity.lower() if type(severity) is str else text(severity).lower()
    return _LEVELS[number] if type(number) is int and 0 <= number < len(_LEVELS) else ""


def line_of(body: object) -> tuple[str, str]:
    """(line, raw) of a body: a text as it is, bytes as they are, anything else as JSON."""
    if body is None:
        return "", ""
    if type(body) is bytes:
        return text_of(body)
    return _encode(body).decode(), ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What the records of one resource and scope share. `shared` is a JSON object, b"{}" for nothing."""

    host: str
    app: str
    env: str
    shared: bytes


def origin_of(resource: dict[str, Any], scope: Mapping[str, Any]) -> Origin:
    host, app, env = (
        text(resource.pop(name, None))
        for name in ("host.name", "service.name", "deployment.environment.name")
    )
    env = env or text(resource.pop("deployment.environment", None))
    shared = {"resource": resource, "scope": scope}
    return Origin(host=host, app=app, env=env, shared=_encode({k: v for k, v in shared.items() if v}))


def record_of(
    origin: Origin,
    instant: tuple[int, int, int],
    level: str,
    line: tuple[str, str],
    attributes: dict[str, Any],
    members: dict[str, Any],
) -> Record:
    """`members` is what else goes into meta, in OTLP's names; nothing in it is empty."""
    file = lid = ""
    if attributes:
        if "log.file.path" in attributes:
            file = text(attributes.pop("log.file.path"))
        elif "log.file.name" in attributes:
            file = text(attributes.pop("log.file.name"))
        if "log.record.uid" in attributes:
            lid = lid_of(text(attributes["log.record.uid"]))
        if attributes:
            members = {"attributes": attributes, **members}
    shared = origin.shared
    if not members:
        meta = NO_META if shared == b"{}" else msgspec.Raw(shared)
    elif shared == b"{}":
        meta = msgspec.Raw(_encode(members))
    else:
        meta = msgspec.Raw(_encode(members)[:-1] + b"," + shared[1:])
    ts, ns, rx = instant
    return Record(
        lid, ts, ns, rx, "", origin.host, origin.app, file, origin.env, level, (), meta, line[0], line[1]
    )


def with_times(records: list[Record], problems: Problems) -> list[Record]:
    """The records of one message, without those that have no time, which are reported."""
    if -1 not in [record.ts for record in records]:
        return records
    for record in records:
        if record.ts < 0:
            problems.add(0, NO_TIME, record.line.encode(errors="replace"))
    return [record for record in records if record.ts >= 0]
