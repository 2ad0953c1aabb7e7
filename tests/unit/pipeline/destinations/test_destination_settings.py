"""Settings of Elasticsearch and Loki that cannot be, and events that are hard to say in a protocol."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.contract.delivery_servers.otlp import OtlpServer
from tests.contract.delivery_servers.serving import serving
from tests.contract.delivery_servers.splunk import TOKEN, SplunkServer

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.destinations.base import Batch
from logkeep.pipeline.destinations.elasticsearch import ElasticsearchDestination
from logkeep.pipeline.destinations.events import event_ms, event_ns, meta_of
from logkeep.pipeline.destinations.loki import LokiDestination
from logkeep.pipeline.destinations.otlp import OtlpDestination
from logkeep.pipeline.destinations.splunk import SplunkDestination
from logkeep.record import Record, encode_lines

URL = "https://example.org"


@pytest.mark.parametrize(
    "index",
    [
        "",
        "Logs",
        "logs-%B",
        "-logs",
        "_logs",
        ".",
        "..",
        "a b",
        "a/b",
        "a,b",
        "a:b",
        "logs-%Q",
        "<logs-{now/d}>",
        "x" * 256,
        "\u00e9" * 128,
    ],
)
def test_an_index_that_cannot_be_is_refused(index: str) -> None:
    with pytest.raises(BadSetting) as caught:
        ElasticsearchDestination(model.ToElasticsearch(url=URL, index=index), {}, "")
    assert caught.value.field == "index"


@pytest.mark.parametrize("index", ["logs-%Y.%m.%d", ".mine", "app_1", "logs-%G-w%V", "\u00e9"])
def test_an_index_that_can_be_is_taken(index: str) -> None:
    ElasticsearchDestination(model.ToElasticsearch(url=URL, index=index), {}, "").close()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"labels": {"my-label": "app"}}, "labels"),
        ({"labels": {"__name": "app"}}, "labels"),
        ({"labels": {"1a": "app"}}, "labels"),
        ({"labels": {"": "app"}}, "labels"),
        ({"labels": {"app": "nonsense"}}, "labels"),
        ({"static_labels": {"a b": "x"}}, "static_labels"),
        ({"static_labels": {}}, "static_labels"),
        ({"static_labels": {"a": ""}}, "static_labels"),
        ({"static_labels": {"app": "x"}}, "static_labels"),
        ({"tenant": "a/b"}, "tenant"),
        ({"tenant": ".."}, "tenant"),
        ({"tenant": "a\nb"}, "tenant"),
    ],
)
def test_labels_and_tenants_that_loki_does_not_take_are_refused(settings: Any, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        LokiDestination(model.ToLoki(url=URL, **settings), {}, "")
    assert caught.value.field == field


def test_the_settings_that_nobody_wrote_can_be_used() -> None:
    LokiDestination(model.ToLoki(url=URL), {}, "").close()
    SplunkDestination(model.ToSplunk(url=URL, secrets={"token": None}), {}, "").close()
    OtlpDestination(model.ToOtlp(url=URL), {}, "").close()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "secrets.token"),
        ({"user": "ann", "secrets": {"token": None}}, "user"),
        ({"headers": {"X-Splunk-Request-Channel": "x"}, "secrets": {"token": None}}, "headers"),
    ],
)
def test_a_collector_wants_a_token_and_nothing_else(settings: Any, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        SplunkDestination(model.ToSplunk(url=URL, **settings), {}, "")
    assert caught.value.field == field


def test_headers_that_a_destination_writes_are_not_the_users() -> None:
    own = {"Content-Type": "text/plain"}
    with pytest.raises(BadSetting, match="written by the destination"):
        OtlpDestination(model.ToOtlp(url=URL, headers=own), {}, "")
    with pytest.raises(BadSetting, match="written by the destination"):
        LokiDestination(model.ToLoki(url=URL, headers={"x-scope-orgid": "a"}, tenant="b"), {}, "")


def deep(levels: int) -> msgspec.Raw:
    return msgspec.Raw(b'{"a":' * levels + b"1" + b"}" * levels)


def one(**fields: Any) -> Batch:
    named: dict[str, Any] = {"lid": "7", "ts": 1_795_170_645_123, "line": "x"} | fields
    return Batch((encode_lines([Record(**named)]),))


@pytest.mark.parametrize(
    "meta",
    [deep(200), msgspec.Raw(b'{"big":123456789012345678901234567890,"log.record.uid":"other"}')],
    ids=["deep", "big"],
)
def test_meta_that_protobuf_cannot_say_becomes_text(meta: msgspec.Raw) -> None:
    with serving(OtlpServer()) as server:
        destination = OtlpDestination(model.ToOtlp(url=server.url + "/v1/logs"), {}, "")
        destination.send(one(meta=meta))
        destination.close()
    assert server.arrivals == ["7"]
    told = {attribute.key: attribute.value for attribute in server.taken["7"][1].attributes}
    value, depth = told.get("a") or told["big"], 1
    while value.WhichOneof("value") == "kvlist_value":
        value, depth = value.kvlist_value.values[0].value, depth + 1
    assert value.WhichOneof("value") == "string_value" or "big" in told
    assert depth in (1, 16)


def test_meta_that_the_collector_cannot_say_becomes_text() -> None:
    with serving(SplunkServer()) as server:
        destination = SplunkDestination(model.ToSplunk(url=server.url), {"token": TOKEN}, "")
        destination.send(one(meta=deep(200)))
        destination.send(one(lid="8", meta=msgspec.Raw(b'{"a":[null,{"b":1},""],"e":{},"s":"","l":[]}')))
        destination.close()
    ((name, text),) = [each for each in server.events["7"]["fields"].items() if each[0] != "lid"]
    assert name == "meta" + ".a" * 7
    assert json.loads(text) == json.loads(bytes(deep(193)))
    assert server.events["8"]["fields"] == {"lid": "8", "meta.a": ['{"b":1}']}


@pytest.mark.parametrize(
    ("record", "ns"),
    [
        (Record(ts=5, ns=6, rx=9), 5_000_006),
        (Record(ts=0, rx=9), 0),
        (Record(ns=6, rx=9), 9_000_000),
        (Record(), 0),
    ],
)
def test_the_time_of_an_event_without_one_is_that_of_its_receipt(record: Record, ns: int) -> None:
    assert event_ns(record) == ns
    assert event_ms(record) == ns // 1_000_000


@pytest.mark.parametrize(
    ("meta", "value"),
    [
        (b"", None),
        (b"null", None),
        (b'{"a":[1]}', {"a": [1]}),
        (b'"text"', "text"),
        (b'{"a":1e999}', '{"a":1e999}'),
    ],
)
def test_meta_that_cannot_be_decoded_is_the_text_that_it_is(meta: bytes, value: object) -> None:
    assert meta_of(Record(meta=msgspec.Raw(meta))) == value


def test_members_without_anything_in_them_keep_their_kind() -> None:
    with serving(OtlpServer()) as server:
        destination = OtlpDestination(model.ToOtlp(url=server.url + "/v1/logs"), {}, "")
        destination.send(one(meta=msgspec.Raw(b'{"list":[],"object":{},"null":null,"text":""}')))
        destination.send(one(lid="8", meta=msgspec.Raw(b'["x"]')))
        destination.close()
    kinds = [
        {told.key: told.value.WhichOneof("value") for told in server.taken[id_][1].attributes}
        for id_ in ("7", "8")
    ]
    lists = {"log.record.uid": "string_value", "list": "array_value"}
    assert kinds == [
        {**lists, "object": "kvlist_value", "null": None, "text": "string_value"},
        {"log.record.uid": "string_value", "meta": "array_value"},
    ]
