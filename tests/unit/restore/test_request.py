from __future__ import annotations

import pytest

from logkeep.errors import InputError, QuerySyntaxError
from logkeep.restore.request import RestoreRequest
from logkeep.timeline import TimeRange

RANGE = TimeRange(start=0, end=1)


def test_a_request_expires_after_five_days_unless_it_says_otherwise() -> None:
    assert RestoreRequest(name="x", source="main", range=RANGE).expiry_s == 432_000


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines", "bell\a"])
def test_a_name_is_one_line_of_1_to_200_characters(name: str) -> None:
    with pytest.raises(InputError, match="the name of a restore"):
        RestoreRequest(name=name, source="main", range=RANGE)


@pytest.mark.parametrize("expiry_s", [0, -1, 366 * 86_400 + 1])
def test_an_expiry_outside_of_a_second_to_a_year_is_refused(expiry_s: int) -> None:
    with pytest.raises(InputError, match="1 second to 366 days"):
        RestoreRequest(name="x", source="main", range=RANGE, expiry_s=expiry_s)


def test_a_query_that_cannot_be_read_is_refused_before_anything_is_planned() -> None:
    with pytest.raises(QuerySyntaxError):
        RestoreRequest(name="x", source="main", range=RANGE, query="(level:error")
