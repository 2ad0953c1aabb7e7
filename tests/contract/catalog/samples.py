"""Values for the catalog's tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Rule, Target


def account(catalog: Catalog, name: str = "main") -> str:
    return catalog.accounts.create(name, AccountKind.LIVE, 7).id


def archive(name: str = "main", *, of: str = "main", rank: int = 0) -> Archive:
    return Archive(id=name, account=of, state=ArchiveState.ON, created_at=8, rank=rank)


def target(place: str = "s3://b/p", *, of: str = "main", account: str = "main") -> Target:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return Target(
        archive=of,
        account=account,
        provider="s3",
        options={"bucket": bucket, "prefix": prefix},
        place=place,
        created_at=9,
        secret=b"sealed",
    )


def set_up(catalog: Catalog, name: str = "main", *, of: str = "main", place: str = "s3://b/p") -> Archive:
    """An archive, and its account where it is missing."""
    if of not in {one.id for one in catalog.accounts.list()}:
        account(catalog, of)
    return catalog.archives.create(archive(name, of=of), target(place))


def rule(name: str = "r1", *, of: str = "main", created_at: int = 10) -> Rule:
    return Rule(
        id=name,
        account=of,
        title="health checks",
        created_at=created_at,
        hosts=("web-1", "web-2"),
        apps=("nginx",),
        query="healthz",
        live_tail=True,
    )


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Make the calls at the same moment, one thread each. Their results, or the errors that they raised."""
    ready = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        ready.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
