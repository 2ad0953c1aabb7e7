from __future__ import annotations

from hashlib import blake2b

import msgspec
import pytest

from logkeep.archive.foreign.base import (
    EVERYTHING,
    KeyHint,
    Problems,
    dated_folders,
    joined,
    lid_of,
    lids,
    skipped,
    tags,
    text,
    time_of_key,
    times,
)
from logkeep.timeline import HOUR_MS, TimeRange, parse_time


def at(when: str) -> int:
    return parse_time(when, now=0)


@pytest.mark.parametrize(
    "key",
    [
        "logzio-verified",
        "a/aws-logs-write-test",
        "_manifest/year=2024/month=01/day=01/a.2024-01-01.0000.json",
        "_filter/x",
        "x/_account/a.json",
        "x/_SUCCESS",
        "some/folder/",
    ],
)
def test_markers_and_sidecars_are_skipped(key: str) -> None:
    assert skipped(key)


@pytest.mark.parametrize(
    "key",
    [
        "a.json.gz",
        "my_manifest/a",
        "year=2024/reindex_a.json",
        "_a",
        "logs/index_20260101.log.gz",
        "a/archive-metadata.json",
    ],
)
def test_objects_are_not_skipped(key: str) -> None:
    assert not skipped(key)


def test_a_whole_number_that_fits_is_the_id_itself() -> None:
    assert lid_of("9223372036854775807") == "9223372036854775807"
    assert lid_of("1") == "1"
    assert lid_of("") == ""


def test_an_id_of_0_is_none() -> None:
    assert lid_of("0") == ""
    assert list(lids([0, "5", "0", None])) == ["", "5", "", ""]


@pytest.mark.parametrize("own", ["9223372036854775808", "99999999999999999999", "-1", "AYx", "\u0663", "007"])
def test_any_other_id_becomes_a_number_below_2_63_that_is_always_the_same(own: str) -> None:
    assert lid_of(own) == lid_of(own) != own
    assert 0 <= int(lid_of(own)) < 1 << 63


@pytest.mark.parametrize(
    "own",
    [
        ["1147657029335441415", "5"],
        ["9223372036854775808", "5"],
        ["", "7"],
        ["", ""],
        ["abc", "", "def"],
        ["abc", "5"],
        ["007", "5"],
        ["0", "5", "x"],
        [5, None, "6"],
    ],
)
def test_a_column_of_ids_is_the_ids_one_by_one(own: list[object]) -> None:
    assert list(lids(own)) == [lid_of(text(each)) for each in own]


def test_times_of_any_kind_are_read_together() -> None:
    values: list[object] = ["2026-01-01T00:00:00.123Z", 1767225600123, 1767225600.123456, None, "never", {}]
    assert [list(each) for each in times(values)] == [
        [1767225600123, 1767225600123, 1767225600123, -1, -1, -1],
        [0, 0, 456000, 0, 0, 0],
    ]


def test_many_texts_of_few_seconds_are_read_as_each_alone_is() -> None:
    values = [f"2027-03-0{n % 3 + 1}T00:00:00.{n:03d}Z" for n in range(900)]
    assert list(times(values)[0]) == [at(value) for value in values]


def test_tags_come_in_three_ways() -> None:
    assert tags(["a", 5, ""]) == ("a", "5")
    assert tags("a,b,") == ("a", "b")
    assert tags({"env": "prod", "n": 1}) == ("env:prod", "n:1")
    assert tags(None) == tags([]) == ()


def test_a_key_s_time_must_exist() -> None:
    assert time_of_key("2026", "01", "02", "03") == at("2026-01-02T03:00:00Z")
    assert time_of_key("2026", "02", "30") is None
    assert time_of_key("1969", "12", "31") is None


def test_a_hint_is_widened_to_both_sides_and_not_below_the_epoch() -> None:
    hint = KeyHint.around(10, 5, older=20, younger=7)
    assert hint.times == TimeRange(start=0, end=22)


def test_the_finest_folders_that_are_few_are_listed() -> None:
    start = at("2026-01-31T22:30:00Z")
    patterns = "dt=%Y%m%d/hour=%H/", "dt=%Y%m%d/", "%Y/"
    few = TimeRange(start=start, end=start + 2 * HOUR_MS)
    assert dated_folders(few, *patterns) == [
        "dt=20260131/hour=22/",
        "dt=20260131/hour=23/",
        "dt=20260201/hour=00/",
    ]
    month = TimeRange(start=start, end=start + 30 * 24 * HOUR_MS)
    assert dated_folders(month, *patterns)[:2] == ["dt=20260131/", "dt=20260201/"]
    assert len(dated_folders(month, *patterns)) == 31
    year = TimeRange(start=start, end=start + 400 * 24 * HOUR_MS)
    assert dated_folders(year, *patterns) == ["2026/", "2027/"]
    assert dated_folders(None, *patterns) == EVERYTHING
    assert dated_folders(TimeRange(start=0, end=9_000_000_000_000), *patterns) == EVERYTHING


def test_problems_are_all_counted_and_the_first_are_kept_with_a_short_sample() -> None:
    problems = Problems("a/key")
    for offset in range(2000):
        problems.add(offset, "why", b"\xff" + b"x" * 5000)
    assert problems.count == 2000
    assert len(problems.first) == 1000
    assert problems.first[7].key == "a/key"
    assert problems.first[7].offset == 7
    assert problems.first[7].sample == "\ufffd" + "x" * 199


def test_a_document_over_the_limit_is_not_held() -> None:
    problems = Problems("k")
    pieces = (bytes(10) for _ in range(10))
    assert joined(pieces, problems, limit=50) is None
    assert len(list(pieces)) == 4
    assert problems.count == 1
    assert joined(iter([b"a", b"b"]), problems) == b"ab"


def test_a_value_as_text_is_its_json() -> None:
    assert [text(each) for each in ("a", None, 1, 1.5, True, {"a": [1]}, msgspec.Raw(b"[ 1]"))] == [
        "a", "", "1", "1.5", "true", '{"a":[1]}', "[ 1]",
    ]  # fmt: skip


def test_the_hash_of_an_id_is_the_low_63_bits_of_blake2b() -> None:
    own = ["AYx", "AY0123456789abcdef0123456789", "9" * 56, "\xe9t\xe9"]
    hashes = [int.from_bytes(blake2b(each.encode(), digest_size=8).digest(), "big") for each in own]
    expected = [str(each % (1 << 63)) for each in hashes]
    assert list(map(lid_of, own)) == expected
    assert list(lids(own)) == expected
    assert list(lids(["7", *own, ""])) == ["7", *expected, ""]
    assert list(lids(own[1:3])) == expected[1:3]
    assert list(lids(["1" * 19, "9" * 19])) == ["1" * 19, lid_of("9" * 19)]
