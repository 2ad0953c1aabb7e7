from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logkeep.catalog.values import Archive, Match, Rule
from logkeep.errors import Forbidden, NotFound, Overloaded
from logkeep.exclusion import ExclusionCounts
from logkeep.intake import FUTURE_MS, Accepted, Intake
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Columns, IdSource, Received, Record, bytes_of, decode_line, encode_lines, text_of
from logkeep.routing import Router
from logkeep.spool.base import FRAME_BYTES, Frame, Piece, Spool
from logkeep.spool.sqlite import SqliteSpool
from logkeep.tail import Shown, Tails
from logkeep.timeline import HOUR_MS
from tests.unit.route_doubles import RouteCatalog, archive, rule

NOW = 1_795_165_933_123
NINE = NOW // HOUR_MS
NINE_MS = NINE * HOUR_MS


def intake_into(
    spool: Spool,
    router: Router,
    excluded: ExclusionCounts | None = None,
    appended: Callable[[], None] = lambda: None,
    tails: Tails | None = None,
) -> Intake:
    ids = IdSource(lambda: NOW)
    return Intake(spool, ids, lambda: NOW, appended, router, excluded or ExclusionCounts(), tails or Tails())


def received(records: Sequence[Record]) -> Received:
    return Received(columns=Columns.of(records))


class Site:
    """Intake into a real spool."""

    def __init__(self, folder: Path, catalog: RouteCatalog | None = None, max_bytes: int = 1 << 30) -> None:
        self.spool = SqliteSpool(
            folder / "spool.sqlite",
            clock=lambda: NOW,
            max_bytes=max_bytes,
            max_account_bytes=max_bytes,
            min_free_bytes=0,
        )
        self.appends = 0
        self.catalog = catalog or RouteCatalog([archive("a1")])
        self.router, self.excluded = Router(self.catalog), ExclusionCounts()
        self.intake = intake_into(self.spool, self.router, self.excluded, self._count)

    def accept(self, *records: Record, account: str = "main", reply: bytes = b"ok", key: str = "") -> bytes:
        return asyncio.run(self.intake.accept(account, received(records), reply=reply, key=key))

    def frames(self) -> list[Frame]:
        return self.spool.since(0, max_bytes=1 << 30)

    def _count(self) -> None:
        self.appends += 1


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.spool.close()


def records_of(frame: Frame) -> list[Record]:
    return [decode_line(line) for line in zstandard.ZstdDecompressor().decompress(frame.data).splitlines()]


def test_records_get_an_id_a_receipt_time_and_their_account(site: Site) -> None:
    assert (
        site.accept(Record(ts=NINE_MS, ns=7, line="a"), Record(ts=NINE_MS + 1, line="b"), reply=b"2") == b"2"
    )
    first = int(IdSource(lambda: NOW).take(1)[0])
    [frame] = site.frames()
    assert records_of(frame) == [
        Record(lid=str(first), ts=NINE_MS, ns=7, rx=NOW, account="main", line="a"),
        Record(lid=str(first + 1), ts=NINE_MS + 1, rx=NOW, account="main", line="b"),
    ]
    meta = (
        frame.account,
        frame.hour,
        frame.lines,
        frame.min_ts,
        frame.max_ts,
        frame.first_lid,
        frame.last_lid,
    )
    assert meta == ("main", NINE, 2, NINE_MS, NINE_MS + 1, first, first + 1)
    assert (frame.rx, site.appends) == (NOW, 1)


