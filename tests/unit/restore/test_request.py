from __future__ import annotations

from typing import Any

import pytest

from logkeep.errors import BadSetting, InputError, QuerySyntaxError
from logkeep.restore.request import FilesWanted, PipelineWanted, RestoreRequest
from logkeep.storage.connection import Connection
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


CLEAN = PipelineWanted(pipeline="clean")
FILES = FilesWanted(connection=Connection(provider="folder", options={"path": "/out"}))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"pipeline": CLEAN, "files": FILES}, "pipeline"),
        ({"rate": 5}, "rate"),
        ({"rate": -1, "pipeline": CLEAN}, "rate"),
    ],
)
def test_a_restore_goes_to_one_place_and_has_a_rate_only_into_a_pipeline(
    more: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        RestoreRequest(name="x", source="main", range=RANGE, **more)
    assert (caught.value.field, bool(caught.value.hint)) == (field, True)
    assert RestoreRequest(name="x", source="main", range=RANGE, pipeline=CLEAN, rate=5).rate == 5
