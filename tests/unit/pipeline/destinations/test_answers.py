"""What answers mean."""

from __future__ import annotations

import time

import pytest

from logkeep.errors import BatchTooLarge, DeliveryError, DeliveryFailed, DeliveryRefused
from logkeep.pipeline.destinations.answers import (
    Answer,
    check,
    is_busy,
    is_mended_there,
    retry_after_s,
    unreadable,
)

FAILED = {
    *(300, 301, 302, 303, 304, 307, 308),
    *(401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 415, 421, 425, 426, 429),
    *(status for status in range(500, 600) if status != 508),
}


def meaning(status: int) -> type[DeliveryError] | None:
    try:
        check(Answer(host="h", status=status, body=b"words"))
    except DeliveryError as error:
        return type(error)
    return None


@pytest.mark.parametrize("status", range(200, 600))
def test_every_status_has_one_meaning(status: int) -> None:
    known = {413: BatchTooLarge}
    otherwise: type[DeliveryError] | None = None if status < 300 else DeliveryRefused
    if status in FAILED or 300 <= status < 400:
        otherwise = DeliveryFailed
    assert meaning(status) is known.get(status, otherwise)
    assert (is_busy(status) or is_mended_there(status)) == (meaning(status) is DeliveryFailed)


def test_words_of_the_protocol_stand_in_place_of_the_body() -> None:
    with pytest.raises(DeliveryRefused) as caught:
        check(Answer(host="h", status=400, body=b"\x08\x03"), "too old")
    assert caught.value.message == "h answered 400: too old"


def test_an_answer_without_words_is_told_without_them() -> None:
    with pytest.raises(DeliveryRefused) as caught:
        check(Answer(host="h", status=400))
    assert caught.value.message == "h answered 400"


def test_the_time_that_a_receiver_asks_for_is_passed_on() -> None:
    for status in (429, 503, 404):
        with pytest.raises(DeliveryFailed) as caught:
            check(Answer(host="h", status=status, retry_after_s=7.0))
        assert caught.value.retry_after == 7.0


NOON, LATER = "Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:09 GMT"


@pytest.mark.parametrize(
    ("text", "date", "meant"),
    [
        ("", "", 0.0),
        ("0", "", 0.0),
        ("12", "", 12.0),
        ("3601", "", 3600.0),
        ("9" * 400, "", 3600.0),
        ("-5", "", 0.0),
        ("1.5", "", 0.0),
        ("\u0665", "", 0.0),
        ("soon", "", 0.0),
        (LATER, NOON, 9.0),
        (NOON, LATER, 0.0),
        ("Fri, 20 Nov 2099 12:00:00 GMT", NOON, 3600.0),
        ("Fri, 20 Nov 9999999 12:00:00 GMT", NOON, 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(text: str, date: str, meant: float) -> None:
    assert retry_after_s(text, date) == meant


def test_without_the_receivers_clock_a_date_is_read_by_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_176_000.0 - 4)  # of NOON
    assert retry_after_s(NOON, "yesterday") == 4.0


def test_only_whole_json_is_read() -> None:
    assert Answer(host="h", status=200, body=b'{"a":1}').json() == {"a": 1}
    assert Answer(host="h", status=200, body=b'{"a":1}', cut=True).json() is None
    assert Answer(host="h", status=200, body=b"<html>").json() is None
    assert Answer(host="h", status=200, body=b"[" * 500_000).json() is None


def test_an_answer_that_was_cut_asks_for_smaller_batches_while_there_are_any() -> None:
    cut = Answer(host="h", status=200, body=b"x", cut=True)
    assert type(unreadable(cut, 2)) is BatchTooLarge
    assert type(unreadable(cut, 1)) is DeliveryFailed
    assert type(unreadable(Answer(host="h", status=200, body=b"x"), 2)) is DeliveryFailed


def test_what_is_shown_is_one_short_line_without_secrets() -> None:
    answer = Answer(host="h", status=400, hide=lambda text: text.replace("hush", "..."))
    assert answer.shown("a\nhush\x00b") == "a ... b"
    assert len(answer.shown("hush " * 100_000)) <= 300
    assert "hush" not in answer.shown("x" * 298 + "hush")
    assert repr(answer).find("lambda") < 0
