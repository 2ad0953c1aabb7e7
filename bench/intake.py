"""Intake over HTTP to the durable acknowledgement, with the live index built at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import Figure, main
from bench.servers import fresh_server, module, wait_indexed
from logkeep.cli.access import ingest_access

_CONNECTIONS = 4


# Each way in does different work: text lines are cut, NDJSON and Mezmo lines are read for their fields.
_KINDS = {"text": "text lines", "ndjson": "NDJSON with ISO times", "mezmo": "Mezmo's lines"}


def measure(quick: bool) -> Sequence[Figure]:
    seconds = 1 if quick else 30
    return [
        figure
        for lines_per_body, goal in ((1000, 500_000), (100, 200_000))
        for kind in _KINDS
        for figure in _intake(kind, lines_per_body, goal, seconds)
    ]


def _intake(kind: str, lines_per_body: int, goal: float, seconds: float) -> list[Figure]:
    with fresh_server() as server, server.admin() as client:
        access = ingest_access(data=server.data)
        result = module(
            "bench.load",
            access.url,
            access.secret,
            f"--kind={kind}",
            f"--lines={lines_per_body}",
            f"--connections={_CONNECTIONS}",
            f"--seconds={seconds}",
        )
        lag = wait_indexed(client)
        found = client.get("/v1/histogram", **{"query": "", "from": "-3h", "to": "+1h"})["total"]
    if found != result["lines"]:
        raise RuntimeError(f"{result['lines']} lines were acknowledged, {found} are found")
    what = f"{lines_per_body}-line bodies of {_KINDS[kind]}"
    times = f"median {result['median_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms a request"
    return [
        Figure(
            name=f"intake, {what}",
            value=result["lines"] / result["seconds"],
            unit="lines/s",
            goal=goal,
            note=f"{_CONNECTIONS} connections, {result['seconds']:.0f} s, "
            f"{result['raw_bytes'] / result['seconds'] / 1e6:.0f} MB/s; {times}",
        ),
        Figure(
            name=f"index caught up, {what}",
            value=lag,
            unit="s after the last line",
            goal=5,
            at_most=True,
            note="every acknowledged line was found",
        ),
    ]


if __name__ == "__main__":
    main(measure)
