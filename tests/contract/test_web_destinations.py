"""Destinations that speak HTTP, against servers that check what they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from logkeep.errors import BatchTooLarge, DeliveryFailed, DeliveryRefused
from logkeep.pipeline import model
from logkeep.pipeline.destinations.base import Batch, Destination, Refused, Sent
from logkeep.pipeline.destinations.elasticsearch import ElasticsearchDestination
from logkeep.pipeline.destinations.http import HttpDestination
from logkeep.pipeline.destinations.loki import LokiDestination
from logkeep.pipeline.destinations.otlp import OtlpDestination
from logkeep.pipeline.destinations.splunk import SplunkDestination
from logkeep.record import NO_META, Record, Refusal, encode_lines
from tests.contract.delivery_servers.elasticsearch import ElasticsearchServer
from tests.contract.delivery_servers.lines import LinesServer
from tests.contract.delivery_servers.loki import LokiServer
from tests.contract.delivery_servers.otlp import OtlpServer
from tests.contract.delivery_servers.serving import (
    Protocol,
    Reply,
    Trouble,
    answering,
    authority,
    serving,
)
from tests.contract.delivery_servers.splunk import TOKEN, SplunkServer

TS = 1_795_170_645_123
SECRET = 'hush "quoted" hush'  # as JSON has it, it looks different


def event(number: int, **fields: Any) -> Record:
    told: dict[str, Any] = {
        "ns": 456_789,
        "rx": TS + 5000,
        "account": "main",
        "host": f"web-{number % 2}",
        "app": "shop",
        "file": "/var/log/shop.log",
        "env": "production",
        "level": "WARN",
        "tag": ("a", "b,c"),
        "meta": msgspec.Raw(b'{"user":{"id":7,"ok":true,"none":null},"list":[1,"two"],"ratio":0.5}'),
        "line": f'line {number} of "many" \u00e9\n',
    }
    named: dict[str, Any] = {"lid": str(100 + number), "ts": TS + number} | told | fields
    return Record(**named)


def batch(records: Sequence[Record], **named: str) -> Batch:
    return Batch(tuple(encode_lines(records).splitlines(keepends=True)), **named)


def ids(records: Sequence[Record]) -> list[str]:
    return [record.lid for record in records]


@dataclass
class Outcome:
    refused: dict[str, str] = field(default_factory=dict)  # reasons, by id
    failures: list[DeliveryFailed] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def deliver(destination: Destination, whole: Batch) -> Outcome:
    """Until every event has arrived or is refused, as a pipeline's delivery does, without its pauses."""
    outcome, left = Outcome(), [whole]
    while left:
        first = left.pop(0)
        halves = [first.part(range(len(first.lines) // 2))] if len(first.lines) > 1 else []
        halves += [first.part(range(len(first.lines) // 2, len(first.lines)))]
        try:
            sent = destination.send(first)
        except DeliveryFailed as error:
            outcome.failures.append(error)
            if len(outcome.failures) == 20:
                raise
            left.insert(0, first)
            continue
        except (DeliveryRefused, BatchTooLarge) as error:
            outcome.said.append(str(error))
            if len(first.lines) == 1:
                outcome.refused[first.records[0].lid] = str(error)
            else:
                left = halves + left
            continue
        outcome.refused |= {first.records[one.place].lid: one.reason for one in sent.refused}
        if sent.again:
            outcome.said.append(sent.again_because)
            left.insert(0, first.part(sent.again))
    return outcome


@dataclass(frozen=True)
class Kind:
    """One destination and its server, for what all of them promise."""

    name: str
    server: Callable[[], Protocol]
    make: Callable[..., Destination]  # (url, secrets, settings)


def _http(url: str, secrets: dict[str, str], **settings: Any) -> Destination:
    return HttpDestination(model.ToHttp(url=url + "/in?key=in-the-query", **settings), secrets, "a/b")


def _otlp(url: str, secrets: dict[str, str], **settings: Any) -> Destination:
    return OtlpDestination(model.ToOtlp(url=url + "/v1/logs", **settings), secrets, "")


def _elasticsearch(url: str, secrets: dict[str, str], **settings: Any) -> Destination:
    return ElasticsearchDestination(model.ToElasticsearch(url=url, **settings), secrets, "")


def _loki(url: str, secrets: dict[str, str], **settings: Any) -> Destination:
    return LokiDestination(model.ToLoki(url=url + "/", **settings), secrets, "")


def _splunk(url: str, secrets: dict[str, str], **settings: Any) -> Destination:
    known = {"token": TOKEN} | {name: value for name, value in secrets.items() if name != "token"}
    return SplunkDestination(model.ToSplunk(url=url, **settings), known, "")


KINDS = (
    Kind("http", LinesServer, _http),
    Kind("otlp", OtlpServer, _otlp),
    Kind("elasticsearch", ElasticsearchServer, _elasticsearch),
    Kind("loki", LokiServer, _loki),
    Kind("splunk", SplunkServer, _splunk),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def server(kind: Kind) -> Iterator[Protocol]:
    with serving(kind.server()) as opened:
        yield opened


@pytest.fixture
def opened() -> Iterator[Callable[[Destination], Destination]]:
    """Closes what it is given when the test ends."""
    all_of_them: list[Destination] = []

    def keep(destination: Destination) -> Destination:
        all_of_them.append(destination)
        return destination

    yield keep
    for destination in all_of_them:
        destination.close()


Keep = Callable[[Destination], Destination]


# What all of them promise


@pytest.mark.parametrize("packed", [True, False])
def test_every_event_arrives_once_over_one_connection(
    kind: Kind, server: Protocol, opened: Keep, packed: bool
) -> None:
    destination = opened(kind.make(server.url, {}, gzip=packed))
    records = [event(number) for number in range(500)]
    for first in range(0, 500, 100):
        assert destination.send(batch(records[first : first + 100])) == Sent()
    assert sorted(server.arrivals) == sorted(ids(records))
    assert server.connections == 1
    assert {one.headers.get("content-encoding") for one in server.requests} == {"gzip" if packed else None}
    assert server.requests[0].headers["user-agent"].startswith("logkeep/")


def test_events_with_next_to_nothing_in_them_arrive(kind: Kind, server: Protocol, opened: Keep) -> None:
    bare = Record(lid="9", ts=TS, line="x")
    assert opened(kind.make(server.url, {})).send(batch([bare])) == Sent()
    assert server.arrivals == ["9"]


@pytest.mark.parametrize(
    ("trouble", "retry_after"),
    [
        (answering(429, b"slow down", Retry_After="17"), 17.0),
        (answering(429, b"", Retry_After="999999"), 3600.0),
        (
            answering(503, Date="Fri, 20 Nov 2026 09:00:00 GMT", Retry_After="Fri, 20 Nov 2026 09:02:00 GMT"),
            120.0,
        ),
        (answering(503, b"", Retry_After="soon"), 0.0),
        (answering(500, b"oops"), 0.0),
        (answering(408), 0.0),
        (answering(425), 0.0),
        (answering(401, b"who?"), 0.0),
        (answering(403, b"no"), 0.0),
        (answering(404, b"where?"), 0.0),
        (answering(302, Location="http://127.0.0.1:1/"), 0.0),
        (Trouble(hangs_up=True), 0.0),
    ],
    ids=lambda value: (
        str(value.reply.status if value.reply else "hung-up") if isinstance(value, Trouble) else ""
    ),
)
def test_a_receiver_that_cannot_take_them_now_gets_them_again(
    kind: Kind, server: Protocol, opened: Keep, trouble: Trouble, retry_after: float
) -> None:
    server.troubles.append(trouble)
    records = [event(number) for number in range(3)]
    outcome = deliver(opened(kind.make(server.url, {})), batch(records))
    assert [error.retry_after for error in outcome.failures] == [retry_after]
    assert sorted(server.arrivals) == ids(records)


def test_a_connection_that_ends_in_the_middle_of_the_answer_gives_a_repeat_with_the_same_ids(
    kind: Kind, server: Protocol, opened: Keep
) -> None:
    server.troubles.append(Trouble(takes=True, hangs_up=True))
    records = [event(number) for number in range(3)]
    outcome = deliver(opened(kind.make(server.url, {})), batch(records))
    assert len(outcome.failures) == 1
    assert set(server.arrivals) == set(ids(records))


def test_smaller_batches_are_sent_to_one_that_takes_no_more(
    kind: Kind, server: Protocol, opened: Keep
) -> None:
    server.most_events = 3
    records = [event(number) for number in range(20)]
    destination = opened(kind.make(server.url, {}))
    with pytest.raises(BatchTooLarge):
        destination.send(batch(records))
    assert deliver(destination, batch(records)).refused == {}
    assert sorted(server.arrivals) == sorted(ids(records))


def test_a_receiver_that_does_not_answer_is_given_up_after_the_timeout(
    kind: Kind, server: Protocol, opened: Keep
) -> None:
    server.troubles.append(Trouble(waits=True))
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1 did not answer within 1 s"):
        opened(kind.make(server.url, {}, timeout=1)).send(batch([event(1)]))


def test_an_answer_without_an_end_is_read_no_further_than_to_its_bound(
    kind: Kind, server: Protocol, opened: Keep
) -> None:
    server.troubles.append(Trouble(reply=Reply(400, b"x" * (3 << 20))))
    with pytest.raises(DeliveryRefused) as caught:
        opened(kind.make(server.url, {})).send(batch([event(1)]))
    assert len(caught.value.message) < 400


def test_a_refusal_for_good_has_the_receivers_words(kind: Kind, server: Protocol, opened: Keep) -> None:
    server.troubles.append(answering(422, b"no such\n\x1b[31mthing  " + b"x" * 1000))
    with pytest.raises(DeliveryRefused) as caught:
        opened(kind.make(server.url, {})).send(batch([event(1)]))
    assert caught.value.message.startswith("127.0.0.1 answered 422: no such [31mthing xxx")
    assert len(caught.value.message) < 350


def test_a_loop_is_refused(kind: Kind, server: Protocol, opened: Keep) -> None:
    server.troubles.append(answering(508, b"seen before"))
    with pytest.raises(DeliveryRefused, match="came back"):
        opened(kind.make(server.url, {})).send(batch([event(1)]))


def test_the_authority_of_the_settings_is_trusted_and_no_other(kind: Kind, opened: Keep) -> None:
    known = authority()
    with serving(kind.server(), known.tls) as server:
        assert opened(kind.make(server.url, {}, ca=known.pem)).send(batch([event(1)])) == Sent()
        for other in ("", authority().pem):
            with pytest.raises(DeliveryFailed, match="CERTIFICATE_VERIFY_FAILED"):
                opened(kind.make(server.url, {}, ca=other)).send(batch([event(2)]))
        assert server.arrivals == ["101"]


def test_one_that_nobody_listens_at_fails(kind: Kind, opened: Keep) -> None:
    with serving(kind.server()) as server:
        url = server.url
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1 cannot be reached: .*refused"):
        opened(kind.make(url, {})).send(batch([event(1)]))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 508])
def test_no_error_tells_a_secret_not_even_one_that_the_receiver_repeats(
    kind: Kind, server: Protocol, opened: Keep, status: int
) -> None:
    secrets = {"header.X-Key": SECRET}
    settings: dict[str, Any] = {}
    if kind.name in ("http", "loki"):
        secrets["password"] = "pass word"
        settings["user"] = "someone"
    else:
        secrets["token"] = TOKEN
    destination = opened(kind.make(server.url, secrets, **settings))
    destination.send(batch([event(1)]))
    scheme = server.requests[0].headers["authorization"].partition(" ")
    hidden = {*secrets.values(), scheme[2], *(["in-the-query"] if kind.name == "http" else [])}
    for secret in hidden:
        server.troubles.append(
            answering(status, f"{secret}, {json.dumps(secret)}, {quote(secret)}!".encode())
        )
        with pytest.raises((DeliveryFailed, DeliveryRefused, BatchTooLarge)) as caught:
            destination.send(batch([event(1)]))
        shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {destination!r}"
        assert '..., "...", ...!' in shown
        assert secret not in shown


# HTTP


@pytest.fixture
def lines_server() -> Iterator[LinesServer]:
    with serving(LinesServer()) as opened:
        yield opened


def test_lines_are_sent_as_they_are_by_the_method_of_the_settings(
    lines_server: LinesServer, opened: Keep
) -> None:
    destination = opened(_http(lines_server.url, {}, method="PUT"))
    sent = batch([event(1), event(2)])
    destination.send(sent)
    (request,) = lines_server.requests
    assert (request.method, request.path, request.query) == ("PUT", "/in", {"key": "in-the-query"})
    assert lines_server.bodies == [sent.payload]


def test_an_array_has_the_same_lines(lines_server: LinesServer, opened: Keep) -> None:
    sent = batch([event(1), event(2)])
    opened(_http(lines_server.url, {}, format="json")).send(sent)
    assert json.loads(lines_server.bodies[0]) == [json.loads(line) for line in sent.lines]


def test_the_pipelines_that_events_came_through_are_named(lines_server: LinesServer, opened: Keep) -> None:
    destination = opened(_http(lines_server.url, {}))
    destination.send(batch([event(1)], via="x/one, x/two"))
    destination.send(batch([event(2)]))
    assert [one.headers["logkeep-via"] for one in lines_server.requests] == ["x/one, x/two, a/b", "a/b"]


def test_a_batch_has_the_same_key_again_and_parts_of_it_have_others(
    lines_server: LinesServer, opened: Keep
) -> None:
    destination = opened(_http(lines_server.url, {}))
    whole = batch([event(number) for number in range(5)])
    for one in (whole, whole, whole.part([0, 1, 4]), whole.part([0, 2, 4]), whole.part([0, 1, 4])):
        destination.send(one)
    destination.send(batch([event(1)], key="box/shop/é out:7"))
    keys = [one.headers["idempotency-key"] for one in lines_server.requests]
    assert keys[0] == keys[1]
    assert keys[2] == keys[4]
    assert len(set(keys)) == 4
    assert keys[5] == "box/shop/%C3%A9%20out:7"


def test_the_one_event_that_is_refused_is_found(lines_server: LinesServer, opened: Keep) -> None:
    lines_server.refused = {"103", "117"}
    records = [event(number) for number in range(20)]
    outcome = deliver(opened(_http(lines_server.url, {})), batch(records))
    assert outcome.refused.keys() == {"103", "117"}
    assert "cannot take ['103']" in outcome.refused["103"]
    assert sorted(lines_server.arrivals) == sorted(set(ids(records)) - {"103", "117"})


def test_what_another_logkeep_does_not_take_is_told_with_its_words(
    lines_server: LinesServer, opened: Keep
) -> None:
    refused = [
        Refusal(line=2, code="too-long", reason="the line is\nlong; hush"),
        Refusal(line=3, code="x", reason="odd"),
    ]
    answer = msgspec.json.encode({"accepted": 1, "refused": refused, "later": "more"})
    lines_server.troubles.append(answering(200, answer, Content_Type="application/json; charset=utf-8"))
    sent = opened(_http(lines_server.url, {"token": "hush"})).send(batch([event(n) for n in range(3)]))
    assert sent == Sent(refused=(Refused(1, "the line is long; ..."), Refused(2, "odd")))


OURS = b'{"accepted":0,"refused":[{"line":1,"code":"c","reason":"r"}]}'


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (OURS, "text/plain"),
        (OURS + b" " * (1 << 20), "application/json"),  # more than is read of an answer
        (OURS.replace(b'"line":1', b'"line":2'), "application/json"),
        (OURS.replace(b'"line":1', b'"line":0'), "application/json"),
        (OURS.replace(b'"code":"c",', b""), "application/json"),
        (b'{"refused":[{"line":1,"code":"c","reason":"r"}]}', "application/json"),
        (b'{"accepted":0,"refused":["x"]}', "application/json"),
        (b'{"accepted":1,"refused":0}', "application/json"),
        (b'{"accepted":1,"refused":[]}', "application/json"),
        (b"[" * 5000, "application/json"),
        (b'{"accepted":1,"refused":"\xff"}', "application/json"),
        (b"", "application/json"),
    ],
)
def test_nothing_is_read_into_the_answer_of_any_other_program(
    lines_server: LinesServer, opened: Keep, body: bytes, form: str
) -> None:
    lines_server.troubles.append(answering(200, body, Content_Type=form))
    assert opened(_http(lines_server.url, {})).send(batch([event(1)])) == Sent()


@pytest.mark.parametrize(
    ("settings", "secrets", "wanted"),
    [
        ({}, {"token": "abc"}, {"authorization": "Bearer abc"}),
        (
            {"user": "Ann"},
            {"password": "sesame pässword"},
            {"authorization": "Basic QW5uOnNlc2FtZSBww6Rzc3dvcmQ="},
        ),
        ({"headers": {"X-A": "1"}}, {"header.X-Key": "k"}, {"x-a": "1", "x-key": "k"}),
        ({}, {"header.authorization": "Own scheme"}, {"authorization": "Own scheme"}),
        ({"headers": {"Content-Type": "text/x-own"}}, {}, {"content-type": "text/x-own"}),
    ],
)
def test_it_says_who_sends(
    lines_server: LinesServer, opened: Keep, settings: Any, secrets: dict[str, str], wanted: dict[str, str]
) -> None:
    lines_server.troubles.append(answering(200))
    opened(_http(lines_server.url, secrets, **settings)).send(batch([event(1)]))
    headers = lines_server.requests[0].headers
    assert {name: headers.get(name) for name in wanted} == wanted


def test_cookies_are_not_kept(lines_server: LinesServer, opened: Keep) -> None:
    lines_server.troubles.append(answering(200, Set_Cookie="node=7"))
    destination = opened(_http(lines_server.url, {}))
    destination.send(batch([event(1)]))
    destination.send(batch([event(2)]))
    assert "cookie" not in lines_server.requests[1].headers


def test_close_gives_the_connection_up(lines_server: LinesServer) -> None:
    destination = _http(lines_server.url, {})
    destination.send(batch([event(1)]))
    destination.close()
    destination.close()
    other = _http(lines_server.url, {})
    other.send(batch([event(2)]))
    other.close()
    assert lines_server.connections == 2


# OTLP


@pytest.fixture
def otlp_server() -> Iterator[OtlpServer]:
    with serving(OtlpServer()) as opened:
        yield opened


def test_a_log_record_has_all_that_the_event_has(otlp_server: OtlpServer, opened: Keep) -> None:
    opened(_otlp(otlp_server.url, {})).send(batch([event(1)]))
    resource, record = otlp_server.taken["101"]
    assert resource == {
        "service.name": "shop",
        "host.name": "web-1",
        "deployment.environment.name": "production",
    }
    assert record.time_unix_nano == (TS + 1) * 1_000_000 + 456_789
    assert record.observed_time_unix_nano == (TS + 5000) * 1_000_000
    assert (record.severity_number, record.severity_text) == (13, "WARN")
    assert record.body.string_value == event(1).line
    told = {one.key: one.value for one in record.attributes}
    assert told.keys() == {
        *("log.record.uid", "log.file.path", "logkeep.account", "tags", "user", "list", "ratio"),
    }
    assert [value.string_value for value in told["tags"].array_value.values] == ["a", "b,c"]
    user = {one.key: one.value for one in told["user"].kvlist_value.values}
    assert (user["id"].int_value, user["ok"].bool_value) == (7, True)
    assert user["none"].WhichOneof("value") is None
    kinds = [value.WhichOneof("value") for value in told["list"].array_value.values]
    assert (kinds, told["ratio"].double_value) == (["int_value", "string_value"], 0.5)


def test_a_line_that_is_not_utf_8_is_sent_as_its_bytes(otlp_server: OtlpServer, opened: Keep) -> None:
    opened(_otlp(otlp_server.url, {})).send(batch([event(1, line="\ufffdx", raw="/3g=")]))
    assert otlp_server.taken["101"][1].body.bytes_value == b"\xffx"


def test_records_that_are_refused_with_their_batch_are_found(otlp_server: OtlpServer, opened: Keep) -> None:
    otlp_server.rejected, otlp_server.strict = {"103", "104"}, True
    records = [event(number) for number in range(10)]
    outcome = deliver(opened(_otlp(otlp_server.url, {})), batch(records))
    assert outcome.refused.keys() == {"103", "104"}
    assert "['103']" in outcome.refused["103"]
    assert set(otlp_server.taken) == set(ids(records)) - {"103", "104"}
    assert len(otlp_server.arrivals) == 8  # nothing of a request was taken that was refused


def test_after_a_partial_success_nothing_is_sent_again(otlp_server: OtlpServer, opened: Keep) -> None:
    otlp_server.rejected = {"103", "104"}
    records = [event(number) for number in range(10)]
    outcome = deliver(opened(_otlp(otlp_server.url, {})), batch(records))
    assert len(otlp_server.requests) == 1
    assert sorted(otlp_server.arrivals) == sorted(set(ids(records)) - {"103", "104"})
    assert outcome.refused.keys() == set(ids(records))  # it is not said which
    [reason] = set(outcome.refused.values())
    assert reason.startswith("2 of these 10 events were refused: ")
    assert reason.endswith("; the others arrived")


def test_when_all_records_are_rejected_parts_are_tried(otlp_server: OtlpServer, opened: Keep) -> None:
    otlp_server.rejected = {"100", "101"}
    outcome = deliver(opened(_otlp(otlp_server.url, {})), batch([event(0), event(1)]))
    assert outcome.refused.keys() == {"100", "101"}
    assert len(otlp_server.requests) == 3


@pytest.mark.parametrize(
    ("body", "form"),
    [(b"", ""), (b"{}", "application/json"), (b"thanks", "text/plain")],
)
def test_servers_that_answer_a_success_in_their_own_way_are_believed(
    otlp_server: OtlpServer, opened: Keep, body: bytes, form: str
) -> None:
    otlp_server.troubles.append(answering(200, body, Content_Type=form))
    assert opened(_otlp(otlp_server.url, {})).send(batch([event(1)])) == Sent()


def test_a_partial_success_in_json_counts_too(otlp_server: OtlpServer, opened: Keep) -> None:
    body = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}'
    otlp_server.troubles.append(answering(200, body, Content_Type="application/json; charset=utf-8"))
    with pytest.raises(DeliveryRefused, match=r"127\.0\.0\.1 rejected 1 of 1 events: too old"):
        opened(_otlp(otlp_server.url, {})).send(batch([event(1)]))


def test_a_warning_is_no_refusal(otlp_server: OtlpServer, opened: Keep) -> None:
    body = b'{"partialSuccess":{"errorMessage":"consider smaller batches"}}'
    otlp_server.troubles.append(answering(200, body, Content_Type="application/json"))
    assert opened(_otlp(otlp_server.url, {})).send(batch([event(1)])) == Sent()


def test_an_answer_that_is_no_protobuf_though_it_says_so_is_a_failure(
    otlp_server: OtlpServer, opened: Keep
) -> None:
    otlp_server.troubles.append(answering(200, b"\xff\xff", Content_Type="application/x-protobuf"))
    with pytest.raises(DeliveryFailed, match="cannot be read"):
        opened(_otlp(otlp_server.url, {})).send(batch([event(1)]))


# Elasticsearch


@pytest.fixture
def elastic() -> Iterator[ElasticsearchServer]:
    with serving(ElasticsearchServer()) as opened:
        yield opened


def test_a_document_has_the_names_of_the_common_schema(elastic: ElasticsearchServer, opened: Keep) -> None:
    opened(_elasticsearch(elastic.url, {"api_key": "abc"}, pipeline="mine")).send(batch([event(1)]))
    assert elastic.documents == {
        ("logs-2026.11.20", "101"): {
            "@timestamp": "2026-11-20T10:30:45.124Z",
            "message": event(1).line,
            "event": {"id": "101", "ingested": "2026-11-20T10:30:50.123Z"},
            "host": {"name": "web-1"},
            "service": {"name": "shop", "environment": "production"},
            "log": {"level": "WARN", "file": {"path": "/var/log/shop.log"}},
            "tags": ["a", "b,c"],
            "labels": {"account": "main"},
            "meta": json.loads(bytes(event(1).meta)),
        }
    }
    (request,) = elastic.requests
    assert request.headers["authorization"] == "ApiKey abc"
    assert request.query["pipeline"] == "mine"


def test_the_index_is_that_of_the_events_own_day(elastic: ElasticsearchServer, opened: Keep) -> None:
    records = [event(1), event(2, ts=0), event(3, ts=-1, rx=86_400_000)]
    opened(_elasticsearch(elastic.url, {}, index="app-%Y.%m.%d-x")).send(batch(records))
    assert [index for index, _ in elastic.documents] == [
        *("app-2026.11.20-x", "app-1970.01.01-x", "app-1970.01.02-x"),
    ]


@pytest.mark.parametrize("op", ["create", "index"])
def test_a_batch_that_is_sent_again_arrives_once(elastic: ElasticsearchServer, opened: Keep, op: str) -> None:
    destination = opened(_elasticsearch(elastic.url, {}, op=op))
    for _ in range(2):
        assert destination.send(batch([event(1), event(2)])) == Sent()
    assert len(elastic.documents) == 2


def test_of_a_partial_failure_exactly_the_right_events_are_refused_or_sent_again(
    elastic: ElasticsearchServer, opened: Keep
) -> None:
    elastic.outcomes = {
        "102": (429, "es_rejected_execution_exception", "queue is full"),
        "103": (400, "document_parsing_exception", "failed to parse field [meta.user]"),
        "105": (503, "unavailable_shards_exception", "no primary"),
        "106": (404, "index_not_found_exception", "no such index"),
        "107": (400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
    }
    destination = opened(_elasticsearch(elastic.url, {}))
    destination.send(batch([event(8)]))
    sent = destination.send(batch([event(number) for number in range(9)]))
    assert sent == Sent(
        refused=(
            Refused(3, "400: document_parsing_exception: failed to parse field [meta.user]"),
            Refused(7, "400: illegal_argument_exception: Limit of total fields [1000] has been exceeded"),
        ),
        again=(2, 5, 6),
        again_because="127.0.0.1 answered 429 for an event: es_rejected_execution_exception: queue is full",
    )
    assert sorted(elastic.arrivals) == ["100", "101", "104", "108"]


def test_when_every_event_has_to_be_sent_again_the_batch_failed(
    elastic: ElasticsearchServer, opened: Keep
) -> None:
    elastic.outcomes = {"101": (429, "es_rejected_execution_exception", "full")}
    with pytest.raises(DeliveryFailed, match="full"):
        opened(_elasticsearch(elastic.url, {})).send(batch([event(1)]))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>welcome</html>",
        b"[]",
        b"{}",
        b'{"errors":true}',
        b'{"errors":true,"items":[]}',
        b'{"errors":true,"items":[7,{"create":{}}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_tells_nothing_of_the_events_is_a_failure(
    elastic: ElasticsearchServer, opened: Keep, body: bytes
) -> None:
    elastic.troubles.append(answering(200, body))
    with pytest.raises(DeliveryFailed):
        opened(_elasticsearch(elastic.url, {})).send(batch([event(1), event(2)]))


def test_an_answer_that_is_too_long_to_be_read_makes_the_batch_smaller(
    elastic: ElasticsearchServer, opened: Keep
) -> None:
    elastic.troubles.append(answering(200, b" " * (2 << 20)))
    with pytest.raises(BatchTooLarge):
        opened(_elasticsearch(elastic.url, {})).send(batch([event(1), event(2)]))


def test_the_words_of_a_whole_refusal_are_those_of_its_error(
    elastic: ElasticsearchServer, opened: Keep
) -> None:
    body = {"error": {"type": "x_exception", "reason": "no handler", "root_cause": []}, "status": 400}
    elastic.troubles.append(answering(400, json.dumps(body).encode()))
    with pytest.raises(DeliveryRefused, match=r"127\.0\.0\.1 answered 400: x_exception: no handler \("):
        opened(_elasticsearch(elastic.url, {})).send(batch([event(1)]))


# Loki


@pytest.fixture
def loki() -> Iterator[LokiServer]:
    with serving(LokiServer()) as opened:
        yield opened


def test_streams_have_the_labels_and_entries_are_in_the_order_of_their_times(
    loki: LokiServer, opened: Keep
) -> None:
    labels = {"app": "app", "user_id": "meta.user.id", "env": "env"}
    destination = opened(_loki(loki.url, {}, labels=labels, static_labels={"job": "x"}, tenant="team-a"))
    records = [event(3), event(1, env=""), event(2, meta=NO_META, tag=())]
    assert destination.send(batch(records)) == Sent()
    whole = (("app", "shop"), ("env", "production"), ("job", "x"))
    other = {"host": "web-1", "file": "/var/log/shop.log", "level": "WARN"}
    member = {"ratio": "0.5"}  # which is no object and no list
    assert loki.entries == {
        (tuple(sorted((*whole, ("user_id", "7")))), (TS + 3) * 1_000_000 + 456_789, event(3).line): {
            "lid": "103",
            "tag": "a,b,c",
            **other,
            **member,
        },
        ((whole[0], whole[2], ("user_id", "7")), (TS + 1) * 1_000_000 + 456_789, event(1).line): {
            "lid": "101",
            "tag": "a,b,c",
            **other,
            **member,
        },
        (whole, (TS + 2) * 1_000_000 + 456_789, event(2).line): {"lid": "102", **other, "host": "web-0"},
    }
    assert loki.tenants == {"team-a"}


def test_equal_lines_of_one_millisecond_are_all_there_and_once_when_sent_again(
    loki: LokiServer, opened: Keep
) -> None:
    same: dict[str, Any] = {"ts": TS, "ns": 0, "host": "h", "line": "again"}
    records = [event(number, **same) for number in range(20)]
    records += [event(0, **same, lid=lid) for lid in ("7" * 30, "not-a-number", "")]
    destination = opened(_loki(loki.url, {}))
    for _ in range(2):
        destination.send(batch(records))
    assert sorted(told.get("lid", "") for told in loki.entries.values()) == sorted(ids(records))
    assert {ns // 1_000_000 for _, ns, _ in loki.entries} == {TS}
    in_order = [told["lid"] for told in loki.entries.values() if told.get("lid", "").startswith("1")]
    assert in_order == ids(records[:20])


def test_a_field_that_is_a_label_is_not_told_twice(loki: LokiServer, opened: Keep) -> None:
    fields = ("host", "app", "file", "env", "level", "tag")
    opened(_loki(loki.url, {}, labels={name: name for name in fields})).send(batch([event(1)]))
    ((labels, _, _),) = loki.entries
    assert dict(labels) == {
        "app": "shop",
        "env": "production",
        "file": "/var/log/shop.log",
        "host": "web-1",
        "level": "WARN",
        "source": "logkeep",
        "tag": '["a","b,c"]',
    }
    assert list(loki.entries.values()) == [{"lid": "101", "ratio": "0.5"}]


def test_members_of_meta_are_told_as_far_as_loki_takes_them(loki: LokiServer, opened: Keep) -> None:
    members: dict[str, Any] = {"user-id": 7, "9lives": True, "lid": "x", "source": "y", "app": "z", "e": ""}
    members |= {"long": "l" * 5000, "none": None, "in": {"a": 1}, "list": [1]}
    members |= {f"n{number}": number for number in range(100)}
    meta = msgspec.Raw(json.dumps(members).encode())
    opened(_loki(loki.url, {})).send(batch([event(1, meta=meta), event(2, meta=msgspec.Raw(b"[1]"))]))
    told, none = loki.entries.values()
    assert (told["user_id"], told["meta_9lives"], told["lid"]) == ("7", "true", "101")
    assert told["long"] == "l" * 1000
    assert not {"source", "app", "e", "none", "in", "list"} & told.keys()
    assert len([name for name in told if name[0] == "n"]) == 26  # 32 with those before
    assert none.keys() == {"lid", "file", "env", "tag"}


def test_without_structured_metadata_a_line_is_sent_alone(loki: LokiServer, opened: Keep) -> None:
    opened(_loki(loki.url, {}, structured_metadata=False)).send(batch([event(1)]))
    assert list(loki.entries.values()) == [{}]
    [[_, line]] = json.loads(loki.requests[0].body)["streams"][0]["values"]
    assert line == event(1).line


def test_a_loki_that_takes_no_structured_metadata_loses_no_event(loki: LokiServer, opened: Keep) -> None:
    words = (
        b"stream '{app=\"shop\"}' includes structured metadata, but this feature is disallowed."
        b" Please see `limits_config.allow_structured_metadata`"
    )
    loki.troubles.append(answering(400, words))
    with pytest.raises(DeliveryFailed, match="structured_metadata to false"):
        opened(_loki(loki.url, {})).send(batch([event(1), event(2)]))


def test_entries_that_are_too_old_are_found_and_the_others_are_there_once(
    loki: LokiServer, opened: Keep
) -> None:
    loki.oldest_ns = (TS + 3) * 1_000_000
    records = [event(number) for number in (7, 1, 5, 0, 9, 3, 2, 8)]
    outcome = deliver(opened(_loki(loki.url, {})), batch(records))
    assert outcome.refused.keys() == {"100", "101", "102"}
    assert "entry too far behind" in outcome.refused["100"]
    assert sorted(told["lid"] for told in loki.entries.values()) == ["103", "105", "107", "108", "109"]


# Splunk


@pytest.fixture
def splunk() -> Iterator[SplunkServer]:
    with serving(SplunkServer()) as opened:
        yield opened


def test_an_event_has_its_text_and_flat_fields(splunk: SplunkServer, opened: Keep) -> None:
    opened(_splunk(splunk.url, {}, index="web", sourcetype="_json")).send(batch([event(1)]))
    assert splunk.events["101"] == {
        "time": (TS + 1) / 1000,
        "event": event(1).line,
        "host": "web-1",
        "source": "/var/log/shop.log",
        "sourcetype": "_json",
        "index": "web",
        "fields": {
            "lid": "101",
            "app": "shop",
            "env": "production",
            "level": "WARN",
            "account": "main",
            "tag": ["a", "b,c"],
            "meta.user.id": "7",
            "meta.user.ok": "true",
            "meta.list": ["1", "two"],
            "meta.ratio": "0.5",
        },
    }


def test_the_collector_stops_at_an_event_that_it_refuses_and_the_rest_is_sent_again(
    splunk: SplunkServer, opened: Keep
) -> None:
    splunk.refused = {"103", "104", "109"}
    records = [event(number, line="" if number == 6 else f"line {number}") for number in range(10)]
    destination = opened(_splunk(splunk.url, {}))
    first = destination.send(batch(records))
    assert (first.refused, first.again) == (
        (Refused(3, "Invalid data format (code 6)"),),
        (4, 5, 6, 7, 8, 9),
    )
    outcome = deliver(destination, batch(records[4:]))
    assert outcome.refused == {
        "104": "Invalid data format (code 6)",
        "106": "Event field cannot be blank (code 13)",
        "109": "Invalid data format (code 6)",
    }
    assert splunk.arrivals == ["100", "101", "102", "105", "107", "108"]  # in order, and each once


def test_an_index_that_the_token_may_not_write_to_is_mended_there(splunk: SplunkServer, opened: Keep) -> None:
    splunk.indexes = {"other"}
    with pytest.raises(DeliveryFailed, match=r"Incorrect index \(code 7\)"):
        opened(_splunk(splunk.url, {}, index="web")).send(batch([event(1), event(2)]))


def test_events_before_the_wrong_index_are_not_sent_again(splunk: SplunkServer, opened: Keep) -> None:
    body = b'{"text":"Incorrect index","code":7,"invalid-event-number":2}'
    splunk.troubles.append(answering(400, body))
    sent = opened(_splunk(splunk.url, {})).send(batch([event(number) for number in range(5)]))
    assert (list(sent.refused), list(sent.again)) == ([], [2, 3, 4])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b'{"text":"Server is busy","code":9}'),
        (403, b'{"text":"Invalid token","code":4}'),
        (400, b'{"text":"Data channel is missing","code":10}'),
        (400, b'{"text":"ACK is disabled","code":14}'),
        (200, b'{"text":"odd","code":99}'),
        (200, b"<html>"),
    ],
)
def test_what_is_not_about_the_events_is_a_failure(
    splunk: SplunkServer, opened: Keep, status: int, body: bytes
) -> None:
    splunk.troubles.append(answering(status, body))
    with pytest.raises(DeliveryFailed):
        opened(_splunk(splunk.url, {})).send(batch([event(1)]))


