"""Sealing: frames of the spool to objects in a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.figures import Figure, main
from bench.process import cpu_s, wait_quiet
from bench.servers import LINES, QUICK_LINES, fresh_server, send_sample, wait_indexed


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    with fresh_server() as server, server.admin() as client:
        send_sample(server, lines)
        wait_indexed(client)
        wait_quiet(server.pid)  # or the merges of the index would count as sealing
        cpu, began = cpu_s(server.pid), time.monotonic()
        sealed = client.post("/v1/archive/seal", {"now": True})["sealed"]
        took, used = time.monotonic() - began, cpu_s(server.pid) - cpu
    if sum(entry["lines"] for entry in sealed) != lines:
        raise RuntimeError("not every line was sealed")
    raw = sum(entry["raw_bytes"] for entry in sealed) / 1e6
    return [
        Figure(
            name="seal, per core",
            value=raw / used,
            unit="MB/s raw per CPU second",
            goal=200,
            note=f"{lines:,} lines, {raw:.0f} MB into {len(sealed)} objects in {took:.2f} s, "
            f"{used:.2f} CPU seconds",
        ),
        Figure(name="seal, by the clock", value=raw / took, unit="MB/s raw"),
    ]


if __name__ == "__main__":
    main(measure)
