"""A real server process for tests: started, killed, started again on the same data folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

T = TypeVar("T")
DEADLINE_S = 60.0


def eventually(probe: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first true result of `probe`, asked again and again; fails when the deadline passes."""
    end = time.monotonic() + deadline_s
    while not (result := probe()):
        assert time.monotonic() < end, f"waited {deadline_s} s in vain for: {what}"
        time.sleep(0.02)
    return result


class Server:
    """`logkeep serve` in a process of its own, on a free port."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.settings = {"LOGKEEP_MIN_FREE_BYTES": "0"} | {
            f"LOGKEEP_{name.upper()}": value for name, value in settings.items()
        }
        self.process: subprocess.Popen[str] | None = None
        self.first_start: dict[str, str] = {}
        self.http = httpx.Client(timeout=60)

    def start(self, *, crash_at: str = "", port: int = 0) -> Server:
        environment = {name: text for name, text in os.environ.items() if not name.startswith("LOGKEEP_")}
        environment |= self.settings
        if crash_at:
            environment["LOGKEEP_CRASH_AT"] = crash_at
        command = [sys.executable, "-m", "logkeep.cli.main", "serve"]
        self.process = subprocess.Popen(
            [*command, "--data", str(self.data), "--port", str(port)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("logkeep listens on "):
            assert crash_at, f"the server did not start: {line!r}"
            self.process.wait(DEADLINE_S)
            return self
        self.first_start = json.loads((self.data / "first-start.json").read_text())
        self.http.close()
        self.http = httpx.Client(
            base_url=self.first_start["url"],
            timeout=60,
            headers={"Authorization": f"Bearer {self.first_start['admin_token']}"},
        )
        return self

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.first_start['ingest_key']}"}

    def start_again(self) -> Server:
        """Where it was before, so that who knows the URL finds it."""
        return self.start(port=urlsplit(self.first_start["url"]).port or 0)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask it to stop, and see that it does so in order."""
        if self.process is None:
            return
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(DEADLINE_S) == 0
        self._forget()

    def kill(self) -> None:
        if self.process is not None and self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait(DEADLINE_S)
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        self.http.close()

    def send(self, lines: list[str], *, key: str = "", **params: str) -> httpx.Response:
        headers = self.key | {"Content-Type": "application/x-ndjson"}
        if key:
            headers["Idempotency-Key"] = key
        body = "\n".join(lines).encode()
        return self.http.post("/v1/ingest", content=body, headers=headers, params=params)

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        response = self.http.get(path, params=params)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        assert response.status_code in (200, 201), response.text
        found: dict[str, Any] = response.json()
        return found

    def wait_until_indexed(self) -> None:
        eventually(lambda: self.get("/v1/archive/status")["index_lag_frames"] == 0, "the index to catch up")

    def seal(self) -> list[dict[str, Any]]:
        sealed: list[dict[str, Any]] = self.post("/v1/archive/seal", {"now": True})["sealed"]
        return sealed

    def lines(self, account: str = "main", query: str = "") -> list[str]:
        """Every `_line` that a search finds, page by page."""
        found: list[str] = []
        cursor = ""
        while True:
            page = self.get("/v1/search", account=account, query=query, limit=10_000, cursor=cursor)
            found += [record["_line"] for record in page["records"]]
            if page["cursor"] is None:
                return found
            cursor = page["cursor"]

    def restore(self, **wanted: object) -> dict[str, Any]:
        """Ask for a restore and wait until it is no longer IN_PROGRESS."""
        restore = self.post("/v1/restores", wanted)
        return self.wait_for_restore(restore["id"])

    def wait_for_restore(self, restore_id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any]:
            found = self.get(f"/v1/restores/{restore_id}")
            return found if found["state"] != "IN_PROGRESS" else {}

        return eventually(ended, f"restore {restore_id} to end")


def archived_lines(data: Path) -> list[str]:
    """Every `_line` in the folder archive, as `zcat` and a JSON parser see them."""
    objects = sorted((data / "archive").rglob("*.json.gz"))
    found: list[str] = []
    for path in objects:
        text = subprocess.run(["zcat", str(path)], capture_output=True, check=True).stdout
        found += [json.loads(line)["_line"] for line in text.splitlines()]
    return found
