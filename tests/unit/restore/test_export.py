"""Exports: what comes out is what the archive has, in order, whatever the lines hold."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from tests.unit.archiver_doubles import frame
from tests.unit.restored_lines import HOSTILE, KEY, plain, restored, scope

from logkeep.archive import block
from logkeep.errors import InputError, NotFound, Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.index.restored import RestoredLines
from logkeep.index.search import Scope
from logkeep.query.sql import Condition
from logkeep.record import Record, bytes_of, encode_lines
from logkeep.restore.export import EXPORT_FORMATS, NDJSON, NDJSON_GZ, PARQUET, TEXT, compressed, export
from logkeep.timeline import MAX_MS, TimeRange


def exported(engine: ChdbEngine, of: Scope, form: str, work: Path) -> bytes:
    return b"".join(export(engine, of, format=form, work=work))


def test_hostile_lines_come_out_as_they_came(engine: ChdbEngine, tmp_path: Path) -> None:
    with restored(engine, tmp_path, HOSTILE[::2], HOSTILE[1::2]) as table:
        canonical = exported(engine, scope(table), NDJSON, tmp_path)
        assert canonical == encode_lines(HOSTILE)
        assert gzip.decompress(exported(engine, scope(table), NDJSON_GZ, tmp_path)) == canonical
        text = b"".join(bytes_of(record) + b"\n" for record in HOSTILE)
        assert exported(engine, scope(table), TEXT, tmp_path) == text


def test_a_parquet_file_holds_the_records_fields(engine: ChdbEngine, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with restored(engine, tmp_path, HOSTILE[::2], HOSTILE[1::2]) as table:
        file = tmp_path / "lines.parquet"
        file.write_bytes(exported(engine, scope(table), PARQUET, work))
    assert list(work.iterdir()) == []
    with duckdb.connect() as reader:
        described = reader.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
        rows = reader.execute(
            "SELECT lid, epoch_ms(ts), ns, epoch_ms(rx), account, host, app, file, env, level, tag, meta,"
            f" line, raw, object FROM '{file}'"
        ).fetchall()
    assert [name for name, *_ in described] == [
        *("lid", "ts", "ns", "rx", "account", "host", "app", "file", "env", "level", "tag", "meta", "line"),
        *("raw", "object"),
    ]
    assert {name: kind for name, kind, *_ in described if name in ("ts", "rx", "line")} == {
        "ts": "TIMESTAMP WITH TIME ZONE",
        "rx": "TIMESTAMP WITH TIME ZONE",
        "line": "VARCHAR",
    }
    assert rows == [
        (
            *(
                one.lid,
                one.ts,
                one.ns,
                None if one.rx < 0 else one.rx,
                one.account,
                one.host,
                one.app,
                one.file,
            ),
            *(one.env, one.level, list(one.tag), bytes(one.meta).decode(), one.line, one.raw, KEY),
        )
        for one in HOSTILE
    ]


def test_a_query_and_a_range_choose_lines(engine: ChdbEngine, tmp_path: Path) -> None:
    with restored(engine, tmp_path, plain(20)) as table:
        chosen = scope(table, "host:web-1", start=40, end=130)
        found = exported(engine, chosen, NDJSON, tmp_path)
        rest = exported(engine, scope(table, "nothing"), NDJSON, tmp_path)
    assert found == encode_lines([one for one in plain(20) if one.lid in ("4", "7", "10")])
    assert rest == b""


def test_nothing_is_a_file_that_can_be_read(engine: ChdbEngine, tmp_path: Path) -> None:
    with restored(engine, tmp_path) as table:
        assert exported(engine, scope(table), TEXT, tmp_path) == b""
        assert gzip.decompress(exported(engine, scope(table), NDJSON_GZ, tmp_path)) == b""
        file = tmp_path / "none.parquet"
        file.write_bytes(exported(engine, scope(table), PARQUET, tmp_path))
    with duckdb.connect() as reader:
        assert reader.execute(f"SELECT count(*) FROM '{file}'").fetchall() == [(0,)]


def test_live_lines_of_one_account_are_exported(engine: ChdbEngine, tmp_path: Path) -> None:
    def line(lid: int, account: str) -> Record:
        return Record(lid=str(lid), ts=100 + lid, rx=500, account=account, line=f"line {lid}")

    live = LiveLines(engine, tmp_path)
    ours, others = [line(1, "main"), line(3, "main")], [line(2, "other")]
    for records in (ours, others):
        live.add([frame(records)], some_may_be_there=False)
    everything = Condition(sql="1", params={})
    of = Scope(table="live", account="main", range=TimeRange(start=0, end=MAX_MS), condition=everything)
    assert exported(engine, of, NDJSON, tmp_path) == encode_lines(ours)
    file = tmp_path / "live.parquet"
    file.write_bytes(exported(engine, of, PARQUET, tmp_path))
    with duckdb.connect() as reader:
        assert reader.execute(f"SELECT lid, line FROM '{file}'").fetchall() == [
            ("1", "line 1"),
            ("3", "line 3"),
        ]
    engine.run("DROP TABLE live SYNC")


def test_many_lines_of_one_millisecond_are_paged(
    engine: ChdbEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", 10)
    monkeypatch.setattr("logkeep.index.search.MAX_PAGE", 7)
    records = [Record(lid=str(number), ts=5, line=f"line {number}") for number in range(1, 60)]
    nameless = [Record(ts=5, line=f"line {number}") for number in range(60, 99)]
    with restored(engine, tmp_path, records, nameless) as table:
        assert exported(engine, scope(table), NDJSON, tmp_path) == encode_lines([*records, *nameless])


def test_the_stream_is_made_as_it_is_read(
    engine: ChdbEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", 5)
    with restored(engine, tmp_path, plain(20)) as table:
        pieces = export(engine, scope(table), format=NDJSON, work=tmp_path)
        assert next(pieces) == encode_lines(plain(5))
    with pytest.raises(NotFound, match="these lines are gone"):
        next(pieces)


@pytest.mark.parametrize("cut", [99, 100_000, block.BLOCK_BYTES - 1, block.BLOCK_BYTES, 10_000_000])
def test_gzip_members_depend_on_the_lines_alone(cut: int) -> None:
    lines = encode_lines(plain(9)) + b'{"_line":"' + b"x" * 3_000_000 + b'"}\n' + encode_lines(plain(40_000))
    whole = list(compressed([lines]))
    pieces = (
        [lines[start : start + cut] for start in range(0, len(lines), cut)]
        if cut > 1
        else lines.splitlines(True)
    )
    assert list(compressed(pieces)) == whole
    members = [gzip.decompress(member) for member in whole]
    assert b"".join(members) == lines
    assert all(member.endswith(b"\n") for member in members)
    assert [len(member) >= block.BLOCK_BYTES for member in members] == [True] * (len(members) - 1) + [False]


def test_another_format_is_refused_at_once(engine: ChdbEngine, tmp_path: Path) -> None:
    of = scope(RestoredLines(engine, "none"))
    with pytest.raises(InputError, match=r"format is 'csv', not one of ndjson, ndjson\.gz, parquet, text$"):
        export(engine, of, format="csv", work=tmp_path)


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_lines_that_are_gone_are_not_found(engine: ChdbEngine, tmp_path: Path, form: str) -> None:
    of = replace(scope(RestoredLines(engine, "gone")), objects=False)
    with pytest.raises(NotFound):
        exported(engine, of, form, tmp_path / "work")
    assert not list(tmp_path.glob("work/*"))


def test_a_work_folder_that_cannot_be_made_is_a_full_disk(engine: ChdbEngine, tmp_path: Path) -> None:
    (tmp_path / "work").write_bytes(b"")
    with (
        restored(engine, tmp_path, plain(1)) as table,
        pytest.raises(Overloaded, match="cannot be written into"),
    ):
        exported(engine, scope(table), PARQUET, tmp_path / "work")


def test_an_export_that_is_given_up_leaves_no_file(engine: ChdbEngine, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with restored(engine, tmp_path, plain(5)) as table:
        pieces = export(engine, scope(table), format=PARQUET, work=work)
        assert next(pieces).startswith(b"PAR1")
        assert len(list(work.iterdir())) == 1
        pieces.close()
    assert list(work.iterdir()) == []
