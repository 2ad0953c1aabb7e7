"""Values that would take far more memory than their bytes."""

from __future__ import annotations

import pytest

from logkeep.archive.foreign.crowded import MOST_VALUES, is_crowded, too_crowded
from logkeep.archive.foreign.layouts import layout_of
from tests.unit.archive.foreign.reading import mapped

FIREHOSE_KEY = "2026/01/02/03/stream-1-2026-01-02-03-04-05-01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("document", "crowded"),
    [
        (b"[" + b"{}," * 50 + b"{}]", True),
        (b"[" + b"1," * 99 + b"1]", False),
        (b"[" + b"1," * 100 + b"1]", True),
        (b'{"a":"' + b'{[,,\\"' * 100 + b'"}', False),
        (b'{"a":"' + b"," * 1000, True),  # a text that does not end is none
    ],
)
def test_values_are_counted_but_not_what_is_in_texts(document: bytes, crowded: bool) -> None:
    assert is_crowded(document, 100) is crowded


GOOD = b'{"timestamp":1767312000000,"message":"good"}\n'


@pytest.mark.parametrize(
    ("layout", "key", "hostile"),
    [
        ("lines", "x", b'{"timestamp":1767312000000,"host":[%b],"message":"x"}\n'),
        ("firehose", FIREHOSE_KEY, b'{"messageType":"DATA_MESSAGE","logEvents":[%b]}\n'),
        ("firehose", FIREHOSE_KEY, b'{"timestamp":1767312000000,"a":[%b]}\n'),
    ],
)
def test_a_value_of_too_many_values_is_a_problem_that_names_the_limit(
    layout: str, key: str, hostile: bytes
) -> None:
    content = GOOD + hostile % (b"{}," * (MOST_VALUES // 2) + b"{}") + GOOD
    lines, problems = mapped(layout_of(layout), content, key)
    assert [line["_line"] for line in lines] == ["good", "good"]
    assert problems == [(len(GOOD), too_crowded())]
    assert str(MOST_VALUES) in too_crowded()
