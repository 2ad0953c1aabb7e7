"""Rings: ways on which events would come back to the pipeline that delivers them, and so on without end.

A step leads from an account to the pipelines that read it, and from a pipeline to what it delivers to: an
account, or a pipeline of this same server by its ingest address. What another server does with events is
not known here.
"""

from __future__ import annotations

import ipaddress
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from logkeep.pipeline.model import AccountSource, Destination, HttpSource, PipelineSpec, ToAccount, ToHttp
from logkeep.pipeline.problems import below

_INGEST = re.compile(r"(.*)/v1/pipelines/([^/]+)/ingest")
_PORTS = {"http": 80, "https": 443}
_HINTS = {
    "account": "deliver to another account, or read from another one",
    "url": "deliver to another address, or have another part of the ring deliver elsewhere",
}


def rings(
    spec: PipelineSpec, others: Sequence[PipelineSpec], own_urls: Sequence[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """(path of the setting, message with the ring in order, hint) of each destination that closes one.

    `others` are the pipelines that there are, among them perhaps this one as it was. `own_urls` are those
    of this server; a name of the machine itself with the port of one of them is its own too.
    """
    specs = [spec, *(other for other in others if other.id != spec.id)]
    server = _Server(
        places=frozenset(place for url in own_urls if (place := _place(url)) is not None),
        taking=frozenset(
            one.id for one in specs if any(isinstance(source, HttpSource) for source in one.sources)
        ),
    )
    steps = _steps(specs, server)
    here = f"pipeline {spec.id}"
    for number, destination in enumerate(spec.destinations):
        start = server.next_after(destination)
        way = _way(start, here, steps) if start else None
        if way is not None:
            ring = (way[-1], here, *way) if way else (here, here)
            setting = "account" if isinstance(destination, ToAccount) else "url"
            yield (
                below(below("destinations", number), setting),
                f"events would go round without end: {' -> '.join(ring)}",
                _HINTS[setting],
            )


class _Place(NamedTuple):
    """Where an address leads: to a server, and there to a path, without a slash at its end."""

    host: str
    port: int
    path: str


@dataclass(frozen=True)
class _Server:
    places: Collection[_Place]  # that its addresses begin with
    taking: Collection[str]  # pipelines that take requests

    def next_after(self, destination: Destination) -> str:
        """The account or the pipeline here that it delivers to, "" for neither."""
        if isinstance(destination, ToAccount):
            return f"account {destination.account}"
        pipeline = self._pipeline_at(destination.url) if isinstance(destination, ToHttp) else ""
        return f"pipeline {pipeline}" if pipeline in self.taking else ""

    def _pipeline_at(self, url: str) -> str:
        """The pipeline that has this ingest address; "" for an address of anything else."""
        place = _place(url)
        found = _INGEST.fullmatch(place.path) if place is not None else None
        if place is None or found is None:
            return ""
        base = place._replace(path=found[1].rstrip("/"))
        near = _is_this_machine(base.host)
        is_own = any(base == own or (near and base[1:] == own[1:]) for own in self.places)
        return found[2] if is_own else ""


def _steps(specs: Sequence[PipelineSpec], server: _Server) -> Mapping[str, Sequence[str]]:
    """Where events go on to from each account and pipeline."""
    steps: dict[str, list[str]] = {}
    for spec in specs:
        here = f"pipeline {spec.id}"
        for source in spec.sources:
            if isinstance(source, AccountSource):
                steps.setdefault(f"account {source.account}", []).append(here)
        steps[here] = [there for one in spec.destinations if (there := server.next_after(one))]
    return steps


def _way(start: str, end: str, steps: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """The shortest way from `start` to `end`, without the latter; None if there is none."""
    ways: dict[str, tuple[str, ...]] = {start: ()}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == end:
            return ways[here]
        for there in steps.get(here, ()):
            if there not in ways:
                ways[there] = (*ways[here], here)
                waiting.append(there)
    return None


def _place(url: str) -> _Place | None:
    """None for what is no address, which whoever calls it tells."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    port = port or _PORTS[parts.scheme]
    return _Place(_plain(parts.hostname), port, unquote(parts.path).rstrip("/"))


def _plain(host: str) -> str:
    """One way to write each host."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.rstrip(".")


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