@pytest.mark.parametrize("number", [b"", b',"invalid-event-number":99', b',"invalid-event-number":"1"'])
def test_a_refusal_that_names_no_event_of_the_batch_refuses_it_whole(
    splunk: SplunkServer, opened: Keep, number: bytes
) -> None:
    splunk.troubles.append(answering(400, b'{"text":"Invalid data format","code":6' + number + b"}"))
    with pytest.raises(DeliveryRefused, match="Invalid data format"):
        opened(_splunk(splunk.url, {})).send(batch([event(1), event(2)]))


def test_it_waits_for_the_acknowledgment_of_the_indexers(splunk: SplunkServer, opened: Keep) -> None:
    splunk.acknowledges = 3
    destination = opened(_splunk(splunk.url, {}, acknowledged=True))
    for number in range(2):
        assert destination.send(batch([event(number)])) == Sent()
    assert list(splunk.asked.values()) == [3, 3]
    assert len(splunk.channels) == 1


def test_without_the_acknowledgment_the_batch_failed(splunk: SplunkServer, opened: Keep) -> None:
    splunk.acknowledges, splunk.never = 1, True
    destination = opened(_splunk(splunk.url, {}, acknowledged=True, timeout=1))
    with pytest.raises(DeliveryFailed, match="did not acknowledge"):
        destination.send(batch([event(1)]))


