"""The text of a pipeline, and everything that can be wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from logkeep.errors import BadPipeline
from logkeep.pipeline import model
from logkeep.pipeline.document import Document, parse_spec, read_document, write_document

WHOLE = """\
id: web
title: Web logs   # for people
account: main
sources:
  - type: http
    name: in
  - type: account
    account: main
    query: 'app:nginx AND "a: b"'
processors:
  - type: parse-regex
    pattern: |
      (?P<a>\\d+)
  - type: sample
    rate: .5
  - {type: set, field: meta.day, value: 2024-05-01}
destinations:
  - type: elasticsearch
    url: https://search.example.org
    index: "2024"
    secrets: {password: }
    batch:
      events: 500
      age: 10
"""

SPEC = model.PipelineSpec(
    id="web",
    title="Web logs",
    sources=(
        model.HttpSource(name="in"),
        model.AccountSource(account="main", query='app:nginx AND "a: b"'),
    ),
    processors=(
        model.ParseRegex(pattern="(?P<a>\\d+)\n"),
        model.Sample(rate=0.5),
        model.Set(field="meta.day", value="2024-05-01"),
    ),
    destinations=(
        model.ToElasticsearch(
            url="https://search.example.org",
            index="2024",
            secrets={"password": None},
            batch=model.BatchLimits(events=500, age=10),
        ),
    ),
)

LEAST = "id: p\nsources: [{type: http}]\n"


def found(text: str | bytes) -> list[tuple[object, object, object, object]]:
    """(line, path, message, hint) of everything that is wrong."""
    with pytest.raises(BadPipeline) as caught:
        parse_spec(read_document(text))
    return [(one["line"], one["path"], one["message"], one["hint"]) for one in caught.value.problems]


def test_a_text_is_read() -> None:
    assert parse_spec(read_document(WHOLE)) == SPEC
    assert parse_spec(read_document(b"\xef\xbb\xbf" + WHOLE.encode())) == SPEC


def test_plain_data_is_read_without_lines() -> None:
    data = {"id": "p", "sources": [{"type": "http"}], "destinations": [{"type": "stdout"}]}
    expected = model.PipelineSpec(id="p", sources=(model.HttpSource(),), destinations=(model.ToStdout(),))
    assert parse_spec(data) == expected
    assert parse_spec(read_document(json.dumps(data))) == expected
    with pytest.raises(BadPipeline) as caught:
        parse_spec(data | {"id": 5})
    assert caught.value.problems == [
        {"path": "id", "line": 0, "message": "expected text, but this is a number", "hint": "write text"}
    ]


def test_each_value_has_a_line_and_what_is_missing_that_of_what_it_is_missing_in() -> None:
    document = read_document(WHOLE)
    lines = {path: document.line(path) for path in ("pipeline", "id", "sources", "sources[1]")}
    assert lines == {"pipeline": 1, "id": 1, "sources": 4, "sources[1]": 7}
    assert document.line("sources[1].query") == 9
    assert document.line("destinations[0].batch.age") == 24
    assert document.line("destinations[0].user") == 18
    assert document.line("sources[7].name") == 4
    assert document.line("nothing") == 1
    assert Document(data={}).line("id") == 0


def test_problems_get_their_lines_afterwards() -> None:
    problem = {"path": "destinations[0].url", "line": 0, "message": "m", "hint": "h"}
    placed = read_document(WHOLE).placed(BadPipeline([problem]))
    assert placed.problems == [problem | {"line": 19}]
    assert str(placed) == "line 19: destinations[0].url: m (h)"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = """\
id: 7
tittle: x
sources:
  - type: htpp
  - name: b
  - restoration
processors:
  - type: parse-json
    fild: line
    on_failure: dropp
    to: [meta]
  - type: throttle
    rate: fast
    burst: 1.5
destinations:
  - type: http
    gzip: "yes"
    headers: {X-Day: 2024-05-01, X-Number: 5}
    batch: {events: many, bites: 5}
    buffer: [1]
