"""The notifier over a real catalog, a real HTTP server and a real mail server; the clock is the test's."""

from __future__ import annotations

import json
import logging
import smtplib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import Notice, NoticeState, Restore, RestoreState
from logkeep.errors import Overloaded
from logkeep.notify.addresses import MailServer
from logkeep.notify.channel import Channel, Try
from logkeep.notify.email import Email
from logkeep.notify.notifier import EMAIL, WEBHOOK, Notifier, Wording
from logkeep.notify.template import Template
from logkeep.notify.webhook import Webhook
from tests.unit.notify.receivers import NOW, hook, mail_box, restore

SECOND, HOUR = 1000, 3_600_000
LIMIT = "the limit of 4321 lines is reached"
WAITING, SENT, FAILED = NoticeState.WAITING, NoticeState.SENT, NoticeState.FAILED


@dataclass
class Answering:
    """A channel that answers what it is told to, and keeps what was sent."""

    tried: Try = field(default_factory=Try)
    sent: list[Notice] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def send(self, notice: Notice, now: int) -> Try:
        del now
        self.sent.append(notice)
        self.meanwhile()
        return self.tried


class Site:
    def __init__(self, folder: Path) -> None:
        self.catalog: Catalog = open_catalog(f"sqlite:///{folder}/catalog.sqlite")
        self.now = NOW
        self.restores: Sequence[Restore] = ()
        self.webhook, self.email = Answering(), Answering()

    def notifier(
        self, *, channels: dict[str, Channel] | None = None, wording: Wording | None = None
    ) -> Notifier:
        return Notifier(
            notices=self.catalog.notices,
            restores=lambda: self.restores,
            channels=channels or {WEBHOOK: self.webhook, EMAIL: self.email},
            wording=wording or Wording(url="http://all.test/"),
            clock=lambda: self.now,
            jitter=lambda: 0.0,
        )

    def notices(self, restore_id: str = "ab12cd34ef56") -> Sequence[Notice]:
        return self.catalog.notices.of_restore(restore_id)

    def states(self) -> list[tuple[NoticeState, int]]:
        return [(one.state, one.tries) for one in self.notices()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.catalog.close()


def test_everybody_is_told_once(site: Site) -> None:
    with hook() as first, hook() as second, mail_box() as box:
        server = MailServer(host=box.host, port=box.port, tls="none")
        notifier = site.notifier(
            channels={WEBHOOK: Webhook(), EMAIL: Email(server, "logkeep@example.org")},
            wording=Wording(
                subject=Template("{{name}}: {{state}}"),
                text=Template("{{lines}} lines\n{{url}}"),
                public_url="https://logs.test",
                url=first.url,
                addresses=("ops@example.org",),
            ),
        )
        notifier.ended(
            restore(notify_url=second.url, notify_email="jane@example.org, ops@example.org,joe@example.org")
        )
        assert notifier.round() is None
        assert notifier.round() is None
        told = [json.loads(one.body) for receiver in (first, second) for one in receiver.posted]
        assert [one["notice"] for one in told] == ["ab12cd34ef56-1", "ab12cd34ef56-2"]
        assert {one["event"] for one in told} == {"restore.active"}
        assert {one["text"] for one in told} == {"4,321 lines\nhttps://logs.test/v1/restores/ab12cd34ef56"}
        assert [one.receivers for one in box.mails] == [
            *(["ops@example.org"], ["jane@example.org"], ["joe@example.org"])
        ]
        assert all(b"Subject: one: ACTIVE\r\n" in one.content for one in box.mails)
    assert site.states() == [(SENT, 1)] * 5


def test_a_receiver_that_fails_for_a_while_is_told_when_it_works_again(site: Site) -> None:
    with hook() as receiver:
        notifier = site.notifier(channels={WEBHOOK: Webhook()}, wording=Wording(url=receiver.url))
        receiver.answers = [(500, {}), (503, {"Retry-After": "300"})]
        notifier.ended(restore())
        assert notifier.round() == 30.0
        assert notifier.round() == 30.0  # it is not due, and nothing is sent
        assert len(receiver.posted) == 1
        site.now += 30 * SECOND
        assert notifier.round() == 60.0  # of 300 s, as the clock may be set meanwhile
        (waiting,) = site.notices()
        assert (waiting.error, waiting.next_at) == ("127.0.0.1 answered 503", site.now + 300 * SECOND)
        site.now += 300 * SECOND
        assert notifier.round() is None
        assert len({one.headers["x-logkeep-notice"] for one in receiver.posted}) == 1
        assert len({one.body for one in receiver.posted}) == 1
    (sent,) = site.notices()
    assert (sent.state, sent.tries, sent.error) == (SENT, 3, "")


def tried_until_given_up(site: Site, tried: Try) -> list[float]:
    """Tries one notice until nothing waits. The seconds between the tries."""
    site.webhook.tried = tried
    notifier = site.notifier()
    notifier.ended(restore())
    waits = []
    notifier.round()
    while (next_at := site.catalog.notices.next_due()) is not None:
        waits.append((next_at - site.now) / SECOND)
        site.now = next_at
        notifier.round()
    return waits


def test_the_waits_double_up_to_four_hours_and_end_after_twelve_tries(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "logkeep"):
        waits = tried_until_given_up(site, Try(error="it is down"))
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14_400, 14_400]
    assert site.states() == [(FAILED, 12)]
    assert site.notices()[0].error == "it is down"
    assert [one.getMessage() for one in caplog.records] == [
        "the webhook notice 1 of the restore ab12cd34ef56 is given up: it is down"
    ]


