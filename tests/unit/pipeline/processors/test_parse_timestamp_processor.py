from __future__ import annotations

from typing import Any

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.parse_timestamp import ParseTimestampProcessor
from logkeep.record import Record

_NINE = 1_795_165_933_000  # 2026-11-20T09:12:13Z


def _event(value: object, ts: int = 1) -> Record:
    return Record(ts=ts, ns=9, meta=msgspec.Raw(msgspec.json.encode({"t": value})))


def _parsed(event: Record, **settings: Any) -> tuple[list[Record], ParseTimestampProcessor]:
    processor = ParseTimestampProcessor(model.ParseTimestamp(field="meta.t", **settings), lambda: 0.0)
    return processor.run([event]), processor


@pytest.mark.parametrize(
    ("value", "settings", "instant"),
    [
        ("2026-11-20T09:12:13.123Z", {}, (_NINE + 123, 0)),
        ("2026-11-20T09:12:13.123456789Z", {}, (_NINE + 123, 456_789)),
        ("2026-11-20T09:12:13.123456789+01:00", {}, (_NINE + 123 - 3_600_000, 456_789)),
        ("2026-11-20 09:12:13", {}, (_NINE, 0)),
        ("2026-11-20 09:12:13", {"timezone": "Europe/Berlin"}, (_NINE - 3_600_000, 0)),
        ("2026-07-20 09:12:13", {"timezone": "Europe/Berlin"}, (1_784_531_533_000, 0)),
        ("2026-11-20T09:12:13Z", {"timezone": "Europe/Berlin"}, (_NINE, 0)),
        (_NINE // 1000, {"formats": ("epoch_s",)}, (_NINE, 0)),
        (_NINE / 1000 + 0.5, {"formats": ("epoch_s",)}, (_NINE + 500, 0)),
        (f"{_NINE // 1000}.123456789", {"formats": ("epoch_s",)}, (_NINE + 123, 456_789)),
        (_NINE, {"formats": ("epoch_ms",)}, (_NINE, 0)),
        (str(_NINE), {"formats": ("iso8601", "epoch_ms")}, (_NINE, 0)),
        (_NINE * 1000 + 7, {"formats": ("epoch_us",)}, (_NINE, 7000)),
        (_NINE * 1_000_000 + 7, {"formats": ("epoch_ns",)}, (_NINE, 7)),
        (0, {"formats": ("epoch_ms",)}, (0, 0)),
        ("20/Nov/2026:09:12:13 +0100", {"formats": ("%d/%b/%Y:%H:%M:%S %z",)}, (_NINE - 3_600_000, 0)),
        (
            "20/Nov/2026:09:12:13 +0000",
            {"formats": ("%d/%b/%Y:%H:%M:%S %z",), "timezone": "Asia/Tokyo"},
            (_NINE, 0),
        ),
        ("20.11.2026 09:12:13.123456", {"formats": ("%d.%m.%Y %H:%M:%S.%f",)}, (_NINE + 123, 456_000)),
        (
            "20.11.2026 09:12:13.123456",
            {"formats": ("%d.%m.%Y %H:%M:%S.%f",), "timezone": "America/New_York"},
            (_NINE + 123 + 5 * 3_600_000, 456_000),
        ),
    ],
)
def test_a_time_is_read(value: object, settings: dict[str, Any], instant: tuple[int, int]) -> None:
    (event,), processor = _parsed(_event(value), **settings)
    assert (event.ts, event.ns) == instant
    assert not processor.noted
    assert bytes(event.meta) == msgspec.json.encode({"t": value})


@pytest.mark.parametrize(
    ("value", "now", "ts"),
    [
        ("Nov 20 09:12:13", _NINE + 5000, _NINE),
        ("Nov 20 09:12:13", 1_799_000_000_000, _NINE),  # received in January 2027
        ("Jan  1 00:00:00", 1_798_761_500_000, 1_798_761_600_000),  # the sender's clock is ahead
        ("Feb 29 00:00:00", 1_709_200_000_000, 1_709_164_800_000),
    ],
)
def test_a_time_without_a_year_is_the_nearest(value: str, now: int, ts: int) -> None:
    (event,), _ = _parsed(_event(value, now), formats=("%b %d %H:%M:%S",))
    assert event.ts == ts


_NO_TIMES = [
    ("yesterday", {}),
    ("", {}),
    (5, {}),
    ("2026-13-01", {}),
    ("1969-12-31T23:59:59Z", {}),
    ("2300-01-01", {}),
    ("0001-01-01T00:00:00+14:00", {}),
    ("9999-12-31T23:59:59-14:00", {}),
    ("1795166733", {}),
    ("9" * 200, {"formats": ("epoch_ns", "iso8601", "%Y")}),
    (-1, {"formats": ("epoch_s",)}),
    (2**80, {"formats": ("epoch_ns",)}),
    (1e300, {"formats": ("epoch_s",)}),
    (True, {"formats": ("epoch_s",)}),
    ("-1", {"formats": ("epoch_s",)}),
    ([1], {"formats": ("epoch_s", "iso8601", "%Y", "%b %d")}),
    ("Nov 31 00:00:00", {"formats": ("%b %d %H:%M:%S",)}),
    ("x", {"formats": ("%d/%m/%Y",)}),
]


@pytest.mark.parametrize(("value", "settings"), _NO_TIMES)
def test_an_event_whose_time_cannot_be_read_is_kept_and_noted(
    value: object, settings: dict[str, Any]
) -> None:
    events, processor = _parsed(_event(value), **settings)
    assert events == [_event(value)]
    assert processor.noted == {"failed": 1}
    assert processor.problem.startswith("no time of these formats from 1970 to 2262: ")


def test_or_dropped_where_that_is_asked() -> None:
    processor = ParseTimestampProcessor(model.ParseTimestamp(field="line", on_failure="drop"), lambda: 0.0)
    events = [Record(line="x"), Record(line="2026-11-20T09:12:13Z"), Record()]
    assert processor.run(events) == [Record(line="2026-11-20T09:12:13Z", ts=_NINE)]
    assert processor.noted == {"failed": 2}
    assert processor.problem == "the field is absent: ''"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"formats": ()}, "formats"),
        ({"formats": ("rfc3339",)}, "formats"),
        ({"formats": ("",)}, "formats"),
        ({"formats": ("%H:%M:%S",)}, "formats"),
        ({"formats": ("%Y %Y",)}, "formats"),
        ({"formats": ("iso8601", "%Q")}, "formats"),
        ({"formats": ("%Y" * 50,)}, "formats"),
        ({"timezone": "Middle/Earth"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting) as refused:
        _parsed(Record(), **settings)
    assert refused.value.field == named
    assert refused.value.hint
