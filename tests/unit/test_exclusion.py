from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from logkeep.catalog.values import Rule
from logkeep.errors import BadSetting, Overloaded
from logkeep.exclusion import ExclusionCounts, checked, condition_of, preview_condition
from logkeep.query import ast
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.query.sql import compile_sql
from logkeep.record import Record
from tests.unit.route_doubles import rule


@pytest.mark.parametrize(
    ("given", "query"),
    [
        (rule("r", hosts=("Web-1",)), "host:web-1"),
        (rule("r", hosts=("a", "b"), apps=("x",)), "(host:a OR host:b) AND app:x"),
        (rule("r", "debug -keep", apps=("x", "y")), "(app:x OR app:y) debug -keep"),
        (rule("r", "a OR b", hosts=("h",)), "host:h (a OR b)"),
        (rule("r", "*"), "*"),
        (rule("r", " ", hosts=("h", "H")), "host:h"),
    ],
)
def test_hosts_apps_and_query_are_one_condition(given: Rule, query: str) -> None:
    assert condition_of(given) == parse(query)


@pytest.mark.parametrize(
    "host", ["a b", 'q"uote', "*", "a*", "/x/", "-x", "(", "back\\slash", "É:1", "OR", "7"]
)
def test_any_name_of_a_host_is_taken_as_it_is(host: str) -> None:
    drops = compile_predicate(condition_of(checked(rule("r", hosts=(host,)))))
    assert drops(Record(host=host))
    assert drops(Record(host=host.replace("a", "A")))
    assert not drops(Record(host=host + "x"))


def test_a_preview_asks_for_what_the_rule_drops() -> None:
    given = rule("r", "debug", hosts=("a", "b"))
    assert preview_condition(given) == compile_sql(parse("(host:a OR host:b) debug"))
    with pytest.raises(BadSetting):
        preview_condition(rule("r"))


def test_a_rule_is_saved_in_its_normal_form() -> None:
    given = rule("r", " debug ", title=" Chatter ", hosts=("b", "a", "b"))
    assert checked(given) == replace(given, title="Chatter", query="debug", hosts=("b", "a"))


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (rule("r", "x", title=" "), "title", "1 to 200 printable characters"),
        (rule("r", "x", title="a" * 201), "title", "1 to 200 printable characters"),
        (rule("r", "x", title="a\x1b[2J"), "title", "1 to 200 printable characters"),
        (rule("r", "  "), "query", "the rule names no lines"),
        (rule("r", "(a"), "query", "query: column 3: the query ends too early"),
        (rule("r", "a" * 4097), "query", "the query has 4097 characters"),
        (rule("r", "status:(" + " ".join(f">{n}" for n in range(800)) + ")"), "query", "too many tests"),
        (rule("r", hosts=tuple(map(str, range(101)))), "hosts", "101 hosts are too many"),
        (rule("r", apps=tuple(map(str, range(101)))), "apps", "101 apps are too many"),
        (rule("r", hosts=("",)), "hosts", "'' in hosts is no name"),
        (rule("r", apps=("a" * 256,)), "apps", "in apps is no name"),
        (rule("r", apps=("\ud800",)), "apps", "in apps is no name"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_the_name_of_its_field(
    given: Rule, field: str, said: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        checked(given)
    assert (caught.value.field, bool(caught.value.hint)) == (field, True)
    assert said in caught.value.message


def test_the_largest_rule_is_taken() -> None:
    names = tuple(f"{number}-{'n' * 250}" for number in range(100))
    given = rule("r", " OR ".join(["w*rd"] * 400), title="t" * 200, hosts=names, apps=names)
    assert isinstance(condition_of(checked(given)), ast.And)


class Counters:
    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.told: list[dict[str, tuple[int, int]]] = []

    def count(self, dropped: Mapping[str, tuple[int, int]]) -> None:
        self.failing -= 1
        if self.failing >= 0:
            raise Overloaded("the disk is full")
        self.told.append(dict(dropped))


def test_counts_are_taken_once() -> None:
    counts = ExclusionCounts()
    counts.add("a", 1, 10)
    counts.add("b", 2, 20)
    counts.add("a", 3, 30)
    assert counts.take() == {"a": (4, 40), "b": (2, 20)}
    assert counts.take() == {}


def test_counts_that_the_catalog_did_not_take_are_kept() -> None:
    counts, counters = ExclusionCounts(), Counters(failing=1)
    counts.add("a", 1, 10)
    with pytest.raises(Overloaded):
        counts.flush(counters)
    counts.add("a", 2, 20)
    counts.flush(counters)
    counts.flush(counters)
    assert counters.told == [{"a": (3, 30)}]


def test_no_count_is_lost_between_threads() -> None:
    counts, counters = ExclusionCounts(), Counters()

    def add(_: int) -> None:
        for _ in range(500):
            counts.add("a", 1, 2)
            counts.flush(counters)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert sum(told["a"][0] for told in counters.told) == 2_000