def test_none_is_tried_for_longer_than_a_day(site: Site) -> None:
    waits = tried_until_given_up(site, Try(error="it is down", wait_s=1e9))
    assert waits == [14_400] * 6
    assert site.states() == [(FAILED, 7)]


@pytest.mark.parametrize("most_tries", [1, 3])
def test_what_is_unlikely_to_heal_is_given_up_earlier(site: Site, most_tries: int) -> None:
    tried_until_given_up(site, Try(error="no", most_tries=most_tries))
    assert site.states() == [(FAILED, most_tries)]


def test_a_notice_that_waited_while_the_server_was_off_for_days_is_tried_once_more(site: Site) -> None:
    site.notifier().ended(restore())
    site.now += 72 * HOUR
    site.notifier().round()
    assert site.states() == [(SENT, 1)]


def test_the_waits_are_stretched_at_random(site: Site) -> None:
    site.webhook.tried = Try(error="it is down")
    notifier = Notifier(
        notices=site.catalog.notices,
        restores=list,
        channels={WEBHOOK: site.webhook},
        wording=Wording(url="http://all.test/"),
        clock=lambda: site.now,
        jitter=lambda: 0.5,
    )
    notifier.ended(restore())
    notifier.round()
    assert site.notices()[0].next_at == NOW + 37_500


def test_a_receiver_that_fails_does_not_hold_up_others(site: Site) -> None:
    site.webhook.tried = Try(error="it is down")
    notifier = site.notifier(wording=Wording(url="http://all.test/", addresses=("ops@example.org",)))
    notifier.ended(restore())
    notifier.round()
    assert site.states() == [(WAITING, 1), (SENT, 1)]


def test_a_worker_that_is_stopped_begins_no_further_try(site: Site) -> None:
    notifier = site.notifier(wording=Wording(url="http://all.test/", addresses=("ops@example.org",)))
    site.webhook.meanwhile = notifier.worker.stopping.set
    notifier.ended(restore())
    notifier.round()
    assert site.states() == [(SENT, 1), (WAITING, 0)]


def test_without_receivers_nothing_is_written_down(site: Site) -> None:
    notifier = site.notifier(wording=Wording())
    notifier.ended(restore())
    assert (notifier.round(), site.notices()) == (None, [])


def test_saying_it_twice_is_saying_it_once_but_every_pause_counts(site: Site) -> None:
    notifier = site.notifier()
    paused = restore(state=RestoreState.PAUSED, finished_at=0, error=LIMIT)
    notifier.ended(paused)
    site.now += HOUR
    notifier.ended(replace(paused, error="the bucket cannot be reached"))
    site.now += HOUR
    ended = restore(finished_at=site.now)
    for _ in range(2):
        notifier.ended(ended)
        site.now -= 10 * SECOND  # the clock is set back
    assert [one.subject for one in site.notices()] == [
        *("restore.paused", "restore.paused", "restore.active")
    ]


