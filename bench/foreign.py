"""Objects of other systems read as canonical lines: gunzip, decoding and encoding, in one thread.

Of every layout about 30 MB in lines of about 300 bytes, half of whose messages are JSON and half text, as
the system writes them in the most usual way: OTLP as JSON, Firehose with CloudWatch's gzip payloads, the
layout `lines` with text. What the layouts have in common is measured once: `lines` reads text, Vector, Fluent
Bit, Logz.io and Mezmo's pipeline read JSON objects that are all of one schema.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.figures import Figure, main
from bench.process import forget_peak, memory_mb, peak_memory_mb
from logkeep.archive.foreign.base import Layout, Problems
from logkeep.archive.foreign.coralogix import COLUMNS
from logkeep.archive.foreign.find import ForeignObject, find_foreign
from logkeep.archive.foreign.layouts import CUSTOM, LAYOUTS, layout_of
from logkeep.archive.foreign.read import read_foreign
from logkeep.record import Record, decode_line, encode_lines
from logkeep.sample import sample_bodies
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, hour_of, hour_start, iso, parse_time

_LINES = 100_000
_QUICK_LINES = 10_000
_READS = 3
_GOAL = 100
_RUN = 10  # so many lines of one service, then so many of others
_HOUR = hour_of(parse_time("2026-01-02T03:00Z", now=0))
_UUID = "01234567-89ab-cdef-0123-456789abcdef"

_json = msgspec.json.encode


class Entry(NamedTuple):
    """What happened, whichever system wrote it down. `id` is 128 bits in hexadecimal."""

    number: int
    id: str
    ms: int
    host: str
    app: str
    file: str
    level: str
    text: str

    @property
    def iso(self) -> str:
        return iso(self.ms)


_Line = tuple[int, str, str, str, str, str]
"""Time, host, app, file, level and text."""


class _Texts(msgspec.Struct):
    lines: list[dict[str, Any]]


def _entries(lines: int, room: int) -> Iterator[Entry]:
    """In order of time, within one hour. Texts that are shorter than `room` are filled up to it."""
    number = 0
    for body in sample_bodies(lines=lines, first_hour=_HOUR, hours=1, lines_per_body=_RUN):
        for line in _of_json(body.data) if body.path == "/v1/ingest" else _of_text(body.data):
            own = f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}"
            yield Entry(number, own, *line[:-1], _filled(line[-1], own, room))
            number += 1


def _of_json(data: bytes) -> Iterator[_Line]:
    for line in data.decode().splitlines():
        members = msgspec.json.decode(line)
        ms, app = parse_time(members["timestamp"], now=0), members["app"]
        yield ms, members["host"], app, f"/var/log/containers/{app}.log", members["level"], line


def _of_text(data: bytes) -> Iterator[_Line]:
    for line in msgspec.json.decode(data, type=_Texts).lines:
        yield line["timestamp"], line["host"], line["app"], line["file"], line["level"], line["line"]


def _filled(text: str, own: str, room: int) -> str:
    lacking = room - len(text)
    if lacking < 16:
        return text
    url = (
        f"https://shop.example/{own[:4]}/items?colour={own[4]}&size={own[5:7]}&session={own[8:24]}&sort=price"
        f"&page={own[24]}&campaign=autumn-{own[25:27]}&from=newsletter&basket={own[16:]}&language=en&currency="
    )
    if text.startswith("{"):
        return f'{text[:-1]},"url":"{url[: lacking - 9]}"}}'
    return f"{text} url={url[: lacking - 5]}"


class Part(NamedTuple):
    """Some entries, as they are stored, and how many bytes that is when nothing is compressed."""

    stored: bytes
    raw_bytes: int


Make = Callable[[Sequence[Entry]], Part]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How a system writes entries: `entries` of them at a time, one gzip member or one Parquet file each.
    A key with {} is of an object for each, any other of one object."""

    key: str
    make: Make
    room: int = 0
    entries: int = _LINES  # all
    options: Mapping[str, str] = field(default_factory=dict)


def _gzipped(content: bytes) -> Part:
    return Part(gzip.compress(content, 6), len(content))


def _json_lines(members: Callable[[Entry], dict[str, Any]]) -> Make:
    return lambda entries: _gzipped(b"".join([_json(members(entry)) + b"\n" for entry in entries]))


def _text_lines(line: Callable[[Entry], str]) -> Make:
    return lambda entries: _gzipped("".join([f"{line(entry)}\n" for entry in entries]).encode())


def _logkeep(entries: Sequence[Entry]) -> Part:
    records = [
        Record(
            lid=_digits(one, 18), ts=one.ms, rx=one.ms + 250, account="main", host=one.host, app=one.app,
            file=one.file, level=one.level, line=one.text,
        )
        for one in entries
    ]  # fmt: skip
    return _gzipped(encode_lines(records))


