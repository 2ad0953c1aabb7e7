from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from logkeep.archive.foreign import json_stream
from logkeep.archive.foreign.base import MAX_DOCUMENT_BYTES, Problems
from logkeep.errors import DamagedArchive
from tests.unit.archive.foreign.reading import LINES, cut


def read(content: bytes, size: int = 1 << 18) -> tuple[list[Any], list[Any]]:
    problems = Problems("k")
    found = [
        (record.ts, record.line)
        for batch in json_stream.read(cut(content, size), problems, LINES)
        for record in batch
    ]
    return found, sorted((problem.offset, problem.reason) for problem in problems.first)


RANDOM = random.Random(7)
DOCUMENTS = [
    {"t": n, "m": "x" * RANDOM.randint(0, 90) + RANDOM.choice(["}{", "},{", '"', "\\", "\n", "", "]["])}
    for n in range(4000)
]
WAYS = {
    "a line each": "\n".join(map(json.dumps, DOCUMENTS)),
    "nothing between": "".join(map(json.dumps, DOCUMENTS)),
    "an array": json.dumps(DOCUMENTS),
    "a dense array": json.dumps(DOCUMENTS, separators=(",", ":")),
    "over several lines": "\n".join(json.dumps(each, indent=1) for each in DOCUMENTS),
    "an array over several lines": json.dumps(DOCUMENTS, indent=2),
    "many arrays": "\n".join(json.dumps(DOCUMENTS[n : n + 7]) for n in range(0, 4000, 7)),
    "a text sequence": "".join(f"\x1e{json.dumps(each)}\n" for each in DOCUMENTS),
    "CRLF": "\r\n".join(map(json.dumps, DOCUMENTS)) + "\r\n",
}


@pytest.mark.parametrize("size", [7, 1000, 1 << 18])
@pytest.mark.parametrize("way", WAYS)
def test_documents_are_found_however_they_are_put_together(way: str, size: int) -> None:
    assert read(WAYS[way].encode(), size) == ([(each["t"], each["m"]) for each in DOCUMENTS], [])


def test_damage_is_reported_with_its_offset_and_the_next_document_is_read() -> None:
    content = (
        b'{"t":1}\n{"t":2,"m":"b}\n{"t":3}\nhello\n{"t":4}{"m":"no time"}\x00\x00{"t":5}[6,{"t":7}]{"t":'
    )
    found, problems = read(content)
    assert found == [(1, ""), (3, ""), (4, ""), (5, ""), (7, "")]
    assert [offset for offset, _ in problems] == [8, 31, 44, 59, 69, 79]
    assert problems[-1][1] == "the document ends too early"
    assert problems[2][1] == "the line has no time that can be read"


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b"[[],[]]", b"\xef\xbb\xbf"])
def test_no_document_is_no_problem(content: bytes) -> None:
    assert read(content) == ([], [])


def test_half_characters_and_bytes_that_are_no_utf_8_are_replaced() -> None:
    content = b'{"t":1,"m":"a\\ud83db"}{"t":2,"m":"\\ud83d\\ude00"}{"t":3,"m":"\xfftext"}'
    assert read(content) == ([(1, "a\ufffdb"), (2, "\U0001f600"), (3, "\ufffdtext")], [])


def test_deep_nesting_is_one_problem() -> None:
    found, problems = read(b'{"t":1}' + b'{"a":' * 50_000 + b'\n{"t":3}')
    assert found == [(1, ""), (3, "")]
    assert problems == [(7, "the document is nested too deeply")]


def test_a_large_document_is_read_whole() -> None:
    large = b'{"t":2,"m":"' + b"x" * (20 << 20) + b'"}'
    found, problems = read(b'{"t":1}' + large + b'{"t":3}')
    assert [ts for ts, _ in found] == [1, 2, 3]
    assert len(found[1][1]) == 20 << 20
    assert problems == []


def test_a_document_that_is_too_large_is_passed_over() -> None:
    huge = b'{"t":2,"m":"' + b"x" * (MAX_DOCUMENT_BYTES + (1 << 20)) + b'"}'
    found, problems = read(b'{"t":1}\n' + huge + b'\n{"t":3}\n')
    assert found == [(1, ""), (3, "")]
    assert problems == [(8, f"the document has more than {MAX_DOCUMENT_BYTES} bytes")]


def test_an_array_may_be_larger_than_a_document() -> None:
    element = b'{"t":1,"m":"%s"}' % (b"y" * 1000)
    count = 70_000
    problems = Problems("k")
    content = (b"[" + element if n == 0 else b"," + element for n in range(count))
    found = sum(len(batch) for batch in json_stream.read(content, problems, LINES))
    assert (found, problems.count) == (count, 0)


def test_what_came_before_damage_of_the_object_is_given() -> None:
    def content() -> Iterator[bytes]:
        yield b'{"t":1}{"t":2}{"t'
        raise DamagedArchive("cut off")

    found = []
    with pytest.raises(DamagedArchive, match="cut off"):  # noqa: PT012
        for batch in json_stream.read(content(), Problems("k"), LINES):
            found += [record.ts for record in batch]
    assert found == [1, 2]
