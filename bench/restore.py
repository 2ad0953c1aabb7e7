"""A restore of everything to ACTIVE, and the server's memory while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.figures import Figure, main
from bench.process import cpu_s, forget_peak, peak_memory_mb
from bench.servers import LINES, QUICK_LINES, archived_server, restore_all


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    with archived_server(lines) as server, server.admin() as client:
        forget_peak(server.pid)
        cpu, began = cpu_s(server.pid), time.monotonic()
        restored = restore_all(client)
        took, used = time.monotonic() - began, cpu_s(server.pid) - cpu
        peak = peak_memory_mb(server.pid)
    if restored["lines"] != lines:
        raise RuntimeError(f"{restored['lines']} of {lines} lines were restored")
    raw = restored["planned"]["raw_bytes"] / 1e6
    return [
        Figure(
            name="restore to ACTIVE",
            value=raw / took,
            unit="MB/s raw",
            goal=300,
            note=f"{lines:,} lines, {raw:.0f} MB raw in {took:.2f} s, {used:.1f} CPU seconds",
        ),
        Figure(
            name="server memory during the restore",
            value=peak,
            unit="MB",
            goal=1500,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    main(measure)
