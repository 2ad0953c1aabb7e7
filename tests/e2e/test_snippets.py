"""The snippets that the site shows send lines: run where the program is installed, else by the request
that it makes."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from logkeep.web.snippets import Snippet, snippets
from tests.e2e.server import Server, eventually


def snippet(server: Server, name: str) -> Snippet:
    made = snippets(server.first_start["url"], server.first_start["ingest_key"])
    return next(one for one in made if one.name == name)


def record(server: Server, query: str) -> dict[str, Any]:
    """The line that came; waits for it."""

    def found() -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = server.get("/v1/search", query=query)["records"]
        return records

    return eventually(found, f"a line for {query}")[0]


@pytest.mark.parametrize(
    ("name", "command", "word"),
    [
        ("curl", ["sh", "-e"], "curl"),
        ("python", [sys.executable], "Python"),
        ("node", ["node"], "Node"),
    ],
)
def test_what_runs_here_sends_its_line(
    server: Server, name: str, command: list[str], word: str, tmp_path: Path
) -> None:
    if shutil.which(name if name != "python" else sys.executable) is None:
        pytest.skip(f"{name} is not installed")
    [file] = snippet(server, name).files
    script = tmp_path / "snippet"
    script.write_text(file.text)
    ran = subprocess.run([*command, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "accepted" in ran.stdout
    assert record(server, f'app:shop "hello from {word}"')["level"] == "info"


def test_rsyslog_sends_what_it_gets(server: Server, tmp_path: Path) -> None:
    if shutil.which("rsyslogd") is None:
        pytest.skip("rsyslogd is not installed")
    settings, program = snippet(server, "rsyslog").files
    forward = tmp_path / "logkeep-forward"
    forward.write_text(program.text)
    forward.chmod(0o755)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    conf = tmp_path / "rsyslog.conf"
    conf.write_text(
        f'global(workDirectory="{tmp_path}")\nmodule(load="imudp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        + settings.text.replace(program.name, str(forward))
    )
    running = subprocess.Popen(["rsyslogd", "-n", "-f", str(conf), "-i", str(tmp_path / "pid")])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

            def came() -> list[dict[str, Any]]:
                sender.sendto(b'<11>1 - web-7 nginx 1 - - say "hi" from rsyslog', ("127.0.0.1", port))
                records: list[dict[str, Any]] = server.get("/v1/search", query="app:nginx")["records"]
                return records

            found = eventually(came, "rsyslog's line")[0]
    finally:
        running.terminate()
        running.wait(30)
    assert (found["_host"], found["_app"], found["level"]) == ("web-7", "nginx", "err")
    assert 'say "hi" from rsyslog' in json.loads(found["_line"])["message"]


def sent(server: Server, url: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    return httpx.post(url, content=gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})


def test_what_fluent_bit_sends_is_taken(server: Server) -> None:
    """Its http output with json_lines says application/json or application/x-ndjson, by its version."""
    [file] = snippet(server, "fluent-bit").files
    given = dict(re.findall(r"^    (\w+) +(.+)$", file.text, re.MULTILINE))
    name, _, value = given["Header"].partition(" ")
    url = f"http://{given['Host']}:{given['Port']}{given['URI']}"
    body = b'{"timestamp":"2026-04-05T07:10:00.123456Z","log":"hello from fluent","app":"fluent"}\n' * 2
    for kind in ("application/json", "application/x-ndjson"):
        answer = sent(server, url, {name: value, "Content-Type": kind}, body)
        assert answer.json()["accepted"] == 2
    assert record(server, "app:fluent")["_ts"] == 1_775_373_000_123


def test_what_vector_sends_is_taken(server: Server) -> None:
    [file] = snippet(server, "vector").files
    given = dict(re.findall(r"^ +(\w+): (\S+)$", file.text, re.MULTILINE))
    body = b'{"app":"vector","host":"v-1","message":"hello","timestamp":"2026-04-05T07:10:00.5Z"}'
    headers = {"Authorization": f"Bearer {given['token']}", "Content-Type": "application/x-ndjson"}
    assert sent(server, given["uri"], headers, body).json()["accepted"] == 1
    assert record(server, "app:vector")["_host"] == "v-1"


def test_what_the_collector_sends_is_taken(server: Server) -> None:
    """Its otlp_http exporter adds /v1/logs to the endpoint, and sends protobuf in gzip."""
    [file] = snippet(server, "otel").files
    exporter = yaml.safe_load(file.text)["exporters"]["otlp_http"]
    message = ExportLogsServiceRequest()
    resource = message.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "otelled"
    written = resource.scope_logs.add().log_records.add(severity_number=13)
    written.body.string_value = "hello"
    headers = {**exporter["headers"], "Content-Type": "application/x-protobuf"}
    answer = sent(server, f"{exporter['endpoint']}/v1/logs", headers, message.SerializeToString())
    assert (answer.status_code, answer.content) == (200, b"")
    assert record(server, "app:otelled")["level"] == "warn"
