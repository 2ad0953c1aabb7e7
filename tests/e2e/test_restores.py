"""Restores through a real server: thaw, notices, search in place, another system's archive, kill -9."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, make_bucket
from tests.e2e.server import Server, eventually

HOURS = {"from": "2026-05-06T00:00:00Z", "to": "2026-05-07T00:00:00Z"}
SECRET = "a-secret-that-both-sides-know"


def line(hour: int, number: int) -> str:
    return f'{{"time":"2026-05-06T{hour:02d}:00:{number:02d}Z","level":"info","msg":"line {hour}-{number}"}}'


def s3_archive(bucket: str, endpoint: str) -> dict[str, object]:
    return {
        "provider": "s3-compatible",
        "options": {
            "bucket": bucket,
            "endpoint": endpoint,
            "credentials": "keys",
            "access_key_id": ACCESS_KEY,
        },
        "secrets": {"secret_access_key": SECRET_KEY},
    }


class Glacier:
    """How far moto's thaws get."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY
        )

    def freeze(self, bucket: str, key: str) -> None:
        source = {"Bucket": bucket, "Key": key}
        self._client.copy_object(Bucket=bucket, Key=key, CopySource=source, StorageClass="GLACIER")

    def ask(self, bucket: str, key: str) -> None:
        """Somebody else asks for a thaw, which goes on until `finish`."""
        self._progress({"progression": "manual", "times": 1})
        self._client.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": 1})
        self.head(bucket, key)  # the step from nothing to under way
        self._progress({"progression": "manual", "times": 1_000_000})

    def head(self, bucket: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.head_object(Bucket=bucket, Key=key)
        return found

    def finish(self) -> None:
        """Every thaw, those to come too, is done at once."""
        self._progress({"progression": "immediate"})

    def _progress(self, transition: dict[str, object]) -> None:
        body = {"model_name": "s3::keyrestore", "transition": transition}
        httpx.post(f"{self._endpoint}/moto-api/state-manager/set-transition", json=body).raise_for_status()


@pytest.fixture
def glacier(moto_s3: str) -> Iterator[Glacier]:
    made = Glacier(moto_s3)
    made.finish()
    yield made
    made.finish()


@dataclass(kw_only=True)
class Frozen:
    """A server whose archive has two hours of three in cold storage."""

    server: Server
    bucket: str
    keys: list[str]
    sent: list[str]


@pytest.fixture
def frozen(make_server: Callable[..., Server], moto_s3: str, glacier: Glacier) -> Frozen:
    bucket = make_bucket(moto_s3)
    server = make_server(thaw_look="1").start()
    assert server.http.patch("/v1/archives/main", json=s3_archive(bucket, moto_s3)).status_code == 200
    sent = [line(hour, number) for hour in range(3) for number in range(20)]
    server.send(sent)
    keys = [entry["key"] for entry in server.seal()][:2]
    for key in keys:
        glacier.freeze(bucket, key)
    return Frozen(server=server, bucket=bucket, keys=keys, sent=sent)


def test_what_is_frozen_is_told_before_and_thawed_on_request(frozen: Frozen, glacier: Glacier) -> None:
    server = frozen.server
    plan = server.post("/v1/restores/plan", {"name": "cold", **HOURS})
    assert plan["frozen"]["objects"] == 2
    refused = server.http.post("/v1/restores", json={"name": "cold", **HOURS})
    assert refused.status_code == 409
    assert "cold storage" in refused.json()["detail"]
    verified = server.post("/v1/archives/main/verify", {})
    assert verified["ok"], verified
    told = [one["key"] for one in verified["report"]["findings"] if one["kind"] == "frozen"]
    assert sorted(told) == sorted(frozen.keys)
    assert all("Restore" not in glacier.head(frozen.bucket, key) for key in frozen.keys)
    made = server.post("/v1/restores", {"name": "cold", "thaw": "bulk", **HOURS})
    path = f"/v1/restores/{made['id']}"
    eventually(lambda: server.get(path)["state"] == "ACTIVE", "the thaw and the restore")
    assert sorted(server.lines(account=made["account"])) == sorted(frozen.sent)
    assert all("Restore" in glacier.head(frozen.bucket, key) for key in frozen.keys)


def test_a_restore_uses_what_can_be_read_and_waits_for_a_thaw_also_after_kill_9(
    frozen: Frozen, glacier: Glacier
) -> None:
    server = frozen.server
    for key in frozen.keys:
        glacier.ask(frozen.bucket, key)
    made = server.post("/v1/restores", {"name": "cold", "thaw": "bulk", **HOURS})

    def now() -> dict[str, Any]:
        return server.get(f"/v1/restores/{made['id']}")

    eventually(lambda: now()["state"] == "THAWING", "the restore to wait")
    assert (now()["lines"], now()["frozen_objects"]) == (20, 2)
    assert len(server.lines(account=made["account"])) == 20
    server.kill()
    server.start()
    assert now()["state"] == "THAWING"
    glacier.finish()
    eventually(lambda: now()["state"] == "ACTIVE", "the thaw to end")
    assert sorted(server.lines(account=made["account"])) == sorted(frozen.sent)
    assert now()["frozen_objects"] == 0


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.taken = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_told_of_the_end_with_a_signature(
    make_server: Callable[..., Server], receiver: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    server = make_server(notify_url=url, notify_secret=SECRET).start()
    server.send([line(0, number) for number in range(5)])
    server.seal()
    done = server.restore(name="told", reason="INC-7", **HOURS)
    taken: list[tuple[dict[str, str], bytes]] = receiver.taken  # type: ignore[attr-defined]
    eventually(lambda: taken, "the notice")
    headers, body = taken[0]
    told = json.loads(body)
    restore = told["restore"]
    assert (restore["id"], restore["state"], restore["lines"]) == (done["id"], "ACTIVE", 5)
    assert restore["reason"] == "INC-7"
    stamp, _, signature = headers["X-Logkeep-Signature"].partition(",v1=")
    signed = f"{stamp.removeprefix('t=')}.".encode() + body
    assert signature == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


def run(*arguments: str, server: Server) -> subprocess.CompletedProcess[str]:
    environment = {
        "LOGKEEP_URL": server.first_start["url"],
        "LOGKEEP_TOKEN": server.first_start["admin_token"],
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "logkeep.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_archive_is_searched_in_place_as_after_a_restore(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    sent = [line(hour, number) for hour in range(3) for number in range(20)]
    server.send(sent)
    server.seal()
    answer = server.http.get("/v1/archives/main/search", params={"query": "line", "limit": 25, **HOURS})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    told = [json.loads(one) for one in answer.text.splitlines()]
    found = [one["record"]["_line"] for one in told if "record" in one]
    assert found == sent[::-1][:25]
    assert told[-1]["end"]["lines"] == 25
    restored = server.restore(name="all", **HOURS)
    assert server.lines(account=restored["account"])[:25] == found
    search = ("archive", "search", "main", '"line 1"', "--limit", "0", "--oldest", "--json")
    printed = run(*search, server=server)
    records = [json.loads(one) for one in printed.stdout.splitlines()]
    assert [one["_line"] for one in records] == sent[20:40], printed.stderr
    to_stdout = run(
        *("restore", "create", "--from", HOURS["from"], "--to", HOURS["to"], "--to-stdout"),
        *("--query", '"line 2"'),
        server=server,
    )
    assert to_stdout.stdout.splitlines() == sent[40:], to_stdout.stderr
    exported = run("export", "--account", restored["account"], "--format", "text", server=server)
    assert exported.stdout.splitlines() == sent, exported.stderr


def test_another_systems_archive_is_found_out_attached_and_restored(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "datadog" / "dt=20260506" / "hour=01"
    folder.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "_id": f"AYx{number:04d}",
                "date": f"2026-05-06T01:02:{number:02d}.003Z",
                "host": "i-1",
                "service": "svc",
                "status": "error" if number % 2 else "info",
                "message": f"line {number}",
                "attributes": {"n": number},
                "tags": ["env:prod"],
            }
        )
        for number in range(30)
    ]
    name = "archive_010200.1234.8e5b9f0a-7c7b-4a4e-9d63-5b7a1f0c2d3e.json.gz"
    (folder / name).write_bytes(gzip.compress("\n".join([*lines, '{"date": oh no', ""]).encode()))
    server = make_server().start()
    place = str(tmp_path / "datadog")
    detected = run("archive", "detect", place, "--json", server=server)
    assert json.loads(detected.stdout)["layout"] == "datadog", detected.stderr
    made = server.post(
        "/v1/archives",
        {"id": "old", "provider": "folder", "options": {"path": place}, "layout": "datadog"},
    )
    assert made["state"] == "off"
    assert server.http.post("/v1/archives/old/start", json={}).status_code == 409
    done = server.restore(name="audit", archive="old", query="level:error", **HOURS)
    assert (done["state"], done["lines"], done["skipped_lines"]) == ("ACTIVE", 15, 1)
    assert sorted(server.lines(account=done["account"])) == sorted(f"line {n}" for n in range(1, 30, 2))
    (problem,) = server.get(f"/v1/restores/{done['id']}/problems")["problems"]
    assert problem["key"].endswith(name)
    again = run("archive", "search", "old", "level:error", "--limit", "0", server=server)
    assert len(again.stdout.splitlines()) == 15, again.stderr
    converted = tmp_path / "ours"
    convert = run(
        *("archive", "convert", place, str(converted), "--layout", "datadog", "--account", "old"),
        server=server,
    )
    assert "oh no" in convert.stderr + convert.stdout
    verified = run("verify", str(converted), server=server)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    counted = run("grep", "level:error", str(converted), "--count", server=server)
    assert counted.stdout.strip() == "15"


def test_a_paused_restore_survives_kill_9_and_stays_paused(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    sent = [line(hour, number) for hour in range(3) for number in range(20)]
    server.send(sent)
    server.seal()
    asking = server.post("/v1/restores", {"name": "few", "limit_lines": 7, "on_limit": "ask", **HOURS})
    path = f"/v1/restores/{asking['id']}"
    eventually(lambda: server.get(path)["state"] == "PAUSED", "its limit")
    server.kill()
    server.start()
    paused = server.get(path)
    assert (paused["state"], paused["paused_for"], paused["lines"]) == ("PAUSED", "limit", 7)
    server.post(f"{path}/resume", {"limit_lines": 0})
    eventually(lambda: server.get(path)["state"] == "ACTIVE", "the rest")
    assert sorted(server.lines(account=asking["account"])) == sorted(sent)
