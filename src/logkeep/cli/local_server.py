"""A server of our own in a process of its own, on a free port, for as long as a `with` block."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logkeep.cli.access import FIRST_START, admin_access, ingest_access
from logkeep.cli.client import Client
from logkeep.cli.unreachable import Unreachable
from logkeep.errors import LogkeepError

_READY_S = 60.0
_STOP_S = 60.0
_PAUSE_S = 0.02


@dataclass(frozen=True, kw_only=True)
class LocalServer:
    """A server that answers. `ready_s` is how long it took to."""

    data: Path
    pid: int
    ready_s: float

    @property
    def archive(self) -> Path:
        return self.data / "archive"

    def admin(self) -> Client:
        return Client(admin_access(data=self.data))

    def sender(self, *, connections: int = 4) -> Client:
        return Client(ingest_access(data=self.data), connections=connections)


@contextmanager
def local_server(data: Path, settings: Mapping[str, str] | None = None) -> Iterator[LocalServer]:
    """Starts `logkeep serve` on `data` and stops it. Raises Unreachable when it does not come up; its
    output is in `data/server.log`."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "logkeep.cli.main", "serve", "--data", str(data), "--port", "0"],
            env=_without_settings(os.environ) | dict(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield LocalServer(data=data, pid=process.pid, ready_s=_wait_ready(process, data, log))
    finally:
        _stop(process)


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's LOGKEEP_ variables are for the user's own server."""
    return {name: value for name, value in environ.items() if not name.startswith("LOGKEEP_")}


def _wait_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> float:
    started = time.monotonic()
    while time.monotonic() - started < _READY_S:
        if process.poll() is not None:
            raise Unreachable(
                f"the server ended with code {process.returncode}: {_tail(log)}", hint=f"see {log}"
            )
        if _answers(data):
            return time.monotonic() - started
        time.sleep(_PAUSE_S)
    raise Unreachable(f"the server did not answer within {_READY_S:.0f} s: {_tail(log)}", hint=f"see {log}")


def _answers(data: Path) -> bool:
    if not (data / FIRST_START).exists():
        return False
    try:
        with Client(admin_access(data=data)) as client:
            return client.get("/healthz") is not None
    except LogkeepError:
        return False


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-5:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
