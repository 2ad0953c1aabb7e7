"""What commands that search in place share: the engine for large scans, and how their answers are shown."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from logkeep.cli.output import amount, json_lines, size, table
from logkeep.index.base import NO_PARAMS, Engine, Param
from logkeep.inplace.reading import Large
from logkeep.timeline import iso

# Starting the engine takes as long as Python takes for so many bytes of lines.
_WORTH_STARTING = 64 << 20
_BAR_CHARS = 50
_DAMAGE_SHOWN = 20


@contextmanager
def own_engine() -> Iterator[Large]:
    """An engine of this process in a temporary folder, for large scans. It is started when it is used."""
    with TemporaryDirectory(prefix="logkeep-grep-") as folder:
        engine = _Started(Path(folder) / "engine")
        try:
            yield Large(engine=engine, work=Path(folder) / "work", after=_WORTH_STARTING)
        finally:
            engine.close()


class _Started:
    """`Engine` that starts with its first statement: most searches need none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def run(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> None:
        self._there().run(sql, params)

    def rows(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> list[dict[str, Any]]:
        return self._there().rows(sql, params)

    def json_lines(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> bytes:
        return self._there().json_lines(sql, params)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    def _there(self) -> Engine:
        with self._lock:
            if self._engine is None:
                from logkeep.index.engine import ChdbEngine

                self._engine = ChdbEngine(self._path)
            return self._engine


def show_histogram(buckets: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Buckets as the API gives them."""
    if as_json:
        json_lines(buckets)
        return
    shown = list(buckets)
    highest = max((bucket["count"] for bucket in shown), default=0) or 1
    table(
        ["TIME", "#LINES", "", "LEVELS"],
        (
            (
                iso(bucket["ts"]),
                amount(bucket["count"]),
                "█" * round(_BAR_CHARS * bucket["count"] / highest),
                _levels(bucket["levels"]),
            )
            for bucket in shown
        ),
    )
    click.echo(f"{amount(sum(bucket['count'] for bucket in shown))} lines")


def _levels(levels: Mapping[str, int]) -> str:
    ranked = sorted(levels.items(), key=lambda item: -item[1])
    return " ".join(f"{level or '-'}:{amount(count)}" for level, count in ranked)


def tell_stats(outcome: Mapping[str, Any]) -> None:
    """What was read, on standard error. `outcome` is as the API gives it."""
    click.echo(
        f"logkeep: {amount(outcome['objects'])} objects;"
        f" {amount(outcome['blocks_read'])} of {amount(outcome['blocks'])} blocks read,"
        f" {amount(outcome['blocks_ruled_out'])} ruled out;"
        f" {size(outcome['bytes_read'])} of {size(outcome['stored_bytes'])} read",
        err=True,
    )


def tell_damage(outcome: Mapping[str, Any]) -> None:
    """What could not be read, on standard error."""
    for one in outcome["damage"][:_DAMAGE_SHOWN]:
        reason, key = one["reason"], one["key"]
        where = "" if key in reason else f"{key}: "
        click.echo(f"logkeep: {where}{reason}", err=True)
    rest = outcome["problems"] - min(_DAMAGE_SHOWN, len(outcome["damage"]))
    if rest > 0:
        click.echo(f"logkeep: and {amount(rest)} problems more", err=True)
