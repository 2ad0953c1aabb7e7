"""A server that has nothing to do: how soon it answers, and its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from bench.figures import Figure, main
from bench.process import memory_mb
from bench.servers import QUICK_LINES, archived_server, fresh_server

_STARTS = 3


def measure(quick: bool) -> Sequence[Figure]:
    settle_s = 1 if quick else 5
    ready, memory = [], []
    for _ in range(1 if quick else _STARTS):
        with fresh_server() as server:
            ready.append(server.ready_s)
            time.sleep(settle_s)
            memory.append(memory_mb(server.pid))
    with archived_server(QUICK_LINES) as server:
        time.sleep(settle_s)
        again = Figure(
            name="ready to answer, second start", value=server.ready_s, unit="s", goal=3, at_most=True
        )
        loaded = Figure(
            name="idle server with data", value=memory_mb(server.pid), unit="MB", goal=400, at_most=True
        )
    return [
        Figure(name="ready to answer, first start", value=max(ready), unit="s", goal=3, at_most=True),
        again,
        Figure(name="idle server", value=statistics.median(memory), unit="MB", goal=400, at_most=True),
        loaded,
    ]


if __name__ == "__main__":
    main(measure)
