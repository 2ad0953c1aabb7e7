from __future__ import annotations

import pytest
from tests.unit.pipeline_doubles import spec_with

from logkeep.errors import BadSetting, QuerySyntaxError
from logkeep.pipeline import model
from logkeep.pipeline.plan import Plan, plan_of, queue_of
from logkeep.record import Record

ARCHIVE = model.ToArchive(name="copy", provider="folder")


def planned(*destinations: model.Destination, **more: object) -> Plan:
    return plan_of(spec_with(*destinations, **more), lambda: 0.0)  # type: ignore[arg-type]


def test_a_route_for_each_destination_in_order() -> None:
    out = model.ToStdout(name="out", query="level:error", buffer="2MiB", when_full="drop")
    first, second = planned(out, ARCHIVE).routes
    assert (first.name, first.queue, first.part) == ("out", "web/out", "destinations.out")
    assert (first.buffer, first.drops, first.spans) == (2 << 20, True, False)
    assert first.takes is not None
    assert first.takes(Record(level="error"))
    assert not first.takes(Record(level="info"))
    assert (second.queue, second.buffer, second.drops, second.spans) == ("web/copy", 1 << 30, False, True)
    assert second.takes is None
    assert queue_of("web", "out") == first.queue


def test_a_query_of_blanks_takes_everything() -> None:
    [route] = planned(model.ToStdout(name="out", query="  ")).routes
    assert route.takes is None


def test_accounts_are_copied_by_sources_of_their_type_alone() -> None:
    sources = (
        model.HttpSource(name="in"),
        model.AccountSource(name="tee", account="main", query="app:web"),
        model.RestorationSource(name="back"),
    )
    [tee] = planned(sources=sources).tees
    assert (tee.name, tee.account) == ("tee", "main")
    assert tee.takes is not None
    assert [tee.takes(Record(app=app)) for app in ("web", "db")] == [True, False]


def test_a_tee_with_another_query_goes_on_where_it_is_and_one_of_another_account_does_not() -> None:
    def tee(name: str, account: str, query: str = "") -> object:
        source = model.AccountSource(name=name, account=account, query=query)
        return planned(sources=(source,)).tees[0]

    one = planned(sources=(model.AccountSource(name="tee", account="main"),)).tees[0]
    assert one.same_lines(tee("tee", "main", "app:web"))  # type: ignore[arg-type]
    assert not one.same_lines(tee("tee", "other"))  # type: ignore[arg-type]
    assert not one.same_lines(tee("tea", "main"))  # type: ignore[arg-type]


def test_a_plan_is_not_adopted_when_it_is_made_and_plans_share_nothing() -> None:
    first, second = planned(), planned()
    first.adopted.set()
    assert not second.adopted.is_set()
    assert first.chain is not second.chain


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(QuerySyntaxError):
        planned(model.ToStdout(name="out", query="level:("))
    with pytest.raises(QuerySyntaxError):
        planned(sources=(model.AccountSource(name="tee", account="main", query="level:("),))
    with pytest.raises(BadSetting):
        planned(processors=(model.ParseRegex(pattern="("),))
