"""The preview of an exclusion rule finds what the rule would have dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.catalog.values import Rule
from logkeep.exclusion import preview_condition
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import TABLE, LiveLines
from logkeep.index.preview import preview

HOUR_MS = 3_600_000
NOW = 1_795_165_933_123


@pytest.fixture
def live(engine: ChdbEngine, tmp_path: Path) -> Iterator[ChdbEngine]:
    """Two lines in three of `main` are of the host web; those of even numbers came in the last hour."""
    LiveLines(engine, tmp_path)
    rows = [
        f"({n + 1}, {n}, {NOW - 1000 if n % 2 == 0 else NOW - 2 * HOUR_MS}, '{account}',"
        f" '{('web', 'web', 'db')[n % 3]}', 'app', 'line {n}')"
        for account in ("main", "other")
        for n in range(60)
    ]
    engine.run(f"INSERT INTO {TABLE} (_lid, _ts, _rx, _account, _host, _app, _line) VALUES {', '.join(rows)}")
    yield engine
    engine.run(f"DROP TABLE {TABLE}")


def rule(**lines: object) -> Rule:
    return Rule(id="", account="main", title="preview", created_at=0, **lines)  # type: ignore[arg-type]


def test_it_counts_the_accounts_lines_of_the_last_time_by_receipt(live: ChdbEngine) -> None:
    found = preview(live, "main", preview_condition(rule(hosts=("web",))), since=NOW - HOUR_MS)
    expected = [n for n in range(0, 60, 2) if n % 3 != 2]
    assert (found.lines, found.of_lines) == (len(expected), 30)
    assert found.bytes == sum(len(f"line {n}") for n in expected)
    assert [record.line for record in found.samples] == [f"line {n}" for n in expected[::-1][:10]]
    assert {record.account for record in found.samples} == {"main"}
    assert (found.hosts, found.apps) == ([("web", len(expected))], [("app", len(expected))])


def test_a_query_narrows_it_and_a_longer_time_widens_it(live: ChdbEngine) -> None:
    one = preview_condition(rule(query='"line 4" OR "line 5"'))
    assert [preview(live, "main", one, since=since).lines for since in (NOW - HOUR_MS, 0)] == [1, 2]


def test_nothing_found_is_nothing(live: ChdbEngine) -> None:
    found = preview(live, "main", preview_condition(rule(apps=("none",))), since=NOW - HOUR_MS)
    assert (found.lines, found.bytes, found.of_lines, found.samples) == (0, 0, 30, [])
