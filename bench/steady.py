"""Many accounts that each send one body a second, over few connections, in a process of its own.

`python -m bench.steady URL --connections 4 --lines 100` reads one ingest key a line from its standard input,
up to an empty line, and prints `{}` when every account has been answered once. It sends until the input
ends, and then prints one JSON object: `lines` acknowledged, `seconds`, `median_ms` and `p99_ms` of a
request, and `behind_s`, by how much a body was later than its second at worst.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from logkeep.sample import SampleBody, sample_bodies
from logkeep.timeline import hour_of

_BODIES = 400


@dataclass
class Tally:
    lines: int = 0
    behind_s: float = 0
    times_s: list[float] = field(default_factory=list)


class Sender:
    """One connection, which sends for its accounts one after the other, evenly over each second."""

    def __init__(self, url: str, keys: Sequence[str], bodies: Sequence[SampleBody]) -> None:
        self.tally = Tally()
        self.once_round = threading.Event()
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._keys = keys
        self._bodies = bodies

    def run(self, stop: threading.Event) -> None:
        try:
            self._run(stop)
        finally:
            self.once_round.set()  # also when it failed, or the others would wait for it
            self._connection.close()

    def _run(self, stop: threading.Event) -> None:
        began, number = time.monotonic(), 0
        while not stop.is_set():
            due = began + number / len(self._keys)
            if (early := due - time.monotonic()) > 0:
                stop.wait(early)
            self.tally.behind_s = max(self.tally.behind_s, -early)
            self._send(self._keys[number % len(self._keys)], self._bodies[number % len(self._bodies)])
            number += 1
            if number == len(self._keys):
                self.once_round.set()

    def _send(self, key: str, body: SampleBody) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": body.content_type}
        began = time.perf_counter()
        self._connection.request("POST", f"{body.path}?{urlencode(body.params)}", body.data, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the server answered {answer.status}: {said!r}")
        self.tally.times_s.append(time.perf_counter() - began)
        self.tally.lines += body.lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--lines", type=int, default=100)
    options = parser.parse_args()
    keys = list(iter(lambda: sys.stdin.readline().strip(), ""))
    hour = hour_of(int(time.time() * 1000))
    bodies = list(
        sample_bodies(lines=_BODIES * options.lines, first_hour=hour, hours=1, lines_per_body=options.lines)
    )
    shares = [keys[number :: options.connections] for number in range(options.connections)]
    senders = [Sender(options.url, share, bodies) for share in shares if share]
    stop, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(len(senders)) as pool:
        running = [pool.submit(sender.run, stop) for sender in senders]
        for sender in senders:
            sender.once_round.wait()
        print("{}", flush=True)
        sys.stdin.read()
        stop.set()
        for one in running:
            one.result()
    print(msgspec.json.encode(_result([one.tally for one in senders], time.monotonic() - began)).decode())


def _result(tallies: Sequence[Tally], seconds: float) -> dict[str, float]:
    times = sorted(time_s for tally in tallies for time_s in tally.times_s)
    return {
        "lines": sum(tally.lines for tally in tallies),
        "seconds": seconds,
        "median_ms": statistics.median(times) * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "behind_s": max(tally.behind_s for tally in tallies),
    }


if __name__ == "__main__":
    main()
