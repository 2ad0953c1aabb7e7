"""The part of the catalog that routes are made from, in memory; tests change its lists as they go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from logkeep.catalog.values import Account, AccountKind, Archive, ArchiveState, Match, Rule
from logkeep.errors import NotFound

Kept = TypeVar("Kept", Archive, Rule)


def archive(name: str, query: str = "", *, with_excluded: bool = False, **more: object) -> Archive:
    values = {"account": "main", "state": ArchiveState.ON, "created_at": 0, **more}
    return Archive(id=name, query=query, with_excluded=with_excluded, **values)  # type: ignore[arg-type]


def rule(name: str, query: str = "", **more: object) -> Rule:
    values = {"account": "main", "title": name, "created_at": 0, **more}
    return Rule(id=name, query=query, **values)  # type: ignore[arg-type]


class OfAccounts(Generic[Kept]):
    def __init__(self, kept: Iterable[Kept]) -> None:
        self.kept: list[Kept] = list(kept)
        self.reads = 0

    def of_account(self, account: str) -> Sequence[Kept]:
        self.reads += 1
        return [each for each in self.kept if each.account == account]


class Accounts:
    def __init__(self, accounts: Iterable[Account]) -> None:
        self.kept = {account.id: account for account in accounts}

    def get(self, name: str) -> Account:
        if name not in self.kept:
            raise NotFound(f"no account {name}", hint="create it first")
        return self.kept[name]


class RouteCatalog:
    def __init__(
        self,
        archives: Iterable[Archive] = (),
        rules: Iterable[Rule] = (),
        *,
        match: Match = Match.FIRST,
        suspended: bool = False,
    ) -> None:
        main = Account(id="main", kind=AccountKind.LIVE, created_at=0, match=match, suspended=suspended)
        other = Account(id="other", kind=AccountKind.LIVE, created_at=0)
        self.accounts = Accounts([main, other])
        self.archives: OfAccounts[Archive] = OfAccounts(archives)
        self.rules: OfAccounts[Rule] = OfAccounts(rules)
