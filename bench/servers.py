"""Servers with known content, each a real process with a temporary data folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.process import wait_quiet
from logkeep.cli.client import Client
from logkeep.cli.delivery import Delivery
from logkeep.cli.demo import requests_of
from logkeep.cli.local_server import LocalServer, local_server
from logkeep.timeline import Hour, hour_of

LINES = 2_400_000
QUICK_LINES = 40_000
HOURS = 24
_PAUSE_S = 0.02
_WAIT_S = 300.0
# Nothing is sealed before a benchmark asks for it.
_SETTINGS = {"LOGKEEP_SEAL_AFTER": "30d"}


@contextmanager
def fresh_server() -> Iterator[LocalServer]:
    with (
        tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder,
        local_server(Path(folder), _SETTINGS) as server,
    ):
        yield server


@contextmanager
def archived_server(lines: int, *, restart: bool = True) -> Iterator[LocalServer]:
    """A server whose lines of 24 hours are all archived and indexed; started anew after that, so that
    its memory tells of what comes now."""
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
        with local_server(Path(folder), _SETTINGS) as server:
            send_sample(server, lines)
            with server.admin() as client:
                wait_indexed(client)
                client.post("/v1/archive/seal", {"now": True})
            if not restart:
                yield server
                return
        with local_server(Path(folder), _SETTINGS) as server:
            wait_quiet(server.pid)
            yield server


def first_hour() -> Hour:
    return Hour(hour_of(int(time.time() * 1000)) - HOURS)


def send_sample(server: LocalServer, lines: int) -> None:
    with server.sender() as sender:
        Delivery(sender, patience_s=60).deliver(requests_of(lines, first_hour(), HOURS))


def wait_indexed(client: Client) -> float:
    """Seconds until the live search held everything that was acknowledged."""
    began = time.monotonic()
    while client.get("/v1/archive/status")["index_lag_frames"]:
        if time.monotonic() - began > _WAIT_S:
            raise TimeoutError("the index does not catch up")
        time.sleep(_PAUSE_S)
    return time.monotonic() - began


def restore_all(client: Client) -> dict[str, Any]:
    """Restores everything and returns when it is ACTIVE."""
    request = {"name": "bench", "from": "-26h", "to": "now", "query": "", "account": "main"}
    return wait_restored(client, client.post("/v1/restores", request))


def wait_restored(client: Client, restored: dict[str, Any], *, state: str = "ACTIVE") -> dict[str, Any]:
    """The restore when it has come to this state."""
    while restored["state"] == "IN_PROGRESS":
        time.sleep(_PAUSE_S)
        restored = client.get(f"/v1/restores/{restored['id']}")
    if restored["state"] != state:
        raise RuntimeError(f"the restore ended {restored['state']}: {restored['error']}")
    return restored


def module(name: str, *arguments: str) -> dict[str, Any]:
    """The JSON object that `python -m name` prints."""
    done = subprocess.run([sys.executable, "-m", name, *arguments], stdout=subprocess.PIPE, check=True)
    document: dict[str, Any] = msgspec.json.decode(done.stdout)
    return document
