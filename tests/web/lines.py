"""Accounts with lines of their own, for tests of the page of logs."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.e2e.server import Server

_NUMBERS = itertools.count(1)
BASE_MS = int(time.time() * 1000) // 60_000 * 60_000 - 30 * 60_000
"""Half an hour ago, at a full minute: lines of the tests begin here."""


def iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"


@dataclass(frozen=True)
class Account:
    server: Server
    name: str
    key: str

    def send(self, body: bytes, kind: str = "text/plain", **params: str) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        answer = self.server.http.post("/v1/ingest", content=body, headers=headers, params=params)
        assert answer.status_code == 200, answer.text
        assert answer.json()["refused"] == []

    def send_records(self, records: Iterable[dict[str, Any]]) -> None:
        """Lines with host, app, level and time each, as Mezmo's clients send them."""
        lines = [{"timestamp": BASE_MS, "line": "", **one} for one in records]
        answer = self.server.http.post(
            "/logs/ingest?hostname=nowhere",
            json={"lines": lines},
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert answer.status_code == 200, answer.text
        self.server.wait_until_indexed()

    def send_json(self, documents: Iterable[dict[str, Any]]) -> None:
        self.send("\n".join(map(json.dumps, documents)).encode(), "application/x-ndjson")
        self.server.wait_until_indexed()

    def send_texts(self, texts: Iterable[str], **params: str) -> None:
        self.send("\n".join(texts).encode(), **params)
        self.server.wait_until_indexed()

    def url(self, **params: str) -> str:
        named = {name.rstrip("_"): value for name, value in params.items()}
        return "/logs?" + "&".join(
            f"{name}={value}" for name, value in {"account": self.name, **named}.items()
        )


def new_account(server: Server) -> Account:
    """Without lines, for one test."""
    name = f"lines-{next(_NUMBERS)}"
    return Account(server, name, server.post("/v1/accounts", {"name": name, "archive": "none"})["ingest_key"])


def numbered(count: int, *, step_ms: int = 100) -> list[dict[str, Any]]:
    """So many lines, `line 0` the oldest; some errors, from three hosts."""
    return [
        {
            "line": f"line {n} of {count}",
            "timestamp": BASE_MS + n * step_ms,
            "level": "error" if n % 10 == 0 else "info",
            "host": f"web-{n % 3}",
            "app": "shop",
        }
        for n in range(count)
    ]
