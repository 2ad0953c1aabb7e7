from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import zstandard

from logkeep.errors import InputError, NotFound
from logkeep.index.base import Engine
from logkeep.index.columns import NO_ID, TABLE_COLUMNS
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import (
    Loaded,
    RestoredLines,
    Where,
    count_lines,
    first_unreadable,
    restored_ids,
    stored_bytes_of_all,
    upgrade_restored,
)

ALL = Where(sql="1", params={}, from_ms=0, to_ms=10_000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    opened = ChdbEngine(tmp_path_factory.mktemp("index"))
    yield opened
    opened.close()


@pytest.fixture
def lines(engine: ChdbEngine) -> Iterator[RestoredLines]:
    table = RestoredLines(engine, "ab12")
    table.create(merging=False)
    yield table
    table.drop()


def write(path: Path, *records: dict[str, Any]) -> str:
    path.write_bytes(gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for record in records)))
    return str(path)


def load(table: RestoredLines, files: str, chunk: int = 0, where: Where = ALL, **how: Any) -> Loaded:
    return table.load(files, chunk, where, (), **{"new_only": False, **how})


def line(lid: int, ts: int = 1000, text: str = "hello") -> dict[str, Any]:
    return {"_lid": str(lid), "_ts": ts, "_line": text}


def ids(engine: ChdbEngine, table: RestoredLines) -> list[tuple[int, int]]:
    rows = engine.rows(f"SELECT _lid, _chunk FROM {table.name} ORDER BY _lid, _chunk")
    return [(row["_lid"], row["_chunk"]) for row in rows]