def test_what_ended_just_before_a_crash_is_made_up(site: Site) -> None:
    site.restores = (
        restore(id="told", finished_at=NOW - 2000),
        restore(id="untold"),
        restore(id="failed", state=RestoreState.FAILED),
        restore(id="full", state=RestoreState.PAUSED, finished_at=0, error=LIMIT),
        restore(id="stuck", state=RestoreState.PAUSED, finished_at=0, error="the bucket cannot be reached"),
        restore(id="on-request", state=RestoreState.PAUSED, finished_at=0),
        restore(id="long-ago", finished_at=NOW - 25 * HOUR),
        restore(id="deleted", state=RestoreState.DELETED),
        restore(id="running", state=RestoreState.IN_PROGRESS, finished_at=0),
    )
    site.notifier().ended(site.restores[0])
    for _ in range(2):  # two starts
        notifier = site.notifier()
        for _ in range(2):
            notifier.round()
    assert [one.restore_id for one in site.webhook.sent] == ["told", "untold", "failed", "full", "stuck"]


def test_a_pause_after_a_retry_is_made_up_though_the_failure_was_told(site: Site) -> None:
    failed = restore(state=RestoreState.FAILED, finished_at=NOW)
    site.notifier().ended(failed)
    site.now += HOUR
    waits = replace(failed, state=RestoreState.PAUSED, started_at=site.now, finished_at=0, error=LIMIT)
    site.restores = (waits,)
    for _ in range(2):  # two starts
        site.notifier().round()
    assert [one.subject for one in site.webhook.sent] == ["restore.failed", "restore.paused"]


def test_what_could_not_be_written_down_is_made_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    notifier = site.notifier()
    notifier.round()
    site.restores = (restore(),)

    def full(*_: object) -> None:
        raise Overloaded("the catalog cannot be used: disk full")

    with monkeypatch.context() as patched:
        patched.setattr(site.catalog.notices, "add", full)
        notifier.ended(restore())
        with pytest.raises(Overloaded):  # which the worker shows, and comes back
            notifier.round()
    assert site.notices() == []
    notifier.round()
    assert site.states() == [(SENT, 1)]


def test_a_channel_that_is_not_set_up_is_tried_again_as_it_may_be_later(site: Site) -> None:
    notifier = site.notifier(channels={WEBHOOK: site.webhook}, wording=Wording())
    notifier.ended(restore(notify_email="ops@example.org"))
    notifier.round()
    (waiting,) = site.notices()
    assert (waiting.state, waiting.error) == (WAITING, "this server sends no email")
    site.now = waiting.next_at
    site.notifier().round()
    assert site.states() == [(SENT, 2)]


def test_a_started_worker_sends_what_ended(site: Site) -> None:
    with hook() as receiver:
        notifier = site.notifier(channels={WEBHOOK: Webhook()}, wording=Wording(url=receiver.url))
        notifier.worker.start()
        notifier.ended(restore())
        assert receiver.done.wait(20)
        notifier.worker.stop()
    assert site.states() == [(SENT, 1)]


def test_the_worker_goes_on_after_a_receiver_that_no_request_can_be_made_to(site: Site) -> None:
    with hook() as receiver:
        # As a catalog may hold it from before such names were refused.
        told = restore(notify_url="http://xn--/")
        notifier = site.notifier(channels={WEBHOOK: Webhook()}, wording=Wording())
        notifier.ended(told)
        notifier.ended(replace(told, id="next", notify_url=receiver.url))
        notifier.worker.start()
        assert receiver.done.wait(20)
        assert notifier.worker.alive()
        notifier.worker.stop()
    assert site.states() == [(FAILED, 1)]
    assert [one.state for one in site.notices("next")] == [SENT]


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("odd http://all.test/"), OSError("odd http://all.test/")),
        *(httpx.InvalidURL("odd http://all.test/"), httpx.ReadError("odd http://all.test/")),
        smtplib.SMTPException("odd http://all.test/"),
    ],
)
def test_what_a_channel_raises_is_a_try_that_failed_and_the_next_is_sent(
    site: Site, error: Exception
) -> None:
    def odd() -> None:
        raise error

    site.webhook.meanwhile = odd
    notifier = site.notifier(wording=Wording(url="http://all.test/", addresses=("ops@example.org",)))
    notifier.ended(restore())
    assert notifier.round() == 30.0
    assert site.states() == [(WAITING, 1), (SENT, 1)]
    assert site.notices()[0].error == "odd ..."
