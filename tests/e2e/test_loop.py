"""The whole loop through the API of a real server: send, search, seal, restore."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from tests.e2e.server import Server, archived_lines, eventually

DAY = "year=2026/month=04/day=05"


def line(hour: int, minute: int, text: str, **fields: str) -> str:
    extra = "".join(f',"{name}":"{value}"' for name, value in fields.items())
    return f'{{"time":"2026-04-05T{hour:02d}:{minute:02d}:00Z","msg":"{text}"{extra}}}'


def test_late_lines_go_to_numbered_objects_and_none_is_ever_rewritten(
    make_server: Callable[..., Server],
) -> None:
    server = make_server().start()
    server.send([line(7, 1, "on time"), line(8, 1, "next hour")])
    assert [one["key"] for one in server.seal()] == [
        f"{DAY}/main.2026-04-05.0700.json.gz",
        f"{DAY}/main.2026-04-05.0800.json.gz",
    ]
    first = (server.data / "archive" / DAY / "main.2026-04-05.0700.json.gz").read_bytes()
    for number in (1, 2):
        server.send([line(7, 2, f"late {number}")])
        assert [one["key"] for one in server.seal()] == [f"{DAY}/main.2026-04-05.0700.{number}.json.gz"]
    assert (server.data / "archive" / DAY / "main.2026-04-05.0700.json.gz").read_bytes() == first
    assert len(archived_lines(server.data)) == 4


def test_hours_are_sealed_by_themselves_when_they_are_due(make_server: Callable[..., Server]) -> None:
    server = make_server(seal_after="1", late_sweep="1").start()
    server.send([line(7, 1, "first")])
    eventually(lambda: archived_lines(server.data) == [line(7, 1, "first")], "the hour to be sealed")
    server.send([line(7, 2, "late")])
    eventually(lambda: len(archived_lines(server.data)) == 2, "the late line to be swept")


def test_a_fresh_data_folder_over_a_used_bucket_overwrites_nothing(
    make_server: Callable[..., Server],
) -> None:
    server = make_server().start()
    server.send([line(7, 1, "of the old server")])
    server.seal()
    server.stop()
    for name in ("catalog.sqlite", "spool.sqlite"):
        for path in server.data.glob(f"{name}*"):
            path.unlink()
    server.start()
    server.send([line(7, 2, "of the new server")])
    assert server.seal() == []
    [status] = server.get("/v1/archive/status")["accounts"]
    assert "another server archives the account main" in status["last_error"]

    server.post("/v1/archives/main/start", {"take_over": True})

    assert [one["key"] for one in server.seal()] == [f"{DAY}/main.2026-04-05.0700.1.json.gz"]
    assert archived_lines(server.data) == [line(7, 2, "of the new server"), line(7, 1, "of the old server")]


def test_a_restore_takes_its_range_and_its_query_only(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    times = [(hour, minute) for hour in (7, 8, 9) for minute in range(60)]
    lines = [line(h, m, f"m{h}-{m}", level=("info", "error")[m % 2]) for h, m in times]
    server.send(lines)
    server.seal()
    wanted = {
        "name": "part",
        "from": "2026-04-05T07:30:00Z",
        "to": "2026-04-05T08:30:00Z",
        "query": "level:error",
    }
    plan = server.post("/v1/restores/plan", wanted)
    assert (plan["objects"], plan["lines"], plan["exact"]) == (2, 120, False)
    restore = server.restore(**wanted)
    assert (restore["state"], restore["lines"]) == ("ACTIVE", 30)
    expected = [text for text in lines if '"error"' in text and "07:30" <= text[20:25] < "08:30"]
    assert sorted(server.lines(account=restore["account"])) == sorted(expected)
    assert server.lines(account=restore["account"], query="m7-31") == [lines[31]]


def test_duplicates_of_other_writers_are_restored_once(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    server.send([line(7, minute, f"dup {minute}") for minute in range(30)])
    server.seal()
    folder = server.data / "archive" / DAY
    copy = folder / "main.2026-04-05.0700.1.json.gz"
    copy.write_bytes((folder / "main.2026-04-05.0700.json.gz").read_bytes())
    restore = server.restore(**{"name": "dup", "from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"})
    assert (restore["state"], restore["lines"], restore["duplicates"]) == ("ACTIVE", 30, 30)
    assert len(server.lines(account=restore["account"])) == 30


def test_lines_of_other_writers_without_ids_are_paged_without_loss(
    make_server: Callable[..., Server],
) -> None:
    server = make_server().start()
    folder = server.data / "archive" / DAY
    folder.mkdir(parents=True)
    foreign = [f'{{"_ts":1775372400000,"_line":"foreign {n}"}}' for n in range(5)]
    (folder / "main.2026-04-05.0700.json.gz").write_bytes(gzip.compress("\n".join(foreign).encode()))
    restore = server.restore(**{"name": "f", "from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"})
    assert (restore["state"], restore["lines"]) == ("ACTIVE", 5)
    found: list[dict[str, object]] = []
    cursor = ""
    while True:
        page = server.get("/v1/search", account=restore["account"], limit=2, cursor=cursor)
        found += page["records"]
        if not (cursor := page["cursor"]):
            break
    assert sorted(str(record["_line"]) for record in found) == [f"foreign {n}" for n in range(5)]
    assert all("_lid" not in record for record in found)


def test_restores_that_wait_their_turn_can_be_searched(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    server.send([line(7, 1, "patience")])
    server.seal()
    span = {"from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"}
    asked = [server.post("/v1/restores", {"name": f"n{n}", **span}) for n in range(5)]
    for restore in asked:
        assert server.http.get("/v1/search", params={"account": restore["account"]}).status_code == 200
    assert [server.wait_for_restore(restore["id"])["lines"] for restore in asked] == [1] * 5


def test_pages_of_long_lines_end_early(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    for n in range(5):
        server.send([line(7, n, f"{n}" + "x" * 500_000) for _ in range(18)])
    server.wait_until_indexed()
    page = server.get("/v1/search", limit=10_000)
    assert 1 <= len(page["records"]) < 90
    assert page["cursor"]
    assert len(server.lines()) == 90


def test_a_restored_account_is_deleted_or_expires_and_its_lines_with_it(
    make_server: Callable[..., Server],
) -> None:
    server = make_server().start()
    server.send([line(7, 1, "brief")])
    server.seal()
    span = {"from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"}
    kept = server.restore(name="kept", **span)
    brief = server.post("/v1/restores", {"name": "brief", "expiry_s": 1, **span})
    assert server.http.delete(f"/v1/restores/{kept['id']}").json()["state"] == "DELETED"
    assert server.http.get("/v1/search", params={"account": kept["account"]}).status_code == 404
    assert server.http.delete(f"/v1/restores/{kept['id']}").status_code == 409
    eventually(
        lambda: server.get(f"/v1/restores/{brief['id']}")["state"] == "EXPIRED", "the restore to expire"
    )
    assert server.http.get("/v1/search", params={"account": brief["account"]}).status_code == 404


def test_a_damaged_object_fails_the_restore_with_its_name(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    server.send([line(7, minute, "x" * 100) for minute in range(60)])
    server.seal()
    path = server.data / "archive" / DAY / "main.2026-04-05.0700.json.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(data)
    restore = server.restore(**{"name": "bad", "from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"})
    assert restore["state"] == "FAILED"
    assert "main.2026-04-05.0700.json.gz" in restore["error"]


@pytest.mark.parametrize(
    ("path", "params", "status", "kind"),
    [
        ("/v1/search", {"query": "a AND"}, 400, "bad-query"),
        ("/v1/search", {"from": "-1h", "to": "-2h"}, 400, "bad-range"),
        ("/v1/search", {"from": "yesterday"}, 400, "bad-time"),
        ("/v1/search", {"limit": "0"}, 400, "bad-request"),
        ("/v1/search", {"limit": "-1"}, 400, "bad-request"),
        ("/v1/search", {"order": "up"}, 400, "bad-request"),
        ("/v1/search", {"cursor": "!!"}, 400, "bad-request"),
        ("/v1/search", {"account": "nobody"}, 404, "not-found"),
        ("/v1/fields", {}, 400, "bad-request"),
        ("/v1/histogram", {"interval": "1", "from": "0", "to": "now", "query": "x"}, 200, ""),
        ("/v1/restores/unknown", {}, 404, "not-found"),
        ("/v1/nothing", {}, 404, "not-found"),
    ],
)
def test_bad_requests_get_one_shape_of_error(
    server: Server, path: str, params: dict[str, str], status: int, kind: str
) -> None:
    response = server.http.get(path, params=params)
    assert response.status_code == status
    if kind:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"] == f"urn:logkeep:{kind}"
        assert response.json().keys() >= {"title", "status", "detail"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"name":"x"}',
        b'{"from":"-2h","to":"-3h"}',
        b'{"from":"-2h","to":"now","query":"(("}',
        b'{"from":"-2h","to":"now","name":"' + b"x" * 201 + b'"}',
        b'{"from":"-2h","to":"now","surprise":1}',
        b'{"from":"-2h","to":"now","expiry_s":0}',
    ],
)
def test_a_restore_that_cannot_be_is_refused_before_anything_is_kept(server: Server, body: bytes) -> None:
    before = server.get("/v1/restores")
    response = server.http.post("/v1/restores", content=body)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert server.get("/v1/restores") == before


def test_accounts_never_see_each_other(server: Server) -> None:
    created = server.post("/v1/accounts", {"name": "team-a"})
    assert server.http.post("/v1/accounts", json={"name": "team-a"}).status_code == 409
    headers = {"Authorization": f"Bearer {created['ingest_key']}", "Content-Type": "text/plain"}
    assert server.http.post("/v1/ingest", content="tenantsecret", headers=headers).status_code == 200
    server.wait_until_indexed()
    assert server.lines(account="team-a", query="tenantsecret") == ["tenantsecret"]
    assert server.lines(account="main", query="tenantsecret") == []
    assert server.lines(account="main", query="tenantsecret OR account:team-a") == []


def test_pages_cover_every_line_once_in_both_orders(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    server.send([line(7, n // 10, f"page {n}") for n in range(250)])
    server.wait_until_indexed()
    for order in ("newest", "oldest"):
        found: list[str] = []
        cursor = ""
        while True:
            page = server.get("/v1/search", order=order, limit=7, cursor=cursor)
            found += [record["_line"] for record in page["records"]]
            if not (cursor := page["cursor"]):
                break
        expected = [line(7, n // 10, f"page {n}") for n in range(250)]
        assert found == (expected[::-1] if order == "newest" else expected)
