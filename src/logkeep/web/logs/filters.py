"""Filters of the templates of logs."""

from __future__ import annotations

from jinja2 import Environment

from logkeep.timeline import as_datetime
from logkeep.web.logs.rows import short


def clock(ms: int, dated: bool) -> str:
    """A time of day in UTC, as short as it is exact; with the day where it is not clear which."""
    moment = as_datetime(ms)
    text = f"{moment:%H:%M}"
    if ms % 60_000:
        text = f"{moment:%H:%M:%S}" + (f".{ms % 1000:03d}" if ms % 1000 else "")
    return f"{moment:%m-%d} {text}" if dated else text


def install(environment: Environment) -> None:
    environment.filters |= {"clock": clock, "cell": short}
