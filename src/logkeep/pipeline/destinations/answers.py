"""What the answer of a web server means for the batch that it was sent.

taken       2xx
failed      408, 425, 429 and 5xx, with the Retry-After that they name; also what is mended there or in the
            pipeline's settings and says nothing of the events: redirects, 401, 403, 404 and their like.
            Nothing is lost while it lasts.
too large   413
refused     all other 4xx, and 508: the receiver found a loop
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from logkeep.errors import BatchTooLarge, DeliveryFailed, DeliveryRefused
from logkeep.notify.template import one_line

_LONGEST_WORDS = 300  # characters
_MOST_READ = 4096  # characters that are looked at for them
_LONGEST_WAIT_S = 3600.0
_BUSY = frozenset({408, 425, 429})
# Not about the events: authorization, payment, the path, the method, the form, the proxy.
_MENDED_THERE = frozenset({401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426})
_KEPT = "nothing is lost: the events wait and are sent again"
_HINTS = {
    401: "the key, token or password of this destination is not taken there",
    403: "the key, token or user of this destination may not write there",
    404: "there is no such path, index or stream there: look at the destination's url",
    407: "the proxy wants another password",
    415: "it does not take this form: set gzip to false if it cannot read gzip",
}
_LOOP = 508


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`body` is what was read of it. `hide` takes secrets out of a text, whoever wrote them there."""

    host: str
    status: int
    content_type: str = ""
    retry_after_s: float = 0.0
    body: bytes = b""
    cut: bool = False  # there was more of it than is read
    hide: Callable[[str], str] = field(default=str, repr=False, compare=False)

    def shown(self, text: str) -> str:
        """One short line of the receiver's words, without secrets."""
        return one_line(self.hide(text)[:_MOST_READ])[:_LONGEST_WORDS]

    def json(self) -> Any:
        """None for a body that is no JSON, or was not read to its end."""
        try:
            return None if self.cut else msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            return None


def is_busy(status: int) -> bool:
    """Whether the same may be taken later."""
    return status in _BUSY or (status >= 500 and status != _LOOP)


def is_mended_there(status: int) -> bool:
    """Whether it says nothing of the events, and passes when somebody mends the receiver or the settings."""
    return 300 <= status < 400 or status in _MENDED_THERE


def check(answer: Answer, words: str | None = None) -> None:
    """Raise what a status other than 2xx means. `words`: the receiver's, where its body is not their text."""
    status = answer.status
    if 200 <= status < 300:
        return
    said = answer.shown(answer.body.decode(errors="replace") if words is None else words)
    message = f"{answer.host} answered {status}" + (f": {said}" if said else "")
    if 300 <= status < 400:
        raise DeliveryFailed(
            f"{answer.host} answered {status}, a redirect, and none is followed",
            hint=f"write the url that it leads to; {_KEPT}",
        )
    if is_busy(status):
        raise DeliveryFailed(message, retry_after=answer.retry_after_s, hint=_KEPT)
    if is_mended_there(status):
        hint = "; ".join(filter(None, (_HINTS.get(status), _KEPT)))
        raise DeliveryFailed(message, retry_after=answer.retry_after_s, hint=hint)
    if status == 413:
        raise BatchTooLarge(message, hint="smaller batches are tried")
    if status == _LOOP:
        raise DeliveryRefused(message, hint="the events came back to where they were before")
    raise DeliveryRefused(message, hint="the receiver will not take these events as they are")


def unreadable(answer: Answer, events: int) -> DeliveryFailed | BatchTooLarge:
    """The error for an answer that should tell of every event, and cannot be read."""
    if answer.cut and events > 1:
        return BatchTooLarge(
            f"{answer.host} answered with more than is read of an answer", hint="smaller batches"
        )
    said = answer.shown(answer.body.decode(errors="replace"))
    return DeliveryFailed(
        f"{answer.host} answered {answer.status} with what cannot be read: {said}",
        hint="does the url lead to the server itself?",
    )


def retry_after_s(text: str, date: str = "") -> float:
    """Seconds of a Retry-After (RFC 9110: seconds, or a date), an hour at most; 0.0 for none and for what is
    neither. `date` is the answer's own Date: the clock that the other one was read from."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT_S)
    until = _epoch_s(text)
    if until is None:
        return 0.0
    now = _epoch_s(date)
    return min(max(0.0, until - (time.time() if now is None else now)), _LONGEST_WAIT_S)


def _epoch_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
