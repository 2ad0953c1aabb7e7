"""Accounts, their keys and rules, and the lines that are sent to them."""

from __future__ import annotations

import json

from logkeep.timeline import Hour
from tests.web.furnishing import hostile, usual
from tests.web.furnishing.site import Site

TEXT = "text/plain; charset=utf-8"
# Hours before now.
LATE_AT = (30, 31, 32)


def make_accounts(site: Site) -> dict[str, str]:
    """The ingest keys of all accounts."""
    keys = {"main": site.server.first_start["ingest_key"]}
    site.change("PATCH", "/v1/accounts/main", title="Web shop", match="all")
    wanted: list[dict[str, object]] = [
        {"name": "team-a", "title": "Team A: parcels & returns", "parent": "main"},
        {"name": "acme", "title": "Acme <b>GmbH</b>", "retention": "14d"},
        {"name": "closed", "title": "Former customer", "archive": "none"},
    ]
    for body in wanted:
        keys[str(body["name"])] = site.post("/v1/accounts", **body)["ingest_key"]
    site.change("PATCH", "/v1/accounts/closed", suspended=True)
    for name in ("rsyslog on web-1", "collector of the cluster"):
        site.post("/v1/accounts/main/keys", name=name)
    lost = site.post("/v1/accounts/main/keys", name="laptop that was lost")
    site.change("DELETE", f"/v1/keys/{lost['id']}")
    return keys


def make_rules(site: Site) -> None:
    """Made before the lines come, so that they have something to count."""
    rules: list[dict[str, object]] = [
        {"title": "Kernel's dropped packets", "apps": ["kernel"], "query": "dropped"},
        {"title": "Debug of the catalogue", "apps": ["catalogue"], "query": "level:debug", "live_tail": True},
        {
            "title": "Health checks <script>",
            "hosts": ["web-0", "web-\u202e1"],
            "query": "healthz",
            "active": False,
        },
    ]
    for rule in rules:
        site.post("/v1/accounts/main/rules", **rule)


def make_others(site: Site, people: dict[str, str]) -> str:
    """Users who do not sign in in the tests, and tokens of those who do. The link that invites one."""
    invited = site.post("/v1/users", name="petra@example.org", role="member", accounts=["team-a"])
    former = site.post("/v1/users", name="otto <i>left</i>", role="admin", password="a cold day at the pier")
    site.change("PATCH", f"/v1/users/{former['id']}", disabled=True)
    for name, scope, expires in (("nightly report", "read-only", "90d"), ("restore by hand", "member", "1d")):
        site.post(f"/v1/tokens?user={people['max']}", name=name, scope=scope, expires=expires)
    site.post(f"/v1/tokens?user={people['ada']}", name="<script>", scope="admin")
    site.post("/v1/admin-tokens", name="deployment")
    return str(invited["link"])


def send_past(site: Site, keys: dict[str, str]) -> None:
    """Lines of the hours that are over."""
    for body in usual.bodies_before(site.now):
        site.send(keys["main"], body.data, body.content_type, body.path, **body.params)
    for back in (1, 6, 26, 50):
        hour = Hour(site.now - back)
        site.send_lines(keys["main"], usual.nested(hour))
        traces = json.dumps({"lines": usual.stack_traces(hour)}).encode()
        site.send(
            keys["main"], traces, "application/json", "/logs/ingest", hostname="work-1", tags="java,depot"
        )
        site.send_lines(keys["acme"], usual.nested(hour))
        site.send_lines(keys["team-a"], usual.nested(hour), host="parcels-1")
    _send_hostile(site, keys["main"])


def _send_hostile(site: Site, key: str) -> None:
    where = {"host": hostile.HOST, "app": hostile.APP}
    # Neither says when it happened, so they are of now.
    site.send(key, b"\n".join(hostile.LINES), TEXT, **where, level="warn", tag="<i>tag</i>")
    site.send(key, b"\n".join(hostile.JSON_LINES), **where)


def send_late(site: Site, keys: dict[str, str]) -> None:
    """Lines of hours that are sealed already."""
    for back in LATE_AT:
        site.send_lines(keys["main"], usual.nested(Hour(site.now - back)), env="late")


def send_now(site: Site, keys: dict[str, str]) -> None:
    """Lines of the hour that is not over: they wait for its end."""
    lines = [json.dumps({"message": f"heartbeat {n}", "level": "info"}) for n in range(25)]
    for account in ("main", "acme", "team-a"):
        site.send_lines(keys[account], lines, host="pulse-1", app="pulse")
