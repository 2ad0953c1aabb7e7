from __future__ import annotations

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.filter import FilterProcessor
from logkeep.record import Record

_EVENTS = [Record(line="GET ok", host="a"), Record(line='{"status":500}', host="b"), Record()]


def _through(query: str) -> list[Record]:
    return FilterProcessor(model.Filter(query=query), lambda: 0.0).run(list(_EVENTS))


@pytest.mark.parametrize(
    ("query", "places"),
    [("get", [0]), ("status:>=500", [1]), ("-host:b", [0, 2]), ("", [0, 1, 2]), ("nothing", [])],
)
def test_what_the_query_matches_goes_on(query: str, places: list[int]) -> None:
    assert _through(query) == [_EVENTS[place] for place in places]


def test_a_query_that_cannot_be_read_is_refused_with_its_column() -> None:
    with pytest.raises(BadSetting, match="column 6") as refused:
        _through("host:")
    assert refused.value.field == "query"
    assert refused.value.hint
