"""Archives of other systems, searched beside our own."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest

from logkeep.archive.foreign.base import KeyHint, Problems
from logkeep.index.search import Order
from logkeep.inplace import search as searching
from logkeep.inplace.counting import Count
from logkeep.inplace.places import Place, foreign_units, span_of
from logkeep.inplace.search import Search
from logkeep.inplace.tally import Outcome, Tally
from logkeep.inplace.waiting import Waiting
from logkeep.query.parse import parse
from logkeep.record import Record, decode_line, encode_lines
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange

from .archive import START, put, record
from .test_search import texts


@dataclass(frozen=True)
class Numbered:
    """Objects `SECONDS.gz` of canonical lines, up to ten seconds from START + SECONDS on; `any.gz` too,
    whose key tells no time."""

    name: str = "numbered"
    title: str = "Numbered"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> list[str]:
        del within
        return [""]

    def hint(self, key: str) -> KeyHint | None:
        stem = key.removesuffix(".gz")
        if stem == "any":
            return KeyHint()
        return KeyHint.around(START + int(stem) * 1000, 10_000) if stem.isdigit() else None

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        for piece in content:
            good = []
            for line in piece.splitlines():
                if line.startswith(b"{"):
                    good.append(decode_line(line))
                else:
                    problems.add(0, "no object", line)
            yield good


def write(folder: Path, name: str, records: list[Record], *, after: bytes = b"") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.gz").write_bytes(gzip.compress(encode_lines(records) + after))


def search(
    *places: Place, within: TimeRange | None = None, order: Order = Order.NEWEST, limit: int = 0
) -> tuple[list[str], Outcome]:
    done = Search(places, parse("*"), within, order=order, limit=limit)
    hits = [hit for batch in done for hit in batch]
    return texts(hits), done.outcome


def theirs(folder: Path) -> Place:
    return Place(bucket=FolderBucket(folder), layout=Numbered())


def test_lines_stand_where_their_own_time_is_beside_ours(tmp_path: Path) -> None:
    put(tmp_path / "ours", [record(500, 1, "b"), record(20_500, 2, "e")])
    write(tmp_path / "theirs", "0", [record(9000, 11, "d"), record(0, 12, "a")])
    write(tmp_path / "theirs", "20", [record(29_000, 13, "f")])
    write(tmp_path / "theirs", "any", [record(600, "", "c")])
    write(tmp_path / "theirs", "sidecar", [record(600, "", "x")])
    places = (Place(bucket=FolderBucket(tmp_path / "ours")), theirs(tmp_path / "theirs"))
    assert search(*places)[0] == list("fedcba")
    assert search(*places, order=Order.OLDEST)[0] == list("abcdef")
    within = TimeRange(start=START + 500, end=START + 29_000)
    assert search(*places, within=within)[0] == list("edcb")
    counted = Count(places, parse("*"), within)
    counted.run()
    assert counted.outcome.lines == 4


def test_the_newest_need_only_the_newest_objects(tmp_path: Path) -> None:
    for number in range(0, 1000, 10):
        write(tmp_path, str(number), [record(number * 1000, number + 1, f"line {number}")])
    found, outcome = search(theirs(tmp_path), limit=2)
    assert found == ["line 990", "line 980"]
    assert (outcome.objects, outcome.complete) == (100, True)
    assert outcome.blocks_read < 20


def test_a_line_that_came_twice_is_found_and_counted_once(tmp_path: Path) -> None:
    write(tmp_path, "0", [record(9000, 1, "a"), record(9000, 2, "b")])
    write(tmp_path, "5", [record(9000, 1, "a"), record(9000, "", "c")])
    assert search(theirs(tmp_path), order=Order.OLDEST)[0] == ["a", "b", "c"]
    counted = Count([theirs(tmp_path)], parse("*"), None)
    counted.run()
    assert counted.outcome.lines == 3


def test_problems_of_lines_are_passed_on_and_damage_is_named(tmp_path: Path) -> None:
    write(tmp_path, "0", [record(0, 1, "a")], after=b"not JSON\n")
    write(tmp_path, "20", [record(20_000, 2, "b")])
    whole = (tmp_path / "20.gz").read_bytes()
    (tmp_path / "20.gz").write_bytes(whole[:-9])
    found, outcome = search(theirs(tmp_path), order=Order.OLDEST)
    assert found[0] == "a"
    told = {(one.key, one.sample) for one in outcome.damage}
    assert told == {("0.gz", "not JSON"), ("20.gz", "")}
    assert (outcome.problems, outcome.complete) == (2, True)


def test_a_line_of_another_time_than_its_key_says_is_found_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, "0", [record(100_000, 1, "late"), record(0, 2, "a")])
    assert sorted(search(theirs(tmp_path))[0]) == ["a", "late"]


def test_the_span_goes_by_the_keys(tmp_path: Path) -> None:
    write(tmp_path, "0", [record(0, 1, "a")])
    write(tmp_path, "50", [record(50_000, 1, "a")])
    write(tmp_path, "any", [record(50_000, 1, "a")])
    assert span_of([theirs(tmp_path)], None) == TimeRange(start=START, end=START + 60_000)


def test_the_span_of_keys_that_tell_no_time_is_the_range(tmp_path: Path) -> None:
    write(tmp_path, "any", [record(50_000, 1, "a")])
    within = TimeRange(start=START, end=START + 1000)
    assert span_of([theirs(tmp_path)], within) == within
    assert span_of([theirs(tmp_path)], None) is None


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("most_bytes", [1, 1000, 20_000])
def test_lines_that_wait_on_the_disk_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Order, most_bytes: int
) -> None:
    """Some of them are of other times than their keys say, days before and after."""
    random = Random(most_bytes)
    for number in range(0, 400, 4):
        times = [number * 1000 + random.randrange(10_000) for _ in range(20)]
        write(tmp_path, str(number), [record(at, random.choice(("", at + 1)), f"x {at}") for at in times])
    write(tmp_path, "401", [record(-5 * 86_400_000, "", "early"), record(5 * 86_400_000, "", "late")])
    write(tmp_path, "any", [record(100_000 + at, "", "any") for at in range(500)])
    expected, in_memory = search(theirs(tmp_path), order=order)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    monkeypatch.setattr(searching, "Waiting", partial(Waiting, most_bytes=most_bytes))
    found, outcome = search(theirs(tmp_path), order=order)
    assert sorted(found) == sorted(expected)
    assert {"early", "late"} < set(found)
    assert outcome == in_memory
    assert outcome.blocks_read == outcome.blocks == 102
    assert list((tmp_path / "work").iterdir()) == []
    counted = Count([theirs(tmp_path)], parse("*"), None)
    counted.run()
    assert counted.outcome.lines == len(expected)


def test_a_listing_ends_when_it_is_to_stop(tmp_path: Path) -> None:
    for number in range(100):
        write(tmp_path, str(number), [record(number * 1000, number + 1, "a")])
    asked = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 10

    assert len(foreign_units([theirs(tmp_path)], None, Tally(), stopped)) == 10
