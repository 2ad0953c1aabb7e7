"""How long pages take, as a browser next door would see it, and how large they are."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from bench.figures import Figure

ROUNDS = 20
_GOAL_MS, _GOAL_KB = 300, 100


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One page: the first request to a server that was just started, and those after it."""

    name: str
    first_s: float
    times_s: Sequence[float]
    size: int

    def figure(self) -> Figure:
        milliseconds = sorted(time_s * 1000 for time_s in self.times_s)
        return Figure(
            name=f"page {self.name}",
            value=statistics.median(milliseconds),
            unit="ms",
            goal=_GOAL_MS,
            at_most=True,
            note=f"median of {len(milliseconds)}, highest {milliseconds[-1]:.0f} ms, "
            f"first of the server {self.first_s * 1000:.0f} ms; {self.size / 1000:.0f} kB",
        )


def signed_in(url: str, name: str, password: str) -> httpx.Client:
    """A client that is signed in as a browser is: by the form, with cookies."""
    client = httpx.Client(base_url=url, timeout=60, follow_redirects=False)
    page = client.get("/sign-in").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    if token is None:
        raise LookupError("the page for signing in has no token")
    form = {"csrf_token": token[1], "name": name, "password": password, "next": "/"}
    answer = client.post("/sign-in", data=form)
    if answer.status_code != 303 or "/sign-in" in answer.headers["location"]:
        raise PermissionError(f"{name} was not let in: {answer.status_code}")
    return client


def time_pages(client: httpx.Client, urls: Mapping[str, str]) -> Sequence[Timed]:
    """Of each page first the cold time, before any is asked for again."""
    first = {name: _once(client, url) for name, url in urls.items()}
    return [
        Timed(
            name=name,
            first_s=first[name][0],
            times_s=[_once(client, url)[0] for _ in range(ROUNDS)],
            size=first[name][1],
        )
        for name, url in urls.items()
    ]


def _once(client: httpx.Client, url: str) -> tuple[float, int]:
    """Seconds until the whole page is there, and its bytes."""
    began = time.perf_counter()
    answer = client.get(url)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answers {answer.status_code}")
    return took, len(answer.content)


def worst(pages: Sequence[Timed]) -> Sequence[Figure]:
    """The slowest request and the largest page of all."""
    slowest = max(pages, key=lambda page: max(page.times_s))
    coldest = max(pages, key=lambda page: page.first_s)
    largest = max(pages, key=lambda page: page.size)
    return [
        Figure(
            name="slowest request for a page",
            value=max(slowest.times_s) * 1000,
            unit="ms",
            goal=_GOAL_MS,
            at_most=True,
            note=f"{slowest.name}; of {len(pages)} pages, {ROUNDS} times each",
        ),
        Figure(
            name="slowest first request for a page",
            value=coldest.first_s * 1000,
            unit="ms",
            goal=_GOAL_MS,
            at_most=True,
            note=f"{coldest.name}; the server was just started",
        ),
        Figure(
            name="largest page",
            value=largest.size / 1000,
            unit="kB",
            goal=_GOAL_KB,
            at_most=True,
            note=f"{largest.name}; HTML, not compressed",
        ),
    ]
