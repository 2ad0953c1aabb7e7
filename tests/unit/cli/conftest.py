from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .recording_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.http.shutdown()
        running.http.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "TOKEN", "KEY", "DATA"):
        monkeypatch.delenv(f"LOGKEEP_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
