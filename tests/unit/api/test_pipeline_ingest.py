"""POST /v1/pipelines/{id}/ingest: whose key opens what, what is handed on, and what comes round again."""

from __future__ import annotations

import pytest

from logkeep.errors import Overloaded

from .pipeline_site import Site

PATH = "/v1/pipelines/web/ingest"
TEXT = {"Content-Type": "text/plain"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def site() -> Site:
    return Site()


def test_events_are_handed_to_the_source_of_the_key(site: Site) -> None:
    body = b'{"host":"web-1","msg":"a"}\ntext\n'
    headers = {**NDJSON, "Idempotency-Key": "7"}
    response = site.ask("POST", f"{PATH}?app=shop&tag=a,b", content=body, headers=headers, by="lkp_web")
    assert (response.status_code, response.json()) == (200, {"accepted": 2, "refused": []})
    [(pipeline, source, received, named)] = site.live.accepted
    assert (pipeline, source, named) == ("web", "in", {"via": "", "key": "7"})
    assert [(one.line, one.host, one.app, one.tag) for one in received.records] == [
        ('{"host":"web-1","msg":"a"}', "web-1", "shop", ("a", "b")),
        ("text", "", "shop", ("a", "b")),
    ]


CANONICAL = (
    b'{"_lid":"77","_ts":1795165933123,"_rx":5,"_account":"theirs","_host":"web-1",'
    b'"_meta":{"a":1},"_line":"x"}\n'
)


@pytest.mark.parametrize("form", ["application/x-ndjson", "application/ndjson; charset=utf-8"])
def test_what_another_logkeep_sends_stays_as_it_is(site: Site, form: str) -> None:
    headers = {"Content-Type": form, "Logkeep-Via": "server-2/first"}
    response = site.ask("POST", f"{PATH}?app=shop", content=CANONICAL, headers=headers, by="lkp_web")
    assert response.json() == {"accepted": 1, "refused": []}
    [(_, _, received, _)] = site.live.accepted
    [one] = received.records
    assert (one.line, one.host, one.app, bytes(one.meta)) == ("x", "web-1", "shop", b'{"a":1}')
    assert list(received.lids) == ["77"]


@pytest.mark.parametrize(
    "headers", [NDJSON, {**NDJSON, "Logkeep-Via": " ,"}, {**TEXT, "Logkeep-Via": "server-2/first"}]
)
def test_a_line_that_anybody_else_sends_is_its_text(site: Site, headers: dict[str, str]) -> None:
    assert site.ask("POST", PATH, content=CANONICAL, headers=headers, by="lkp_web").status_code == 200
    [(_, _, received, _)] = site.live.accepted
    assert [one.line for one in received.records] == [CANONICAL.decode().strip()]
    assert list(received.lids) == []


def test_a_line_that_is_too_long_is_refused_by_its_number(site: Site) -> None:
    body = b"a\n" + b"x" * 524_289 + b"\nb"
    answer = site.ask("POST", PATH, content=body, headers=TEXT, by="lkp_web").json()
    assert (answer["accepted"], [one["line"] for one in answer["refused"]]) == (2, [2])


@pytest.mark.parametrize(
    ("by", "status"),
    [("", 401), ("lkp_former", 401), ("lkp_other", 403), ("lki_ingest", 403), ("lka_admin", 403)],
)
def test_any_other_key_opens_nothing(site: Site, by: str, status: int) -> None:
    response = site.ask("POST", PATH, content=b"x", headers=TEXT, by=by)
    assert (response.status_code, site.live.accepted) == (status, [])


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "image/png"}])
def test_a_body_of_another_kind_is_not_taken(site: Site, headers: dict[str, str]) -> None:
    assert site.ask("POST", PATH, content=b"x", headers=headers, by="lkp_web").status_code == 415
    assert site.live.accepted == []


def test_a_pipeline_without_room_has_the_client_wait(site: Site) -> None:
    site.live.error = Overloaded("hook has no room", retry_after=3)
    response = site.ask("POST", PATH, content=b"x", headers=TEXT, by="lkp_web")
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")


def test_where_events_came_through_is_handed_on(site: Site) -> None:
    headers = {**TEXT, "Logkeep-Via": " server-1/shop , server-2/web,"}
    assert site.ask("POST", PATH, content=b"x", headers=headers, by="lkp_web").status_code == 200
    [(_, _, _, named)] = site.live.accepted
    assert named["via"] == "server-1/shop,server-2/web"


def test_events_that_came_through_here_before_are_refused_and_the_ring_is_named(site: Site) -> None:
    headers = {**TEXT, "Logkeep-Via": "s/first, server-1/web, server-2/back"}
    response = site.ask("POST", PATH, content=b"x", headers=headers, by="lkp_web")
    problem = response.json()
    assert (response.status_code, problem["type"]) == (508, "urn:logkeep:loop-detected")
    assert problem["detail"].endswith(": server-1/web -> server-2/back -> server-1/web")
    assert site.live.accepted == []


@pytest.mark.parametrize(("hops", "status"), [(16, 200), (17, 508)])
def test_events_come_through_16_pipelines_at_most(site: Site, hops: int, status: int) -> None:
    headers = {**TEXT, "Logkeep-Via": ", ".join(f"s/p{number}" for number in range(hops))}
    assert site.ask("POST", PATH, content=b"x", headers=headers, by="lkp_web").status_code == status
    assert len(site.live.accepted) == (status == 200)


@pytest.mark.parametrize("via", ["web", "a/b/c", "a b/c", "a/", f"{'s' * 129}/p"])
def test_a_header_that_is_none_is_refused(site: Site, via: str) -> None:
    headers = {**TEXT, "Logkeep-Via": via}
    assert site.ask("POST", PATH, content=b"x", headers=headers, by="lkp_web").status_code == 400
    assert site.live.accepted == []
