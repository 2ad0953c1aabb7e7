"""A restore of everything to ACTIVE, and the server's memory while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.figures import Figure, main
from bench.process import cpu_s, forget_peak, peak_memory_mb
from bench.servers import LINES, QUICK_LINES, archived_server, restore_all

# Raw bytes of about 100 MB, 800 MB and 2 GB: the server's memory must not grow with them.
_SIZES = (300_000, LINES, 6_300_000)


def measure(quick: bool) -> Sequence[Figure]:
    sizes = (QUICK_LINES,) if quick else _SIZES
    return [figure for lines in sizes for figure in _restored(lines, of_goal=lines in (LINES, QUICK_LINES))]


def _restored(lines: int, *, of_goal: bool) -> list[Figure]:
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
            name=f"restore of {raw:.0f} MB to ACTIVE",
            value=raw / took,
            unit="MB/s raw",
            goal=300 if of_goal else None,
            note=f"{lines:,} lines in {took:.2f} s, {used:.1f} CPU seconds",
        ),
        Figure(
            name=f"server memory during the restore of {raw:.0f} MB",
            value=peak,
            unit="MB",
            goal=1500,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    main(measure)
