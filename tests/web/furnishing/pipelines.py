"""Pipelines with many parts, and events that went through them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.server import eventually
from tests.web.furnishing.site import Site

# A port where nobody listens.
NOWHERE = "http://127.0.0.1:9/"


def make_pipelines(site: Site, folder: Path) -> None:
    _put(site, "shop", _shop(folder, title="Web shop"))
    _put(site, "shop", _shop(folder, title="Web shop, cleaned"))
    _put(site, "replay", _replay())
    _put(site, "copies", _copies())
    _put(site, "acme-clean", _acme())
    _feed(site, "shop", _events(site))
    _feed(site, "acme-clean", b"password=hunter2\nlogin of eve, password=hunter2\npassword=12345\n")
    eventually(lambda: _settled(site), "the events to be delivered")


def _feed(site: Site, name: str, content: bytes) -> None:
    key = site.post(f"/v1/pipelines/{name}/sources/in/key")["key"]
    kind = "application/x-ndjson" if content.startswith(b"{") else "text/plain"
    site.send(key, content, kind, f"/v1/pipelines/{name}/ingest")


def _events(site: Site) -> bytes:
    lines = [
        {
            "at": site.at(5, minutes=number)[:19].replace("T", " "),
            "level": "error" if number % 7 == 0 else ("debug" if number % 5 == 0 else "info"),
            "status": 500 if number % 7 == 0 else 200,
            "user": f"bob{number % 9}@example.org",
            "card": "4111 1111 1111 1111",
            "items": [{"sku": number}, {"sku": number + 1}],
        }
        for number in range(60)
    ]
    return "\n".join(map(json.dumps, lines)).encode()


def _settled(site: Site) -> bool:
    """Whether nothing is on its way but what waits for the receiver that is away."""
    ends = [
        one
        for name in ("shop", "acme-clean")
        for one in site.get(f"/v1/pipelines/{name}")["status"]["destinations"]
    ]
    return all((one["waiting"]["events"] == 0) == (one["name"] != "away") for one in ends)


def _put(site: Site, name: str, body: dict[str, Any]) -> None:
    site.change("PUT", f"/v1/pipelines/{name}", **body)


def _shop(folder: Path, title: str) -> dict[str, Any]:
    return {
        "title": title,
        "sources": [
            {"type": "http", "name": "in", "title": "Storefront"},
            {"type": "restoration", "name": "back", "title": "Replay of the shop"},
        ],
        "processors": [
            {"type": "parse-json"},
            {"type": "parse-timestamp", "field": "meta.at", "formats": ["%Y-%m-%d %H:%M:%S"]},
            {"type": "filter", "query": "NOT level:debug"},
            {"type": "redact", "patterns": ["email", "card"]},
            {"type": "rename", "field": "meta.user", "to": "meta.customer"},
            {"type": "set", "field": "env", "value": "production"},
            {"type": "dedupe", "window": "1m"},
        ],
        "destinations": [
            {
                "type": "archive",
                "name": "kept",
                "provider": "folder",
                "options": {"path": str(folder / "shop")},
                "title": "Clean events of the shop",
            },
            {"type": "file", "name": "failed", "path": "shop-failed.ndjson", "query": "meta.status:>=500"},
            {"type": "http", "name": "away", "url": NOWHERE, "secrets": {"token": "not-a-real-token"}},
        ],
    }


def _replay() -> dict[str, Any]:
    return {
        "title": "Archived lines, once more",
        "sources": [{"type": "restoration", "name": "back", "title": "Replay into a file"}],
        "processors": [{"type": "sample", "rate": 0.5}],
        "destinations": [{"type": "file", "path": "replayed.ndjson"}],
    }


def _copies() -> dict[str, Any]:
    return {
        "title": "What team A sends",
        "sources": [{"type": "account", "account": "team-a", "query": "level:error"}],
        "destinations": [{"type": "file", "path": "team-a-errors.ndjson"}],
    }


def _acme() -> dict[str, Any]:
    return {
        "title": "Acme's own",
        "account": "acme",
        "sources": [{"type": "http", "name": "in"}],
        # What is nothing but a password has no text afterwards, and becomes a dead letter.
        "processors": [{"type": "redact", "patterns": [], "regex": [r"password=\S+"], "replacement": ""}],
        "destinations": [{"type": "account", "account": "acme"}],
    }
