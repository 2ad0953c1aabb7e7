from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from logkeep.catalog.values import Archive, ArchiveState, Match
from logkeep.errors import NotFound
from logkeep.record import Record
from logkeep.routing import Router
from tests.unit.route_doubles import OfAccounts, RouteCatalog, archive, rule


def test_an_account_without_archives_sends_its_lines_to_none() -> None:
    route = Router(RouteCatalog()).route("main")
    assert (route.account, route.suspended, route.exclusions, route.takers) == ("main", False, (), ())
    assert route.sole == ""
    assert route.archives_of(Record(line="x"), excluded=False) == []


def test_archives_that_are_on_or_paused_take_lines_in_their_order() -> None:
    states = [("a", ArchiveState.OFF), ("b", ArchiveState.PAUSED), ("c", ArchiveState.ON)]
    catalog = RouteCatalog([archive(name, "x", state=state) for name, state in states])
    assert [taker.archive for taker in Router(catalog).route("main").takers] == ["b", "c"]


@pytest.mark.parametrize(
    ("archives", "match", "sole"),
    [
        ([archive("a")], Match.ALL, "a"),
        ([archive("a", " ")], Match.ALL, "a"),
        ([archive("a", "x")], Match.FIRST, None),
        ([archive("a"), archive("b")], Match.FIRST, "a"),
        ([archive("a"), archive("b")], Match.ALL, None),
        ([archive("a", "x"), archive("b")], Match.FIRST, None),
        ([archive("a", state=ArchiveState.OFF), archive("b")], Match.ALL, "b"),
    ],
)
def test_where_every_line_goes_is_known_beforehand(
    archives: list[Archive], match: Match, sole: str | None
) -> None:
    assert Router(RouteCatalog(archives, match=match)).route("main").sole == sole


@pytest.mark.parametrize(
    ("line", "match", "excluded", "taking"),
    [
        ("x y", Match.FIRST, False, ["a"]),
        ("x y", Match.ALL, False, ["a", "b", "c"]),
        ("y", Match.FIRST, False, ["b"]),
        ("z", Match.ALL, False, ["c"]),
        ("x y", Match.FIRST, True, ["b"]),
        ("x y", Match.ALL, True, ["b", "c"]),
        ("x", Match.FIRST, True, ["c"]),
    ],
)
def test_archives_take_what_their_query_matches(
    line: str, match: Match, excluded: bool, taking: list[str]
) -> None:
    archives = [archive("a", "x"), archive("b", "y", with_excluded=True), archive("c", with_excluded=True)]
    route = Router(RouteCatalog(archives, match=match)).route("main")
    assert route.archives_of(Record(line=line), excluded=excluded) == taking


def test_the_first_active_rule_that_matches_drops() -> None:
    rules = [
        rule("sleeps", "x", active=False),
        rule("first", "x", live_tail=True),
        rule("second", "x OR y"),
        rule("others", account="other", query="*"),
    ]
    route = Router(RouteCatalog([archive("a")], rules)).route("main")
    dropping = [route.dropped_by(Record(line=line)) for line in ("x", "y", "z")]
    assert [each and (each.rule, each.live_tail) for each in dropping] == [
        ("first", True),
        ("second", False),
        None,
    ]
    assert route.sole == "a"


def test_a_route_is_made_once_and_again_when_told() -> None:
    catalog = RouteCatalog([archive("a")])
    router = Router(catalog)
    before = router.route("main")
    catalog.archives.kept = [archive("b")]
    assert router.route("main") is before
    assert catalog.archives.reads == 1
    router.refresh("main")
    assert router.route("main").sole == "b"


def test_an_account_that_is_gone_has_no_route() -> None:
    catalog = RouteCatalog()
    router = Router(catalog)
    router.route("main")
    router.route("other")
    del catalog.accounts.kept["main"]
    router.refresh("main")
    with pytest.raises(NotFound):
        router.route("main")
    del catalog.accounts.kept["other"]
    router.refresh("other")
    with pytest.raises(NotFound):
        router.route("other")


class SlowArchives(OfAccounts[Archive]):
    """One reading, of what is there when it begins, ends only when the test lets it."""

    def __init__(self) -> None:
        super().__init__([archive("old")])
        self.slow = False
        self.reading, self.go_on = threading.Event(), threading.Event()

    def of_account(self, account: str) -> Sequence[Archive]:
        found = super().of_account(account)
        if self.slow:
            self.slow = False
            self.reading.set()
            assert self.go_on.wait(10)
        return found


@pytest.mark.parametrize("slow", ["route", "refresh"])
def test_a_slow_reader_of_the_catalog_does_not_bring_an_old_route_back(slow: str) -> None:
    catalog = RouteCatalog()
    archives = catalog.archives = SlowArchives()
    router = Router(catalog)
    readers: dict[str, Callable[[], object]] = {
        "route": lambda: router.route("main"),
        "refresh": lambda: router.refresh("main"),
    }
    archives.slow = True
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(readers[slow])
        assert archives.reading.wait(10)
        archives.kept = [archive("new")]
        second = pool.submit(router.refresh, "main")
        archives.go_on.set()
        first.result(10)
        second.result(10)
    assert router.route("main").sole == "new"


def test_what_is_asked_after_a_refresh_never_sees_the_route_before_it() -> None:
    catalog = RouteCatalog([archive("a0")])
    router = Router(catalog)
    stop = threading.Event()
    told = 0
    behind: list[tuple[int, str | None]] = []

    def ask() -> None:
        while not stop.is_set():
            at_least = told
            sole = router.route("main").sole
            if sole is None or int(sole[1:]) < at_least:
                behind.append((at_least, sole))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        for number in range(1, 300):
            catalog.archives.kept = [replace(catalog.archives.kept[0], id=f"a{number}")]
            router.refresh("main")
            told = number
        stop.set()
        asking.result(10)
    assert behind == []
