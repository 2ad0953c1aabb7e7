"""What happens to the lines of an account: which rules drop them and which archives take them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from logkeep.catalog.values import Account, Archive, ArchiveState, Match, Rule
from logkeep.errors import NotFound
from logkeep.exclusion import condition_of
from logkeep.query.parse import parse
from logkeep.query.predicate import Predicate, compile_predicate
from logkeep.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """An active rule, compiled."""

    rule: str
    drops: Predicate
    live_tail: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Taker:
    """An archive that takes lines: those that it wants, or (None) all."""

    archive: str
    wants: Predicate | None
    with_excluded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """What happens to the lines of one account that come now."""

    account: str
    created_at: int  # of the account: tells it from one of the same id that was deleted
    suspended: bool
    match: Match
    exclusions: tuple[Exclusion, ...]  # the first that drops a line is the one that counts it
    takers: tuple[Taker, ...]  # by rank
    sole: str | None  # where every line goes that no rule drops, "" for no archive; None: it depends

    def dropped_by(self, record: Record) -> Exclusion | None:
        """The first rule that drops the record."""
        for exclusion in self.exclusions:
            if exclusion.drops(record):
                return exclusion
        return None

    def archives_of(self, record: Record, *, excluded: bool) -> list[str]:
        """The archives that take the record, by rank. Of a record that a rule dropped only those are
        asked that take excluded lines too."""
        taking: list[str] = []
        for taker in self.takers:
            if (not excluded or taker.with_excluded) and (taker.wants is None or taker.wants(record)):
                taking.append(taker.archive)
                if self.match is Match.FIRST:
                    break
        return taking


class AccountsSource(Protocol):
    def get(self, name: str, /) -> Account: ...


class ArchivesSource(Protocol):
    def of_account(self, account: str, /) -> Sequence[Archive]: ...


class RulesSource(Protocol):
    def of_account(self, account: str, /) -> Sequence[Rule]: ...


class RouteSource(Protocol):
    """The part of the catalog that routes are made from."""

    @property
    def accounts(self) -> AccountsSource: ...
    @property
    def archives(self) -> ArchivesSource: ...
    @property
    def rules(self) -> RulesSource: ...


class Router:
    """The routes of all accounts, made when they are first asked for.

    `route` is for the event loop of intake; `refresh` is for any thread, after the catalog was
    changed. When it returns, no call of `route` that begins later gives the old route:

    - a route is put in place before the refresh returns, by one assignment that readers see whole;
    - the catalog is read and the route put in place under one lock, so of two refreshes (or of a refresh
      and a first use) the one that ends last has also read last.

    Intake asks for the route and hands the lines to the spool without giving up the loop in between. So
    after `refresh` has returned, one turn of the loop later (`run_coroutine_threadsafe` of anything) every
    line that saw the old route is in the spool's hands, ahead of all that see the new one.
    """

    def __init__(self, catalog: RouteSource) -> None:
        self._catalog = catalog
        self._routes: dict[str, Route] = {}
        self._lock = threading.Lock()

    def route(self, account: str) -> Route:
        """What happens to lines of the account now. Reads the catalog on first use only; raises NotFound
        for an account that is not there."""
        route = self._routes.get(account)
        return route if route is not None else self._first(account)

    def refresh(self, account: str) -> None:
        """The account, its archives or its rules changed. An account that is gone has no route."""
        with self._lock:
            route = self._made(account)
            if route is None:
                self._routes.pop(account, None)
            else:
                self._routes[account] = route

    def _first(self, account: str) -> Route:
        with self._lock:
            route = self._routes.get(account) or route_of(self._catalog, account)
            self._routes[account] = route
            return route

    def _made(self, account: str) -> Route | None:
        try:
            return route_of(self._catalog, account)
        except NotFound:
            return None


def route_of(catalog: RouteSource, name: str) -> Route:
    """The route as the catalog has it. Raises NotFound, and QuerySyntaxError for a query that was saved by
    a version that read it otherwise."""
    account = catalog.accounts.get(name)
    exclusions = tuple(_exclusion(rule) for rule in catalog.rules.of_account(name) if rule.active)
    archives = catalog.archives.of_account(name)
    takers = tuple(_taker(archive) for archive in archives if archive.state is not ArchiveState.OFF)
    return Route(
        account=name,
        created_at=account.created_at,
        suspended=account.suspended,
        match=account.match,
        exclusions=exclusions,
        takers=takers,
        sole=_sole(takers, account.match),
    )


def _exclusion(rule: Rule) -> Exclusion:
    return Exclusion(rule=rule.id, drops=compile_predicate(condition_of(rule)), live_tail=rule.live_tail)


def _taker(archive: Archive) -> Taker:
    wants = compile_predicate(parse(archive.query)) if archive.query.strip() else None
    return Taker(archive=archive.id, wants=wants, with_excluded=archive.with_excluded)


def _sole(takers: Sequence[Taker], match: Match) -> str | None:
    if not takers:
        return ""
    first = takers[0]
    return first.archive if first.wants is None and (len(takers) == 1 or match is Match.FIRST) else None
