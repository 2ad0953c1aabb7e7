"""Notifier: writes down that a restore has ended, for everybody who is to know, and has a worker tell them.

What is written down is sent at least once, also after a crash. A receiver that fails is tried again after 30
seconds, then 1, 2, 4, ... at most 240 minutes, until 12 tries were made or 24 hours are over. A receiver can
tell doubles by the notice's id.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from logkeep.catalog.notices import Notices
from logkeep.catalog.values import Notice, NoticeState, Restore, RestoreState
from logkeep.errors import LogkeepError, Overloaded
from logkeep.notify.channel import SENDING_ERRORS, Channel, Try
from logkeep.notify.message import document, encodable, event_of, fields_of, waits
from logkeep.notify.template import DEFAULT_SUBJECT, DEFAULT_TEXT, Template, one_line
from logkeep.timeline import Clock
from logkeep.worker import Worker

log = logging.getLogger("logkeep")

WEBHOOK, EMAIL = "webhook", "email"  # the names of the channels
_FIRST_WAIT_S = 30.0
_LONGEST_WAIT_S = 4 * 3600.0
_GIVE_UP_MS = 24 * 3_600_000
_LONGEST_ERROR = 200
_AT_ONCE = 20  # notices between two looks at the catalog
_LONGEST_PAUSE_S = 60.0  # the clock that tries go by may be set meanwhile
_ENDED = (RestoreState.ACTIVE, RestoreState.DONE, RestoreState.FAILED, RestoreState.ABORTED)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What notices say, and who gets all of them, beside whom a restore names."""

    subject: Template = Template(DEFAULT_SUBJECT)
    text: Template = Template(DEFAULT_TEXT)
    public_url: str = ""  # what links begin with; "": there are none
    url: str = field(default="", repr=False)  # of a webhook
    addresses: tuple[str, ...] = ()


class Notifier:
    """Takes word from any thread; what is slow happens in the worker's."""

    def __init__(
        self,
        *,
        notices: Notices,
        restores: Callable[[], Sequence[Restore]],  # all that the catalog has
        channels: Mapping[str, Channel],
        wording: Wording,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._notices = notices
        self._restores = restores
        self._channels = channels
        self._wording = wording
        self._clock = clock
        self._jitter = jitter
        self._one = threading.Lock()
        # Set when a restore may have ended without its notices: a crash can come between the two.
        self._behind = threading.Event()
        self._behind.set()
        self.worker = Worker("notify", self.round)

    def ended(self, restore: Restore) -> None:
        """Write down that this restore has ended, or waits by itself; call it after the catalog says so.

        Durable when it returns. Saying it twice of the same end is saying it once. Does not raise when the
        catalog is full: the worker then makes it up.
        """
        try:
            self._write_down(restore)
        except Overloaded:
            self._behind.set()
        self.worker.wake()

    def round(self) -> float | None:
        """One step of the worker: tries what is due. Returns seconds until the next; None when none waits."""
        self._make_up()
        for notice in self._notices.due(self._clock(), _AT_ONCE):
            if self.worker.stopping.is_set():
                break
            self._try(notice)
        next_at = self._notices.next_due()
        if next_at is None:
            return None
        return min(max(0.0, (next_at - self._clock()) / 1000), _LONGEST_PAUSE_S)

    def _make_up(self) -> None:
        """Write down what waits, or ended within the time that notices are tried, and has none."""
        if not self._behind.is_set():
            return
        self._behind.clear()
        try:
            for restore in self._restores():
                recent = restore.finished_at >= self._clock() - _GIVE_UP_MS
                if (restore.state in _ENDED and recent) or waits(restore):
                    self._write_down(restore, made_up=True)
        except LogkeepError:
            self._behind.set()
            raise

    def _write_down(self, restore: Restore, *, made_up: bool = False) -> None:
        receivers = self._receivers(restore)
        if not receivers:
            return
        with self._one:
            # It may wait more than once, and each time is told.
            if (made_up or restore.state in _ENDED) and self._is_written(restore):
                return
            # Not before what it is told apart by, though the clock may have been set back.
            now = max(self._clock(), _since(restore))
            values = fields_of(restore, self._wording.public_url)
            subject = encodable(self._wording.subject.line(values))
            text = encodable(self._wording.text.text(values))

            def body_of(notice: Notice) -> bytes:
                if notice.channel == EMAIL:
                    return text.encode()
                return document(notice, restore, public_url=self._wording.public_url, text=text)

            drafts = [
                Notice(
                    restore_id=restore.id,
                    channel=channel,
                    receiver=receiver,
                    body=b"",
                    subject=subject if channel == EMAIL else event_of(restore),
                    next_at=now,
                    created_at=now,
                )
                for channel, receiver in receivers
            ]
            self._notices.add(drafts, body_of)

    def _is_written(self, restore: Restore) -> bool:
        return any(one.created_at >= _since(restore) for one in self._notices.of_restore(restore.id))

    def _receivers(self, restore: Restore) -> list[tuple[str, str]]:
        urls = (self._wording.url, restore.notify_url)
        addresses = (*self._wording.addresses, *(one.strip() for one in restore.notify_email.split(",")))
        receivers = [(WEBHOOK, url) for url in urls] + [(EMAIL, address) for address in addresses]
        return [each for each in dict.fromkeys(receivers) if each[1]]

    def _try(self, notice: Notice) -> None:
        channel = self._channels.get(notice.channel)
        if channel is None:
            tried = Try(error=f"this server sends no {notice.channel}")
        else:
            tried = _sent(channel, notice, self._clock())
        after = self._after(notice, tried)
        self._notices.tried(after)
        if after.state is NoticeState.FAILED:
            log.warning(
                "the %s notice %d of the restore %s is given up: %s",
                *(notice.channel, notice.id, notice.restore_id, tried.error),
            )

    def _after(self, notice: Notice, tried: Try) -> Notice:
        tries = notice.tries + 1
        if not tried.error:
            return replace(notice, state=NoticeState.SENT, tries=tries, error="")
        pause_s = min(_FIRST_WAIT_S * 2 ** (tries - 1), _LONGEST_WAIT_S) * (1 + self._jitter() / 2)
        next_at = self._clock() + int(1000 * max(pause_s, min(tried.wait_s, _LONGEST_WAIT_S)))
        if tries >= tried.most_tries or next_at > notice.created_at + _GIVE_UP_MS:
            return replace(notice, state=NoticeState.FAILED, tries=tries, error=tried.error)
        return replace(notice, tries=tries, next_at=next_at, error=tried.error)


def _since(restore: Restore) -> int:
    """Notices that are older are of what the restore was before it was begun anew."""
    return restore.finished_at or restore.started_at


def _sent(channel: Channel, notice: Notice, now: int) -> Try:
    """Whatever a receiver brings about ends this try alone, and not the process, now and at every start."""
    try:
        return channel.send(notice, now)
    except SENDING_ERRORS as error:
        words = one_line(str(error)).replace(notice.receiver, "...") or type(error).__name__
        return Try(error=words[:_LONGEST_ERROR])
