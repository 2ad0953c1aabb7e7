"""`logkeep grep` on the folder against two parallel zgrep, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.figures import Figure, main
from bench.servers import LINES, QUICK_LINES, archived_server

_ROUNDS = 5
_PHRASE = "order placed"


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    ours: list[float] = []
    theirs: list[float] = []
    with archived_server(lines) as server:
        for _ in range(_ROUNDS):
            found = _timed(theirs, lambda: _zgrep(server.archive))
            if _timed(ours, lambda: _grep(server.archive)) != found:
                raise RuntimeError("logkeep grep and zgrep do not find the same")
    zgrep = statistics.median(theirs)
    return [
        Figure(
            name="grep a phrase in the folder",
            value=statistics.median(ours),
            unit="s",
            goal=zgrep,
            at_most=True,
            note=f"median of {_ROUNDS}; two parallel zgrep: {zgrep:.2f} s; {found:,} of {lines:,} lines",
        )
    ]


def _timed(times: list[float], run: Callable[[], int]) -> int:
    began = time.perf_counter()
    found = run()
    times.append(time.perf_counter() - began)
    return found


def _grep(folder: Path) -> int:
    command = [sys.executable, "-m", "logkeep.cli.main", "grep", "--count", f'"{_PHRASE}"', str(folder)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def _zgrep(folder: Path) -> int:
    names = b"\0".join(bytes(path) for path in sorted(folder.glob("year=*/**/*.json.gz")))
    done = subprocess.run(
        ["xargs", "-0", "-P2", "-n12", "zgrep", "-c", _PHRASE],
        input=names,
        stdout=subprocess.PIPE,
        check=True,
    )
    return sum(int(line.rpartition(b":")[2]) for line in done.stdout.split())


if __name__ == "__main__":
    main(measure)
