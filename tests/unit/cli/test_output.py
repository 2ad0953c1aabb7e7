from __future__ import annotations

import pytest

from logkeep.cli.output import amount, pointing_into, record_line, seconds, size, span, table
from logkeep.errors import QuerySyntaxError


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (713_200_000, "713.2 MB"), (5_100_000_000_000, "5.1 TB")],
)
def test_sizes_are_in_thousands(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0.3456, "0.35 s"), (12.34, "12.3 s"), (600, "10 min"), (7300, "2 h"), (5 * 86_400, "5 d")],
)
def test_durations_are_short(count: float, shown: str) -> None:
    assert seconds(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 s"), (90, "90 s"), (600, "10 min"), (5400, "90 min"), (21_600, "6 h"), (604_800, "7 d")],
)
def test_durations_that_were_set_are_shown_exactly(count: int, shown: str) -> None:
    assert span(count) == shown


def test_amounts_are_grouped() -> None:
    assert amount(1_234_567) == "1,234,567"


def test_a_table_is_not_cut_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(["NAME", "#LINES"], [("x" * 300, 7), ("y[bold]", 12)])
    shown = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in shown] == [
        "NAME" + " " * 296 + "  LINES",
        "x" * 300 + "      7",
        "y[bold]" + " " * 293 + "     12",
    ]


def test_a_record_is_its_time_host_app_level_and_line() -> None:
    record = {"_ts": 1_763_640_000_000, "_host": "web-1", "level": "error", "_line": "a [b] c"}
    assert record_line(record).plain == "2025-11-20T12:00:00.000Z web-1 - error a [b] c"


def test_a_syntax_error_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(QuerySyntaxError), pointing_into('level:error "open'):
        raise QuerySyntaxError("the quote is not closed", column=13)
    assert capsys.readouterr().err == '  level:error "open\n              ^\n'
