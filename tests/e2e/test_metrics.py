"""What a server says of itself: metrics, health, readiness, logs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.server import Server, eventually

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def scrape(server: Server) -> dict[str, float]:
    """Values by the text of their series."""
    response = server.http.get("/metrics")
    assert response.status_code == 200, response.text
    pairs = [line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")]
    values = {series: float(value) for series, value in pairs}
    assert len(values) == len(pairs)
    return values


def readiness(server: Server) -> tuple[int, list[str]]:
    response = httpx.get(server.first_start["url"] + "/readyz")
    return response.status_code, response.json().get("reasons", [])


def test_the_page_lists_what_a_server_exposes(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    exposed = {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in text_string_to_metric_families(server.http.get("/metrics").text)
    }
    page = PAGE.read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .* \| (.*) \|$", page, re.MULTILINE)
    assert {name: (type_, help_) for name, type_, help_ in rows} == {
        name: told for name, told in exposed.items() if name.startswith("logkeep_")
    }
    assert [name for name in exposed if f"`{name}`" not in page] == []


def test_lines_are_counted_on_their_way_into_the_archive(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    rule = {"title": "noise", "query": "noise"}
    assert server.http.post("/v1/accounts/main/rules", json=rule).status_code == 201
    server.send(["one", "two", "noise", "x" * 600_000])
    assert server.http.post("/v1/ingest", content="x", headers=server.key).status_code == 415
    assert server.http.post("/logs/ingest", content="{}", headers=server.key).status_code == 400

    of_main = '{account="main",archive="main"}'
    before = scrape(server)
    assert before[f"logkeep_archive_waiting_lines{of_main}"] == 2
    assert before['logkeep_spool_account_bytes{account="main"}'] == before["logkeep_spool_bytes"] > 0
    server.wait_until_indexed()
    server.seal()
    after = scrape(server)
    expected = {
        'logkeep_intake_lines_total{account="main"}': 3,
        'logkeep_excluded_lines_total{account="main"}': 1,
        'logkeep_excluded_bytes_total{account="main"}': 5,
        'logkeep_intake_refused_total{reason="too-long"}': 1,
        'logkeep_requests_refused_total{reason="unknown-media-type"}': 1,
        'logkeep_requests_refused_total{reason="bad-request"}': 1,
        f"logkeep_archive_objects_total{of_main}": 1,
        f"logkeep_archive_lines_total{of_main}": 2,
        f"logkeep_archive_waiting_lines{of_main}": 0,
        "logkeep_seal_seconds_count": 1,
        "logkeep_spool_bytes": 0,
        "logkeep_spool_oldest_seconds": 0,
        "logkeep_index_lag_frames": 0,
        'logkeep_worker_failing_seconds{worker="restore"}': 0,
    }
    assert {series: after.get(series) for series in expected} == expected


def test_metrics_are_not_for_everybody(make_server: Callable[..., Server]) -> None:
    server = make_server(metrics_token="only-this").start()
    url = server.first_start["url"] + "/metrics"
    of_scraper = {"Authorization": "Bearer only-this"}
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers=server.key).status_code == 403
    assert httpx.get(url, headers=of_scraper).status_code == 200
    assert server.http.get("/v1/accounts", headers=of_scraper).status_code == 401


def test_a_bucket_that_fails_raises_the_alarm_and_leaves_the_server_ready(
    make_server: Callable[..., Server], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    server = make_server(archive=str(tmp_path / "blocked" / "archive"), log_format="json").start()
    server.send(["kept"])
    server.wait_until_indexed()
    for _ in range(2):
        assert server.seal() == []
    found = scrape(server)
    failing = 'logkeep_archive_state{account="main",archive="main",state="failing"}'
    assert found[failing] == 1
    (errors,) = [count for series, count in found.items() if "archive_errors_total" in series]
    assert errors >= 2
    assert readiness(server) == (200, [])

    (tmp_path / "blocked").unlink()
    server.seal()
    assert scrape(server)[failing] == 0
    server.stop()
    said = [entry["message"] for entry in map(json.loads, capfd.readouterr().err.splitlines())]
    of_archive = [message for message in said if "archive main" in message]
    assert [message.split(" ")[3] for message in of_archive] == ["fails", "works"]
    assert [message[:17] for message in (said[0], said[-1])] == ["the server starts", "the server has st"]


def test_a_server_whose_spool_is_full_is_not_ready_and_says_so_once(
    make_server: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server(spool_max_bytes="1", log_format="json").start()
    assert readiness(server) == (200, [])
    server.send(["fills it"])
    refused = [server.send(["one too many"]).status_code for _ in range(3)]
    assert refused == [503, 503, 503]
    assert readiness(server) == (503, ["the spool takes no lines"])
    assert httpx.get(server.first_start["url"] + "/healthz").json() == {"status": "ok"}
    assert scrape(server)['logkeep_requests_refused_total{reason="overloaded"}'] == 3
    server.wait_until_indexed()
    server.seal()
    eventually(lambda: readiness(server) == (200, []), "the server to be ready again")
    server.stop()
    said = [entry["message"] for entry in map(json.loads, capfd.readouterr().err.splitlines())]
    assert len([message for message in said if message.startswith("lines are refused")]) == 1
