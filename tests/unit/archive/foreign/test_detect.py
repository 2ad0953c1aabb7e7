"""Whose archive a folder of literal objects is taken for."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from logkeep.archive.foreign.detect import Detection, detect
from logkeep.record import Record, encode_lines
from logkeep.storage.folder import FolderBucket

HOUR = "year=2026/month=01/day=02/main.2026-01-02.0300"
UUID = "01234567-89ab-cdef-0123-456789abcdef"
MEZMO = b'{"_line":"a","_ts":1767225600000,"_logtype":"json","_lid":"5"}\n'
OURS = encode_lines([Record(lid=str(n), ts=1767225600000 + n, line=f"line {n}") for n in range(9)])
OBJECTS: dict[str, dict[str, bytes]] = {
    "logkeep": {f"{HOUR}.json.gz": OURS},
    "mezmo": {f"{HOUR}.json.gz": MEZMO, f"{HOUR}.1.json.gz": b'{"_source":%b}\n' % MEZMO.strip()},
    "mezmo-daily": {"acct.2019-11-19.76.ld76.json.gz": MEZMO},
    "mezmo-pipeline": {
        "year=2024/month=05/day=13/merged_1715590800.log": b'{"mezmo_timestamp":"2024-05-13T08:00:01Z"}\n'
    },
    "logzio": {"logzio-verified": b"", "x/1.gz": b'{"@timestamp":"2026-01-01T00:00:00Z","message":"m"}\n'},
    "datadog": {
        "dt=20260102/hour=09/archive_090000.1.a.json.gz": b'{"date":"2026-01-02T09:00:00Z","message":"m"}\n'
    },
    "papertrail": {
        "papertrail/logs/1/dt=2026-01-02/2026-01-02.tsv.gz": b"1\t2026-01-02T00:00:00Z\t2026-01-02T00:00:00Z"
        b"\t2\th\t1.2.3.4\tUser\tInfo\tp\tm\n"
    },
    "vector": {
        f"date=2026-01-02/1767312000-{UUID}.log.gz": b'{"message":"m","timestamp":"2026-01-02T00:00:00Z"}\n'
    },
    "fluentbit": {"fluent-bit-logs/t/2026/01/02/00/00/00-objectab": b'{"date":1767312000.5,"log":"m"}\n'},
    "otel": {
        "year=2026/month=01/day=02/hour=03/minute=04/logs_123456789.json": b'{"resourceLogs":[{"scopeLogs":'
        b'[{"logRecords":[{"timeUnixNano":"1767312000000000000","body":{"stringValue":"m"}}]}]}]}'
    },
    "firehose": {
        f"2026/01/02/03/stream-1-2026-01-02-03-04-05-{UUID}.gz": b'{"messageType":"DATA_MESSAGE","owner":"1",'
        b'"logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":'
        b'[{"id":"35600000000000000000","timestamp":1767312000000,"message":"m"}]}'
    },
    "otel-any": {
        "2026/01/02/app-0001.json.gz": b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":'
        b'"1767312000000000000","body":{"stringValue":"m"}}]}]}]}'
    },
    "firehose-any": {
        f"logs/year=2026/month=01/day=02/stream-1-2026-01-02-03-04-05-{UUID}.gz": b'{"time":1767312000000}'
    },
    "cloudwatch": {f"exportedlogs/{UUID}/stream/000000.gz": b"2026-01-02T00:00:00.000Z text\n"},
    "cribl": {"2026/01/02/CriblOut-abc.0.json.gz": b'{"_time":1767312000.5,"_raw":"m","host":"h"}\n'},
    "sumo": {
        "v2/dt=20260102/hour=3/minute=4/dep/col/src/v1/f.txt.gzip": b'{"_id":"7",'
        b'"date":"2026-01-02T03:04:05.000Z","sourceName":"s","sourceHost":"h","sourceCategory":"c","message":"m"}\n'
    },
    "edgedelta": {"2026/01/02/03/tag/host/x.log.gz": b'{"timestamp":1767312000000,"message":"m"}\n'},
    "lines": {"whatever/app-2026-01-02.log": b"2026-01-02 00:00:00 text\n  more\n"},
}


IN_ANY_FOLDER = ("vector", "fluentbit", "cloudwatch", "cribl", "otel-any", "firehose-any")


def detected(root: Path, objects: dict[str, bytes]) -> Detection:
    for key, content in objects.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if key.endswith("gz") else content)
    return detect(FolderBucket(root))


@pytest.mark.parametrize("name", OBJECTS)
def test_a_layout_is_known_by_its_keys_and_an_object(tmp_path: Path, name: str) -> None:
    found = detected(tmp_path, OBJECTS[name])
    assert (found.layout, found.prefix) == (name, "")
    assert found.opened in OBJECTS[name]
    assert 1 <= len(found.sample) <= 5
    assert all(record.ts > 0 for record in found.sample)
    assert found.opened in found.reasons[1]


@pytest.mark.parametrize("name", [name for name in OBJECTS if name not in ("lines", "logzio")])
def test_an_archive_below_other_folders_is_found_with_its_prefix(tmp_path: Path, name: str) -> None:
    found = detected(tmp_path, {f"some/where/{key}": content for key, content in OBJECTS[name].items()})
    assert found.layout == name
    if name not in IN_ANY_FOLDER:
        assert found.prefix == "some/where/"
        assert any("add that to its URL" in reason for reason in found.reasons)


def test_manifests_tell_that_it_is_ours_whatever_is_damaged(tmp_path: Path) -> None:
    objects = {f"_manifest/{HOUR}.json": b"{}", f"{HOUR}.json.gz": OURS + MEZMO}
    found = detected(tmp_path, objects)
    assert found.layout == "logkeep"
    assert "there are manifests of logkeep" in found.reasons
    assert [record.line for record in found.sample] == [f"line {n}" for n in range(5)]


def test_what_else_would_fit_is_named(tmp_path: Path) -> None:
    found = detected(tmp_path, OBJECTS["datadog"])
    assert [each.name for each in found.others] == ["lines"]


def test_an_empty_bucket_is_nothing(tmp_path: Path) -> None:
    found = detect(FolderBucket(tmp_path))
    assert found.layout is None
    assert "there is no object with lines" in found.reasons[0]


def test_an_object_of_no_lines_with_times_fits_nothing(tmp_path: Path) -> None:
    found = detected(tmp_path, {"photo.bin": bytes(range(128, 256)) * 40, "notes": b"no time here\n"})
    assert found.layout is None
    assert found.keys == 2
    assert all("does not fit" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    "key",
    ["2026/01/02/x.json", "year=2026/month=01/day=02/x.log", "dt=20260102/hour=09/archive_0.1.a.json.gz"],
)
def test_what_begins_as_otlp_or_cloudwatch_s_messages_is_that_whatever_the_key_says(
    tmp_path: Path, key: str
) -> None:
    [otlp], [payload] = OBJECTS["otel"].values(), OBJECTS["firehose"].values()
    assert detected(tmp_path / "a", {key: b"\n" + otlp}).layout == "otel-any"
    assert detected(tmp_path / "b", {key: payload}).layout == "firehose-any"


def test_many_sidecars_do_not_hide_what_is_beside_them(tmp_path: Path) -> None:
    objects = dict(OBJECTS["otel"])
    [key] = objects
    for number in range(9):
        objects[key.replace("logs_", f"index_{number}_")] = b'{"a":1}'
    assert detected(tmp_path, objects).layout == "otel"


PARQUET = b"PAR1\x15\x04\x15 message\n 2026-01-02 00:00:00 more\n" * 9
BINARY = {
    "a Parquet file": PARQUET,
    "a ZIP archive": b"PK\x03\x04\n2026\n",
    "a program": b"\x7fELF\x02\x01\x01\0\n",
    "an ORC file": b"ORC\x08\x03\x10\n",
    "an Avro file": b"Obj\x01\x04\x16avro\n",
    "an SQLite database": b"SQLite format 3\0\n",
    "binary": b"what it is\n" * 5000 + b"\0\n",
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("key", ["year=2026/month=01/day=02/part-0", "2026/01/02/x.gz"])
def test_what_is_no_text_is_said_to_be_none(tmp_path: Path, name: str, key: str) -> None:
    found = detected(tmp_path, {key: BINARY[name]})
    assert found.layout is None
    assert all(f"it is {name}, not text" in reason for reason in found.reasons)


def test_a_nul_in_json_is_no_reason_to_refuse_it(tmp_path: Path) -> None:
    [(key, line)] = OBJECTS["datadog"].items()
    assert detected(tmp_path, {key: line * 9 + b"\0\0\n"}).layout == "datadog"


def test_a_damaged_object_is_no_crash(tmp_path: Path) -> None:
    stored = gzip.compress(MEZMO * 1000)
    (tmp_path / "dt=20260102/hour=09").mkdir(parents=True)
    (tmp_path / "dt=20260102/hour=09/archive_1.json.gz").write_bytes(stored[: len(stored) // 2])
    assert detect(FolderBucket(tmp_path)).layout in ("lines", "logkeep", "mezmo", None)
