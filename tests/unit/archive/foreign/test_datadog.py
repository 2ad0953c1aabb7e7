from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import lid_of
from logkeep.archive.foreign.layouts import layout_of
from logkeep.timeline import HOUR_MS, TimeRange, iso, parse_time
from tests.unit.archive.foreign.reading import mapped

DATADOG = layout_of("datadog")

LINE = (
    b'{"_id":"AYxAbCdEfGhIjKlMnOpQrSt","date":"2018-05-15T14:31:16.003Z","host":"i-1","source":"nginx",'
    b'"service":"svc","status":"info","message":"text","attributes":{"rid":"a","http":{"status_code":403}},'
    b'"tags":["env:prod","team:web"]}\n'
)
MAPPED = {
    "_lid": lid_of("AYxAbCdEfGhIjKlMnOpQrSt"),
    "_ts": 1526394676003,
    "_host": "i-1",
    "_app": "svc",
    "_env": "prod",
    "level": "info",
    "_tag": ["env:prod", "team:web"],
    "_meta": {"source": "nginx", "attributes": {"rid": "a", "http": {"status_code": 403}}},
    "_line": "text",
}


def test_a_line_is_mapped_and_its_attributes_stay_as_they_are() -> None:
    assert mapped(DATADOG, LINE * 3) == ([MAPPED] * 3, [])


def test_a_line_of_least_members_is_read_and_one_without_a_time_reported() -> None:
    content = b'{"date":"2018-05-15T14:31:16Z","message":"m"}\n{"message":"m"}\n' + LINE
    assert mapped(DATADOG, content) == (
        [{"_ts": 1526394676000, "_line": "m"}, MAPPED],
        [(46, "the line has no time that can be read")],
    )


@pytest.mark.parametrize(
    "name",
    [
        "archive_143201.1234.AYxAbCdEfGh-_.json.gz",
        "archive_6f1c9a3e-7f4b-4d0a-8a55-1f4f0d6b8e11.json.gz",
        "archive_143201.1234.x.json.zst",
    ],
)
def test_a_folder_is_of_the_making_so_lines_may_be_a_day_older(name: str) -> None:
    hint = DATADOG.hint(f"dt=20180515/hour=14/{name}")
    assert hint is not None
    assert hint.times is not None
    assert (iso(hint.times.start), iso(hint.times.end)) == (
        "2018-05-14T14:00:00.000Z",
        "2018-05-15T17:00:00.000Z",
    )


@pytest.mark.parametrize(
    "key", ["dt=2018-05-15/hour=14/archive_1.json.gz", "dt=20180515/hour=25/archive_1.json.gz", "x"]
)
def test_other_keys_are_not_taken(key: str) -> None:
    assert DATADOG.hint(key) is None


def test_folders_are_hours_and_for_a_long_range_days() -> None:
    start = parse_time("2018-05-15T14:00:00Z", now=0)
    assert DATADOG.folders(TimeRange(start=start, end=start + HOUR_MS)) == ["dt=20180515/hour=14/"]
    assert DATADOG.folders(TimeRange(start=start, end=start + 100 * HOUR_MS))[-1] == "dt=20180519/"
