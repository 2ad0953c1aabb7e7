from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import DeliveryFailed, Forbidden, Overloaded
from logkeep.pipeline.destinations.account import AccountDestination, offence
from logkeep.pipeline.destinations.base import Batch, Refused
from logkeep.record import Received, Record, encode_lines
from logkeep.timeline import MAX_MS

GOOD = Record(
    lid="7",
    ts=1_795_165_933_000,
    ns=5,
    rx=1,
    account="former",
    host="h",
    app="a",
    file="f",
    env="e",
    level="info",
    tag=("x", "y"),
    meta=msgspec.Raw(b'{"a":1}'),
    line="text",
)


class Account:
    def __init__(self) -> None:
        self.taken: list[tuple[str, list[Record]]] = []
        self.keys: list[tuple[str, str]] = []  # with the stream of which it is the last
        self.error: Exception | None = None

    def accept(self, account: str, received: Received, key: str, last_of: str) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append((account, received.records))
        self.keys.append((key, last_of))


def batch(*records: Record, key: str = "k") -> Batch:
    return Batch(tuple(encode_lines([one]) for one in records), key=key, queue="web/q")


def test_lines_go_into_the_account_as_if_they_had_been_sent_there_once_by_key() -> None:
    account = Account()
    destination = AccountDestination("other", accept=account.accept)
    assert destination.whole_frames
    second = Record(ts=0, line="b")
    assert not destination.send(batch(GOOD, second, key="outbox/web/q/3-x")).refused
    [(name, records)] = account.taken
    assert name == "other"
    assert account.keys == [("outbox/web/q/3-x", "pipeline/web/q")]
    # Id, receipt time and account are given there.
    wanted = msgspec.structs.replace(GOOD, lid="", rx=-1, account="")
    assert records == [wanted, second]
    destination.close()


def test_a_batch_without_a_key_goes_without() -> None:
    account = Account()
    AccountDestination("other", accept=account.accept).send(batch(GOOD, key=""))
    assert account.keys == [("", "")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"line": ""}, "_line is missing or empty"),
        ({"line": "x" * ((1 << 20) + 1)}, "_line has 1048577 characters, the limit is 1048576"),
        ({"ts": -1}, "_ts is missing or no time in epoch milliseconds"),
        ({"ts": -5}, "_ts is missing or no time in epoch milliseconds"),
        ({"ts": MAX_MS + 1}, "_ts is missing or no time in epoch milliseconds"),
        *(
            ({name: "x" * 1025}, f"{name} has more than 1024 characters")
            for name in ("host", "app", "file", "env", "level")
        ),
        ({"meta": msgspec.Raw(b"[1]")}, "_meta is no JSON object"),
        ({"meta": msgspec.Raw(b'"text"')}, "_meta is no JSON object"),
        ({"meta": msgspec.Raw(b"null")}, "_meta is no JSON object"),
        ({"meta": msgspec.Raw(b'{"a"')}, "_meta is no JSON object"),
    ],
)
def test_what_breaks_the_schema_is_told(change: dict[str, object], reason: str) -> None:
    assert offence(msgspec.structs.replace(GOOD, **change)) == reason


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"line": "x"},
        {"line": "x" * (1 << 20)},
        {"ts": 0},
        {"host": "x" * 1024, "level": "x" * 1024},
        {"meta": msgspec.Raw(b"")},
        {"meta": msgspec.Raw(b"{}")},
        {"lid": ""},
        {"account": ""},
    ],
)
def test_what_is_within_the_schema_is_taken(change: dict[str, object]) -> None:
    assert offence(msgspec.structs.replace(GOOD, **change)) == ""


def test_what_does_not_fit_is_refused_by_its_place_and_the_rest_taken() -> None:
    account = Account()
    bad = msgspec.structs.replace(GOOD, line="")
    sent = AccountDestination("other", accept=account.accept).send(batch(bad, GOOD, bad))
    reason = "_line is missing or empty"
    assert list(sent.refused) == [Refused(0, reason), Refused(2, reason)]
    assert [len(records) for _, records in account.taken] == [1]


def test_a_batch_of_which_nothing_fits_asks_the_account_nothing() -> None:
    account = Account()
    account.error = AssertionError("asked")
    sent = AccountDestination("other", accept=account.accept).send(batch(Record(ts=5)))
    assert [one.place for one in sent.refused] == [0]


def test_what_cannot_be_read_is_refused_and_the_rest_taken() -> None:
    account = Account()
    deep = b'{"_lid":"1","_ts":1,"_meta":' + b"[" * 100_000 + b"]" * 100_000 + b',"_line":"x"}\n'
    sent = AccountDestination("other", accept=account.accept).send(Batch((deep, encode_lines([GOOD]))))
    [refused] = sent.refused
    assert refused.place == 0
    assert refused.reason.startswith("it cannot be read: ")
    assert [len(records) for _, records in account.taken] == [1]


def test_an_account_that_takes_nothing_for_now_is_tried_again() -> None:
    account = Account()
    destination = AccountDestination("other", accept=account.accept)
    account.error = Overloaded("the disk is full", retry_after=7, hint="free space")
    with pytest.raises(
        DeliveryFailed, match="the account other does not take them: the disk is full"
    ) as caught:
        destination.send(batch(GOOD))
    assert (caught.value.retry_after, caught.value.hint) == (7, "free space")
    account.error = Forbidden("it is suspended")
    with pytest.raises(DeliveryFailed, match="it is suspended") as caught:
        destination.send(batch(GOOD))
    assert caught.value.retry_after == 0
