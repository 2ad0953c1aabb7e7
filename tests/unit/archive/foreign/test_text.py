from __future__ import annotations

from collections.abc import Sequence

import pytest

from logkeep.archive.foreign.text import TextLines, leading_time
from logkeep.archive.foreign.time_columns import LEAST
from logkeep.timeline import iso

SECONDS = [iso(1_767_322_800_000 + 1777 * number)[:19] for number in range(2 * LEAST)]


def read(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    records = TextLines()("\n".join(lines).encode())
    return [(record.ts, record.ns, record.line) for record in records]


@pytest.mark.parametrize(
    "line",
    [
        "{}.123Z INFO started",
        "{}Z",
        "{} no zone",
        "{},123 +0100 text",
        "{}.123456789+05:30 text",
        "{}.1234567890 more digits than any fraction",
        "[{}] in brackets",
        "{}.123 UTC text",
        "{}.123Z7",
    ],
)
def test_many_lines_are_read_as_each_alone_is(line: str) -> None:
    lines = [line.format(second) for second in SECONDS]
    lines += [line.format(second.replace("T", " ")) for second in SECONDS]
    assert read(lines) == [(*(leading_time(each) or (-1, 0)), each) for each in lines]


def test_lines_without_a_time_have_that_of_the_line_before_them() -> None:
    reader = TextLines()
    lines = [f"{second}.5Z text" for second in SECONDS]
    last = leading_time(lines[-1])
    assert last is not None
    assert len(reader("\n\n".join([*lines, ""]).encode())) == len(lines)
    assert [record.ts for record in reader(b"  at a.b(c)\n  at d\n")] == [last[0], last[0]]
    mixed = reader("\n".join([*lines, "  at a.b(c)"]).encode())
    assert (mixed[-1].ts, mixed[-1].ns, mixed[-1].line) == (*last, "  at a.b(c)")
