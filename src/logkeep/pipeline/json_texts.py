"""Replacing texts anywhere in JSON without decoding all of it: what is not replaced keeps its bytes, numbers
that no float holds and equal keys included."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec

from logkeep.pipeline.members import UNREADABLE
from logkeep.surrogates import mended

# A string and whether it is a key, or a number. Possessive, so that the time is the text's length.
_TOKEN = re.compile(
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"([ \t\r\n]*+:[ \t\r\n]*+)?|(-?[0-9][0-9.eE+-]*+)', re.DOTALL
)
_BACKSLASH = b"\\"
_MOST_DIGITS = 64  # of a number with an exponent that is looked at as people write it

# An exponent, where a number can stand: such a number is spelled otherwise than people write it.
EXPONENT = r"(?m:^|[\[:,\s])-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]"


def rewritten(
    json: bytes,
    change: Callable[[bytes], bytes | None],
    *,
    is_secret: Callable[[bytes], bool],
    replacement: Callable[[bytes], bytes],
    below_secret: bool = False,
) -> bytes | None:
    """The JSON with what `change` makes of every text in it: of strings, of keys, and of numbers, which
    become strings. None of `change` leaves a text as it is; None is given when nothing was changed.

    The string or number of a key that `is_secret` becomes its `replacement` as a whole; `below_secret` says
    so of the outermost. A changed key that is there already gets a number.
    """
    return _Rewriting(json, change, is_secret, replacement, below_secret).result()


class _Rewriting:
    def __init__(
        self,
        json: bytes,
        change: Callable[[bytes], bytes | None],
        is_secret: Callable[[bytes], bool],
        replacement: Callable[[bytes], bytes],
        below_secret: bool,
    ) -> None:
        self._json = json
        self._change = change
        self._is_secret = is_secret
        self._replacement = replacement
        self._secret_at = 0 if below_secret else -1  # where the value of a secret key begins
        self._keys: dict[bytes, int] = {}  # put in place of others, and how often
        self._changed = False

    def result(self) -> bytes | None:
        new = _TOKEN.sub(self._token, self._json)
        return new if self._changed else None

    def _token(self, found: re.Match[bytes]) -> bytes:
        body, colon, number = found.groups()
        text = plain_number(number) if body is None else _decoded(body)
        new = self._change(text)
        if colon is not None:
            if self._is_secret(text):
                self._secret_at = found.end()
            if new is None:
                return found[0]
            return self._key(new) + colon
        if found.start() == self._secret_at and text:
            new = self._replacement(text)
        if new is None or new == text:
            return found[0]
        self._changed = True
        return _quoted(new)

    def _key(self, new: bytes) -> bytes:
        self._changed = True
        while True:
            number = self._keys[new] = self._keys.get(new, 0) + 1
            key = _quoted(new if number == 1 else new + b"-%d" % number)
            if key not in self._json:
                return key


def plain_number(number: bytes) -> bytes:
    """A JSON number without an exponent, as far as it can be written out in a few digits."""
    exponent = number.lower().partition(b"e")[2]
    if exponent and len(number) <= _MOST_DIGITS and len(exponent) <= 4 and abs(int(exponent)) <= _MOST_DIGITS:
        return format(Decimal(number.decode()), "f").encode()
    return number


def _decoded(body: bytes) -> bytes:
    if _BACKSLASH not in body:
        return body
    try:
        return msgspec.json.decode(mended(b'"' + body + b'"'), type=str).encode()
    except UNREADABLE:  # no JSON: looked at as it stands
        return body


def _quoted(text: bytes) -> bytes:
    return msgspec.json.encode(text.decode(errors="replace"))
