"""An hour of 200 accounts closes: how long until all of it is archived, while lines of the next one come in.

The closed hour is put into the spool beforehand (closed_hour.py) and comes due some seconds after the start
of the server. From then on it seals and trims, and takes in and indexes what comes.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.closed_hour import LINES_A_PIECE, ClosedHour, fill
from bench.figures import Figure, main
from bench.process import cpu_s, forget_peak, peak_memory_mb
from logkeep.cli.client import Client
from logkeep.cli.local_server import local_server
from logkeep.timeline import Hour, hour_end, hour_start, iso

_ACCOUNTS, _SECONDS = 200, 3600
_QUICK_ACCOUNTS, _QUICK_SECONDS = 20, 60
_TO_START_S = 20  # server and client are at their pace when the hour comes due
_POLL_S = 1.0
_PATIENCE_S = 400.0

Status = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Closing:
    """What was seen while the hour closed."""

    took_s: float  # from due until all of it was archived
    trimmed_s: float  # from due until the spool held none of it any more
    cpu_s: float  # of the server, until it was archived
    peak_mb: float  # of the server, until it was archived
    trim_peak_mb: float  # until it was trimmed
    status: Status
    sent: Mapping[str, float]  # of the client, in all its time


def measure(quick: bool) -> Sequence[Figure]:
    accounts, seconds = (_QUICK_ACCOUNTS, _QUICK_SECONDS) if quick else (_ACCOUNTS, _SECONDS)
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
        filled = fill(Path(folder), accounts=accounts, seconds=seconds)
        closing = close(Path(folder), filled)
    archived = sum(row["archived_lines"] for row in closing.status["accounts"])
    if archived != filled.lines or closing.status["alarm"]:
        raise RuntimeError(f"{archived} of {filled.lines} lines were archived: {closing.status}")
    sent = closing.sent
    what = f"{accounts} accounts, an hour closing"
    return [
        Figure(
            name=f"{what}: all sealed",
            value=closing.took_s,
            unit="s",
            goal=60,
            at_most=True,
            note=f"{filled.lines:,} lines, {filled.raw_bytes / 1e9:.2f} GB raw in {filled.frames:,} frames "
            f"({filled.stored_bytes / 1e9:.2f} GB stored); trimmed after {closing.trimmed_s:.0f} s; "
            f"{filled.raw_bytes / 1e6 / closing.took_s:.0f} MB/s raw",
        ),
        Figure(name=f"{what}: CPU", value=closing.cpu_s, unit="CPU seconds", note="intake and indexing too"),
        Figure(
            name=f"{what}: server memory",
            value=closing.peak_mb,
            unit="MB",
            goal=1000,
            at_most=True,
            note=f"{closing.trim_peak_mb:.0f} MB until it was trimmed",
        ),
        Figure(
            name=f"{what}: intake meanwhile",
            value=sent["lines"] / sent["seconds"],
            unit="lines/s",
            goal=0.99 * accounts * LINES_A_PIECE,
            note=f"asked for {accounts * LINES_A_PIECE:,}; median {sent['median_ms']:.1f} ms, "
            f"p99 {sent['p99_ms']:.0f} ms a request of {LINES_A_PIECE} lines, "
            f"at most {sent['behind_s']:.1f} s late",
        ),
    ]


def close(data: Path, filled: ClosedHour) -> Closing:
    """Run a server on the data folder until it has archived the hour and trimmed it."""
    after = math.ceil(time.time() + _TO_START_S - hour_end(filled.hour) / 1000)
    due = hour_end(filled.hour) / 1000 + after
    with (
        local_server(data, {"LOGKEEP_SEAL_AFTER": f"{after}s"}) as server,
        server.admin() as client,
        _steady(client.url, filled.keys) as sending,
    ):
        if (early := due - time.time()) < 0:
            raise RuntimeError(f"the hour came due {-early:.1f} s before the server took in lines")
        time.sleep(early)
        before = cpu_s(server.pid)
        forget_peak(server.pid)
        _wait(client, lambda status: not _waits(status, filled.hour))
        took, used, peak = time.time() - due, cpu_s(server.pid) - before, peak_memory_mb(server.pid)
        status = _wait(client, lambda status: _holds_little_more_than_waits(status, filled))
        trimmed = time.time() - due
        trim_peak = peak_memory_mb(server.pid)
        sent = msgspec.json.decode(sending.communicate()[0])
    return Closing(
        took_s=took,
        trimmed_s=trimmed,
        cpu_s=used,
        peak_mb=peak,
        trim_peak_mb=trim_peak,
        status=status,
        sent=sent,
    )


@contextmanager
def _steady(url: str, keys: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A client that sends LINES_A_PIECE lines a second for each key. It is at it when the block begins."""
    command = [sys.executable, "-m", "bench.steady", url, f"--lines={LINES_A_PIECE}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sending:
        if sending.stdin is None or sending.stdout is None:
            raise RuntimeError("a client without pipes")
        print(*keys, "", sep="\n", file=sending.stdin, flush=True)
        sending.stdout.readline()
        yield sending


def _wait(client: Client, done: Callable[[Status], bool]) -> Status:
    end = time.monotonic() + _PATIENCE_S
    while True:
        status: Status = client.get("/v1/archive/status")
        if done(status):
            return status
        if time.monotonic() > end:
            raise TimeoutError("the hour does not close")
        time.sleep(_POLL_S)


def _waits(status: Status, hour: Hour) -> bool:
    name = iso(hour_start(hour))
    return any(open_["hour"] == name for row in status["accounts"] for open_ in row["open_hours"])


def _holds_little_more_than_waits(status: Status, filled: ClosedHour) -> bool:
    """Whether the archived hour is trimmed. What came meanwhile takes about as much space a line."""
    waiting = sum(row["waiting_lines"] for row in status["accounts"])
    of_waiting = waiting * filled.stored_bytes / filled.lines
    return bool(status["spool_bytes"] < 1.5 * of_waiting + filled.stored_bytes / 20)


if __name__ == "__main__":
    main(measure)
