"""Pipelines: HTTP in, three processors, an archive out; a restore sent through one; a dead destination."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from bench.figures import Figure, main
from bench.process import cpu_s, forget_peak, peak_memory_mb
from bench.servers import LINES, QUICK_LINES, archived_server, fresh_server, module
from logkeep.cli.client import Client

_WAIT_S = 300.0
_PAUSE_S = 0.02
_PROCESSORS = (
    {"type": "filter", "query": "NOT level:debug"},
    {"type": "parse-json"},
    {"type": "redact", "patterns": ["email", "card", "ipv4"]},
)
_DEAD = {"type": "http", "name": "dead", "url": "http://127.0.0.1:1/"}


def measure(quick: bool) -> Sequence[Figure]:
    seconds = 1 if quick else 30
    return [
        *_to_archive("ndjson", seconds, goal=100_000),
        *_to_archive("text", seconds, goal=None),  # nothing to parse, and an address in six lines of ten
        *_restored(QUICK_LINES if quick else LINES),
        *_to_nowhere(seconds),
    ]


def _to_archive(kind: str, seconds: float, *, goal: float | None) -> Iterator[Figure]:
    with fresh_server() as server, server.admin() as client, tempfile.TemporaryDirectory() as folder:
        archive = {"type": "archive", "name": "copy", "provider": "folder", "options": {"path": folder}}
        key = _apply(client, processors=_PROCESSORS, destinations=[archive])
        before = cpu_s(server.pid)
        result = _load(client, key, kind, seconds)
        caught_up_s = _delivered(client)
        used = cpu_s(server.pid) - before
        _check(client, result["lines"])
    rate = result["lines"] / (result["seconds"] + caught_up_s)
    times = f"median {result['median_ms']:.0f} ms, p99 {result['p99_ms']:.0f} ms a request"
    yield Figure(
        name=f"pipeline, HTTP ({kind}) through filter, parse-json and redact into an archive",
        value=rate,
        unit="events/s",
        goal=goal,
        note=f"1,000-line bodies, 4 connections, {result['seconds']:.0f} s, and {caught_up_s:.1f} s until "
        f"all was in the archive's spool; {used / result['lines'] * 1e6:.1f} CPU us an event; {times}",
    )


def _restored(lines: int) -> Iterator[Figure]:
    with archived_server(lines) as server, server.admin() as client, _receiver() as receiver:
        _apply(
            client,
            sources=[{"type": "restoration", "name": "old"}],
            destinations=[{"type": "http", "name": "out", "url": receiver.url, "batch": {"events": 5000}}],
        )
        forget_peak(server.pid)
        began = time.monotonic()
        restore = client.post(
            "/v1/restores",
            {"name": "bench", "from": "-26h", "to": "now", "account": "main", "pipeline": {"id": "bench"}},
        )
        while restore["state"] == "IN_PROGRESS":
            time.sleep(_PAUSE_S)
            restore = client.get(f"/v1/restores/{restore['id']}")
        if restore["state"] != "DONE":
            raise RuntimeError(f"the restore ended {restore['state']}: {restore['error']}")
        _delivered(client)
        took = time.monotonic() - began
        peak = peak_memory_mb(server.pid)
        came = receiver.counts()["lines"]
    if came != lines:
        raise RuntimeError(f"{came} of {lines} events came")
    yield Figure(
        name="restore from the archive through a pipeline to an HTTP destination",
        value=lines / took,
        unit="events/s",
        goal=100_000,
        note=f"{lines:,} events, each once, in {took:.1f} s, the loading included; {peak:.0f} MB memory",
    )


def _to_nowhere(seconds: float) -> Iterator[Figure]:
    with fresh_server() as server, server.admin() as client:
        key = _apply(client, processors=_PROCESSORS, destinations=[_DEAD])
        forget_peak(server.pid)
        result = _load(client, key, "ndjson", seconds)
        peak = peak_memory_mb(server.pid)
        [dead] = _status(client)["destinations"]
        kept = dead["waiting"]["events"] + _left_out(client)
    if kept != result["lines"]:
        raise RuntimeError(f"{result['lines']} events were taken in, {dead['waiting']['events']} wait")
    yield Figure(
        name="server memory with a dead destination",
        value=peak,
        unit="MB",
        goal=500,
        at_most=True,
        note=f"{result['lines']:,} events, {result['lines'] / result['seconds']:,.0f}/s, wait on disk",
    )


def _apply(
    client: Client,
    *,
    destinations: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]] = ({"type": "http", "name": "in"},),
    processors: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The key of the source `in`, if there is one."""
    spec = {
        "id": "bench",
        "sources": list(sources),
        "processors": list(processors),
        "destinations": list(destinations),
    }
    headers = {"Content-Type": "application/json"}
    applied = client.request("PUT", "/v1/pipelines/bench", content=msgspec.json.encode(spec), headers=headers)
    return str(applied["keys"].get("in", ""))


def _load(client: Client, key: str, kind: str, seconds: float) -> dict[str, Any]:
    return module(
        "bench.load",
        client.url,
        key,
        f"--kind={kind}",
        "--path=/v1/pipelines/bench/ingest",
        f"--seconds={seconds}",
    )


def _delivered(client: Client) -> float:
    """Seconds until nothing waited for a destination."""
    began = time.monotonic()
    while any(one["waiting"]["events"] for one in _status(client)["destinations"]):
        if time.monotonic() - began > _WAIT_S:
            raise TimeoutError("the pipeline does not deliver")
        time.sleep(_PAUSE_S)
    return time.monotonic() - began


def _check(client: Client, lines: int) -> None:
    delivered = _status(client)["destinations"][0]["delivered"]
    if delivered + _left_out(client) != lines:
        raise RuntimeError(f"{lines} events were taken in, {delivered} delivered")


def _status(client: Client) -> dict[str, Any]:
    status: dict[str, Any] = client.get("/v1/pipelines/bench")["status"]
    return status


def _left_out(client: Client) -> int:
    """Events that the processors left out."""
    processors = _status(client)["processors"]
    return sum(one["events_in"] - one["events_out"] for one in processors)


class _Receiver:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout
        self.url = self._out.readline().decode().strip()

    def counts(self) -> dict[str, int]:
        self._in.write(b"\n")
        self._in.flush()
        return msgspec.json.decode(self._out.readline(), type=dict[str, int])


@contextmanager
def _receiver() -> Iterator[_Receiver]:
    command = [sys.executable, "-m", "bench.receiver"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield _Receiver(process)
        process.kill()


if __name__ == "__main__":
    main(measure)