"""
    assert [(line, path) for line, path, _, _ in found(text)] == [
        (1, "id"),
        (2, "tittle"),
        (4, "sources[0].type"),
        (5, "sources[1].type"),
        (6, "sources[2]"),
        (9, "processors[0].fild"),
        (10, "processors[0].on_failure"),
        (11, "processors[0].to"),
        (13, "processors[1].rate"),
        (14, "processors[1].burst"),
        (16, "destinations[0].url"),
        (17, "destinations[0].gzip"),
        (18, "destinations[0].headers.X-Number"),
        (19, "destinations[0].batch.bites"),
        (19, "destinations[0].batch.events"),
        (20, "destinations[0].buffer"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "message", "hint"),
    [
        ("id: 2024", "id", "expected text, but YAML takes 2024 for a number", 'put it in quotes: "2024"'),
        ("id: no", "id", "expected text, but YAML takes no for false", 'put it in quotes: "no"'),
        ("id: On", "id", "expected text, but YAML takes On for true", 'put it in quotes: "On"'),
        ("id: 1e3", "id", "expected text, but YAML takes 1e3 for a number", 'put it in quotes: "1e3"'),
        ("id:", "id", "expected text, but there is no value", "write one, or leave the key away"),
        ("id: [a]", "id", "expected text, but this is a list", "write text"),
        ("title: x", "id", "a pipeline needs id, which is missing", "write id: ..."),
        (
            "id: p\nsource: []",
            "source",
            "there is no such key in a pipeline",
            "did you mean sources? its keys are: id, title, account, sources, processors, destinations",
        ),
        (
            "id: p\nsources: {type: http}",
            "sources",
            "expected a list of sources, but this is KEY: VALUE pairs",
            "begin each of them with a dash: - type: ...",
        ),
        (
            "id: p\nsources: [{type: htp}]",
            "sources[0].type",
            "'htp' is no type of a source",
            "did you mean http? the types of sources are: http, account, restoration",
        ),
        (
            "id: p\nsources: [{}]",
            "sources[0].type",
            "a source needs a type, which is missing",
            "write type: TYPE; the types of sources are: http, account, restoration",
        ),
        (
            "id: p\nsources: [{type: account}]",
            "sources[0].account",
            "a source of type account needs account, which is missing",
            "write account: ...",
        ),
        (
            "id: p\nprocessors: [{type: drop, fields: line}]",
            "processors[0].fields",
            "expected a list of text, but this is text",
            "write [line]",
        ),
        (
            "id: p\nprocessors: [{type: dedupe, window: 1.5}]",
            "processors[0].window",
            "expected a duration, such as 10s, but this is a number",
            "write 1s to 1d",
        ),
        (
            "id: p\nprocessors: [{type: sample, rate: yes}]",
            "processors[0].rate",
            "expected a number, but this is true",
            "write a number",
        ),
        (
            "id: p\nprocessors: [{type: set, field: meta.country, value: [no]}]",
            "processors[0].value[0]",
            "expected true, false, or a text in quotes, but YAML takes no for false",
            'put it in quotes: "no"',
        ),
        (
            "id: p\ndestinations: [{type: http, url: u, method: post}]",
            "destinations[0].method",
            "'post' cannot be written here",
            "choose: POST, PUT",
        ),
        (
            "id: p\ndestinations: [{type: kafka, brokers: [b], topic: t, mechanism: SCRAM-SHA-1}]",
            "destinations[0].mechanism",
            "'SCRAM-SHA-1' cannot be written here",
            "did you mean SCRAM-SHA-512? choose: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        ),
        (
            "id: p\ndestinations: [{type: stdout, secrets: {}}]",
            "destinations[0].secrets",
            "there is no such key in a destination of type stdout",
            "its keys are: type, name, query, batch, buffer, when_full",
        ),
        (
            "id: p\ndestinations: [{type: archive, provider: s3, options: {port: 9000}}]",
            "destinations[0].options.port",
            "expected text or true or false, but YAML takes this for a number",
            "put it in quotes",
        ),
        ("- a", "pipeline", "expected a pipeline as KEY: VALUE pairs, but this is a list", ""),
    ],
)
def test_a_problem_says_what_to_write_instead(text: str, path: str, message: str, hint: str) -> None:
    ((_, where, what, instead),) = found(text)
    assert (where, what) == (path, message)
    assert instead == (hint or "write a pipeline as KEY: VALUE pairs")


def test_a_secret_is_never_repeated() -> None:
    text = LEAST + "destinations:\n- type: http\n  url: u\n  secrets: {token: 918273, x: {a: hunter2}}\n"
    assert [path for _, path, _, _ in found(text)] == [
        "destinations[0].secrets.token",
        "destinations[0].secrets.x",
    ]
    assert not any(secret in str(found(text)) for secret in ("918273", "hunter2"))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "there is nothing in it"),
        ("# only this\n", 1, "there is nothing in it"),
        (
            "a: 1\n\tb: 2",
            2,
            "this is no YAML: while scanning a plain scalar, found a tab character",
        ),
        (
            "a: 'x\nb: 2\n",
            3,
            "this is no YAML: while scanning a quoted scalar, found unexpected end of stream",
        ),
        ("a: 1\nb: \x01", 2, "this is no YAML: there is a control character"),
        (b"a: 1\nb: \xff", 2, "it is not UTF-8"),
        ("a: \ud800", 1, "it is not UTF-8"),
        ("id: p\n---\nid: q", 2, "a second document begins here"),
        ("id: p\nid: q", 2, "it is there a second time, after line 1"),
        ("id: p\ntitle: &t x", 2, "anchors and aliases (& and *) are not understood"),
        ("id: p\ntitle: *t", 2, "anchors and aliases (& and *) are not understood"),
        ("id: p\ntitle: !!python/name:os.system x", 2, "tags (!) are not understood"),
        ("id: p\n? [a]\n: b", 2, "a key is no text"),
        ("id: p\nn: 18446744073709551616", 2, "it is a number that is too large: it does not fit 64 bits"),
        ("id: p\nn: 1e999", 2, "it is a number that is too large: it does not fit 64 bits"),
        ("a: " + "[" * 100_000, 1, "there are more than 32 levels, or more than 20000 values"),
        ("a: [" + "0," * 100_000 + "]", 1, "there are more than 32 levels, or more than 20000 values"),
        ("#" * (1 << 20) + "\n", 1, "it has more than 1 MiB"),
    ],
)
def test_what_is_no_yaml_or_more_of_it_than_is_read(text: str | bytes, line: int, message: str) -> None:
    with pytest.raises(BadPipeline) as caught:
        read_document(text)
    (problem,) = caught.value.problems
    assert problem["line"] == line
    assert str(problem["message"]).startswith(message)
    assert problem["hint"]


def test_a_number_of_any_length_is_refused() -> None:
    with pytest.raises(BadPipeline, match="does not fit 64 bits"):
        read_document("a: " + "9" * 100_000)


def test_bounds_hold_for_data_that_was_no_text() -> None:
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    data: dict[str, object] = {
        "id": "p",
        "sources": [{"type": "http"}] * 101,
        "processors": [
            {"type": "set", "field": "meta.a", "value": deep},
            {"type": "set", "field": "meta.a", "value": {"x": 1 << 64, "y": float("nan"), "z": "\ud800"}},
            {"type": "drop", "fields": ["a"] * 1001},
            {"type": "filter", "query": "x" * (64 << 10)},
            {"type": "filter", "query": "x" * ((64 << 10) + 1)},
        ],
    }
    with pytest.raises(BadPipeline) as caught:
        parse_spec(data)
    assert [(one["path"], one["message"]) for one in caught.value.problems] == [
        ("sources", "there are 101 sources, and at most 100 may be"),
        ("processors[0].value" + "[0]" * 33, "there are more than 32 levels"),
        (
            "processors[1].value.x",
            "it is a number that is too large: it does not fit 64 bits",
        ),
        (
            "processors[1].value.y",
            "it is a number that is too large: it does not fit 64 bits",
        ),
        ("processors[1].value.z", "there is half of a surrogate pair in it"),
        ("processors[2].fields", "there are 1001 of them, and at most 1000 may be"),
        ("processors[4].query", "the text has 65537 bytes, and at most 65536 may be"),
    ]
    large = {"id": "p", "processors": [{"type": "drop", "fields": ["x" * 65_000] * 20}]}
    with pytest.raises(BadPipeline, match="more than 1 MiB"):
        parse_spec(large)


def test_what_is_written_is_short_and_reads_well() -> None:
    spec = model.PipelineSpec(
        id="web",
        title="no",
        sources=(model.HttpSource(name="in"),),
        processors=(
            model.ParseGrok(patterns=("%{A:a}\n%{B:b}", "1e3")),
            model.Set(field="meta.n", value={"day": "2024-05-01", "n": [1, 1.5, None, True]}),
        ),
        destinations=(model.ToLoki(name="loki", url="https://loki", secrets={"token": None}),),
    )
    assert (
        write_document(spec)
        == """\
