from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from logkeep.archive.foreign import ndjson
from logkeep.archive.foreign.base import Problems
from logkeep.record import Record
from tests.unit.archive.foreign.reading import LINES, cut


def read(content: bytes, *readers: ndjson.Reader, size: int = 1 << 18) -> tuple[list[Any], list[Any]]:
    problems = Problems("k")
    found = [
        (record.ts, record.line)
        for batch in ndjson.read(cut(content, size), problems, *(readers or (LINES,)))
        for record in batch
    ]
    return found, [(problem.offset, problem.reason) for problem in problems.first]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_lines_are_read_in_order(size: int) -> None:
    content = b'\xef\xbb\xbf{"t":1,"m":"a"}\r\n\n{"t":2,"m":"b"}{"t":3}\n  {"t":4}'
    assert read(content, size=size) == ([(1, "a"), (2, "b"), (3, ""), (4, "")], [])


def test_what_cannot_be_read_is_reported_with_its_offset_and_costs_no_other_line() -> None:
    content = b'{"t":1}\nno json\n{"t":2}\n{"t":"x"}\n{"m":"no time"}\n{"t":3,"m":"\x00"}\n{"t":4}\n{"t":5'
    found, problems = read(content)
    assert found == [(1, ""), (2, ""), (4, "")]
    assert [offset for offset, _ in problems] == [8, 24, 34, 50, 74]
    assert problems[0][1].startswith("the line cannot be read: JSON is malformed")
    assert problems[1][1] == "the line cannot be read: Expected `int`, got `str` - at `$[0].t`"
    assert problems[2][1] == "the line has no time that can be read"
    assert problems[4][1] == "the line cannot be read: Input data was truncated"


def test_half_characters_and_bytes_that_are_no_utf_8_are_replaced() -> None:
    content = b'{"t":1,"m":"a\\ud83db"}\n{"t":2,"m":"\\ud83d\\ude00"}\n{"t":3,"m":"\xfftext"}\n'
    assert read(content) == ([(1, "a\ufffdb"), (2, "\U0001f600"), (3, "\ufffdtext")], [])


def test_deep_nesting_is_a_problem_of_its_line() -> None:
    found, problems = read(b'{"t":1}\n{"t":2,"x":' + b"[" * 100_000 + b'\n{"t":3}\n')
    assert found == [(1, ""), (3, "")]
    assert problems[0][0] == 8


def test_the_first_reader_that_takes_a_batch_and_finds_its_times_is_taken() -> None:
    def refuses(values: bytes) -> list[Record]:
        raise msgspec.DecodeError("not mine")

    def without_time(values: bytes) -> list[Record]:
        return [Record(line="no time")]

    assert read(b'{"t":1}\n', refuses, without_time, LINES) == ([(1, "")], [])
    assert read(b'{"t":1}\n{"t":2}\nx\n', refuses, without_time, LINES)[0] == [(1, ""), (2, "")]


class Known(msgspec.Struct, gc=False):
    t: Any = -1
    m: Any = ""
    nested: Any = None


def records(lines: Sequence[Known], metas: Sequence[msgspec.Raw]) -> list[Record]:
    return [Record(ts=line.t, line=line.m, meta=meta) for line, meta in zip(lines, metas, strict=True)]


def metas(reader: ndjson.Reader, values: bytes) -> list[bytes]:
    return [bytes(record.meta) for record in reader(values)]


def test_members_that_are_not_known_are_meta_byte_for_byte() -> None:
    reader = ndjson.WithRest(Known, records)
    assert metas(reader, b'{"t":1,"m":"a"}\n') == [b""]
    assert metas(
        reader, b'{"t":1,"x":1.50,"m":"a","y z":[1,  {"a":null}],"nested":2}\n{"t":2}\n{"w":""}'
    ) == [
        b'{"x":1.50,"y z":[1,  {"a":null}]}',
        b"",
        b'{"w":""}',
    ]


