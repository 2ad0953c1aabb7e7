"""The one error that only a client can meet."""

from __future__ import annotations

from logkeep.errors import LogkeepError


class Unreachable(LogkeepError):
    """No server answers at the URL."""

    code = "server-unreachable"
    retryable = True