@pytest.mark.parametrize(
    ("ts", "kept"),
    [
        (-1, NOW),
        (0, 0),
        (NINE_MS - 1, NINE_MS - 1),
        (NOW + FUTURE_MS, NOW + FUTURE_MS),
        (NOW + FUTURE_MS + 1, NOW),
        (9_214_646_399_999, NOW),
    ],
)
def test_a_line_without_a_time_or_with_one_far_ahead_gets_its_receipt_time(
    site: Site, ts: int, kept: int
) -> None:
    site.accept(Record(ts=ts, ns=5, line="x"))
    [frame] = site.frames()
    [record] = records_of(frame)
    assert (record.ts, record.ns, frame.hour) == (kept, 5 if kept == ts else 0, kept // HOUR_MS)


def test_lines_are_split_by_their_hour_and_keep_their_order(site: Site) -> None:
    times = [NINE_MS + HOUR_MS, NINE_MS - 1, NINE_MS, -1, NINE_MS + HOUR_MS - 1, NINE_MS + HOUR_MS, NINE_MS]
    site.accept(*(Record(ts=ts, line=str(number)) for number, ts in enumerate(times)))
    by_hour = {frame.hour: [record.line for record in records_of(frame)] for frame in site.frames()}
    assert by_hour == {NINE - 1: ["1"], NINE: ["2", "3", "4", "6"], NINE + 1: ["0", "5"]}


def test_a_key_is_the_accounts_own(site: Site) -> None:
    assert site.accept(Record(line="a"), reply=b"1", key="k") == b"1"
    assert site.accept(Record(line="b"), reply=b"2", key="k") == b"1"
    assert site.accept(Record(line="c"), reply=b"3", key="k", account="other") == b"3"
    assert site.accept(Record(line="d"), reply=b"4") == b"4"
    assert site.accept(Record(line="e"), reply=b"5") == b"5"
    assert [record.line for frame in site.frames() for record in records_of(frame)] == ["a", "c", "d", "e"]


def test_no_records_are_answered_too(site: Site) -> None:
    assert site.accept(reply=b"0") == b"0"
    assert site.frames() == []


def test_a_full_spool_keeps_none_and_tells_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, RouteCatalog(rules=[rule("r", "y")]), max_bytes=0)
    with pytest.raises(Overloaded):
        site.accept(Record(line="x"), Record(line="y"))
    assert (site.frames(), site.appends) == ([], 0)
    assert (site.intake.accepted(), site.excluded.take()) == ({}, {})
    site.spool.close()