def test_a_known_member_may_stay_in_meta() -> None:
    reader = ndjson.WithRest(Known, records, also_rest=("nested",))
    assert metas(reader, b'{"t":1,"nested":{"a":1},"x":2}') == [b'{"nested":{"a":1},"x":2}']


def test_any_number_of_different_members_is_kept() -> None:
    reader = ndjson.WithRest(Known, records)
    lines = [b'{"t":1,"name_%d":%d}' % (n, n) for n in range(1000)]
    expected = [b'{"name_%d":%d}' % (n, n) for n in range(1000)]
    assert metas(reader, b"\n".join(lines)) == expected
    assert [metas(reader, line)[0] for line in lines[-3:]] == expected[-3:]


def test_members_of_long_names_are_kept() -> None:
    name = b"n" * 100_000
    reader = ndjson.WithRest(Known, records)
    assert metas(reader, b'{"t":1,"%b":1}\n{"t":2}' % name) == [b'{"%b":1}' % name, b""]


def test_values_that_are_no_objects_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        ndjson.WithRest(Known, records)(b"[1]\n")


class Asked:
    """A reader that counts how often it is asked, and refuses what `refuses` says."""

    def __init__(self, refuses: Callable[[bytes], bool] = lambda _: False) -> None:
        self.batches = 0
        self._refuses = refuses

    def __call__(self, values: bytes) -> list[Record]:
        self.batches += 1
        if self._refuses(values):
            raise msgspec.DecodeError("not mine")
        return LINES(values)


def batches(*contents: bytes, readers: Sequence[ndjson.Reader]) -> None:
    problems = Problems("k")
    found = list(ndjson.read(iter(contents), problems, *readers))
    assert (len(found), problems.count) == (len(contents), 0)


FULL = b'{"t":1}\n{"t":2}\n'
SHORT = b'{"t":1}\n'


def is_short(values: bytes) -> bool:
    return values == SHORT


def test_a_short_batch_that_the_first_reader_refuses_costs_it_no_batch_behind() -> None:
    first, second = Asked(is_short), Asked()
    batches(FULL, SHORT, *[FULL] * 20, *[SHORT] * 5, *[FULL] * 20, readers=(first, second))
    assert (first.batches, second.batches) == (47, 6)


def test_a_full_batch_that_the_first_reader_refuses_costs_it_no_batch_behind() -> None:
    odd = b'{"t":3}\n{"t":4}\n'
    first, second = Asked(lambda values: values == odd), Asked()
    batches(*[FULL, odd] * 10, readers=(first, second))
    assert (first.batches, second.batches) == (20, 10)


def test_a_reader_that_refuses_batch_after_batch_is_asked_ever_more_seldom_and_again_when_it_takes_one() -> (
    None
):
    first, second = Asked(lambda values: b"5" in values), Asked()
    odd = b'{"t":5}\n{"t":5}\n'
    batches(*[odd] * 200, readers=(first, second))
    assert (first.batches, second.batches) == (9, 200)
    batches(*[odd] * 20, *[FULL] * 40, readers=(first := Asked(lambda values: b"5" in values), Asked()))
    assert first.batches == 5 + 40 - 11


def test_a_reader_that_waits_is_asked_of_what_no_other_takes() -> None:
    first, second = Asked(lambda values: b"5" in values), Asked(lambda values: b"5" not in values)
    batches(*[b'{"t":5}\n{"t":5}\n'] * 9, FULL, readers=(first, second))
    assert first.batches == 4 + 1


@pytest.mark.parametrize("also_rest", [(), ("m",)])
@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_other_members_are_meta_as_they_came_however_many_they_are(
    count: int, also_rest: Sequence[str]
) -> None:
    others = [b'"x%d":%d.0' % (number, number) for number in range(count)]
    of_all = [b'"m":1.0'] if also_rest else []
    lines = [b"{%b}" % b",".join([b'"t":1', b'"m":1.0', *others[number:]]) for number in range(count)]
    reader = ndjson.WithRest(Known, records, also_rest=also_rest)
    assert metas(reader, b"\n".join(lines)) == [
        b"{%b}" % b",".join([*of_all, *others[number:]]) for number in range(count)
    ]