def test_lines_arrive_with_all_fields(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    full = {
        "_lid": "9007199254740993",
        "_ts": 1000,
        "_ns": 5,
        "_rx": 1001,
        "_account": "main",
        "_host": "web-1",
        "_app": "shop",
        "_file": "/var/log/x",
        "_env": "prod",
        "level": "error",
        "_tag": ["a", "b"],
        "_meta": {"k": {"n": 1}},
        "_line": "räd \t x",
        "_raw": "//8=",
    }
    loaded = lines.load(
        write(tmp_path / "00000.json.gz", full), 3, ALL, ["year=2026/a.json.gz"], new_only=False
    )
    assert loaded == Loaded(lines=1, text_bytes=len("räd \t x".encode()))
    expected = {
        **full,
        "_lid": 9007199254740993,
        "_meta": '{"k":{"n":1}}',
        "_chunk": 3,
        "_object": "year=2026/a.json.gz",
    }
    stored = engine.rows(f"SELECT * FROM {lines.name}")[0]
    assert {**stored, "_meta": stored["_meta"].replace(" ", "")} == expected


def test_only_lines_that_fit_are_loaded(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    file = write(tmp_path / "a.json.gz", line(1, 10), line(2, 20), line(3, 30))
    where = Where(sql="_ts >= {low:Int64}", params={"low": 20}, from_ms=0, to_ms=100)
    assert load(lines, file, 0, where) == Loaded(lines=2, text_bytes=10)
    assert ids(engine, lines) == [(2, 0), (3, 0)]


def test_a_chunk_is_forgotten_without_touching_others(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    load(lines, write(tmp_path / "a.json.gz", line(1), line(2)))
    load(lines, write(tmp_path / "b.json.gz", line(3)), 1)
    lines.forget(0)
    lines.forget(0)
    assert ids(engine, lines) == [(3, 1)]
    assert load(lines, str(tmp_path / "a.json.gz")).lines == 2


def test_each_line_names_its_object(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    """Files of both kinds in one glob; keys with whatever an object's name may hold; links as `fetched`
    makes them; and fields of our own that are named as the engine's columns are."""
    keys = ["it's\\ \t{a}/é.json.gz", "b\n.json.gz", "c.json.gz"]
    real = Path(write(tmp_path / "elsewhere.json.gz", {**line(1), "_path": "x", "_file": "/var/log/x"}))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "00000.json.gz").symlink_to(real)
    (folder / "00001.jsonl.zst").write_bytes(zstandard.compress(json.dumps(line(2)).encode() + b"\n"))
    write(folder / "00002.json.gz", line(3), line(4))
    loaded = lines.load(str(folder / "*.json*"), 0, ALL, keys, new_only=False)
    assert loaded.lines == 4
    stored = engine.rows(f"SELECT _lid, _file, _object FROM {lines.name} ORDER BY _lid")
    assert [(row["_lid"], row["_file"], row["_object"]) for row in stored] == [
        (1, "/var/log/x", keys[0]),
        (2, "", keys[1]),
        (3, "", keys[2]),
        (4, "", keys[2]),
    ]


def test_many_files_have_many_keys(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    keys = [f"year=2026/month=11/day=20/main.2026-11-20.{number:08d}.json.gz" for number in range(20_000)]
    write(tmp_path / "19999.json.gz", line(1))
    lines.load(str(tmp_path / "*.json*"), 0, ALL, keys, new_only=True)
    assert engine.rows(f"SELECT _object FROM {lines.name}") == [{"_object": keys[19_999]}]


def test_a_line_that_is_there_is_left_out(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    load(lines, write(tmp_path / "a.json.gz", line(1), line(2), line(3)))
    file = write(tmp_path / "b.json.gz", line(2), line(4), line(4), line(5))
    assert load(lines, file, 1, new_only=True) == Loaded(lines=2, duplicates=2, text_bytes=10)
    assert ids(engine, lines) == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)]


def test_the_same_id_at_another_time_is_another_line(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    load(lines, write(tmp_path / "a.json.gz", line(1, 10), line(2, 20)))
    file = write(tmp_path / "b.json.gz", line(1, 10), line(1, 11), line(1, 11), line(2, 10))
    assert load(lines, file, 1, new_only=True) == Loaded(lines=2, duplicates=2, text_bytes=10)
    stored = engine.rows(f"SELECT _lid, _ts FROM {lines.name} ORDER BY _lid, _ts")
    assert [(row["_lid"], row["_ts"]) for row in stored] == [(1, 10), (1, 11), (2, 10), (2, 20)]


def test_a_chunk_in_steps_is_compared_with_itself_alone(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    load(lines, write(tmp_path / "a.json.gz", line(1)))
    first = write(tmp_path / "b.json.gz", line(1), line(2), line(2), {"_ts": 5, "_line": "x"})
    second = write(tmp_path / "c.json.gz", line(2), line(3), {"_ts": 5, "_line": "x"})
    assert load(lines, first, 1, once_only=True) == Loaded(lines=3, duplicates=1, text_bytes=11)
    assert load(lines, second, 1, once_only=True) == Loaded(lines=2, duplicates=1, text_bytes=6)
    found = ids(engine, lines)
    assert [one for one in found if one[0] < NO_ID] == [(1, 0), (1, 1), (2, 1), (3, 1)]
    assert len({number for number, _ in found if number >= NO_ID}) == 2


@pytest.mark.parametrize("new_only", [False, True])
def test_lines_without_an_id_are_never_left_out(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path, new_only: bool
) -> None:
    file = write(tmp_path / "a.json.gz", {"_ts": 5, "_line": "x"}, {"_ts": 5, "_line": "x"}, line(7))
    assert load(lines, file, 0, new_only=new_only).lines == 3
    assert load(lines, file, 1, new_only=True) == Loaded(lines=2, duplicates=1, text_bytes=2)
    (seven, *numbered) = ids(engine, lines)
    assert (seven, [chunk for _, chunk in numbered]) == ((7, 0), [0, 0, 1, 1])
    assert len({number for number, _ in numbered if number >= NO_ID}) == 4


LATE = Where(sql="level != 'debug'", params={}, from_ms=500, to_ms=10_000)
BEFORE_500 = {"_lid": "70", "_ts": 499, "_line": "out of range"}
NO_TIME: list[dict[str, Any]] = [
    {"_lid": "1", "_line": "no time"},
    {"_lid": "2", "_ts": None, "_meta": {"a": 1}},
    {"_lid": "3", "_ts": -1, "_line": "before 1970"},
    {"_lid": "3", "_ts": 99_999_999_999_999_999_999, "_line": "far"},
    {"_ts": "", "_line": "no time"},
]


@pytest.mark.parametrize("how", [{}, {"new_only": True}, {"once_only": True}, {"limit_lines": 3}])
def test_lines_without_a_time_are_left_out_and_counted_by_file(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path, how: dict[str, Any]
) -> None:
    write(tmp_path / "00000.json.gz", line(4), *NO_TIME, BEFORE_500, {**NO_TIME[0], "level": "debug"})
    write(tmp_path / "00001.json.gz", line(5))
    write(tmp_path / "00002.json.gz", NO_TIME[1], line(6))
    glob = str(tmp_path / "*.json.gz")
    for chunk in (0, 1):
        loaded = load(lines, glob, chunk, LATE, timed=True, **how)
        assert loaded.lines == (0 if chunk and "new_only" in how else 3)
        assert [(one.file, one.lines) for one in loaded.timeless] == [(0, 5), (2, 1)]
        assert loaded.timeless[0].sample == "no time"
        assert loaded.timeless[1].sample.replace(" ", "") == '{"a":1}'
    assert {number for number, _ in ids(engine, lines)} == {4, 5, 6}
    assert load(lines, glob, 2, LATE, **how).timeless == ()


def test_where_the_range_begins_with_time_itself_0_is_one(lines: RestoredLines, tmp_path: Path) -> None:
    loaded = load(lines, write(tmp_path / "00000.json.gz", line(4), *NO_TIME), timed=True)
    assert loaded.lines == 4
    assert [(one.file, one.lines) for one in loaded.timeless] == [(0, 2)]


def test_lines_without_text_are_there_and_counted_by_object(lines: RestoredLines, tmp_path: Path) -> None:
    meta = {"_ts": 1000, "_meta": {"user": "x" * 300}}
    raw = {"_ts": 1000, "_raw": "//8="}
    write(tmp_path / "00000.json.gz", line(1), {"_lid": "2", **meta}, {"_lid": "3", **meta}, raw)
    write(tmp_path / "00001.json.gz", line(4))
    write(tmp_path / "00002.json.gz", {"_lid": "5", "_ts": 1000, "_line": ""})
    loaded = lines.load(str(tmp_path / "*.json.gz"), 7, ALL, ["a", "b", "c"], new_only=False)
    assert (loaded.lines, loaded.empty) == (6, True)
    found = lines.textless(7)
    assert [(one.key, one.lines) for one in found] == [("a", 2), ("c", 1)]
    assert found[0].sample.replace(" ", "").startswith('{"user":"x')
    assert len(found[0].sample) == 200
    assert lines.textless(6) == []
    assert not load(lines, str(tmp_path / "00001.json.gz"), 6).empty


def test_nothing_that_fits_is_no_error(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    file = write(tmp_path / "a.json.gz", line(1))
    none = Where(sql="0", params={}, from_ms=0, to_ms=100)
    assert load(lines, file, 0, none) == Loaded(lines=0)
    assert load(lines, file, 1, none, new_only=True) == Loaded(lines=0)
    assert load(lines, file, 1, none, limit_lines=1, limit_bytes=1) == Loaded(lines=0)


# Ids 1 to 6, latest first; texts of 1 to 6 bytes. By time: 6 (6 bytes), 5 (5), … 1 (1).
CAPPED = [line(number, 10 - number, "x" * number) for number in range(1, 7)]


@pytest.mark.parametrize(
    ("limits", "expected", "left"),
    [
        ({}, Loaded(lines=6, text_bytes=21), [1, 2, 3, 4, 5, 6]),
        ({"limit_lines": 6}, Loaded(lines=6, text_bytes=21), [1, 2, 3, 4, 5, 6]),
        ({"limit_lines": 7, "limit_bytes": 21}, Loaded(lines=6, text_bytes=21), [1, 2, 3, 4, 5, 6]),
        ({"limit_lines": 2}, Loaded(lines=2, text_bytes=11, beyond=4), [5, 6]),
        ({"limit_bytes": 11}, Loaded(lines=2, text_bytes=11, beyond=4), [5, 6]),
        ({"limit_bytes": 14}, Loaded(lines=2, text_bytes=11, beyond=4), [5, 6]),
        ({"limit_bytes": 15}, Loaded(lines=3, text_bytes=15, beyond=3), [4, 5, 6]),
        ({"limit_lines": 1, "limit_bytes": 15}, Loaded(lines=1, text_bytes=6, beyond=5), [6]),
        ({"limit_lines": 4, "limit_bytes": 12}, Loaded(lines=2, text_bytes=11, beyond=4), [5, 6]),
        ({"limit_bytes": 5}, Loaded(lines=0, beyond=6), []),
    ],
)
def test_of_more_than_a_limit_the_first_are_taken(
    engine: ChdbEngine,
    lines: RestoredLines,
    tmp_path: Path,
    limits: dict[str, int],
    expected: Loaded,
    left: list[int],
) -> None:
    file = write(tmp_path / "00000.json.gz", *CAPPED)
    assert (
        lines.load(
            file,
            0,
            ALL,
            ["k"],
            new_only=False,
            limit_lines=limits.get("limit_lines", 0),
            limit_bytes=limits.get("limit_bytes", 0),
        )
        == expected
    )
    assert ids(engine, lines) == [(number, 0) for number in left]
    assert {row["_object"] for row in engine.rows(f"SELECT _object FROM {lines.name}")} <= {"k"}


def test_limits_count_what_is_new(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    load(lines, write(tmp_path / "a.json.gz", CAPPED[5]))
    file = write(tmp_path / "b.json.gz", *CAPPED, CAPPED[4])
    assert load(lines, file, 1, new_only=True, limit_lines=2) == Loaded(
        lines=2, duplicates=2, text_bytes=9, beyond=3
    )
    assert ids(engine, lines) == [(4, 1), (5, 1), (6, 0)]


def test_of_lines_at_one_time_without_ids_a_limit_takes_the_first(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.json.gz", *({"_ts": 5, "_line": f"{number}"} for number in range(5)))
    assert load(lines, file, limit_bytes=3) == Loaded(lines=3, text_bytes=3, beyond=2)
    stored = engine.rows(f"SELECT _line FROM {lines.name} ORDER BY _lid")
    assert [row["_line"] for row in stored] == ["0", "1", "2"]


def test_what_lines_take_up_is_told(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    near = RestoredLines(engine, "ab123")  # begins with the other's name
    near.create(merging=False)
    assert (lines.stored_bytes(), stored_bytes_of_all(engine)) == (0, {})
    load(lines, write(tmp_path / "a.json.gz", line(1)))
    load(
        near,
        write(tmp_path / "b.json.gz", *(line(number, text=f"{number}" * 99) for number in range(1, 500))),
    )
    sizes = stored_bytes_of_all(engine)
    assert 0 < sizes["ab12"] < sizes["ab123"]
    assert (lines.stored_bytes(), near.stored_bytes()) == (sizes["ab12"], sizes["ab123"])
    near.drop()
    assert (near.stored_bytes(), stored_bytes_of_all(engine)) == (0, {"ab12": sizes["ab12"]})


def test_a_table_that_is_dropped_while_all_are_looked_at_is_passed_over() -> None:
    class Dropping:
        """An engine that finds a table gone which was there a moment before."""

        def __init__(self) -> None:
            self.asked = 0

        def rows(self, _sql: str, _params: object) -> list[dict[str, object]]:
            self.asked += 1
            if self.asked == 1:
                raise NotFound("these lines are gone")
            return [{"table": "restored_ab12", "bytes": 7}]

    assert stored_bytes_of_all(cast(Engine, Dropping())) == {"ab12": 7}


@pytest.mark.parametrize("upgrade", ["create", "upgrade_restored"])
def test_a_table_of_the_former_release_takes_and_shows_lines(
    engine: ChdbEngine, tmp_path: Path, upgrade: str
) -> None:
    old = RestoredLines(engine, "old1")
    engine.run(
        f"CREATE TABLE {old.name} ({TABLE_COLUMNS}, _chunk UInt32) ENGINE = MergeTree ORDER BY (_ts, _lid)"
    )
    engine.run(f"INSERT INTO {old.name} (_lid, _ts, _line, _chunk) VALUES (1, 5, 'a', 0)")
    if upgrade == "create":
        old.create(merging=False)
    else:
        upgrade_restored(engine)
    upgrade_restored(engine)
    file = write(tmp_path / "00000.json.gz", line(1, 5), line(2, 6))
    assert old.load(file, 1, ALL, ["k"], new_only=True) == Loaded(lines=1, duplicates=1, text_bytes=5)
    stored = engine.rows(f"SELECT _lid, _object FROM {old.name} ORDER BY _lid")
    assert stored == [{"_lid": 1, "_object": ""}, {"_lid": 2, "_object": "k"}]
    old.drop()


def test_words_are_found_with_and_without_the_text_index(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    load(lines, write(tmp_path / "a.json.gz", line(1, text="Failed password"), line(2, text="ok")))
    load(lines, write(tmp_path / "b.json.gz", line(3, text="password")), 1)
    count = f"SELECT count() AS n FROM {lines.name} WHERE hasAllTokens(lower(_line), ['password'])"
    assert engine.rows(count) == [{"n": 2}]
    lines.build_text_index()
    assert engine.rows(count) == [{"n": 2}]
    plan = engine.rows(f"EXPLAIN indexes = 1 {count}")
    assert any("line_ix" in row["explain"] for row in plan)
    lines.build_text_index()


def test_tables_are_made_once_and_dropped_by_id(engine: ChdbEngine) -> None:
    first, second = RestoredLines(engine, "aa"), RestoredLines(engine, "bb")
    for table in (first, second, second):
        table.create(merging=True)
    assert restored_ids(engine) == {"aa", "bb"}
    first.drop()
    first.drop()
    assert restored_ids(engine) == {"bb"}
    second.drop()


@pytest.mark.parametrize("bad", ["", "a-b", "A", "a b", "a;DROP", "é", "x" * 33])
def test_an_id_that_cannot_stand_in_a_name_is_refused(engine: ChdbEngine, bad: str) -> None:
    with pytest.raises(InputError, match="cannot be the id of a restore"):
        RestoredLines(engine, bad)


def test_the_file_that_cannot_be_read_is_found(engine: ChdbEngine, tmp_path: Path) -> None:
    good = Path(write(tmp_path / "a.json.gz", line(1), line(2)))
    bad = tmp_path / "b.json.gz"
    bad.write_bytes(good.read_bytes()[:-10])
    assert count_lines(engine, good) == 2
    assert first_unreadable(engine, [good]) is None
    assert first_unreadable(engine, [good, bad]) == (bad, "its compressed data is damaged or cut short")


def test_why_a_file_cannot_be_read_tells_of_the_file_alone(engine: ChdbEngine, tmp_path: Path) -> None:
    bad = tmp_path / "a.json.gz"
    bad.write_bytes(gzip.compress(b'{"_ts": oh no}\n'))
    assert first_unreadable(engine, [bad]) == (bad, "Cannot parse input: expected ',' before: 'oh no}\\n'")
