"""A server to furnish, the servers of buckets beside it, and requests to its API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.timeline import Hour, hour_start, iso
from tests.contract.azure_servers import Azurite
from tests.e2e.server import Server


@dataclass(frozen=True)
class Buckets:
    """Where buckets are beside the folders: moto's S3, and Azurite."""

    s3: str
    azure: Azurite


@dataclass(frozen=True)
class Site:
    server: Server
    buckets: Buckets
    now: Hour  # the hour that everything counts from; it is not over

    def at(self, hours_back: int, minutes: int = 0) -> str:
        """The time so many hours before this one began."""
        return iso(hour_start(Hour(self.now - hours_back)) + minutes * 60_000)

    def span(self, hours_back: int, hours: int) -> dict[str, str]:
        return {"from": self.at(hours_back), "to": self.at(hours_back - hours)}

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        return self.server.get(path, **params)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        return self.server.post(path, body)

    def change(self, method: str, path: str, **body: object) -> dict[str, Any]:
        response = self.server.http.request(method, path, json=body)
        assert response.status_code in (200, 201), f"{method} {path}: {response.text}"
        changed: dict[str, Any] = response.json()
        return changed

    def send(
        self,
        key: str,
        content: bytes,
        kind: str = "application/x-ndjson",
        path: str = "/v1/ingest",
        **params: str,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
        response = self.server.http.post(path, content=content, headers=headers, params=params)
        assert response.status_code == 200, response.text

    def send_lines(self, key: str, lines: Sequence[str], **params: str) -> None:
        self.send(key, "\n".join(lines).encode(), **params)

    def seal(self, account: str) -> None:
        """Write what waits for the account's archives; those that cannot be written to keep it."""
        self.post("/v1/archive/seal", account=account, now=True)


Ids = Mapping[str, str]
