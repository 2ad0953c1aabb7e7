from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from logkeep.archive.foreign import otlp_proto
from logkeep.archive.foreign.base import KeyHint, Problems
from logkeep.archive.foreign.otel import LAYOUT, LAYOUTS
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

FOLDER = "year=2026/month=11/day=20/hour=09/minute=07"
JSON_KEY = f"{FOLDER}/logs_123456789.json.gz"
PROTO_KEY = f"{FOLDER}/logs_123456789.binpb"
NANOS = 1_795_165_627_123_456_789
TRACE = "5b8efff798038103d269b633813fc60c"


def string(value: str) -> dict[str, str]:
    return {"stringValue": value}


def pairs(**values: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("_", "."), "value": string(value)} for key, value in values.items()]


def document(*records: dict[str, Any], resource: Any = (), scope: Any = None) -> dict[str, Any]:
    scope_logs = {"scope": scope or {}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": {"attributes": list(resource)}, "scopeLogs": [scope_logs]}]}


FULL = document(
    {
        "timeUnixNano": str(NANOS),
        "observedTimeUnixNano": str(NANOS + 1_000_000_000),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": string("GET / 200"),
        "attributes": [
            *pairs(log_file_path="/var/log/web.log", user_id="7"),
            {"key": "status", "value": {"intValue": "200"}},
            {"key": "ok", "value": {"boolValue": True}},
            {"key": "took", "value": {"doubleValue": 0.25}},
            {"key": "parts", "value": {"arrayValue": {"values": [string("a"), {"intValue": "1"}]}}},
            {"key": "http", "value": {"kvlistValue": {"values": pairs(method="GET")}}},
            {"key": "data", "value": {"bytesValue": "AAH/"}},
        ],
        "flags": 1,
        "traceId": TRACE,
        "spanId": "eee19b7ec3c1b174",
    },
    resource=pairs(host_name="web-1", service_name="shop", deployment_environment_name="prod", k_pod="p"),
    scope={"name": "lib", "version": "1.2"},
)
RECORD = {
    "_ts": NANOS // 1_000_000,
    "_ns": 456_789,
    "_rx": NANOS // 1_000_000 + 1000,
    "_host": "web-1",
    "_app": "shop",
    "_file": "/var/log/web.log",
    "_env": "prod",
    "level": "info",
    "_meta": {
        "attributes": {
            "user.id": "7",
            "status": 200,
            "ok": True,
            "took": 0.25,
            "parts": ["a", 1],
            "http": {"method": "GET"},
            "data": "AAH/",
        },
        "traceId": TRACE,
        "spanId": "eee19b7ec3c1b174",
        "flags": 1,
        "severityNumber": 9,
        "resource": {"k.pod": "p"},
        "scope": {"name": "lib", "version": "1.2"},
    },
    "_line": "GET / 200",
}


def as_json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def as_proto(value: dict[str, Any]) -> bytes:
    """The same message; ids are hexadecimal in OTLP's JSON and base64 in protobuf's."""
    text = msgspec.json.encode(value).decode()
    for hexadecimal in (TRACE, "eee19b7ec3c1b174"):
        text = text.replace(hexadecimal, msgspec.json.encode(bytes.fromhex(hexadecimal)).decode().strip('"'))
    return bytes(ParseDict(msgspec.json.decode(text), LogsData()).SerializeToString())


def read_both(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Its records, which are the same by JSON and by protobuf, and nothing that cannot be read."""
    lines, problems = read(LAYOUT, as_json(value), JSON_KEY)
    assert (lines, problems) == read(LAYOUT, as_proto(value), PROTO_KEY)
    assert problems == []
    return lines


def test_a_record_with_all_that_there_is() -> None:
    assert read_both(FULL) == [RECORD]


def test_a_record_with_next_to_nothing() -> None:
    assert read_both(document({"timeUnixNano": str(NANOS)})) == [{"_ts": NANOS // 10**6, "_ns": 456_789}]


def test_without_its_own_time_the_time_of_its_observation_counts() -> None:
    record = {"observedTimeUnixNano": "1795165627123000000", "body": string("x")}
    assert read_both(document(record)) == [{"_ts": 1795165627123, "_rx": 1795165627123, "_line": "x"}]
    assert read_both(document(record | {"timeUnixNano": "0"}))[0]["_ts"] == 1795165627123


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ({"severityText": "Warning"}, "warning"),
        ({"severityNumber": 1}, "trace"),
        ({"severityNumber": 8}, "debug"),
        ({"severityNumber": 12}, "info"),
        ({"severityNumber": 13}, "warn"),
        ({"severityNumber": 17, "severityText": ""}, "error"),
        ({"severityNumber": 24}, "fatal"),
        ({"severityNumber": 0}, None),
    ],
)
def test_the_level_is_the_text_or_the_numbers_name(severity: dict[str, Any], level: str | None) -> None:
    [line] = read_both(document({"timeUnixNano": str(NANOS), **severity}))
    assert line.get("level") == level


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"stringValue": ""}, None),
        ({"intValue": "-5"}, "-5"),
        ({"doubleValue": 1.5}, "1.5"),
        ({"boolValue": False}, "false"),
        ({"bytesValue": "aGk="}, "hi"),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {"bytesValue": "aGk="}]}}, '["a","aGk="]'),
        ({"kvlistValue": {"values": pairs(event="login")}}, '{"event":"login"}'),
        ({}, None),
    ],
)
def test_a_body_that_is_no_text_is_a_line_of_json(body: dict[str, Any], line: str | None) -> None:
    [found] = read_both(document({"timeUnixNano": str(NANOS), "body": body}))
    assert found.get("_line") == line


def test_bytes_that_are_not_utf8_survive() -> None:
    [found] = read_both(document({"timeUnixNano": str(NANOS), "body": {"bytesValue": "Y2Fm6Q=="}}))
    assert (found["_line"], found["_raw"]) == ("caf�", "Y2Fm6Q==")


def test_a_records_own_id_is_its_id() -> None:
    record = {"timeUnixNano": str(NANOS), "attributes": pairs(log_record_uid="01ARZ3NDEKTSV4RRFFQ69G5FAV")}
    [found] = read_both(document(record))
    assert found["_lid"] == "3767538556104188261"


def test_documents_may_follow_each_other_and_be_indented() -> None:
    indented = msgspec.json.format(as_json(FULL), indent=2)
    for content in (as_json(FULL) * 3, as_json(FULL) + b"\n" + indented + indented):
        assert read(LAYOUT, content, JSON_KEY) == ([RECORD] * 3, [])


def test_records_without_a_time_are_reported_and_the_others_kept() -> None:
    good = {"timeUnixNano": str(NANOS), "body": string("good")}
    bad: list[dict[str, Any]] = [
        {"body": string("a")},
        {"timeUnixNano": "9" * 25},
        {"timeUnixNano": "soon"},
        {"timeUnixNano": -1},
    ]
    content = as_json(FULL) + as_json(document(good, *bad, good))
    lines, problems = read(LAYOUT, content, JSON_KEY)
    assert [line["_line"] for line in lines] == ["GET / 200", "good", "good"]
    assert {(one.key, one.offset, one.reason) for one in problems} == {
        (JSON_KEY, len(as_json(FULL)), "the line has no time that can be read")
    }
    lines, problems = read(LAYOUT, as_proto(document(good, {"body": string("a")}, good)), PROTO_KEY)
    assert ([line["_line"] for line in lines], [one.sample for one in problems]) == (["good", "good"], ["a"])


@pytest.mark.parametrize(
    "damaged",
    [
        b'{"resourceMetrics":[]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"kvlistValue":5}}]}]}]}',
        b'{"resourceLogs":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"resourceLogs":[' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"]}",
        b"plain text",
    ],
)
def test_json_that_is_no_message_of_logs_is_a_problem_with_its_offset(damaged: bytes) -> None:
    first = as_json(FULL) + b"\n"
    lines, problems = read(LAYOUT, first + damaged + b"\n" + first, JSON_KEY)
    assert lines == [RECORD] * 2
    assert [one.offset for one in problems] == [len(first)]


def test_deep_nesting_in_a_value_is_a_problem_and_no_crash() -> None:
    nested = b'{"arrayValue":{"values":[' * 400 + b'{"stringValue":"x"}' + b"]}}" * 400
    deep = as_json(document({"timeUnixNano": str(NANOS), "body": string("?")}))
    deep = deep.replace(b'{"stringValue":"?"}', nested)
    lines, problems = read(LAYOUT, deep + as_json(FULL), JSON_KEY)
    assert len(lines) + len(problems) == 2
    assert lines[-1] == RECORD


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_protobuf_that_is_cut_short_is_a_problem(cut: int) -> None:
    lines, [problem] = read(LAYOUT, as_proto(FULL)[:-cut], PROTO_KEY)
    assert (lines, problem.offset) == ([], 0)
    assert problem.reason == "the object is no protobuf message of OTLP logs"


def test_records_before_damage_in_protobuf_are_kept() -> None:
    whole = as_proto(FULL)
    lines, [problem] = read(LAYOUT, whole + whole[:-1], PROTO_KEY)
    assert (lines, problem.reason) == ([RECORD], "the object is no protobuf message of OTLP logs")


def test_fields_that_are_not_known_are_passed_over() -> None:
    unknown = b"\x78\x96\x01" + b"\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x82\x01\x02hi"
    assert read(LAYOUT, unknown + as_proto(FULL) + unknown, PROTO_KEY) == ([RECORD], [])


def test_many_records_of_protobuf_are_read_a_few_at_a_time_and_all() -> None:
    records = [{"timeUnixNano": str(NANOS), "body": string(f"{number}")} for number in range(1001)]
    assert [line["_line"] for line in read_both(document(*records))] == [f"{n}" for n in range(1001)]


def test_a_record_or_a_resource_of_protobuf_that_is_too_large_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_proto, "_MOST_BYTES", 100)
    small = {"timeUnixNano": str(NANOS), "body": string("small")}
    large = small | {"attributes": pairs(a="x" * 100)}
    lines, [problem] = read(LAYOUT, as_proto(document(small, large, small)), PROTO_KEY)
    assert [line["_line"] for line in lines] == ["small", "small"]
    assert problem.reason == "the record has more than 100 bytes"
    lines, [problem] = read(LAYOUT, as_proto(document(small, resource=pairs(a="x" * 100))), PROTO_KEY)
    assert [line["_line"] for line in lines] == ["small"]
    assert problem.reason == "what records share has more than 100 bytes; they are read without"


def test_an_honest_object_of_16_mebibytes_is_read() -> None:
    attributes = [{"key": f"k{number}", "value": {"intValue": "1"}} for number in range(9)]
    record = {"timeUnixNano": str(NANOS), "body": string("x"), "attributes": attributes}
    count = (16 << 20) // len(as_json(record))
    content = as_json(document(*[record] * count))
    problems = Problems(JSON_KEY)
    assert sum(map(len, LAYOUT.records(iter([content]), JSON_KEY, problems))) == count
    assert problems.count == 0


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":{"arrayValue":{"values":[%b]}}}]}}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}',
        b'{"resourceLogs":[%b]}',
    ],
)
def test_a_message_of_too_many_values_is_a_problem_that_names_the_limit(hostile: bytes) -> None:
    problems = Problems(JSON_KEY)
    content = hostile % (b"{}," * 1_500_000 + b"{}")
    assert list(LAYOUT.records(iter([content]), JSON_KEY, problems)) == []
    assert [each.reason for each in problems.first] == ["it holds more than 3000000 JSON values"]


def test_protobuf_of_anything_else_is_a_problem() -> None:
    lines, problems = read(LAYOUT, b"\xff\xfe random \x00 bytes", PROTO_KEY)
    assert (lines, len(problems)) == ([], 1)


def test_no_content_is_no_problem() -> None:
    assert read(LAYOUT, b"", JSON_KEY) == ([], [])
    assert read(LAYOUT, b"", PROTO_KEY) == ([], [])


@pytest.mark.parametrize(
    "key",
    [
        JSON_KEY,
        PROTO_KEY,
        f"{FOLDER}/edge-logs_0192f0c4-7d1e-7c3a-9c1b-1c2d3e4f5a6b.json",
        f"{FOLDER}/edge_logs_123456789.binpb.gz",
        f"{FOLDER}/applogs_123456789.json.gz",
        f"{FOLDER}/mytraces_logs_123456789.json.gz",
    ],
)
def test_the_key_says_the_collectors_minute(key: str) -> None:
    hint = LAYOUT.hint(key)
    assert hint is not None
    assert hint.times == TimeRange(
        start=parse_time("2026-11-17T09:07Z", now=0), end=parse_time("2026-11-21T00:08Z", now=0)
    )


def test_hours_may_have_no_minutes() -> None:
    assert LAYOUT.hint("year=2026/month=11/day=20/hour=09/logs_123456789.json") is not None


@pytest.mark.parametrize(
    "key",
    [
        f"{FOLDER}/traces_123456789.json",
        f"{FOLDER}/metrics_123456789.binpb.gz",
        f"{FOLDER}/applogs_traces_123456789.json",
        f"{FOLDER}/logs_metrics_123456789.json",
        f"{FOLDER}/index_logs_0192f0c4.json.gz",
        f"{FOLDER}/index_trace_id_0192f0c4.json.gz",
        f"{FOLDER}/logs_123456789.txt",
        "year=2026/month=13/day=20/hour=09/minute=07/logs_1.json",
        "logs_1.json",
    ],
)
def test_other_signals_and_sidecars_are_none_of_it(key: str) -> None:
    assert LAYOUT.hint(key) is None


def test_under_any_keys_all_but_sidecars_and_other_signals_are_taken() -> None:
    _, layout = LAYOUTS
    within = TimeRange(start=0, end=1)
    assert list(layout.folders(within)) == [""]
    for key in ("2026/01/01/logs_1.json", "app/whatever.binpb.gz", "traces_logs_1.json", JSON_KEY):
        assert layout.hint(key) == KeyHint()
        lines, problems = read(layout, as_json(FULL) if "json" in key else as_proto(FULL), key)
        assert (lines, problems) == ([RECORD], [])
    for key in ("a/index_service_1.json.gz", "a/traces_1.json", "app_metrics_1.binpb", "a/"):
        assert layout.hint(key) is None