id: web
title: 'no'
sources:
  - type: http
    name: in
processors:
  - type: parse-grok
    patterns:
      - |-
        %{A:a}
        %{B:b}
      - '1e3'
  - type: set
    field: meta.n
    value:
      day: '2024-05-01'
      n:
        - 1
        - 1.5
        - null
        - true
destinations:
  - type: loki
    name: loki
    url: https://loki
    secrets:
      token: null
"""
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "no",
        "2024",
        "1e3",
        ".5",
        "~",
        "",
        " a",
        "a\nb",
        "a\n\n b\n",
        "\na",
        "x: y",
        "# x",
        "- x",
        "<<",
        "=",
        "1_0",
        "a \nb",
        "a\tb\nc",
        "\u2028x\ny",
        "\x85",
        "\x85\nx",
        "2024-05-01",
        "0x1f",
        "010",
        "1:30",
        "&a",
        "*a",
        "!a",
        "\r\n",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a type of model.py."""
    match kind:
        case inspect.StrType():
            return TEXT
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(-(1 << 63), (1 << 63) - 1)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType():
            return JSON
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.VarTupleType():
            return st.lists(values(kind.item_type), max_size=3).map(tuple)
        case inspect.DictType():
            return st.dictionaries(TEXT, values(kind.value_type), max_size=3)
        case inspect.StructType():
            required = {one.name: values(one.type) for one in kind.fields if one.required}
            optional = {one.name: values(one.type) for one in kind.fields if not one.required}
            return st.fixed_dictionaries(required, optional=optional).map(lambda given: kind.cls(**given))
    raise AssertionError(kind)


