"""What a listing tells of another system's archive."""

from __future__ import annotations

from pathlib import Path

from logkeep.archive.foreign.layouts import LAYOUTS
from logkeep.browse.listed import ListedDay, by_day, list_objects, tells_day
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, TimeRange

DAY_MS = 24 * HOUR_MS
NOVEMBER = TimeRange(start=20_393 * DAY_MS, end=20_423 * DAY_MS)  # 2025
COLD = LAYOUTS["logzio"]
DATADOG = LAYOUTS["datadog"]
KEY = "dt=20251120/hour=09/archive_090000.1234.ab.json.gz"


def bucket(folder: Path, *keys: str) -> FolderBucket:
    made = FolderBucket(folder)
    for key in keys:
        made.put_new(key, b"12345", "")
    return made


def test_an_object_counts_for_every_day_that_it_may_hold_lines_of(tmp_path: Path) -> None:
    listed = list_objects(
        bucket(tmp_path, KEY, KEY.replace("hour=09", "hour=10"), "README"), DATADOG, NOVEMBER
    )
    assert (len(listed.objects), listed.complete) == (2, True)
    days = by_day(listed.objects, NOVEMBER)
    # A day before its key at most, two hours behind it.
    first, second = 20_411, 20_412
    assert days == {
        first: ListedDay(day=first, objects=2, stored_bytes=10, hours=0xFFFFFF & ~0x1FF),
        second: ListedDay(day=second, objects=2, stored_bytes=10, hours=0x1FFF),
    }


def test_days_are_cut_to_the_range(tmp_path: Path) -> None:
    noon = 20_412 * DAY_MS + 12 * HOUR_MS
    within = TimeRange(start=noon - HOUR_MS, end=noon)
    listed = list_objects(bucket(tmp_path, KEY), DATADOG, within)
    assert by_day(listed.objects, within) == {
        20_412: ListedDay(day=20_412, objects=1, stored_bytes=5, hours=1 << 11)
    }


def test_a_key_that_tells_no_time_is_of_no_day(tmp_path: Path) -> None:
    listed = list_objects(bucket(tmp_path, "a/b.json.gz"), LAYOUTS["lines"], NOVEMBER)
    assert [tells_day(one) for one in listed.objects] == [False]
    assert by_day(listed.objects, NOVEMBER) == {}


def test_a_listing_ends_after_so_many_keys_or_so_long(tmp_path: Path) -> None:
    many = bucket(tmp_path, *(KEY.replace("1234", str(number)) for number in range(5)))
    listed = list_objects(many, DATADOG, NOVEMBER, most=3)
    assert (len(listed.objects), listed.complete) == (3, False)
    listed = list_objects(many, DATADOG, NOVEMBER, most=5)
    assert (len(listed.objects), listed.complete) == (5, True)
    times = iter([0.0, 1.0, 2.0, 30.0])
    listed = list_objects(many, DATADOG, NOVEMBER, clock=lambda: next(times))
    assert (len(listed.objects), listed.complete) == (2, False)