class PieceKeeper:
    """A spool that shows the pieces as intake makes them, before they become frames."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    async def append(self, pieces: list[Piece], *, reply: bytes, key: str = "", last_of: str = "") -> bytes:
        self.pieces += pieces
        assert not last_of
        return key.encode() or reply


def pieces_of(records: list[Record], catalog: RouteCatalog | None = None, watch: str = "") -> list[Piece]:
    keeper, tails = PieceKeeper(), Tails()
    if watch:
        tails.watch("main", parse(watch), who="ada")
    router = Router(catalog or RouteCatalog([archive("a1")]))
    intake = intake_into(cast(Spool, keeper), router, tails=tails)
    asyncio.run(intake.accept("main", received(records), reply=b""))
    return keeper.pieces


# Catalogs whose lines all go together, and those whose lines are looked at one by one.
TOGETHER, ONE_BY_ONE = RouteCatalog([archive("a1")]), RouteCatalog([archive("a1", "*")])


@pytest.mark.parametrize("catalog", [TOGETHER, ONE_BY_ONE], ids=["together", "one by one"])
@pytest.mark.parametrize("length", [10, 1_000, 20_000, 500_000])
def test_pieces_are_about_a_frame(length: int, catalog: RouteCatalog) -> None:
    count = max(3, 5 * FRAME_BYTES // length)
    pieces = pieces_of([Record(ts=NOW, line="x" * length) for _ in range(count)], catalog)
    assert sum(piece.lines for piece in pieces) == count
    assert max(len(piece.payload) for piece in pieces) < 1.2 * FRAME_BYTES
    assert len(pieces) <= 2 + sum(len(piece.payload) for piece in pieces) / FRAME_BYTES * 1.7


sizes = st.tuples(st.integers(-1, 3 * HOUR_MS), st.sampled_from([1, 300, 5_000, 600_000]))


@given(st.lists(sizes, max_size=15), st.sampled_from([TOGETHER, ONE_BY_ONE]), st.sampled_from(["", "x*"]))
def test_what_a_piece_says_of_its_lines_is_true(
    lines: list[tuple[int, int]], catalog: RouteCatalog, watch: str
) -> None:
    pieces = pieces_of([Record(ts=ts, line="x" * size) for ts, size in lines], catalog, watch)
    seen = []
    for piece in pieces:
        records = [decode_line(line) for line in piece.payload.splitlines()]
        times, lids = [record.ts for record in records], [int(record.lid) for record in records]
        assert piece == Piece(
            account="main",
            archive="a1",
            indexed=True,
            hour=piece.hour,
            lines=len(records),
            min_ts=min(times),
            max_ts=max(times),
            first_lid=lids[0],
            last_lid=lids[-1],
            rx=NOW,
            payload=piece.payload,
        )
        assert {ts // HOUR_MS for ts in times} == {piece.hour}
        assert lids == sorted(lids)
        seen += lids
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == len(lines)


def ways_of(pieces: Sequence[Piece]) -> dict[str, list[tuple[str, bool]]]:
    """The (archive, indexed) that each line went to, by its text."""
    ways: dict[str, list[tuple[str, bool]]] = {}
    for piece in pieces:
        for line in piece.payload.splitlines():
            ways.setdefault(decode_line(line).line, []).append((piece.archive, piece.indexed))
    return {line: sorted(went) for line, went in ways.items()}


def texts(*lines: str) -> list[Record]:
    return [Record(ts=NOW, line=line) for line in lines]


def test_without_an_archive_lines_are_only_indexed() -> None:
    assert ways_of(pieces_of(texts("x"), RouteCatalog())) == {"x": [("", True)]}


def test_the_first_archive_that_wants_a_line_gets_it() -> None:
    catalog = RouteCatalog([archive("a", "x"), archive("b", "y OR z")])
    assert ways_of(pieces_of(texts("x y", "y", "other"), catalog)) == {
        "x y": [("a", True)],
        "y": [("b", True)],
        "other": [("", True)],
    }


def test_all_archives_that_want_a_line_get_it_and_one_of_them_has_it_indexed() -> None:
    catalog = RouteCatalog([archive("a", "x"), archive("b"), archive("c", "y")], match=Match.ALL)
    assert ways_of(pieces_of(texts("x y", "y", "other"), catalog)) == {
        "x y": [("a", True), ("b", False), ("c", False)],
        "y": [("b", True), ("c", False)],
        "other": [("b", True)],
    }


def test_lines_that_a_rule_drops_go_only_to_archives_that_take_excluded_lines() -> None:
    catalog = RouteCatalog(
        [archive("a"), archive("b", "x", with_excluded=True), archive("c", with_excluded=True)],
        [rule("r", "debug")],
        match=Match.ALL,
    )
    assert ways_of(pieces_of(texts("debug x", "debug", "x"), catalog)) == {
        "debug x": [("b", False), ("c", False)],
        "debug": [("c", False)],
        "x": [("a", True), ("b", False), ("c", False)],
    }


words = st.lists(st.sampled_from(["x", "y", "z", "debug", "noise"]), min_size=1, max_size=3).map(" ".join)
archives = st.builds(
    archive,
    st.uuids().map(str),
    st.sampled_from(["", "x", "y OR z", "-x", "*"]),
    with_excluded=st.booleans(),
)
rules = st.builds(rule, st.uuids().map(str), st.sampled_from(["debug", "noise x", "-y"]))


@given(
    st.lists(words, max_size=30),
    st.lists(archives, max_size=3),
    st.lists(rules, max_size=2),
    st.sampled_from(Match),
    st.sampled_from(["", "*"]),
)
def test_every_line_goes_exactly_where_the_settings_say(
    lines: list[str], archives: list[Archive], rules: list[Rule], match: Match, watch: str
) -> None:
    catalog = RouteCatalog(archives, rules, match=match)
    pieces = pieces_of(texts(*lines), catalog, watch)
    went = [
        (record.line, record.lid, piece.archive, piece.indexed)
        for piece in pieces
        for record in map(decode_line, piece.payload.splitlines())
    ]
    expected = []
    for lid, line in zip(IdSource(lambda: NOW).take(len(lines)), lines, strict=True):
        dropped = any(matches(each.query, line) for each in rules)
        taking = [
            each.id for each in archives if matches(each.query, line) and (not dropped or each.with_excluded)
        ][: 1 if match is Match.FIRST else None]
        if not dropped:
            expected.append((line, lid, taking.pop(0) if taking else "", True))
        expected += [(line, lid, each, False) for each in taking]
    assert sorted(went) == sorted(expected)


def matches(query: str, line: str) -> bool:
    return compile_predicate(parse(query))(Record(line=line))


def test_a_line_looks_the_same_in_every_piece() -> None:
    catalog = RouteCatalog([archive("a"), archive("b")], match=Match.ALL)
    [indexed, other] = pieces_of([Record(ts=NOW, line="é\n\r\u2028 \x85 x"), *texts("y")], catalog)
    assert indexed.payload == other.payload
    assert indexed.payload == encode_lines([decode_line(line) for line in indexed.payload.splitlines()])


def test_what_rules_drop_is_counted_by_the_first_rule_in_bytes_of_its_text(tmp_path: Path) -> None:
    rules = [rule("one", "debug"), rule("two", "debug OR noise"), rule("never", "absent")]
    site = Site(tmp_path, RouteCatalog([archive("a")], rules))
    text, raw = text_of(b"noise \xff")
    reply = site.accept(Record(line="debug é"), Record(line="debug"), Record(line=text, raw=raw), reply=b"3")
    assert (reply, site.frames(), site.appends) == (b"3", [], 1)
    assert site.excluded.take() == {"one": (2, 13), "two": (1, 7)}
    assert site.accept(Record(line="kept"), Record(line="debug")) == b"ok"
    assert [record.line for frame in site.frames() for record in records_of(frame)] == ["kept"]
    assert site.excluded.take() == {"one": (1, 5)}
    site.spool.close()


def test_an_account_that_is_made_anew_has_no_keys_of_the_one_before(site: Site) -> None:
    assert site.accept(Record(line="a"), reply=b"1", key="k") == b"1"

    accounts = site.catalog.accounts.kept
    accounts["main"] = replace(accounts["main"], created_at=accounts["main"].created_at + 1)
    site.router.refresh("main")

    assert site.accept(Record(line="b"), reply=b"2", key="k") == b"2"
    assert [record.line for frame in site.frames() for record in records_of(frame)] == ["a", "b"]


def test_an_idempotency_key_is_remembered_also_when_all_lines_were_dropped(tmp_path: Path) -> None:
    site = Site(tmp_path, RouteCatalog([archive("a")], [rule("r", "debug")]))
    assert site.accept(Record(line="debug"), reply=b"1", key="k") == b"1"
    assert site.accept(Record(line="debug"), reply=b"2", key="k") == b"1"
    site.spool.close()


def test_what_was_accepted_is_counted_by_account(tmp_path: Path) -> None:
    site = Site(tmp_path, RouteCatalog([archive("a")], [rule("r", "debug")]))
    site.accept(Record(line="kept"), Record(line="debug"))
    site.accept(Record(line="kept"))
    site.accept(Record(line="x"), account="other")
    records = [record for frame in site.frames() for record in records_of(frame)]
    kept = sum(len(encode_lines([record])) for record in records if record.account == "main")
    other = sum(len(encode_lines([record])) for record in records if record.account == "other")
    accepted = site.intake.accepted()
    assert accepted == {"main": Accepted(3, kept + kept // 2 + 1), "other": Accepted(1, other)}
    site.accept(Record(line="y"), account="other")
    assert accepted["other"].lines == 1
    site.spool.close()


def test_a_suspended_account_is_refused_before_anything(tmp_path: Path) -> None:
    site = Site(tmp_path, RouteCatalog([archive("a")], suspended=True))
    with pytest.raises(Forbidden, match="account main is suspended") as caught:
        site.accept(Record(line="x"))
    assert caught.value.hint
    assert (site.frames(), site.appends, site.intake.accepted()) == ([], 0, {})
    with pytest.raises(NotFound):
        site.accept(Record(line="x"), account="gone")
    site.spool.close()


def test_lines_that_come_after_a_refresh_follow_the_new_settings(site: Site) -> None:
    site.accept(Record(line="before"))
    site.catalog.archives.kept.clear()
    site.router.refresh("main")
    site.accept(Record(line="after"))
    ways = {record.line: frame.archive for frame in site.frames() for record in records_of(frame)}
    assert ways == {"before": "a1", "after": ""}


def test_a_live_tail_shows_what_is_kept_and_what_rules_leave_to_it(tmp_path: Path) -> None:
    rules = [rule("hidden", "secret"), rule("seen", "debug", live_tail=True)]
    site = Site(tmp_path, RouteCatalog([archive("a")], rules))
    tails = Tails()
    intake = intake_into(site.spool, site.router, tails=tails)

    async def watch() -> list[bytes]:
        with tails.watch("main", parse("x"), who="ada") as watcher:
            for line in ("x kept", "x secret", "x debug", "y"):
                await intake.accept("main", received([Record(line=line)]), reply=b"")
            await intake.accept("other", received([Record(line="x other")]), reply=b"")
            return (await anext(watcher)).lines

    shown = asyncio.run(watch())
    assert [decode_line(line).line for line in shown] == ["x kept", "x debug"]
    assert [bytes_of(record) for frame in site.frames() for record in records_of(frame)] == [
        b"x kept",
        b"y",
        b"x other",
    ]
    site.spool.close()


def test_a_live_tail_shows_nothing_that_the_spool_did_not_take(tmp_path: Path) -> None:
    site = Site(tmp_path, max_bytes=0)
    tails = Tails()
    intake = intake_into(site.spool, site.router, tails=tails)

    async def watch() -> list[Shown]:
        with tails.watch("main", parse("*"), who="ada") as watcher, pytest.raises(Overloaded):
            await intake.accept("main", received(texts("x")), reply=b"")
        return [shown async for shown in watcher]

    assert asyncio.run(watch()) == []
    site.spool.close()
