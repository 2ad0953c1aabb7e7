from __future__ import annotations

from copy import copy
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.chain import Chain, Step, Trace, trace
from logkeep.pipeline.processors.build import TABLE
from logkeep.record import NO_META, Record, decode_line, encode_lines


def _now() -> float:
    return 0.0


_SPECS = (
    model.Filter(name="wanted", query="-noise"),
    model.ParseJson(),
    model.Unroll(field="meta.items"),
    model.Filter(query="-meta.items:secret"),
)


def test_every_processor_of_the_model_has_its_class() -> None:
    assert set(TABLE) == set(get_args(model.Processor))


def test_events_go_through_the_processors_in_order() -> None:
    chain = Chain(_SPECS, clock=_now)
    out = chain.run([Record(line="noise"), Record(line='{"items":["a","secret","b"]}'), Record(line="text")])
    assert [bytes(event.meta) for event in out] == [b'{"items":"a"}', b'{"items":"b"}', b""]


def test_counts_are_those_since_the_last_time() -> None:
    chain = Chain(_SPECS, clock=_now)
    chain.run([Record(line="noise"), Record(line='{"items":["a","secret"]}'), Record(line="text")])
    assert chain.take_counts() == {
        ("processors.wanted", "in"): 3,
        ("processors.wanted", "out"): 2,
        ("processors.parse-json-2", "in"): 2,
        ("processors.parse-json-2", "out"): 2,
        ("processors.parse-json-2", "failed"): 1,
        ("processors.unroll-3", "in"): 2,
        ("processors.unroll-3", "out"): 3,
        ("processors.filter-4", "in"): 3,
        ("processors.filter-4", "out"): 2,
    }
    assert chain.take_counts() == {}
    chain.run([Record(line="noise")])
    assert chain.take_counts() == {("processors.wanted", "in"): 1}


def test_the_last_problem_of_a_processor_is_told() -> None:
    chain = Chain(_SPECS, clock=_now)
    assert chain.problems() == {}
    chain.run([Record(line="first"), Record(line="last")])
    assert list(chain.problems()) == ["parse-json-2"]
    assert "'last'" in chain.problems()["parse-json-2"]


def test_no_processors_pass_everything() -> None:
    assert Chain((), clock=_now).run([Record(line="x")]) == [Record(line="x")]


def test_a_processor_that_cannot_be_is_named() -> None:
    with pytest.raises(BadSetting) as refused:
        Chain((model.ParseJson(), model.Filter(name="wanted", query="a:")), clock=_now)
    assert refused.value.field == "processors[1].query"
    assert refused.value.message.startswith("processor 'wanted': ")
    assert refused.value.hint


def test_a_trace_shows_each_event_after_each_processor() -> None:
    records = [Record(line="noise"), Record(lid="7", line='{"items":[1,2]}'), Record(line="text")]
    before = [copy(record) for record in records]
    found = trace(_SPECS[:3], records, clock=_now)
    assert records == before
    kept = [b'{"_line":"text"}']
    assert found[0] == Trace(
        before=b'{"_line":"noise"}', steps=[Step(processor="wanted", type="filter", events=[], note="")]
    )
    assert [decode_line(line).meta for line in found[1].steps[2].events] == [
        msgspec.Raw(b'{"items":1}'),
        msgspec.Raw(b'{"items":2}'),
    ]
    assert [step.events for step in found[2].steps] == [kept, kept, kept]
    assert [step.note != "" for step in found[2].steps] == [False, True, False]
    assert [step.note for step in found[1].steps] == ["", "", ""]


def test_events_of_a_trace_come_one_after_the_other_into_the_same_processors() -> None:
    found = trace((model.Dedupe(),), [Record(line="same"), Record(line="same")], clock=_now)
    assert [len(each.steps[0].events) for each in found] == [1, 0]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "t", "é"]) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)
_META = st.just(NO_META) | _JSON.map(lambda value: msgspec.Raw(msgspec.json.encode(value)))
_LINES = st.text(max_size=40) | _JSON.map(lambda value: msgspec.json.encode(value).decode())
_RECORDS = st.builds(
    Record,
    lid=st.sampled_from(["", "17", "9223372036854775807"]),
    ts=st.integers(-1, 9_000_000_000_000),
    host=st.text(max_size=5),
    level=st.text(max_size=5),
    tag=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    meta=_META,
    line=_LINES,
)
_EVERYTHING: tuple[model.Processor, ...] = (
    model.Filter(query="-meta.a:5 -noise -a.b:>7"),
    model.ParseJson(),
    model.ParseJson(field="meta.a", to="meta.b.c"),
    model.Rename(field="meta.a", to="line"),
    model.Rename(field="meta.b", to="meta.c.d"),
    model.Rename(field="meta.t", to="ts"),
    model.Rename(field="tag", to="meta.t"),
    model.Set(field="meta.copy", copy="meta"),
    model.Set(field="tag", copy="meta.c"),
    model.Set(field="host", copy="meta.t"),
    model.Set(field="level", value={"a": 1}),
    model.ParseTimestamp(field="meta.t", formats=("iso8601", "epoch_s", "%b %d")),
    model.ParseTimestamp(field="line", formats=("%Y-%m-%d", "epoch_ns"), timezone="Europe/Berlin"),
    model.Unroll(field="meta.copy.a"),
    model.Unroll(field="line"),
    model.Unroll(field="tag"),
    model.Drop(fields=("meta.a.b", "file", "meta.é")),
    model.ParseRegex(pattern=r"(?P<word>\w+)", to="meta.r"),
    model.ParseGrok(patterns=("%{NUMBER:n}",), to="meta.a"),
    model.Redact(patterns=("email", "card", "ipv4", "ipv6", "token"), regex=("[0-9]+",)),
    model.Sample(rate=0.9, by="meta.a"),
    model.Dedupe(fields=("line", "meta")),
    model.Throttle(rate=1000, by="host"),
    model.Keep(fields=("line", "meta.copy", "meta.a.b", "tag")),
)


@settings(max_examples=150)
@given(st.lists(_RECORDS, max_size=5), st.permutations(_EVERYTHING))
def test_no_event_makes_a_chain_raise_and_what_comes_out_is_canonical(
    records: list[Record], specs: list[model.Processor]
) -> None:
    chain = Chain(specs, clock=_now)
    for event in chain.run([copy(record) for record in records]):
        line = encode_lines([event])
        assert line.count(b"\n") == 1
        assert encode_lines([decode_line(line)]) == line
        msgspec.json.decode(line)
    trace(specs, records, clock=_now)
