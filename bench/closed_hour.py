"""A data folder whose spool holds a whole hour of many accounts, as intake would have committed it.

One group commit a second, with one piece of each account. The pieces are made from templates of sample lines,
into which account, ids and times are written; beside them the lines of a template stay the same, so a
few hundred templates are far more than gzip's window or a frame hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from logkeep.app import clock
from logkeep.catalog.catalog import open_catalog
from logkeep.firststart import AccountOpener
from logkeep.receivers.lines import Origin
from logkeep.receivers.mezmo import receive_mezmo
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import encode_lines
from logkeep.sample import sample_bodies
from logkeep.settings import Settings
from logkeep.spool.base import Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import Hour, hour_of, hour_start
from logkeep.vault import load_vault

LINES_A_PIECE = 100
_TEMPLATES = 400
# What is replaced in a template; each is as long as what takes its place. Lines of one piece have ids that
# follow each other: the last three digits are the line's number.
_ACCOUNT = "account-nnn"
_ID = "765432109876543"
_SECOND = 1_234_567_890
_ID_EPOCH_S = 1_577_836_800  # ids rise with the time, as in record.py: 1000 << 22 a second
_THOUSANDS_A_SECOND = 1 << 22


@dataclass(frozen=True, kw_only=True)
class ClosedHour:
    hour: Hour
    keys: Sequence[str]  # an ingest key of each account
    lines: int
    frames: int
    raw_bytes: int
    stored_bytes: int  # in the spool
    took_s: float


def fill(data: Path, *, accounts: int, seconds: int) -> ClosedHour:
    """Make the data folder: accounts with an archive each (in the folder's own archive), and the last closed
    hour of all of them, `seconds` of it, in the spool. All of it counts as indexed."""
    began = time.monotonic()
    data.mkdir(parents=True, exist_ok=True)
    names = [f"account-{number:03d}" for number in range(accounts)]
    keys = _open_accounts(data, names)
    hour = Hour(hour_of(clock()) - 1)
    spool = SqliteSpool(
        data / "spool.sqlite",
        clock=clock,
        max_bytes=1 << 40,
        max_account_bytes=1 << 40,
        min_free_bytes=1 << 30,
    )
    try:
        raw = _append(spool, names, hour, seconds)
        spool.indexed(spool.last_seq())
        return ClosedHour(
            hour=hour,
            keys=keys,
            lines=accounts * seconds * LINES_A_PIECE,
            frames=spool.last_seq(),
            raw_bytes=raw,
            stored_bytes=spool.stored_bytes(),
            took_s=time.monotonic() - began,
        )
    finally:
        spool.close()


def raw_lines(size: int) -> Iterator[bytes]:
    """Lines of one account, a piece at a time, until they are this many bytes or a little more."""
    hour = Hour(hour_of(clock()) - 1)
    templates = _templates(hour)
    second = 0
    while size > 0:
        [piece] = _pieces(templates, ["account-000"], hour, second)
        yield piece.payload
        size -= len(piece.payload)
        second += 1


def _open_accounts(data: Path, names: Sequence[str]) -> Sequence[str]:
    settings = Settings(data=data)
    catalog = open_catalog(f"sqlite:///{data / 'catalog.sqlite'}")
    try:
        opener = AccountOpener(
            catalog=catalog,
            settings=settings,
            vault=load_vault(text="", path=data / "secret.key"),
            clock=clock,
        )
        return [opener.open_account(name)[1] for name in names]
    finally:
        catalog.close()


def _append(spool: SqliteSpool, names: Sequence[str], hour: Hour, seconds: int) -> int:
    """Returns how many raw bytes. Pieces are made while those before them are committed."""
    templates = _templates(hour)
    raw = 0
    with ThreadPoolExecutor(1) as pool:
        before: Future[None] | None = None
        for second in range(seconds):
            pieces = list(_pieces(templates, names, hour, second))
            raw += sum(len(piece.payload) for piece in pieces)
            if before:
                before.result()
            before = pool.submit(spool.append_now, pieces)
    return raw


def _pieces(templates: Sequence[bytes], names: Sequence[str], hour: Hour, second: int) -> Iterator[Piece]:
    at = hour_start(hour) // 1000 + second
    step = _THOUSANDS_A_SECOND // len(names)
    for number, name in enumerate(names):
        first = (at - _ID_EPOCH_S) * _THOUSANDS_A_SECOND + number * step
        template = templates[(second + 7 * number) % len(templates)]
        yield Piece(
            account=name,
            archive=name,
            indexed=True,
            hour=hour,
            lines=LINES_A_PIECE,
            min_ts=at * 1000,
            max_ts=at * 1000 + 999,
            first_lid=first * 1000,
            last_lid=first * 1000 + LINES_A_PIECE - 1,
            rx=at * 1000 + 999,
            payload=template.replace(_ID.encode(), b"%015d" % first)
            .replace(b"%d" % _SECOND, b"%d" % at)
            .replace(_ACCOUNT.encode(), name.encode()),
        )


def _templates(hour: Hour) -> Sequence[bytes]:
    bodies = sample_bodies(
        lines=_TEMPLATES * LINES_A_PIECE, first_hour=hour, hours=1, lines_per_body=LINES_A_PIECE
    )
    return [_template(body.path, body.data) for body in bodies]


def _template(path: str, data: bytes) -> bytes:
    receive = receive_mezmo if path == "/logs/ingest" else receive_ndjson
    records = receive(data, Origin()).columns.stamped(
        [f"{_ID}{number:03d}" for number in range(LINES_A_PIECE)],
        _SECOND * 1000 + 999,
        _ACCOUNT,
        ts=[_SECOND * 1000 + number * 1000 // LINES_A_PIECE for number in range(LINES_A_PIECE)],
        ns=repeat(0, LINES_A_PIECE),
    )
    return encode_lines(records)