def test_closing_ends_the_wait_for_an_acknowledgment(splunk: SplunkServer) -> None:
    splunk.acknowledges, splunk.never = 1, True
    destination = _splunk(splunk.url, {}, acknowledged=True)
    failed = threading.Event()

    def send() -> None:
        with pytest.raises(DeliveryFailed):
            destination.send(batch([event(1)]))
        failed.set()

    sending = threading.Thread(target=send)
    sending.start()
    assert splunk.was_asked.wait(20)
    destination.close()
    sending.join(20)
    assert failed.is_set()


def test_a_token_that_does_not_acknowledge_is_told(splunk: SplunkServer, opened: Keep) -> None:
    splunk.troubles.append(answering(200, b'{"text":"Success","code":0}'))
    with pytest.raises(DeliveryFailed, match="set acknowledged to false"):
        opened(_splunk(splunk.url, {}, acknowledged=True)).send(batch([event(1)]))


def test_with_acknowledgments_what_came_before_a_refused_event_is_sent_again(
    splunk: SplunkServer, opened: Keep
) -> None:
    splunk.acknowledges, splunk.refused = 1, {"102"}
    destination = opened(_splunk(splunk.url, {}, acknowledged=True))
    sent = destination.send(batch([event(number) for number in range(5)]))
    assert ([one.place for one in sent.refused], list(sent.again)) == ([2], [0, 1, 3, 4])


def test_questions_for_an_acknowledgment_go_to_the_node_that_took_the_events(
    splunk: SplunkServer, opened: Keep
) -> None:
    splunk.acknowledges = 2
    splunk.cookie = "node=7"
    opened(_splunk(splunk.url, {}, acknowledged=True)).send(batch([event(1)]))
    assert [one.headers.get("cookie") for one in splunk.requests] == [None, "node=7", "node=7"]
