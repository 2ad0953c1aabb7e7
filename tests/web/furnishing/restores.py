"""Restores in every state, in the order in which somebody might have asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.server import eventually
from tests.web.furnishing.site import Site

_ENDED = frozenset({"ACTIVE", "DONE", "FAILED", "ABORTED", "DELETED", "EXPIRED", "PAUSED", "THAWING"})


def make_restores(site: Site, folder: Path) -> dict[str, str]:
    """The ids of restores by their names."""
    everything = {"archive": "main", **site.span(80, 78)}
    made = {
        "incident 7": _run(
            site, "incident 7", reason="INC-7: orders were refused", query="level:error", **everything
        ),
        "checkout by night": _run(site, "checkout by night", archive="checkout", **site.span(60, 50)),
        "first hundred": _run(site, "first hundred", limit_lines=100, on_limit="keep", **everything),
        "asks at its limit": _run(site, "asks at its limit", limit_lines=150, on_limit="ask", **everything),
        "over a spoiled object": _run(site, "over a spoiled object", archive="errors", **site.span(80, 80)),
        "what can be read": _run(
            site, "what can be read", archive="errors", skip_damaged=True, reason="audit", **site.span(80, 80)
        ),
        "from Datadog": _run(site, "from Datadog", archive="old-datadog", **site.span(49, 3)),
        "files for the auditor": _run(site, "files for the auditor", files=_files(folder), **everything),
        "replayed": _run(site, "replayed", pipeline={"id": "replay"}, **everything),
        "<script>alert(1)</script>": _run(
            site, "<script>alert(1)</script>", query='"<b>bold</b>"', reason="</td><b>why</b>", **everything
        ),
    }
    for name, keep in (("given up", False), ("given up, and kept", True)):
        made[name] = _run(site, name, limit_lines=60, on_limit="ask", **everything)
        site.post(f"/v1/restores/{made[name]}/abort", keep=keep)
        _ended(site, made[name], but="PAUSED")
    made["gone again"] = _run(site, "gone again", query="level:warn", **everything)
    site.change("DELETE", f"/v1/restores/{made['gone again']}")
    made["team A"] = _run(site, "team A", account="team-a", **site.span(80, 80))
    made["acme's"] = _run(site, "acme's", account="acme", **site.span(80, 80))
    made["slowly into the shop"] = _begin(
        site, "slowly into the shop", pipeline={"id": "shop", "source": "back"}, rate=2, **everything
    )
    return made


def _files(folder: Path) -> Mapping[str, object]:
    return {"provider": "folder", "options": {"path": str(folder / "files")}, "format": "ndjson.gz"}


def _begin(site: Site, name: str, **wanted: object) -> str:
    return str(site.post("/v1/restores", name=name, **wanted)["id"])


def _run(site: Site, name: str, **wanted: object) -> str:
    restore = _begin(site, name, **wanted)
    _ended(site, restore)
    return restore


def _ended(site: Site, restore: str, *, but: str = "") -> dict[str, Any]:
    """Wait until it is in a state in which it stays; `but` is the one that it has to leave."""

    def now() -> dict[str, Any]:
        found = site.get(f"/v1/restores/{restore}")
        return found if found["state"] in _ENDED - {but} else {}

    return eventually(now, f"restore {restore} to end")
