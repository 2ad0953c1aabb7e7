"""Searches of an archive where it lies, at the command line: a rare word, the newest lines of a common one,
and a count that has to look at every line, against chDB straight over the objects, in turns.

What a command takes to start is measured by searches of an empty folder, in turns with the others, and
taken off the first two.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, main, median_ms
from bench.servers import LINES, QUICK_LINES, archived_server

_ROUNDS = 9
_SCANS = 3
_COMMON = "failed"
_HARD = "status:>=500"  # is asked of every line that is JSON: no word of it can be looked for
_PHRASE = '"order placed"'
_PARCEL = re.compile(rb"of parcel (\d{6}) ")
_BYTES = re.compile(rb"; ([0-9.]+) ([kMG]?B) of ([0-9.]+) ([kMG]?B) read")
_UNITS = {b"B": 1, b"kB": 1e3, b"MB": 1e6, b"GB": 1e9}

# The same count by the engine alone, in a process of its own as well.
_CHDB = """
import sys, chdb
from logkeep.index.columns import READ_STRUCTURE
from logkeep.index.engine import ChdbEngine
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from pathlib import Path
condition = compile_sql(parse(sys.argv[1]))
engine = ChdbEngine(Path(sys.argv[3]))
source = f"file('{sys.argv[2]}/year=*/**/*.json.gz', JSONEachRow, '{READ_STRUCTURE}')"
settings = "SETTINGS max_threads = 2, use_hive_partitioning = 0"
counted = engine.rows(f"SELECT count() AS n FROM {source} WHERE {condition.sql} {settings}", condition.params)
print(counted[0]["n"])
"""


@dataclass(frozen=True, kw_only=True)
class _Done:
    seconds: float
    peak_mb: float
    output: bytes
    told: bytes  # on standard error


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    with archived_server(lines) as server, tempfile.TemporaryDirectory(prefix="logkeep-bench-") as empty:
        return figures(server.archive, Path(empty), lines)


def figures(archive: Path, empty: Path, lines: int) -> list[Figure]:
    rare = _rare_word(archive)
    start: list[_Done] = []
    word: list[_Done] = []
    newest: list[_Done] = []
    for _ in range(_ROUNDS):
        start.append(_grep("word", empty))
        word.append(_grep(rare, archive, "--stats"))
        newest.append(_grep(_COMMON, archive, "--newest", "--limit", "100"))
    start_ms = _median_ms(start)
    found = f"{rare!r}: {len(word[0].output.splitlines())} of {lines:,} lines"
    return [
        Figure(
            name="in place: a rare word",
            value=_median_ms(word) - start_ms,
            unit="ms",
            goal=150,
            at_most=True,
            note=f"{found}; beyond {start_ms:.0f} ms to start; median of {_ROUNDS}",
        ),
        Figure(
            name="in place: stored bytes read for it",
            value=100 * _share_read(word[0].told),
            unit="%",
            goal=10,
            at_most=True,
            note="filters included",
        ),
        Figure(
            name="in place: a common word's newest 100",
            value=_median_ms(newest) - start_ms,
            unit="ms",
            goal=150,
            at_most=True,
            note=f"{_COMMON!r}; median of {_ROUNDS}",
        ),
        _full_scan("a condition", _HARD, archive, empty),
        _full_scan("a phrase", _PHRASE, archive, empty),
    ]


def _full_scan(what: str, query: str, archive: Path, empty: Path) -> Figure:
    ours: list[_Done] = []
    theirs: list[_Done] = []
    for number in range(_SCANS):
        theirs.append(_run("-c", _CHDB, query, str(archive), str(empty / f"engine-{number}")))
        ours.append(_grep(query, archive, "--count"))
        if ours[-1].output != theirs[-1].output:
            raise RuntimeError("logkeep grep and chDB do not count the same")
    chdb_s = _median_ms(theirs) / 1000
    peak_mb = max(one.peak_mb for one in ours)
    return Figure(
        name=f"in place: full scan for {what}",
        value=_median_ms(ours) / 1000,
        unit="s",
        goal=1.15 * chdb_s,
        at_most=True,
        note=f"{query}; chDB over the objects: {chdb_s:.2f} s; memory {peak_mb:.0f} MB",
    )


def _median_ms(runs: Sequence[_Done]) -> float:
    return median_ms([one.seconds for one in runs])


def _rare_word(archive: Path) -> str:
    """The number of a parcel: one of a million."""
    found = _PARCEL.search(_grep("parcel took", archive, "--limit", "100").output)
    if found is None:
        raise RuntimeError("the sample has no parcels")
    return found[1].decode()


def _share_read(told: bytes) -> float:
    found = _BYTES.search(told)
    if found is None:
        raise RuntimeError(f"these are no stats: {told!r}")
    read, unit, stored, stored_unit = found.groups()
    return float(read) * _UNITS[unit] / (float(stored) * _UNITS[stored_unit])


def _grep(query: str, folder: Path, *options: str) -> _Done:
    return _run("-m", "logkeep.cli.main", "grep", query, str(folder), *options)


def _run(*arguments: str) -> _Done:
    """A Python process; the kernel tells its memory when it has ended."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as told:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=told)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        told.seek(0)
        done = _Done(seconds=seconds, peak_mb=usage.ru_maxrss / 1024, output=output.read(), told=told.read())
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{arguments} ended with {process.returncode}: {done.told!r}")
    return done


if __name__ == "__main__":
    main(measure)
