"""Channel: a way to a receiver, and how a try to send on it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import httpx

from logkeep.catalog.values import Notice

MOST_TRIES = 12
FEW_TRIES = 3  # for what is unlikely to heal by itself
# What libraries raise over a receiver, or over what leads to it. Errors of smtplib and of TLS are OSErrors,
# those of names (IDNA), of encodings and of Base64 are ValueErrors.
SENDING_ERRORS = (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL)


@dataclass(frozen=True, kw_only=True)
class Try:
    """How a try went. A receiver's answer is no error of ours, so it is a value."""

    error: str = ""  # one line without a secret; "" when the receiver took the notice
    most_tries: int = MOST_TRIES  # given up after so many
    wait_s: float = 0.0  # that the receiver asks for before the next


class Channel(Protocol):
    def send(self, notice: Notice, now: int) -> Try:
        """Try once, at `now`. Returns within seconds, and raises nothing that the receiver can cause."""
        ...
