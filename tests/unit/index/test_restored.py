from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logkeep.errors import EngineError, InputError
from logkeep.index.columns import NO_ID
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import RestoredLines, Where, count_lines, first_unreadable, restored_ids

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
    assert lines.load(write(tmp_path / "a.json.gz", full), 3, ALL) == 1
    expected = {**full, "_lid": 9007199254740993, "_meta": '{"k":{"n":1}}', "_chunk": 3}
    stored = engine.rows(f"SELECT * FROM {lines.name}")[0]
    assert {**stored, "_meta": stored["_meta"].replace(" ", "")} == expected


def test_only_lines_that_fit_are_loaded(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    file = write(tmp_path / "a.json.gz", line(1, 10), line(2, 20), line(3, 30))
    where = Where(sql="_ts >= {low:Int64}", params={"low": 20}, from_ms=0, to_ms=100)
    assert lines.load(file, 0, where) == 2
    assert ids(engine, lines) == [(2, 0), (3, 0)]


def test_a_chunk_is_forgotten_without_touching_others(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    lines.load(write(tmp_path / "a.json.gz", line(1), line(2)), 0, ALL)
    lines.load(write(tmp_path / "b.json.gz", line(3)), 1, ALL)
    lines.forget(0)
    lines.forget(0)
    assert ids(engine, lines) == [(3, 1)]
    assert lines.load(str(tmp_path / "a.json.gz"), 0, ALL) == 2


def test_lines_whose_id_is_there_are_left_out(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    lines.load(write(tmp_path / "a.json.gz", line(1), line(2), line(3)), 0, ALL)
    file = write(tmp_path / "b.json.gz", line(2), line(4), line(4), line(5))
    assert lines.load_new(file, 1, ALL) == (2, 2)
    assert ids(engine, lines) == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)]


def test_lines_without_an_id_are_never_left_out(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.json.gz", {"_ts": 5, "_line": "x"}, {"_ts": 5, "_line": "x"}, line(7))
    assert lines.load_new(file, 0, ALL) == (3, 0)
    assert lines.load_new(file, 1, ALL) == (2, 1)
    (seven, *numbered) = ids(engine, lines)
    assert (seven, [chunk for _, chunk in numbered]) == ((7, 0), [0, 0, 1, 1])
    assert len({number for number, _ in numbered if number >= NO_ID}) == 4


def test_nothing_that_fits_is_no_error(engine: ChdbEngine, lines: RestoredLines, tmp_path: Path) -> None:
    file = write(tmp_path / "a.json.gz", line(1))
    none = Where(sql="0", params={}, from_ms=0, to_ms=100)
    assert lines.load(file, 0, none) == 0
    assert lines.load_new(file, 1, none) == (0, 0)


def test_words_are_found_with_and_without_the_text_index(
    engine: ChdbEngine, lines: RestoredLines, tmp_path: Path
) -> None:
    lines.load(write(tmp_path / "a.json.gz", line(1, text="Failed password"), line(2, text="ok")), 0, ALL)
    lines.load(write(tmp_path / "b.json.gz", line(3, text="password")), 1, ALL)
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
    found = first_unreadable(engine, [good, bad])
    assert found is not None
    assert found[0] == bad
    assert isinstance(found[1], EngineError)
