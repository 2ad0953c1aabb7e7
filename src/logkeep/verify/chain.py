"""The chain: each manifest of an account names the one sealed before it by key, number and SHA-256.

So nobody can take a manifest away or change one, and with it an object, without breaking the link of the
next. The end alone can be cut off unseen; the head in the report is what to keep and compare for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from logkeep.archive.layout import object_key, parse_key
from logkeep.archive.manifest import ChainHead, Manifest
from logkeep.verify.inventory import StoredManifest
from logkeep.verify.report import Finding, Kind

Fetch = Callable[[str], StoredManifest]  # reads the manifest at a key


class Link(NamedTuple):
    """What the chain is made of in one manifest."""

    number: int
    key: str  # of the manifest
    sha256: str  # of its stored bytes
    previous_key: str
    previous_sha256: str


@dataclass(kw_only=True)
class Chain:
    """What was found of one account's chain, in any order."""

    account: str
    links: dict[str, Link] = field(default_factory=dict)  # by key
    unchained: int = 0  # manifests that are in no chain, as all were before there was one
    _unchained_key: str = ""

    def add(self, key: str, manifest: Manifest, sha256: str) -> None:
        if manifest.chain:
            self.links[key] = _link(key, manifest, sha256)
        else:
            self.unchained += 1
            self._unchained_key = max(self._unchained_key, key)

    def head(self) -> ChainHead | None:
        if not self.links:
            return None
        last = max(self.links.values())
        return ChainHead(chain=last.number, key=last.key, sha256=last.sha256)

    def check(self, fetch: Fetch, *, whole: bool) -> Iterator[Finding]:
        """What is wrong with the chain. `whole`: every manifest of the account was added.

        Reads the manifests that links name and that were not added: outside of the range that is looked
        at, or sealed while the bucket was listed. Raises what `fetch` raises.
        """
        if not self.links:
            return
        if self.unchained:
            detail = f"{self.unchained} manifests up to this one are in no chain"
            yield Finding(kind=Kind.CHAIN, key=self._unchained_key, detail=detail, note=True)
        yield from self._shared_numbers()
        yield from self._broken_links(fetch, whole=whole)

    def _shared_numbers(self) -> Iterator[Finding]:
        by_number: dict[int, list[str]] = defaultdict(list)
        for link in sorted(self.links.values()):
            by_number[link.number].append(link.key)
        for number, (first, *others) in by_number.items():
            for key in others:
                yield _finding(key, f"it is number {number} of the chain of {self.account}, as {first} is")

    def _broken_links(self, fetch: Fetch, *, whole: bool) -> Iterator[Finding]:
        known = dict(self.links)
        todo = sorted(known.values())
        severed: list[Link] = []  # what they name as before them is not there
        while todo:
            link = todo.pop()
            if problem := _malformed(link, self.account, known):
                yield _finding(link.key, problem)
            if problem or link.number == 1:
                continue
            before, sha256 = _before(link, known, fetch)
            if not sha256:
                severed.append(link)
                continue
            if whole and before and before.key not in known:
                known[before.key] = before
                todo.append(before)
            yield from _compared(link, before, sha256)
        numbers = {link.number for link in known.values()} if whole else None
        for link in severed:
            yield Finding(kind=Kind.CHAIN, key=link.key, detail=_missing(link, numbers), gap=True)


def check_chains(chains: Mapping[str, Chain], fetch: Fetch, *, whole: bool) -> Iterator[Finding]:
    """Of all accounts, in the order of their names."""
    for _, chain in sorted(chains.items()):
        yield from chain.check(fetch, whole=whole)


def _link(key: str, manifest: Manifest, sha256: str) -> Link:
    return Link(manifest.chain, key, sha256, manifest.previous_key, manifest.previous_sha256)


def _before(link: Link, known: Mapping[str, Link], fetch: Fetch) -> tuple[Link | None, str]:
    """What a link names as before it, None when that is in no chain; and the SHA-256 of its bytes, "" when
    there is none."""
    if before := known.get(link.previous_key):
        return before, before.sha256
    stored = fetch(link.previous_key)
    if stored.manifest is None or not stored.manifest.chain:
        return None, stored.sha256
    return _link(link.previous_key, stored.manifest, stored.sha256), stored.sha256


def _malformed(link: Link, account: str, known: Mapping[str, Link]) -> str:
    """What is wrong with what a link names, whatever is there."""
    if link.number == 1:
        return f"it is number 1 and names {link.previous_key} before it" if link.previous_key else ""
    if not link.previous_key:
        return f"it is number {link.number} of the chain and names none before it"
    if link.previous_key in known:
        return ""
    key = object_key(link.previous_key)
    name = parse_key(key) if key else None
    if name is None or name.account != account:
        return f"it names {link.previous_key} before it, which is no manifest of {account}"
    return ""


def _compared(link: Link, before: Link | None, sha256: str) -> Iterator[Finding]:
    if sha256 != link.previous_sha256:
        yield _finding(
            link.previous_key,
            f"its stored bytes have SHA-256 {sha256}, number {link.number} of the chain says"
            f" {link.previous_sha256}",
        )
    elif before is None or before.number != link.number - 1:
        there = f"number {before.number}" if before else "in no chain"
        yield _finding(link.key, f"it is number {link.number} of the chain, the one before it is {there}")


def _missing(link: Link, numbers: set[int] | None) -> str:
    """What is missing before a link; `numbers` are all that are there, None when only some were looked at."""
    if numbers is None:
        return f"number {link.number - 1} of the chain, {link.previous_key}, is missing"
    below = max((number for number in numbers if number < link.number), default=0)
    if not below:
        return f"the chain starts at {link.number}: earlier ones are missing"
    if below >= link.number - 2:
        return f"number {link.number - 1} of the chain, {link.previous_key}, is missing"
    return f"numbers {below + 1} to {link.number - 1} of the chain are missing"


def _finding(key: str, detail: str) -> Finding:
    return Finding(kind=Kind.CHAIN, key=key, detail=detail)
