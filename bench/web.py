"""The web app with ten million lines in live search: times and sizes of pages, the list of lines in Chromium.

Needs Chromium, which is started as the tests of the web app start it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tests.web.chromium import chromium, new_context, program

from bench.figures import Figure, main
from bench.process import wait_quiet
from bench.servers import QUICK_LINES, first_hour, send_sample, wait_indexed, wait_restored
from bench.web_browser import browser_figures
from bench.web_pages import signed_in, time_pages, worst
from bench.web_urls import pages_of
from logkeep.cli.client import Client
from logkeep.cli.local_server import LocalServer, local_server
from logkeep.timeline import HOUR_MS, hour_start, iso

LINES = 10_000_000
_SCROLLED = 50_000
_SETTINGS = {"LOGKEEP_SEAL_AFTER": "30d"}
_NAME, _PASSWORD = "ada", "seven brown sheep under the bridge"
_PIPELINE: Mapping[str, Any] = {
    "sources": [{"type": "http", "name": "in"}, {"type": "restoration", "name": "back"}],
    "processors": [{"type": "parse-json"}, {"type": "filter", "query": "NOT level:debug"}],
    "destinations": [{"type": "file", "path": "out.ndjson"}],
}


def measure(quick: bool) -> Sequence[Figure]:
    path = program()
    if path is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
        with local_server(Path(folder), _SETTINGS) as server:
            urls = _fill(server, QUICK_LINES if quick else LINES)
        with local_server(Path(folder), _SETTINGS) as server, server.admin() as admin:
            wait_quiet(server.pid)
            with closing(signed_in(admin.url, _NAME, _PASSWORD)) as client:
                pages = time_pages(client, urls)
                seen = _in_chromium(path, admin.url, client, quick=quick)
    return [*worst(pages), *(page.figure() for page in pages), *seen]


def _fill(server: LocalServer, lines: int) -> Mapping[str, str]:
    """Lines of 24 hours, archived, an hour of them restored, a pipeline, a rule. The pages by their names."""
    send_sample(server, lines)
    with server.admin() as client:
        wait_indexed(client)
        client.post("/v1/archive/seal", {"now": True})
        user = client.post("/v1/users", {"name": _NAME, "role": "admin", "password": _PASSWORD})
        _put(client, "/v1/pipelines/shop", _PIPELINE)
        rule = client.post("/v1/accounts/main/rules", {"title": "Kernel", "apps": ["kernel"]})
        start = hour_start(first_hour()) + 12 * HOUR_MS
        wanted = {"name": "bench", "from": iso(start), "to": iso(start + HOUR_MS)}
        restore = wait_restored(client, client.post("/v1/restores", wanted))
        sent = client.post("/v1/restores", {**wanted, "pipeline": {"id": "shop"}, "limit_lines": 1_000})
        wait_restored(client, sent, state="DONE")
        wait_quiet(server.pid)
        ids = {
            "user": user["id"],
            "rule": rule["id"],
            "restore": restore["id"],
            "sent": sent["id"],
            "restored": restore["account"],
        }
        return pages_of(client, ids, start)


def _put(client: Client, path: str, document: Mapping[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    client.request("PUT", path, content=msgspec.json.encode(document), headers=headers)


def _in_chromium(path: str, url: str, client: httpx.Client, *, quick: bool) -> Sequence[Figure]:
    with chromium(path) as browser:
        context = new_context(browser, url)
        context.add_cookies(
            [{"name": one.name, "value": one.value or "", "url": url} for one in client.cookies.jar]
        )
        return browser_figures(
            context.new_page(), lines=2_000 if quick else _SCROLLED, seconds=5 if quick else 120
        )


if __name__ == "__main__":
    main(measure)
