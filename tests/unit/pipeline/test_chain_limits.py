"""What a chain may hold, whatever its processors multiply; and what a trace may show."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from logkeep.errors import InputError
from logkeep.pipeline import model
from logkeep.pipeline.chain import MOST_SHOWN, MOST_SHOWN_EVENTS, Chain, trace
from logkeep.pipeline.processors.room import (
    MAX_EVENT,
    MORE_BYTES,
    MORE_EVENTS,
    TIMES_BYTES,
    TIMES_EVENTS,
    held,
)
from logkeep.record import Record


def _now() -> float:
    return 0.0


def _arrays(*sizes: int) -> str:
    names = "abc"
    return msgspec.json.encode({names[place]: [0] * size for place, size in enumerate(sizes)}).decode()


def _through(specs: Sequence[model.Processor], records: list[Record]) -> tuple[list[Record], Chain]:
    came, size = len(records), held(records)
    chain = Chain(specs, clock=_now)
    events = chain.run(records)
    assert len(events) <= TIMES_EVENTS * came + MORE_EVENTS
    assert held(events) <= (1 + TIMES_BYTES) * size + MORE_BYTES
    return events, chain


UNROLLED: tuple[model.Processor, ...] = (
    model.ParseJson(),
    *(model.Unroll(field=f"meta.{name}") for name in "abc"),
)


def test_arrays_unrolled_one_after_the_other_do_not_multiply_without_end() -> None:
    events, chain = _through(UNROLLED, [Record(lid="1", line=_arrays(1000, 1000, 3))])
    assert len(events) > 1000
    counts = chain.take_counts()
    assert counts["processors.unroll-3", "failed"] > 900
    assert counts["processors.unroll-4", "in"] == counts["processors.unroll-3", "out"]
    assert "left as it is" in chain.problems()["unroll-3"]
    kept = [event for event in events if b"[0,0" in bytes(event.meta)]
    assert kept  # whole


def test_a_few_elements_of_a_few_arrays_are_all_unrolled() -> None:
    events, chain = _through(UNROLLED, [Record(lid="1", line=_arrays(30, 30, 10))])
    assert len(events) == 9000
    assert not chain.problems()


def test_what_unrolled_events_carry_along_counts() -> None:
    """Each copy of the line becomes bytes when it is written down."""
    specs = (model.Unroll(field="meta.a"),)
    meta = msgspec.Raw(_arrays(100).encode())
    events, chain = _through(specs, [Record(line="x" * 160_000, meta=meta) for _ in range(40)])
    assert len(events) > 40
    assert chain.take_counts()["processors.unroll-1", "failed"] > 0


DOUBLING = model.Set(field="meta.copy", copy="meta")
BIG = "x" * 250_000
NESTED = "(?s)" + "".join(f"(?P<g{n}>" for n in range(30)) + ".*" + ")" * 30
QUOTES = '"' * 1000


@pytest.mark.parametrize(
    ("specs", "record"),
    [
        ([model.ParseJson(), *[DOUBLING] * 12], Record(line='{"a":"' + BIG + '"}')),
        ([model.Set(field=f"meta.{n}", copy="line") for n in range(100)], Record(line=BIG)),
        ([model.Set(field=f"meta.{n}", value="v" * 60_000) for n in range(100)], Record(line="x")),
        (
            [model.ParseJson(field="meta", to=f"meta.n{n}") for n in range(24)],
            Record(meta=msgspec.Raw(b'{"a":"' + b"x" * 20_000 + b'"}')),
        ),
        (
            [model.Rename(field="line", to="meta.x"), model.Rename(field="meta", to="line")] * 12,
            Record(line=QUOTES),
        ),
        (
            [model.ParseRegex(pattern=NESTED, to=f"meta.{n}") for n in range(4)],
            Record(line="x" * 60_000),
        ),
        ([model.Redact(regex=("x",), replacement="r" * 1000)], Record(line="x" * 4000)),
        (
            [model.Redact(patterns=("token",), replacement="r" * 60_000)],
            Record(meta=msgspec.Raw(b"[" + b",".join([b'{"token":"1"}'] * 5_000) + b"]")),
        ),
    ],
    ids=["copies", "line", "values", "parsed", "quotes", "groups", "redacted", "keys"],
)
def test_no_chain_makes_more_than_its_limit(specs: list[model.Processor], record: Record) -> None:
    records = [msgspec.structs.replace(record, lid=str(number)) for number in range(20)]
    events, chain = _through(specs, records)
    assert [event.lid for event in events] == [str(number) for number in range(20)]
    assert all(len(event.line) <= MAX_EVENT and len(event.meta) <= MAX_EVENT for event in events)
    assert chain.problems()


def test_what_is_to_be_redacted_goes_also_where_there_is_no_room() -> None:
    specs = (model.Redact(regex=("secret",), replacement="r" * 60_000, fields=("line", "meta", "tag")),)
    events, chain = _through(
        specs,
        [
            Record(line="secret " * 5000, tag=("secret",), meta=msgspec.Raw(b'{"secret":["secret"]}'))
            for _ in range(50)
        ],
    )
    assert not [event for event in events if "secret" in f"{event.line}{event.tag}{bytes(event.meta)!r}"]
    assert chain.take_counts()["processors.redact-1", "over-budget"] > 0


def test_the_room_is_that_of_each_run() -> None:
    chain = Chain([model.Set(field="meta.a", copy="line")], clock=_now)
    for _ in range(40):
        chain.run([Record(line="x" * 2_000_000)])
    assert not chain.problems()


def test_what_is_dropped_makes_room() -> None:
    specs: list[model.Processor] = []
    for _ in range(30):
        specs += [model.Set(field="meta.a", copy="line"), model.Drop(fields=("meta",))]
    _, chain = _through(specs, [Record(line="x" * 1_000_000) for _ in range(10)])
    assert not chain.problems()


def test_a_trace_shows_the_first_of_many_events_and_says_how_many_there_are() -> None:
    [found] = trace(UNROLLED[:3], [Record(lid="1", line=_arrays(60, 60))], clock=_now)
    assert [len(step.events) for step in found.steps] == [1, 60, MOST_SHOWN_EVENTS]
    assert [step.more for step in found.steps] == [0, 0, 2600]
    assert found.steps[2].note == "2600 more events are not shown: at most 1000 are"


def test_a_trace_is_bounded_whatever_it_would_show() -> None:
    specs = [model.Set(field="host", value=str(number)) for number in range(101)]
    records = [Record(lid=str(number), line="x" * 30_000) for number in range(100)]
    found = trace(specs, records, clock=_now)
    shown = sum(
        len(one.before)
        + sum(len(line) for step in one.steps for line in step.events)
        + sum(map(len, one.steps[-1].events if one.steps else []))
        for one in found
    )
    assert len(found) == 100
    assert MOST_SHOWN / 2 < shown <= MOST_SHOWN
    [cut] = [one for one in found if one.steps and one.steps[-1].more]
    assert cut.steps[-1].note.startswith("1 more event is not shown: a test shows at most 8 MiB")
    tried = [one for one in found if one.steps]
    assert [one.note for one in found] == [""] * len(tried) + [
        "not tried: a test shows at most 8 MiB; try fewer lines"
    ] * (100 - len(tried))


def test_lines_that_are_all_that_can_be_shown_are_refused() -> None:
    with pytest.raises(InputError, match="8 MiB") as refused:
        trace((model.ParseJson(),), [Record(line="x" * MOST_SHOWN)], clock=_now)
    assert refused.value.hint
