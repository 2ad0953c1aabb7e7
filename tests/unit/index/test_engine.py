from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.errors import EngineError, NotFound
from logkeep.index.base import Param
from logkeep.index.engine import ChdbEngine, _translated

NASTY = [
    "",
    "'",
    "\\",
    "\\'",
    "\t\n\r\0",
    "\\N",
    "\\t",
    "é\U0001f600\ufffd",
    "{x:String}",
    "a'); DROP",
    '"',
    "`",
    "\b\f",
]


def echo(engine: ChdbEngine, value: Param, kind: str) -> object:
    return engine.rows(f"SELECT {{value:{kind}}} AS value", {"value": value})[0]["value"]


@pytest.mark.parametrize("text", NASTY)
def test_a_bound_text_arrives_as_it_is(engine: ChdbEngine, text: str) -> None:
    assert echo(engine, text, "String") == text
    assert echo(engine, [text, "x", text], "Array(String)") == [text, "x", text]


@settings(deadline=None)
@given(st.text(), st.lists(st.text() | st.sampled_from(NASTY)))
def test_any_bound_text_arrives_as_it_is(engine: ChdbEngine, text: str, texts: list[str]) -> None:
    row = engine.rows("SELECT {a:String} AS a, {b:Array(String)} AS b", {"a": text, "b": texts})[0]
    assert row == {"a": text, "b": texts}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, "Int64"),
        (-(2**63), "Int64"),
        (2**64 - 1, "UInt64"),
        (0.1, "Float64"),
        (1e300, "Float64"),
        ([], "Array(String)"),
        ([], "Array(UInt64)"),
        ([1, 2**64 - 1], "Array(UInt64)"),
        ([-1, 2**63 - 1], "Array(Int64)"),
    ],
)
def test_bound_numbers_and_lists_arrive_as_they_are(engine: ChdbEngine, value: Param, kind: str) -> None:
    assert echo(engine, value, kind) == value


def test_rows_are_dicts_and_lines_are_json(engine: ChdbEngine) -> None:
    sql = "SELECT number AS n, toString(number) AS t FROM numbers(2) ORDER BY n"
    assert engine.rows(sql) == [{"n": 0, "t": "0"}, {"n": 1, "t": "1"}]
    assert engine.json_lines(sql) == b'{"n":0,"t":"0"}\n{"n":1,"t":"1"}\n'
    assert engine.rows("SELECT 1 WHERE 0") == []


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT nothing FROM numbers(1)", "SELECT throwIf(1)", "SELECT {x:Int64}"]
)
def test_a_statement_that_is_refused_leaves_the_engine_usable(engine: ChdbEngine, sql: str) -> None:
    with pytest.raises(EngineError, match=r"^the index refused a statement: Code: \d+"):
        engine.rows(sql)
    with pytest.raises(EngineError):
        engine.run(sql)
    assert engine.rows("SELECT 1 AS x") == [{"x": 1}]


def test_a_bound_value_of_the_wrong_kind_is_refused(engine: ChdbEngine) -> None:
    with pytest.raises(EngineError):
        echo(engine, "x", "Int64")


def test_a_full_disk_is_for_now_and_any_other_error_is_not() -> None:
    full = "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)\nmore"
    error = "Code: 36. DB::Exception: Bad arguments. (BAD_ARGUMENTS)\nmore"
    assert (type(_translated(full)).__name__, _translated(full).retryable) == ("Overloaded", True)
    assert str(_translated(error)) == (
        "the index refused a statement: Code: 36. DB::Exception: Bad arguments. (BAD_ARGUMENTS)"
    )


def test_a_table_that_is_gone_is_not_found(engine: ChdbEngine) -> None:
    with pytest.raises(NotFound, match="these lines are gone"):
        engine.rows("SELECT * FROM restored_gone")
    dropped = "Code: 218. DB::Exception: Table default.restored_x (40c8) is dropped. (TABLE_IS_DROPPED)\nmore"
    assert isinstance(_translated(dropped), NotFound)


def test_statements_of_many_threads_run_side_by_side(engine: ChdbEngine) -> None:
    answers: list[int] = []

    def ask(number: int) -> None:
        answers.extend(row["x"] for row in engine.rows("SELECT {n:Int64} AS x", {"n": number}))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(8))


def test_a_second_folder_is_refused_while_the_first_is_open(engine: ChdbEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be opened") as caught:
        ChdbEngine(tmp_path / "other")
    assert caught.value.hint == "one process at a time may use a data folder; stop the other one"
    assert engine.rows("SELECT 1 AS x") == [{"x": 1}]
