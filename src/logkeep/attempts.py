"""Attempts at signing in, by user name and by client address: after a few each has to wait, ever longer.

An attempt counts from when it begins, so that many at once are no more than one after another. During a wait
nothing is tried: a right password is refused as a wrong one is. What was counted is forgotten an hour later.
"""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass

from logkeep.errors import TooManyAttempts
from logkeep.timeline import Clock

_MOST_KEPT = 10_000  # names, and as many addresses: a few MB
_FORGOTTEN_AFTER_MS = 3_600_000
_LONGEST_NAME = 200  # characters that tell names apart
_IPV6_PREFIX = 64  # one customer has all addresses behind it


@dataclass(frozen=True, kw_only=True)
class Rule:
    free: int  # attempts before the first wait
    first_s: int  # that wait; each next one is twice as long
    longest_s: int


# A name's wait is short enough that nobody is locked out by others for long, and 288 passwords a day are no
# way to find one of twelve characters. Behind one address there may be a whole office.
OF_NAME = Rule(free=5, first_s=2, longest_s=300)
OF_ADDRESS = Rule(free=30, first_s=2, longest_s=900)


@dataclass(frozen=True)
class _Count:
    attempts: int
    last: int  # epoch milliseconds
    until: int  # nothing is tried before


class Attempts:
    """Counts in memory: a restart forgets them. Safe from any thread."""

    def __init__(self, clock: Clock, *, most_kept: int = _MOST_KEPT) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._names = _Counts(OF_NAME, most_kept)
        self._addresses = _Counts(OF_ADDRESS, most_kept)

    def begin(self, name: str, address: str) -> None:
        """Count an attempt, as a failed one. Raises TooManyAttempts, and counts none, while either waits."""
        now, whose, where = self._clock(), _name(name), _network(address)
        with self._lock:
            wait_ms = max(self._names.wait_ms(whose, now), self._addresses.wait_ms(where, now))
            if wait_ms <= 0:
                self._names.count(whose, now)
                self._addresses.count(where, now)
                return
        seconds = -(-wait_ms // 1000)
        raise TooManyAttempts(
            "too many attempts to sign in", retry_after=seconds, hint=f"try again in {_shown(seconds)}"
        )

    def succeeded(self, name: str, address: str) -> None:
        """An attempt was right: the name starts anew, and the address gets this attempt back."""
        with self._lock:
            self._names.forget(_name(name))
            self._addresses.take_back(_network(address))


class _Counts:
    def __init__(self, rule: Rule, most: int) -> None:
        self._rule = rule
        self._most = most
        self._of: dict[str, _Count] = {}

    def wait_ms(self, key: str, now: int) -> int:
        found = self._of.get(key)
        return 0 if found is None else found.until - now

    def count(self, key: str, now: int) -> None:
        found = self._of.get(key)
        if found is not None and _old(found, now):
            found = None
        attempts = 1 if found is None else found.attempts + 1
        if key not in self._of and len(self._of) >= self._most:
            self._make_room(now)
        self._of[key] = _Count(attempts, now, now + 1000 * self._wait_s(attempts))

    def take_back(self, key: str) -> None:
        found = self._of.get(key)
        if found is not None and found.attempts > 1:
            self._of[key] = _Count(found.attempts - 1, found.last, found.last)
        else:
            self.forget(key)

    def forget(self, key: str) -> None:
        self._of.pop(key, None)

    def _wait_s(self, attempts: int) -> int:
        waits = attempts - self._rule.free
        if waits < 0:
            return 0
        return min(self._rule.longest_s, self._rule.first_s << min(waits, 16))

    def _make_room(self, now: int) -> None:
        """Forget the old ones, or else the tenth of all that was tried least: many made-up names must not
        push out the one that is under attack."""
        self._of = {key: count for key, count in self._of.items() if not _old(count, now)}
        if len(self._of) < self._most:
            return
        least = sorted(self._of, key=lambda key: (self._of[key].attempts, self._of[key].last))
        for key in least[: max(1, self._most // 10)]:
            del self._of[key]


def _old(count: _Count, now: int) -> bool:
    return now - count.last > _FORGOTTEN_AFTER_MS


def _name(name: str) -> str:
    return name[:_LONGEST_NAME].casefold()


def _network(address: str) -> str:
    """What one client can choose its address from."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST_NAME]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


def _shown(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return f"{-(-seconds // 60)} minutes"