def _digits(one: Entry, count: int) -> str:
    return str(int(one.id, 16))[:count]


def _uuid(one: Entry) -> str:
    return f"{one.id[:8]}-{one.id[8:12]}-{one.id[12:16]}-{one.id[16:20]}-{one.id[20:]}"


def _mezmo(one: Entry) -> dict[str, Any]:
    return {
        "_lid": _digits(one, 19),
        "level": one.level.upper(),
        "_logtype": "customapp",
        "_host": one.host,
        "_app": one.app,
        "_tag": ["shop", "staging"],
        "_file": one.file,
        "_line": one.text,
        "_ts": one.ms,
    }


def _mezmo_pipeline(one: Entry) -> dict[str, Any]:
    return {
        "mezmo_timestamp": one.iso,
        "message": one.text,
        "level": one.level.upper(),
        "host": one.host,
        "app": one.app,
        "file": one.file,
        "n": one.number,
    }


def _logzio(one: Entry) -> dict[str, Any]:
    return {
        "@timestamp": one.iso,
        "type": one.app,
        "log_level": one.level.upper(),
        "path_name": one.file,
        "line_number": one.number % 400,
        "message": one.text,
        "tags": ["shop", "_jsonparsefailure"],
    }


def _datadog(one: Entry) -> dict[str, Any]:
    return {
        "_id": f"AY{one.id[:22]}",
        "date": one.iso,
        "host": one.host,
        "source": "nginx",
        "service": one.app,
        "status": one.level,
        "message": one.text,
        "attributes": {"http": {"status_code": 200 + one.number % 5}},
        "tags": ["env:prod", "team:web"],
    }


def _papertrail(one: Entry) -> str:
    at, seen = (iso(ms)[:19].replace("T", " ") for ms in (one.ms, one.ms + 1000))
    address = f"208.122.34.{len(one.host + one.app)}"
    columns = (
        _digits(one, 18), f"{at} +0000", f"{seen} +0000", "42424", one.host, address, "User",
        one.level.title(), one.app, one.text,
    )  # fmt: skip
    return "\t".join(columns)


def _vector(one: Entry) -> dict[str, Any]:
    return {
        "appname": one.app,
        "file": one.file,
        "host": one.host,
        "message": one.text,
        "severity": one.level,
        "source_type": "syslog",
        "timestamp": f"{one.iso[:-1]}{_digits(one, 6)}Z",
    }


def _fluentbit(one: Entry) -> dict[str, Any]:
    return {
        "date": one.ms / 1000 + one.number % 1000 / 1e6,
        "log": one.text,
        "stream": "stdout",
        "kubernetes": {
            "host": one.host,
            "container_name": one.app,
            "namespace_name": "shop",
            "pod_name": f"{one.app}-6d4cf56db6-{one.host}",
        },
    }


def _otel(entries: Sequence[Entry]) -> Part:
    by_resource = defaultdict[tuple[str, str], list[Entry]](list)
    for one in entries:
        by_resource[one.host, one.app].append(one)
    of_resources = [
        {
            "resource": {"attributes": [_otlp("host.name", host), _otlp("service.name", app)]},
            "scopeLogs": [{"scope": {}, "logRecords": list(map(_log_record, of))}],
        }
        for (host, app), of in by_resource.items()
    ]
    return _gzipped(_json({"resourceLogs": of_resources}))


def _log_record(one: Entry) -> dict[str, Any]:
    return {
        "timeUnixNano": f"{one.ms}{_digits(one, 6)}",
        "observedTimeUnixNano": f"{one.ms + 250}{_digits(one, 6)}",
        "severityNumber": 17 if one.level == "error" else 9,
        "severityText": one.level.upper(),
        "body": {"stringValue": one.text},
        "attributes": [_otlp("log.file.path", one.file)],
    }


def _otlp(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _firehose(entries: Sequence[Entry]) -> Part:
    """One payload of a subscription, which CloudWatch compresses."""
    events = [
        {"id": f"{_digits(one, 37)}{one.number:019}", "timestamp": one.ms, "message": one.text}
        for one in entries
    ]
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": "111111111111",
        "logGroup": "/aws/lambda/shop",
        "logStream": f"2026/01/02/[$LATEST]{entries[0].id}",
        "subscriptionFilters": ["Destination"],
        "logEvents": events,
    }
    return _gzipped(_json(payload))


def _cribl(one: Entry) -> dict[str, Any]:
    return {
        "_time": one.ms / 1000,
        "_raw": one.text,
        "host": one.host,
        "source": one.file,
        "sourcetype": one.app,
        "cribl_pipe": "main",
        "index": "web",
    }


