"""Sample log lines: what a small shop's machines would write in some hours, made up line by line.

Deterministic: the same seed gives the same bodies. Half of the lines are JSON of services, the other
half are plain text of a web server, sshd, a Java worker with stack traces, the kernel, systemd and a
database. Text lines have their event time beside them, in Mezmo's body; JSON lines hold it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from logkeep.timeline import HOUR_MS, Hour, as_datetime, hour_start

LINES_PER_BODY = 5000

_SERVICES = ("orders", "basket", "catalogue", "payments", "sign-in", "delivery", "stock", "mailer")
_EVENTS = (
    "order placed", "basket emptied", "price list loaded", "payment settled", "sign-in refused",
    "parcel handed over", "stock level corrected", "mail queued", "cache refilled", "token renewed",
    "upstream connection timed out", "voucher redeemed", "address not found", "rate limit reached",
    "session expired", "image resized",
)  # fmt: skip
_FAULTS = (
    "payment provider answered with an error", "stock row is locked by another order",
    "upstream connection timed out", "message could not be delivered", "response was cut short",
    "voucher signature does not match", "label printer is out of paper", "currency table is stale",
)  # fmt: skip
_NAMES = (
    "amara", "bastian", "chiara", "dmitri", "elif", "farid", "greta", "hana", "ivo", "jolanda",
    "kofi", "linnea", "marek", "nadia", "oskar", "petra", "quim", "rosa", "sven", "tamsin",
    "umar", "vera", "wiktor", "xenia", "yusuf", "zora", "root", "backup", "deploy", "oracle",
    "guest", "admin",
)  # fmt: skip
_METHODS = ("GET", "GET", "GET", "GET", "GET", "GET", "POST", "PUT")
_STATUSES = (200, 200, 200, 200, 200, 200, 200, 200, 201, 204, 301, 304, 304, 404, 404, 503)
_PATHS = ("/shop/items", "/shop/search", "/shop/basket", "/account/orders", "/static/img", "/api/v2/stock")
_AGENTS = ("ShopApp/7.2 (phone)", "Firefox/142.0", "Chrome/141.0", "price-watch/0.9", "curl/8.9.1")
_CLASSES = ("PickList", "RouteBook", "LabelPress", "TaxTable", "ParcelDesk", "ReturnsBin")
_CALLS = ("assign", "settle", "reserve", "print", "route", "close", "refund", "load")
_UNITS = ("nightly-report.service", "cert-renew.timer", "log-rotate.service", "stock-sync.service")
_STATEMENTS = (
    "SELECT state FROM orders WHERE id = ",
    "SELECT item, count FROM order_items WHERE basket = ",
    "UPDATE stock_levels SET level = level - 1 WHERE item = ",
    "DELETE FROM vouchers WHERE customer = ",
)
_TABLES = ("orders", "order_items", "customers", "stock_levels", "vouchers", "parcels")


@dataclass(frozen=True, kw_only=True)
class SampleBody:
    """One request for the intake. All its lines are of one hour."""

    path: str
    params: dict[str, str]
    content_type: str
    data: bytes
    lines: int
    hour: Hour


class _TextLine(msgspec.Struct, gc=False):
    line: str
    timestamp: int
    host: str
    app: str
    level: str
    file: str


@dataclass(frozen=True, slots=True)
class _Stamp:
    """One second, in the ways that log files write it."""

    iso: str
    web: str
    syslog: str
    spaced: str

    @staticmethod
    def of(ms: int) -> _Stamp:
        moment = as_datetime(ms)
        return _Stamp(
            iso=moment.strftime("%Y-%m-%dT%H:%M:%S"),
            web=moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            syslog=moment.strftime("%b %e %H:%M:%S"),
            spaced=moment.strftime("%Y-%m-%d %H:%M:%S"),
        )


def sample_bodies(
    *, lines: int, first_hour: Hour, hours: int, seed: int = 1, lines_per_body: int = LINES_PER_BODY
) -> Iterator[SampleBody]:
    """Exactly `lines` lines, spread evenly over `hours` hours, in order of time."""
    number = 0
    for index in range(hours):
        wanted = lines * (index + 1) // hours - lines * index // hours
        done = 0
        while done < wanted:
            count = min(lines_per_body, wanted - done)
            start = HOUR_MS * done // wanted
            rng = random.Random(f"{seed}/{number}")
            make = _text_body if number % 2 else _json_body
            yield make(rng, Hour(first_hour + index), count, start, HOUR_MS * (done + count) // wanted)
            done += count
            number += 1


def sample_json_lines(*, lines: int, first_hour: Hour, hours: int, seed: int = 1) -> Iterator[bytes]:
    """Chunks of JSON lines alone, as a file of them would hold; about 180 bytes a line."""
    per_chunk = LINES_PER_BODY
    for number in range(0, lines, per_chunk):
        count = min(per_chunk, lines - number)
        begin = hour_start(first_hour) + HOUR_MS * hours * number // lines
        end = hour_start(first_hour) + HOUR_MS * hours * (number + count) // lines
        yield _json_lines(random.Random(f"{seed}/{number}"), begin, end, count)


def sample_text_lines(
    *, lines: int, first_hour: Hour, hours: int, seed: int = 1, per_chunk: int = LINES_PER_BODY
) -> Iterator[bytes]:
    """Chunks of plain text lines, as a log file would hold them; about 130 bytes a line."""
    for number in range(0, lines, per_chunk):
        count = min(per_chunk, lines - number)
        start, end = (HOUR_MS * hours * n // lines for n in (number, number + count))
        texts = _text_lines(random.Random(f"{seed}/{number}"), first_hour, count, start, end)
        yield "".join([f"{text.line}\n" for text in texts]).encode()


def _json_body(rng: random.Random, hour: Hour, count: int, start: int, end: int) -> SampleBody:
    base = hour_start(hour)
    return SampleBody(
        path="/v1/ingest",
        params={},
        content_type="application/x-ndjson",
        data=_json_lines(rng, base + start, base + end, count),
        lines=count,
        hour=hour,
    )


def _json_lines(rng: random.Random, start: int, end: int, count: int) -> bytes:
    out: list[str] = []
    bits = rng.getrandbits
    second, stamp = -1, _Stamp.of(start)
    for i in range(count):
        ms = start + (end - start) * i // count
        if ms // 1000 != second:
            second = ms // 1000
            stamp = _Stamp.of(ms)
        out.append(_json_line(f"{stamp.iso}.{ms % 1000:03d}Z", bits(96)))
    out.append("")
    return "\n".join(out).encode()


def _json_line(time: str, b: int) -> str:
    app = _SERVICES[b & 7]
    if b >> 3 & 15:
        level = "info" if b >> 7 & 7 else "debug"
        event = _EVENTS[b >> 10 & 15]
        status = _STATUSES[b >> 14 & 15]
    else:
        level, event, status = "error", _FAULTS[b >> 10 & 7], 500
    return (
        f'{{"timestamp":"{time}","level":"{level}","host":"{app}-{b >> 18 & 3}","app":"{app}",'
        f'"message":"{event}","status":{status},"user":{{"id":{b >> 20 & 16383}}},'
        f'"ms":{b >> 34 & 511},"trace":"{b >> 44:013x}"}}'
    )


def _text_body(rng: random.Random, hour: Hour, count: int, start: int, end: int) -> SampleBody:
    return SampleBody(
        path="/logs/ingest",
        params={"hostname": "shop"},
        content_type="application/json",
        data=msgspec.json.encode({"lines": _text_lines(rng, hour, count, start, end)}),
        lines=count,
        hour=hour,
    )


def _text_lines(rng: random.Random, hour: Hour, count: int, start: int, end: int) -> list[_TextLine]:
    base = hour_start(hour)
    out: list[_TextLine] = []
    bits = rng.getrandbits
    second, stamp = -1, _Stamp.of(base + start)
    while len(out) < count:
        ms = base + start + (end - start) * len(out) // count
        if ms // 1000 != second:
            second = ms // 1000
            stamp = _Stamp.of(ms)
        b = bits(96)
        _TEXT_KINDS[b & 31](out, stamp, ms, b >> 5)
    return out[:count]


_TextKind = Callable[[list[_TextLine], _Stamp, int, int], None]


def _web(out: list[_TextLine], at: _Stamp, ms: int, b: int) -> None:
    status = _STATUSES[b & 15]
    line = (
        f"10.{b >> 4 & 15}.{b >> 8 & 255}.{b >> 16 & 255} - - [{at.web}] "
        f'"{_METHODS[b >> 24 & 7]} {_PATHS[(b >> 27 & 31) % 6]}/{b >> 32 & 65535} HTTP/1.1" {status} '
        f'{b >> 48 & 32767} "-" "{_AGENTS[(b >> 63 & 31) % 5]}" rt=0.{b >> 68 & 511:03d}'
    )
    level = "error" if status >= 500 else "info"
    out.append(_TextLine(line, ms, f"web-{b >> 77 & 7}", "nginx", level, "/var/log/nginx/access.log"))


def _sshd(out: list[_TextLine], at: _Stamp, ms: int, b: int) -> None:
    host = f"gate-{b & 1}"
    name = _NAMES[b >> 1 & 31]
    address = f"10.{b >> 6 & 255}.{b >> 14 & 255}.{b >> 22 & 255} port {1024 + (b >> 30 & 32767)}"
    if b >> 45 & 3:
        level, what = (
            "warn",
            f"Failed password for {'invalid user ' if b >> 47 & 1 else ''}{name} from {address}",
        )
    else:
        level, what = "info", f"Accepted publickey for {name} from {address}"
    line = f"{at.syslog} {host} sshd[{1000 + (b >> 48 & 32767)}]: {what} ssh2"
    out.append(_TextLine(line, ms, host, "sshd", level, "/var/log/auth.log"))


def _worker(out: list[_TextLine], at: _Stamp, ms: int, b: int) -> None:
    host, file = f"work-{b & 3}", "/srv/depot/depot.log"
    name, call = _CLASSES[(b >> 2 & 31) % 6], _CALLS[b >> 7 & 7]
    head = f"{at.spaced},{ms % 1000:03d} [depot-{b >> 10 & 15}]"
    if b >> 14 & 31:
        line = (
            f"{head} INFO  shop.depot.{name} - {call} of parcel {b >> 19 & 1048575} took {b >> 39 & 1023} ms"
        )
        out.append(_TextLine(line, ms, host, "depot", "info", file))
        return
    fault = _FAULTS[b >> 19 & 7]
    trace = (
        f"{head} ERROR shop.depot.{name} - {call} of parcel {b >> 22 & 1048575} failed",
        f"shop.depot.DepotException: {fault}",
        f"\tat shop.depot.{name}.{call}({name}.java:{40 + (b >> 42 & 511)})",
        f"\tat shop.depot.Desk.serve(Desk.java:{90 + (b >> 51 & 63)})",
        f"\tat shop.depot.Shift.run(Shift.java:{20 + (b >> 57 & 31)})",
    )
    out.extend(_TextLine(line, ms, host, "depot", "error", file) for line in trace)


def _database(out: list[_TextLine], at: _Stamp, ms: int, b: int) -> None:
    table = _TABLES[(b & 31) % 6]
    head = f"{at.spaced}.{ms % 1000:03d} UTC [{2000 + (b >> 5 & 8191)}] shop@shop"
    if b >> 18 & 7:
        level = "info"
        what = (
            f"LOG:  duration: {b >> 21 & 4095}.{b >> 33 & 511:03d} ms  statement: "
            f"{_STATEMENTS[b >> 42 & 3]}{b >> 44 & 1048575}"
        )
    else:
        level, what = "error", f'ERROR:  canceling statement due to lock timeout on relation "{table}"'
    out.append(_TextLine(f"{head} {what}", ms, "db-0", "postgres", level, "/var/log/postgresql.log"))


def _system(out: list[_TextLine], at: _Stamp, ms: int, b: int) -> None:
    host = f"work-{b & 3}"
    if b >> 2 & 1:
        unit = _UNITS[b >> 3 & 3]
        used = f"{b >> 5 & 511} s, {b >> 14 & 255} MB at its peak"
        line = f"{at.syslog} {host} systemd[1]: {unit}: Finished after {used}."
        out.append(_TextLine(line, ms, host, "systemd", "info", "/var/log/syslog"))
        return
    port, address = b >> 3 & 7, f"10.{b >> 8 & 255}.{b >> 16 & 255}.{b >> 24 & 255}"
    line = (
        f"{at.syslog} {host} kernel: [{b >> 32 & 1048575}.{b >> 52 & 65535:06d}] eth{port}: "
        f"packet from {address} dropped, length {40 + (b >> 68 & 1023)}"
    )
    out.append(_TextLine(line, ms, host, "kernel", "warn", "/var/log/kern.log"))


_TEXT_KINDS: tuple[_TextKind, ...] = (
    (_web,) * 14 + (_worker,) * 7 + (_sshd,) * 5 + (_database,) * 4 + (_system,) * 2
)