SPECS = values(inspect.type_info(model.PipelineSpec))


@settings(max_examples=150, deadline=None)
@given(SPECS)
def test_every_pipeline_comes_back_from_its_text(spec: model.PipelineSpec) -> None:
    assert parse_spec(read_document(write_document(spec))) == spec


@settings(max_examples=100, deadline=None)
@given(
    JSON
    | st.fixed_dictionaries(
        {
            "id": JSON,
            "sources": JSON
            | st.lists(
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["http", "account", 5])},
                    optional={"name": JSON, "account": JSON},
                )
            ),
            "destinations": st.lists(
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["http", "archive", "loki"])},
                    optional={
                        "url": JSON,
                        "batch": JSON,
                        "secrets": JSON,
                        "buffer": JSON,
                        "provider": JSON,
                        "options": JSON,
                    },
                ),
                max_size=2,
            ),
        }
    )
)
def test_whatever_is_given_is_a_pipeline_or_has_problems(data: object) -> None:
    try:
        spec = parse_spec(Document(data=data))
    except BadPipeline as error:
        empty = [one for one in error.problems if not (one["path"] and one["message"] and one["hint"])]
    else:
        assert isinstance(data, Mapping)
        assert spec.id == data["id"]
        empty = []
    assert empty == []


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab:-[]{}\"'#&*!|>?,\n\t 0~.", max_size=40))
def test_whatever_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        line: object = read_document(text).line("pipeline")
    except BadPipeline as error:
        line = error.problems[0]["line"]
    assert isinstance(line, int)
    assert 1 <= line <= text.count("\n") + 1
