from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import BadSetting
from logkeep.pipeline.fields import carrier, getter, path_of, remover, setter, text_getter
from logkeep.record import Record

_EVENT = Record(
    lid="17",
    ts=1_790_000_000_123,
    ns=456,
    rx=1_790_000_000_999,
    account="main",
    host="web-1",
    tag=("a", "b"),
    meta=msgspec.Raw(b'{"n":1.10,"user":{"id":7,"first.name":"Ada"},"list":[1, 2],"no":null}'),
    line="served",
)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("line", "served", "served"),
        ("host", "web-1", "web-1"),
        ("app", None, ""),
        ("level", None, ""),
        ("tag", ["a", "b"], '["a","b"]'),
        ("ts", 1_790_000_000_123, "1790000000123"),
        ("rx", 1_790_000_000_999, "1790000000999"),
        ("id", "17", "17"),
        ("account", "main", "main"),
        ("meta.n", 1.1, "1.10"),
        ("meta.user.id", 7, "7"),
        ("meta.user.first\\.name", "Ada", "Ada"),
        ("meta.user", {"id": 7, "first.name": "Ada"}, '{"id":7,"first.name":"Ada"}'),
        ("meta.list", [1, 2], "[1, 2]"),
        ("meta.no", None, ""),
        ("meta.n.x", None, ""),
        ("meta.other", None, ""),
    ],
)
def test_a_field_as_value_and_as_text(field: str, value: object, text: str) -> None:
    assert getter(field)(_EVENT) == value
    assert text_getter(field)(_EVENT) == text


@pytest.mark.parametrize("field", ["line", "id", "rx", "ts", "tag", "meta", "meta.a", "account", "env"])
def test_what_an_empty_event_has_not_is_none(field: str) -> None:
    assert getter(field)(Record()) is None
    assert text_getter(field)(Record()) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_line",
        "Line",
        "lines",
        "meta.",
        "meta..a",
        ".",
        "metal",
        "line.a",
        "host.x",
        "meta.\ud800",
        "meta" + ".a" * 33,
        "meta." + "a" * 1024,
    ],
)
def test_a_name_that_is_no_field_is_refused_under_its_setting(name: str) -> None:
    for make in (getter, text_getter, setter, remover):
        with pytest.raises(BadSetting) as refused:
            make(name, setting="to")
        assert refused.value.field == "to"
        assert refused.value.hint


@pytest.mark.parametrize("name", ["id", "rx", "account"])
def test_some_fields_can_only_be_read(name: str) -> None:
    for make in (setter, remover):
        with pytest.raises(BadSetting, match="cannot be changed"):
            make(name)


def test_time_cannot_be_removed() -> None:
    with pytest.raises(BadSetting, match="always has a time"):
        remover("ts")


def test_a_path_is_of_keys() -> None:
    assert path_of("meta") == ()
    assert path_of("meta.a.b\\.c\\\\") == ("a", "b.c\\")
    assert path_of("line") is None


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("line", {"a": 1}, Record(line='{"a":1}')),
        ("host", 5, Record(host="5")),
        ("host", None, Record()),
        ("level", True, Record(level="true")),
        ("tag", "x", Record(tag=("x",))),
        ("tag", ["x", 5, None], Record(tag=("x", "5"))),
        ("tag", None, Record()),
        ("ts", 5, Record(ts=5)),
        ("meta.a", 2**70, Record(meta=msgspec.Raw(b'{"a":1180591620717411303424}'))),
        ("meta.a", msgspec.Raw(b"1.10"), Record(meta=msgspec.Raw(b'{"a":1.10}'))),
        ("meta", [1], Record(meta=msgspec.Raw(b"[1]"))),
        ("meta", None, Record()),
        ("meta.a", None, Record()),
    ],
)
def test_a_field_is_set(field: str, value: object, expected: Record) -> None:
    event = Record()
    setter(field)(event, value)
    assert event == expected


@pytest.mark.parametrize("value", [None, "2026", -1, 2**70, 1.5, True])
def test_the_time_stays_when_the_value_is_none(value: object) -> None:
    event = Record(ts=7, ns=8)
    setter("ts")(event, value)
    assert event == Record(ts=7, ns=8)


def test_another_time_has_no_nanoseconds() -> None:
    event = Record(ts=7, ns=8)
    setter("ts")(event, 9)
    assert event == Record(ts=9)


@pytest.mark.parametrize("field", ["line", "host", "app", "file", "env", "level", "tag", "meta", "meta.a"])
def test_a_removed_field_is_absent(field: str) -> None:
    event = Record(line="x", raw="/w==", host="x", app="x", file="x", env="x", level="x", tag=("x",), ts=1)
    event.meta = msgspec.Raw(b'{"a":1}')
    remover(field)(event)
    assert getter(field)(event) is None
    assert event.ts == 1
    assert event.raw == ("" if field == "line" else "/w==")


def test_a_new_line_has_no_raw_bytes() -> None:
    event = Record(line="\ufffd", raw="/w==")
    setter("line")(event, "text")
    assert event == Record(line="text")


@pytest.mark.parametrize(
    ("field", "to", "carried"),
    [
        ("meta.n", "meta.m", msgspec.Raw(b"1.10")),
        ("meta.n", "host", "1.10"),
        ("meta.other", "host", None),
        ("tag", "meta.m", ["a", "b"]),
        ("meta.list", "tag", [1, 2]),
        ("ts", "meta.m", 1_790_000_000_123),
    ],
)
def test_a_value_is_carried_in_the_form_of_its_target(field: str, to: str, carried: object) -> None:
    assert carrier(field, to)(_EVENT) == carried


_TEXT = st.text(min_size=1)
_JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
_FIELD_AND_VALUE = st.one_of(
    st.tuples(st.sampled_from(["line", "host", "app", "file", "env", "level"]), _TEXT),
    st.tuples(st.just("tag"), st.lists(st.text(), min_size=1)),
    st.tuples(st.just("ts"), st.integers(0, 9_000_000_000_000)),
    st.tuples(st.sampled_from(["meta", "meta.a", "meta.a.b", 'meta."', "meta.é\\."]), _JSON),
)


@given(_FIELD_AND_VALUE, st.none() | _JSON)
def test_what_is_set_is_what_is_read(pair: tuple[str, object], meta: object) -> None:
    field, value = pair
    event = Record(meta=msgspec.Raw(msgspec.json.encode(meta)), line="before")
    setter(field)(event, value)
    assert getter(field)(event) == value