def _sumo(one: Entry) -> dict[str, Any]:
    return {
        "_id": _uuid(one),
        "date": one.iso,
        "sourceName": one.file,
        "sourceHost": one.host,
        "sourceCategory": f"prod/{one.app}",
        "message": one.text,
        "fields": {"team": "a"},
    }


def _edgedelta(one: Entry) -> dict[str, Any]:
    return {
        "timestamp": one.iso,
        "raw": one.text,
        "logType": "file",
        "level": one.level.upper(),
        "service": one.app,
        "file": one.file,
    }


def _coralogix(entries: Sequence[Entry]) -> Part:
    """Parquet; what is not compressed are the texts of its columns."""
    import pyarrow as pa  # not in the process that reads, whose memory is measured
    from pyarrow import parquet

    columns: list[list[bytes]] = [[], [], []]
    for one in entries:
        about = {"timestamp": one.iso[:-1], "severity": one.level.title(), "priorityclass": "low"}
        labels = {"applicationname": "shop", "subsystemname": one.app, "computername": one.host}
        columns[0].append(_json({**about, "logid": _uuid(one)}))
        columns[1].append(_json(labels))
        columns[2].append(one.text.encode() if one.text.startswith("{") else _json({"text": one.text}))
    out = io.BytesIO()
    table = pa.table({name: pa.array(of, pa.string()) for name, of in zip(COLUMNS, columns, strict=True)})
    parquet.write_table(table, out)
    return Part(out.getvalue(), sum(map(len, chain.from_iterable(columns))))


def _custom(one: Entry) -> dict[str, Any]:
    return {
        "when": one.ms / 1000,
        "txt": one.text,
        "kubernetes": {"node": one.host},
        "a.b": one.app,
        "severity": one.level,
        "rest": one.number / 2,
    }


