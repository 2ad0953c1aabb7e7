"""Where each page of the site is, on a server that `bench.web` has filled."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from tests.web.pages import page_routes

from logkeep.cli.client import Client
from logkeep.timeline import HOUR_MS, iso

_LETTERS = "/pipelines/shop/destinations/file/dead-letters"


def pages_of(client: Client, ids: Mapping[str, str], start: int) -> Mapping[str, str]:
    """A URL of every page for those who are signed in, by its route. `start` begins an hour that was
    restored. Raises LookupError for a page that is not known here."""
    day, hour = iso(start)[:10], iso(start)[11:13]
    (record,) = client.get("/v1/search", account="main", query="failed", limit=1)["records"]
    (stored,) = client.get("/v1/archive/objects", **{"from": iso(start), "to": iso(start + HOUR_MS)})[
        "objects"
    ]
    chosen = {
        "/logs": "/logs?from=-26h",
        "/logs/line": f"/logs/line?account=main&ts={record['_ts']}&id={record['_lid']}",
        "/archiving/browse/{archive}": "/archiving/browse/main",
        "/archiving/browse/{archive}/{day}": f"/archiving/browse/main/{day}",
        "/archiving/browse/{archive}/{day}/{hour}": f"/archiving/browse/main/{day}/{hour}",
        "/archiving/browse/{archive}/object": f"/archiving/browse/main/object?key={quote(stored['key'])}",
        "/pipelines/{id}/versions/{version}": "/pipelines/shop/versions/1",
        "/pipelines/{id}/destinations/{destination}/dead-letters": _LETTERS,
        "/settings/accounts/{id}/rules/{rule}": f"/settings/accounts/main/rules/{ids['rule']}",
    }
    of = {
        "/pipelines/{id}": "shop",
        "/settings/accounts/{id}": "main",
        "/settings/users/{id}": ids["user"],
        "/archiving/settings/{archive}": "main",
        "/archiving/restore/{id}": ids["restore"],
        "/archiving/pipeline-restoration/{id}": ids["sent"],
    }
    pages: dict[str, str] = {}
    for route in page_routes():
        named = (
            path.rpartition("{")[0] + of[path] + route.removeprefix(path)
            for path in of
            if route.startswith(path)
        )
        url = chosen.get(route) or next(named, route)
        if url != "/sign-in" and "{token}" not in url:  # pages of those who are not signed in
            pages[route] = url
    unknown = [route for route, url in pages.items() if "{" in url]
    if unknown:
        raise LookupError(f"which {', '.join(unknown)} to open is not known")
    pages["/logs, a word"] = "/logs?from=-26h&query=parcel"
    pages["/logs, a phrase and top values"] = "/logs?from=-26h&query=%22order+placed%22&top=app"
    pages["/logs, a field of JSON"] = "/logs?from=-26h&query=status%3A%3E%3D500&top=status"
    pages["/logs, a restored account"] = f"/logs?account={ids['restored']}"
    return pages
