"""Numbers, sizes, spans and times as people read them: the filters of the templates."""

from __future__ import annotations

from datetime import UTC, datetime

from jinja2 import Environment
from markupsafe import Markup, escape

from logkeep.plurals import plural

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NOTHING = "\N{EN DASH}"


def count(value: float | None) -> str:
    """`1,234,567`; a dash where nothing is known."""
    return NOTHING if value is None else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """A number where there is little room: `950`, `1.2k`, `34k`, `5.6M`."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("", "k", "M", "G"):
        if amount < 999.5 or unit == "G":
            return f"{amount:.0f}{unit}" if not unit or amount >= 9.95 else f"{amount:.1f}{unit}"
        amount /= 1000
    raise AssertionError


def size(value: float | None) -> str:
    """Bytes as `512 B`, `1.4 MiB`."""
    if value is None:
        return NOTHING
    amount, unit = float(value), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {_UNITS[unit]}"


def span(seconds: float | None) -> str:
    """A duration with its two largest units: `3 h 20 min`, `45 s`, `0.4 s`."""
    if seconds is None:
        return NOTHING
    if 0 < seconds < 1:
        return f"{seconds:.1f} s"
    left, parts = round(seconds), []
    for length, unit in _SPANS:
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts[:2]) or "0 s"


def instant(value: str | float | None) -> datetime | None:
    """The point in time of epoch milliseconds or of an ISO text, in UTC; None for nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    return datetime.fromtimestamp(value / 1000, UTC)


def when(value: str | float | None, *, milliseconds: bool = False) -> Markup:
    """`2026-11-30 05:10:00` in UTC as a <time>, whose title the browser adds the local time to."""
    moment = instant(value)
    if moment is None:
        return escape(NOTHING)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    if milliseconds:
        text += f".{moment.microsecond // 1000:03d}"
    machine = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(machine, text, text)


def moment(value: str | float | None) -> str:
    """`2026-11-30 05:10` in UTC, where no markup can be."""
    found = instant(value)
    return NOTHING if found is None else found.strftime("%Y-%m-%d %H:%M")


def percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share * 100:.0f} %"


def install(environment: Environment) -> None:
    """Make them filters of these templates."""
    environment.filters |= {
        "count": count,
        "compact": compact,
        "size": size,
        "span": span,
        "when": when,
        "moment": moment,
        "percent": percent,
        "plural": plural,
    }
