from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logkeep.archive.foreign.coralogix import COLUMNS, LAYOUT
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

KEY = "team_id=4711/dt=2022-03-28/hr=08/0f2c.parquet"
METADATA = (
    '{"timestamp":"2022-03-28T08:50:57.946","severity":"Debug","priorityclass":"low","logid":"some-uuid"}'
)
LABELS = (
    '{"applicationname":"some-app","subsystemname":"some-subsystem","computername":"some-computer",'
    '"threadid":"some-thread-id"}'
)


def ms(text: str) -> int:
    return parse_time(text, now=0)


def parquet(*rows: tuple[Any, Any, Any], names: tuple[str, ...] = COLUMNS, **options: Any) -> bytes:
    columns = [pa.array(list(column)) for column in zip(*rows, strict=True)]
    out = BytesIO()
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), out, **options)
    return out.getvalue()


def test_the_example_of_the_documentation() -> None:
    data = '{"message":"hello","status":200}'
    assert read(LAYOUT, parquet((METADATA, LABELS, data)), KEY) == (
        [
            {
                "_lid": "6273097365643251392",
                "_ts": ms("2022-03-28T08:50:57.946Z"),
                "_host": "some-computer",
                "_app": "some-app",
                "level": "debug",
                "_meta": {
                    "subsystemname": "some-subsystem",
                    "threadid": "some-thread-id",
                    "priorityclass": "low",
                },
                "_line": data,
            }
        ],
        [],
    )


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ('{"text":"plain \\"text\\""}', 'plain "text"'),
        ('{"text":"a","more":1}', '{"text":"a","more":1}'),
        ('{"text":5}', '{"text":5}'),
        ("no JSON at all", "no JSON at all"),
        ("", None),
        (None, None),
    ],
)
def test_data_that_is_only_a_text_is_that_text_and_all_else_is_the_line_as_it_is(
    data: str | None, line: str | None
) -> None:
    [found], problems = read(LAYOUT, parquet((METADATA, "{}", data), names=COLUMNS), KEY)
    assert (found.get("_line"), problems) == (line, [])


@pytest.mark.parametrize(
    ("timestamp", "ts"),
    [
        ('"2022-03-28T08:50:57.946"', ms("2022-03-28T08:50:57.946Z")),
        ('"2022-03-28T08:50:57.946Z"', ms("2022-03-28T08:50:57.946Z")),
        ("1648457457946123", 1648457457946),
        ("1648457457946", 1648457457946),
    ],
)
def test_times_have_several_forms(timestamp: str, ts: int) -> None:
    content = parquet((f'{{"timestamp":{timestamp},"severity":3}}', None, "x"))
    [found], problems = read(LAYOUT, content, KEY)
    assert (found["_ts"], found["level"], problems) == (ts, "info", [])


def test_rows_that_cannot_be_read_are_reported_by_their_number() -> None:
    good = (METADATA, LABELS, "good")
    deep = '{"timestamp":' + "[" * 5000 + "]" * 5000 + "}"
    rows = [
        good,
        ("no JSON", LABELS, "x"),
        good,
        ('{"severity":"Info"}', LABELS, "x"),
        (METADATA, "[]", "x"),
        (None, LABELS, "x"),
        (deep, LABELS, "x"),
        ('{"timestamp":1e400}', LABELS, "x"),
        (METADATA.replace(",", ",\n"), LABELS, "good"),
    ]
    lines, problems = read(LAYOUT, parquet(*rows), KEY)
    assert [line["_line"] for line in lines] == ["good"] * 3
    assert [(one.offset, one.reason.split(":")[0]) for one in problems] == [
        (0, f"row {row}") for row in (2, 4, 5, 6, 7, 8)
    ]


def test_columns_may_be_bytes_or_dictionaries_and_others_may_be_there() -> None:
    table = pa.table(
        {
            "other": [1],
            COLUMNS[2]: pa.array([b"data"]),
            COLUMNS[0]: pa.array([METADATA]).dictionary_encode(),
            COLUMNS[1]: pa.array([LABELS], pa.large_string()),
        }
    )
    out = BytesIO()
    pq.write_table(table, out)
    lines, problems = read(LAYOUT, out.getvalue(), KEY)
    assert ([line["_line"] for line in lines], problems) == (["data"], [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the Parquet file cannot be read"),
        (b"PAR1 and nothing else", "the Parquet file cannot be read"),
        (b"\x1f\x8b" * 50, "the Parquet file cannot be read"),
        (parquet((METADATA, LABELS, "x"))[:-20], "the Parquet file cannot be read"),
        (
            parquet((METADATA, LABELS, "x"), names=(COLUMNS[0], COLUMNS[1], "other")),
            "the Parquet file has no column src_obj__user_data, or several",
        ),
        (
            parquet((METADATA, 5, "x")),
            "the column src_obj__event_labels is of type int64, not of texts",
        ),
    ],
)
def test_a_file_of_another_kind_is_one_problem(content: bytes, reason: str) -> None:
    lines, [problem] = read(LAYOUT, content, KEY)
    assert (lines, problem.key) == ([], KEY)
    assert problem.reason.startswith(reason)


def test_a_damaged_row_group_does_not_cost_the_others() -> None:
    rows = [(METADATA, LABELS, f"row {number} " + "x" * 1000) for number in range(400)]
    content = bytearray(parquet(*rows, row_group_size=100, compression="none", use_dictionary=False))
    at = content.index(b"row 250")
    content[at - 60_000 : at - 59_900] = b"\xff" * 100
    lines, problems = read(LAYOUT, bytes(content), KEY)
    numbers = [int(line["_line"].split()[1]) for line in lines]
    assert numbers == [*range(200), *range(300, 400)]
    assert [one.reason.split(": ")[0] for one in problems] == ["row group 3, row 201"]


def test_the_key_says_the_hour_of_the_events() -> None:
    hour = TimeRange(start=ms("2022-03-28T08:00Z"), end=ms("2022-03-28T09:00Z"))
    for key in (KEY, "dt=2022-03-28/hr=08/a/b.parquet"):
        hint = LAYOUT.hint(key)
        assert hint is not None
        assert hint.times == hour
    assert LAYOUT.hint("dt=2022-03-28/hr=24/a.parquet") is None
    assert LAYOUT.hint("dt=2022-03-28/hr=08/_SUCCESS") is None
    assert LAYOUT.folders(hour) == ("",)
