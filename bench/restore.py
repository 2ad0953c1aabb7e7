"""A restore of everything to ACTIVE, with manifests and without, and the server's memory while it runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

from bench.figures import Figure, main
from bench.process import cpu_s, forget_peak, peak_memory_mb
from bench.servers import LINES, QUICK_LINES, archived_server, restore_all

# Raw bytes of about 100 MB, 800 MB and 2 GB: the server's memory must not grow with them.
_SIZES = (300_000, LINES, 6_300_000)


def measure(quick: bool) -> Sequence[Figure]:
    sizes = (QUICK_LINES,) if quick else _SIZES
    figures = [
        figure for lines in sizes for figure in _restored(lines, of_goal=lines in (LINES, QUICK_LINES))
    ]
    return figures + _restored(QUICK_LINES if quick else LINES, of_goal=True, without_manifests=True)


def _restored(lines: int, *, of_goal: bool, without_manifests: bool = False) -> list[Figure]:
    what, goal = (" without manifests", 200) if without_manifests else ("", 320)
    with archived_server(lines) as server, server.admin() as client:
        raw = sum(one["raw_bytes"] for one in client.get("/v1/archive/objects")["objects"]) / 1e6
        if without_manifests:
            shutil.rmtree(server.archive / "_manifest")
        forget_peak(server.pid)
        cpu, began = cpu_s(server.pid), time.monotonic()
        restored = restore_all(client)
        took, used = time.monotonic() - began, cpu_s(server.pid) - cpu
        peak = peak_memory_mb(server.pid)
    if restored["lines"] != lines:
        raise RuntimeError(f"{restored['lines']} of {lines} lines were restored")
    return [
        Figure(
            name=f"restore of {raw:.0f} MB{what} to ACTIVE",
            value=raw / took,
            unit="MB/s raw",
            goal=goal if of_goal else None,
            note=f"{lines:,} lines in {took:.2f} s, {used:.1f} CPU seconds",
        ),
        Figure(
            name=f"server memory during the restore of {raw:.0f} MB{what}",
            value=peak,
            unit="MB",
            goal=1000,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    main(measure)
