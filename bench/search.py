"""Searches in a restored account, timed at the HTTP client. No two requests are alike, so no cache helps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from bench.figures import Figure, main, median_ms
from bench.process import wait_quiet
from bench.servers import LINES, QUICK_LINES, archived_server, restore_all
from logkeep.cli.client import Client

_ROUNDS = 15
_PAUSE_S = 0.05

# Words of the sample: names, services, events; the numbers are in a handful of lines each.
_TOKENS = (
    "amara", "dmitri", "parcel", "8812", "payment", "4711", "postgres", "vouchers", "12007", "systemd",
    "failed", "kernel", "9001", "xenia", "timeout",
)  # fmt: skip
_PHRASES = (
    "order placed",
    "basket emptied",
    "Failed password",
    "Accepted publickey",
    "payment settled",
    "price list loaded",
    "lock timeout",
    "invalid user root",
    "cache refilled",
    "rate limit reached",
    "label printer is out of paper",
    "token renewed",
    "Failed password for invalid user",
    "voucher redeemed",
    "image resized",
)

Query = Callable[[int], tuple[str, Mapping[str, str | int]]]
"""The path and the parameters of round number n."""


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    with archived_server(lines) as server, server.admin() as client:
        restored = restore_all(client)
        while not client.get(f"/v1/restores/{restored['id']}")["text_index"]:
            time.sleep(_PAUSE_S)
        wait_quiet(server.pid)
        account = restored["account"]
        return [
            _timed(client, account, "token", 20, lambda n: ("/v1/search", {"query": _TOKENS[n]})),
            _timed(client, account, "phrase", 50, lambda n: ("/v1/search", {"query": f'"{_PHRASES[n]}"'})),
            _timed(
                client,
                account,
                "regex",
                180,
                lambda n: ("/v1/search", {"query": f"/port {n}[0-9]+7 ssh[23]/"}),
            ),
            _timed(client, account, "histogram by level", 60, _histogram),
            _timed(client, account, "histogram of a phrase", None, _phrase_histogram),
            _timed(client, account, "histogram of a token", None, _token_histogram),
            _timed(client, account, "histogram of a regex", None, _regex_histogram),
        ]


def _histogram(n: int) -> tuple[str, Mapping[str, str | int]]:
    return "/v1/histogram", {"interval": 60_000 * (n + 1)}


def _token_histogram(n: int) -> tuple[str, Mapping[str, str | int]]:
    return "/v1/histogram", {"query": _TOKENS[n], "interval": 600_000 + n}


def _phrase_histogram(n: int) -> tuple[str, Mapping[str, str | int]]:
    return "/v1/histogram", {"query": f'"{_PHRASES[n]}"', "interval": 600_000 + n}


def _regex_histogram(n: int) -> tuple[str, Mapping[str, str | int]]:
    return "/v1/histogram", {"query": f"/parcel [0-9]+{n} took/", "interval": 600_000 + n}


def _timed(client: Client, account: str, what: str, goal: float | None, query: Query) -> Figure:
    times = []
    scope = {"account": account, "from": "-26h", "to": "now"}
    client.get("/healthz")
    for n in range(_ROUNDS):
        path, params = query(n)
        began = time.perf_counter()
        client.get(path, **scope, **params)
        times.append(time.perf_counter() - began)
    return Figure(
        name=f"search: {what}",
        value=median_ms(times),
        unit="ms",
        goal=goal,
        at_most=True,
        note=f"median of {len(times)}, highest {max(times) * 1000:.0f} ms",
    )


if __name__ == "__main__":
    main(measure)
