"""Splunk, through its HTTP Event Collector.

https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/format-events-for-http-event-collector
and, for its codes, .../troubleshoot-http-event-collector

An event has the line as its text, `time` in seconds with milliseconds, `host`, and `source` (file). Its
indexed fields hold the rest as text: `lid` (the id of the line), `app`, `env`, `level`, `account`, `tag`, and
what is in meta by its path, as `meta.user.id`.

The collector reads the events of a request one after the other. It indexes those before the first that it
refuses, names that one by its number, and reads no further (github.com/moby/moby/issues/35862).

With `acknowledged`, a batch counts as arrived when the indexers say so:
https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/about-http-event-collector-indexer-acknowledgment
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, check, unreadable
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.events import event_ms, meta_of
from logkeep.pipeline.destinations.given import given_secrets
from logkeep.pipeline.destinations.web import Web
from logkeep.record import Record

_EVENTS = "/services/collector/event"
_ACKNOWLEDGMENTS = "/services/collector/ack"
_FORM = "application/json"
_PAUSE_S = (0.05, 1.0)  # between two questions: the first, and the longest
_DEEPEST = 8  # of meta; what is below goes as JSON text
# Codes of a 400. The first are about one event, the others about the token or its settings there.
_OF_AN_EVENT = frozenset({6, 12, 13, 15})  # format, no event, blank event, indexed fields
_WRONG_INDEX = 7
_OF_THE_TOKEN = {
    10: "this token acknowledges: set acknowledged to true",
    11: "the channel is not taken there",
    14: "this token does not acknowledge: set acknowledged to false, or let it do so there",
}

_encode_lines = msgspec.json.Encoder().encode_lines
_encode = msgspec.json.Encoder().encode


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    time: float
    event: str
    fields: dict[str, str | list[str]]
    host: str = ""
    source: str = ""
    sourcetype: str = ""
    index: str = ""


class SplunkDestination:
    whole_frames = False

    def __init__(self, spec: model.ToSplunk, secrets: Mapping[str, str], hop: str) -> None:
        del hop
        _check(spec, secrets)
        own = ("X-Splunk-Request-Channel",)
        self._web = Web(spec, secrets, path=_EVENTS, schemes={"token": "Splunk"}, own_headers=own)
        self._index = spec.index
        self._sourcetype = spec.sourcetype
        # Indexers acknowledge by channel: nobody else may send in ours.
        self._channel = str(uuid.uuid4()) if spec.acknowledged else ""
        self._headers = {"X-Splunk-Request-Channel": self._channel} if self._channel else {}
        self._closed = threading.Event()

    def send(self, batch: Batch) -> Sent:
        body = _encode_lines([self._event(record) for record in batch.records])
        answer = self._web.send(body, _FORM, headers=self._headers)
        told = _told(answer)
        if answer.status == 400 and told is not None:
            stopped = self._stopped(answer, told, len(batch.lines))
            if stopped is not None:
                return stopped
        check(answer, _words(told))
        if told is None or told.get("code") != 0:
            raise unreadable(answer, 1)
        if self._channel:
            self._wait_for(told.get("ackId"), answer)
        return Sent()

    def close(self) -> None:
        self._closed.set()
        self._web.close()

    def _event(self, record: Record) -> _Event:
        return _Event(
            time=event_ms(record) / 1000,
            event=record.line,
            fields=dict(_fields(record)),
            host=record.host,
            source=record.file,
            sourcetype=self._sourcetype,
            index=self._index,
        )

    def _stopped(self, answer: Answer, told: Mapping[str, Any], events: int) -> Sent | None:
        """What is left when the collector stopped at one event; None when it does not say at which."""
        code, number = told.get("code"), told.get("invalid-event-number")
        words = answer.shown(_words(told) or "")
        if code in _OF_THE_TOKEN:
            raise DeliveryFailed(f"{answer.host} answered 400: {words}", hint=_OF_THE_TOKEN[code])
        known = isinstance(number, int) and 0 <= number < events
        first = int(number) if number is not None and known else 0
        # Without an acknowledgment nothing says that those before it are safe.
        before = range(first) if self._channel else ()
        if code == _WRONG_INDEX:
            said = f"{answer.host} answered 400: {words}"
            if first == 0 or before:
                raise DeliveryFailed(said, hint="let the token write to this index there")
            return Sent(again=tuple(range(first, events)), again_because=said)
        if code not in _OF_AN_EVENT or not known:
            return None
        again = (*before, *range(first + 1, events))
        because = f"{answer.host} reads no further than to an event that it refuses" if again else ""
        return Sent(refused=(Refused(first, words),), again=again, again_because=because)

    def _wait_for(self, acknowledgment: Any, answer: Answer) -> None:
        """Return when the indexers have it. Raises DeliveryFailed when they do not say so in time."""
        if type(acknowledgment) is not int:
            raise DeliveryFailed(f"{answer.host} gave no acknowledgment's number", hint=_OF_THE_TOKEN[14])
        asked = _encode({"acks": [acknowledgment]})
        until, pause_s = time.monotonic() + self._web.timeout_s, _PAUSE_S[0]
        while not self._is_acknowledged(asked, acknowledgment):
            if self._closed.wait(pause_s) or time.monotonic() > until:
                raise DeliveryFailed(
                    f"{answer.host} took the events, and its indexers did not acknowledge them"
                    f" within {self._web.timeout_s:g} s",
                    hint="they are sent again",
                )
            pause_s = min(2 * pause_s, _PAUSE_S[1])

    def _is_acknowledged(self, asked: bytes, acknowledgment: int) -> bool:
        answer = self._web.send(
            asked,
            _FORM,
            headers=self._headers,
            path=_ACKNOWLEDGMENTS,
            parameters={"channel": self._channel},
            follows=True,
        )
        told = _told(answer)
        check(answer, _words(told))
        acks = told.get("acks") if told is not None else None
        if not isinstance(acks, dict):
            raise unreadable(answer, 1)
        return acks.get(str(acknowledgment)) is True


def _told(answer: Answer) -> dict[str, Any] | None:
    told = answer.json()
    return told if isinstance(told, dict) else None


def _words(told: Mapping[str, Any] | None) -> str | None:
    if told is None or not isinstance(told.get("text"), str):
        return None
    return f"{told['text']} (code {told.get('code')})"


def _fields(record: Record) -> Iterator[tuple[str, str | list[str]]]:
    """The collector refuses fields that are empty."""
    own = ("lid", "app", "env", "level", "account")
    yield from ((name, value) for name in own if (value := getattr(record, name)))
    if record.tag:
        yield "tag", list(record.tag)
    yield from _flat("meta", meta_of(record))


def _flat(path: str, value: Any, depth: int = 1) -> Iterator[tuple[str, str | list[str]]]:
    if isinstance(value, dict) and depth < _DEEPEST:
        for name, member in value.items():
            yield from _flat(f"{path}.{name}", member, depth + 1)
    elif isinstance(value, list):
        texts = [text for text in map(_text_of, value) if text]
        if texts:
            yield path, texts
    elif text := _text_of(value):
        yield path, text


def _text_of(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return _encode(value).decode()


def _check(spec: model.ToSplunk, secrets: Mapping[str, str]) -> None:
    if spec.user:
        raise BadSetting(
            "the collector knows no users", hint="leave user out, and give the secret token", field="user"
        )
    if "token" not in given_secrets(spec.secrets, secrets):
        raise BadSetting(
            "the collector takes nothing without a token",
            hint="give the secret token: that of the HTTP Event Collector there",
            field="secrets.token",
        )