_FOLDER = "year=2026/month=01/day=02"
_SAMPLES: Mapping[str, Sample] = {
    "logkeep": Sample(key=f"{_FOLDER}/main.2026-01-02.0300.json.gz", make=_logkeep),
    "lines": Sample(
        key="app/2026/01/02/app.log.gz",
        make=_text_lines(lambda one: f"{one.iso} {one.level.upper()} {one.host} {one.app}: {one.text}"),
        room=255,
    ),
    "mezmo": Sample(key=f"{_FOLDER}/a2bea9c45b.2026-01-02.0300.json.gz", make=_json_lines(_mezmo)),
    "mezmo-daily": Sample(
        key="a2bea9c45b.2026-01-02.76.ld76.json.gz",
        make=_json_lines(lambda one: {"_source": _mezmo(one)}),
    ),
    "mezmo-pipeline": Sample(
        key=f"{_FOLDER}/merged_1767326400.log", make=_json_lines(_mezmo_pipeline), room=160
    ),
    "logzio": Sample(key="whatever/it+0+0000.gz", make=_json_lines(_logzio)),
    "datadog": Sample(
        key="dt=20260102/hour=03/archive_030000.1234.AYxAbCdEfGh-_.json.gz", make=_json_lines(_datadog)
    ),
    "papertrail": Sample(
        key="papertrail/logs/1234/dt=2026-01-02/2026-01-02-03.tsv.gz", make=_text_lines(_papertrail), room=195
    ),
    "vector": Sample(key=f"date=2026-01-02/1767322800-{_UUID}.log.gz", make=_json_lines(_vector), room=150),
    "fluentbit": Sample(
        key="fluent-bit-logs/kube.var.log/2026/01/02/03/00/00-objectAbCd1234", make=_json_lines(_fluentbit)
    ),
    "otel": Sample(
        key="year=2026/month=01/day=02/hour=03/minute={0:02}/logs_{0:09}.json.gz", make=_otel, entries=5000
    ),
    "firehose": Sample(
        key=f"2026/01/02/03/logs-1-2026-01-02-03-04-05-{_UUID}.gz", make=_firehose, room=190, entries=100
    ),
    "cloudwatch": Sample(
        key=f"exportedlogs/{_UUID}/i-0abc-stream/000000.gz",
        make=_text_lines(lambda one: f"{one.iso} {one.text}"),
        room=275,
    ),
    "cribl": Sample(key="logs/2026/01/02/CriblOut-5vFPTd.0.json.gz", make=_json_lines(_cribl), room=145),
    "sumo": Sample(
        key="v2/dt=20260102/hour=3/minute=4/us2/0000000006A2E86F/0000000007C64C1A/v1/6b1fb3c3.txt.gzip",
        make=_json_lines(_sumo),
    ),
    "edgedelta": Sample(
        key="2026/01/02/03/prod/host-1/1sXpYZPs83808oGZPJExJXlLXrb.log.gz",
        make=_json_lines(_edgedelta),
        room=170,
    ),
    "coralogix": Sample(
        key="team_id=4711/dt=2026-01-02/hr=03/{:04}.parquet", make=_coralogix, entries=25_000
    ),
    CUSTOM: Sample(
        key="logs/2026/01/02/a.gz",
        make=_json_lines(_custom),
        room=170,
        options={
            "path": "logs/%Y/%m/%d/*.gz",
            "ts": "when",
            "line": "txt",
            "host": "kubernetes.node",
            "app": "a.b",
            "time": "epoch_s",
        },
    ),
}


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The objects of one layout in a folder."""

    layout: Layout
    bucket: FolderBucket
    objects: Sequence[ForeignObject]
    raw_bytes: int

    def lines(self) -> Iterator[bytes]:
        """Raises RuntimeError when there is anything that could not be read."""
        for each in self.objects:
            problems = Problems(each.key)
            yield from read_foreign(self.bucket, self.layout, each.key, each.size, problems)
            if problems.count:
                raise RuntimeError(f"{self.layout.name}: {problems.first[0]}")


def _write(root: Path, name: str, lines: int) -> tuple[set[str], int]:
    """(keys, bytes when nothing is compressed) of a sample."""
    sample, keys, raw = _SAMPLES[name], set[str](), 0
    entries = _entries(lines, sample.room)
    for number in range(-(-lines // sample.entries)):
        part = sample.make(list(islice(entries, sample.entries)))
        keys.add(key := sample.key.format(number))
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        with (root / key).open("ab") as file:
            file.write(part.stored)
        raw += part.raw_bytes
    return keys, raw


def _opened(root: Path, name: str, keys: set[str], raw_bytes: int) -> Archive:
    layout, bucket = layout_of(name, _SAMPLES[name].options), FolderBucket(root)
    objects = find_foreign(bucket, layout, None)
    if {each.key for each in objects} != keys:
        raise RuntimeError(f"{name}: of the objects {keys} only {objects} are found")
    return Archive(layout=layout, bucket=bucket, objects=objects, raw_bytes=raw_bytes)


def _check(archive: Archive, lines: int) -> None:
    """Raises RuntimeError unless it is as many lines as were written, all of the hour."""
    found, start = 0, hour_start(Hour(_HOUR))
    for piece in archive.lines():
        for line in piece.splitlines():
            record = decode_line(line)
            if not (start <= record.ts < start + HOUR_MS and record.line):
                raise RuntimeError(f"{archive.layout.name}: {line!r} is not as it was written")
            found += 1
    if found != lines:
        raise RuntimeError(f"{archive.layout.name}: {found} of {lines} lines were read")


def measure(quick: bool) -> Sequence[Figure]:
    # Those that end so read what the layouts without the ending do, under keys of any folder.
    names = [name for name in LAYOUTS if not name.endswith("-any")] + [CUSTOM]
    if missing := set(names) - set(_SAMPLES):
        raise RuntimeError(f"there is no sample of {', '.join(sorted(missing))}")
    lines = _QUICK_LINES if quick else _LINES
    os.environ["OMP_NUM_THREADS"] = "1"  # Parquet's columns would be decoded in several threads
    figures, peaks = list[Figure](), dict[str, float]()
    before = memory_mb(os.getpid())
    # Another process writes the samples: what that leaves in the memory is not the reader's.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as writer:
        for name in names:
            with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
                root = Path(folder)
                archive = _opened(root, name, *writer.submit(_write, root, name, lines).result())
                _check(archive, lines)
                forget_peak(os.getpid())
                figures.append(_read(archive, lines))
                peaks[name] = peak_memory_mb(os.getpid())
    highest = max(peaks, key=lambda name: peaks[name])
    peak = Figure(
        name="memory peak over all reads of other layouts",
        value=peaks[highest],
        unit="MB",
        note=f"of {highest}; {before:.0f} MB before the first, "
        f"{max(peak for name, peak in peaks.items() if name != highest):.0f} MB of the next highest",
    )
    return [*figures, peak]


def _read(archive: Archive, lines: int) -> Figure:
    """The best of some reads."""
    reads = []
    for _ in range(_READS):
        cpu, began = time.process_time(), time.perf_counter()
        for _ in archive.lines():
            pass
        reads.append((time.perf_counter() - began, time.process_time() - cpu))
    took, used = min(reads)
    return Figure(
        name=f"read {archive.layout.title}",
        value=archive.raw_bytes / 1e6 / took,
        unit="MB/s raw",
        goal=_GOAL,
        note=f"{lines:,} lines of {archive.raw_bytes / lines:.0f} bytes, {took / lines * 1e6:.1f} µs each; "
        f"{used:.2f} CPU seconds of {took:.2f} s",
    )


if __name__ == "__main__":
    main(measure)
