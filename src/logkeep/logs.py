"""Logs: what the server says on standard error, as text or as JSON lines.

Nothing is logged for a request. A last line of defence masks what looks like a secret, though no message is
to hold one.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

import msgspec

from logkeep.timeline import iso

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MASK = "********"
# Our own keys, and values that a URL or a setting names as secret. The name stays, to be looked for.
_SECRETS = (
    (re.compile(r"\b(lk[ia]_)[A-Za-z0-9_-]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"\b([\w-]*(?:secret|password|signature|security-token)[\w-]*|sig|apikey)=([\"']?)[^&\s\"'<>]+",
            re.IGNORECASE,
        ),
        rf"\1=\2{MASK}",
    ),
)

log = logging.getLogger("logkeep")


def set_up_logging(log_format: str) -> None:
    """Log to standard error from now on, in place of whatever was set up: as text, or with `json` one object
    a line. Python's warnings and what ends the process are logged too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    handler.addFilter(MaskSecrets())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _log_defect  # which threads come to as well: see worker.end_process_on_defect


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class MaskSecrets(logging.Filter):
    """Masks message and traceback of every record, before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `ts`, `level`, `logger`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "ts": iso(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            entry["exception"] = record.exc_text
        return msgspec.json.encode({name: _encodable(text) for name, text in entry.items()}).decode()


class Seldom:
    """Logs a warning at most once in a while, and how many it left out since. Safe from any thread."""

    def __init__(
        self, logger: logging.Logger, *, every_s: float = 60.0, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._every_s = every_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._left_out = 0

    def warning(self, message: str, *args: object) -> None:
        with self._lock:
            now = self._clock_s()
            if now < self._next:
                self._left_out += 1
                return
            self._next = now + self._every_s
            left_out, self._left_out = self._left_out, 0
        self._logger.warning(
            message + (" (%d more since the last such message)" if left_out else ""),
            *args,
            *([left_out] if left_out else []),
        )


def _encodable(text: str) -> str:
    """The text, with half of a surrogate pair (of a file's name, say) spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _log_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("a defect: %s", kind.__name__, exc_info=(kind, error, trace))
