"""The connection test: does what an archive needs work in this bucket, and if not, what is to be done?

Six checks, each with a verdict of its own. Deletion is tried and never needed. Of an archive that is only
read, three of them are asked, and nothing is written.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from logkeep.errors import (
    LogkeepError,
    ObjectExists,
    ObjectFrozen,
    ObjectMissing,
    StorageDenied,
    StorageUnavailable,
)
from logkeep.storage.base import Bucket, Stat
from logkeep.storage.grants import permissions
from logkeep.storage.reach import Unreached, unreached, words

if TYPE_CHECKING:
    from logkeep.storage.connection import Connection

T = TypeVar("T")

FOLDER = "_logkeep-test/"
CHECKS = ("reach", "write", "create_only", "read", "list", "clean_up")
READ_CHECKS = ("reach", "read", "list")

_CONTENT = b"logkeep was here to test the connection. This object may be deleted.\n"
_CONTENT_TYPE = "text/plain"
_RANGE = (8, 8)
_LOOKED_AT = 1000  # objects among which one is sought that can be read: a page of most listings
_TRIED = 5  # of these


@dataclass(frozen=True, kw_only=True)
class Verdict:
    check: str  # one of CHECKS
    ok: bool | None  # None: not tried, because an earlier one failed; or clean_up is not allowed
    detail: str  # what was found, with the provider's own words
    remedy: str = ""  # what to do; "" when there is nothing to do


_NOTHING_THERE = Verdict(
    check="list",
    ok=False,
    detail="the listing is empty: there is nothing to read",
    remedy="check the bucket and the prefix",
)


def probe(
    bucket: Bucket, connection: Connection, *, read_only: bool = False, limit_s: float = 60
) -> list[Verdict]:
    """A verdict on each of CHECKS, in that order. Leaves at most one small object, below `_logkeep-test/`.
    With `read_only` one on each of READ_CHECKS; then nothing is written, and a few bytes of an object that is
    there are read.

    `connection` is what the bucket was opened with; remedies are worded by it, and no verdict holds a
    secret of it. Raises nothing for a bucket that fails: that is what the verdicts say. Returns after
    `limit_s` at the latest; a call that the server has not answered by then is left to its own end.
    """
    tried = _Probe(bucket, connection, limit_s)
    return tried.run_reading() if read_only else tried.run()


def usable(verdicts: Sequence[Verdict]) -> bool:
    """Whether an archive can be kept there; or read, if that was all that was tried."""
    return all(verdict.ok for verdict in verdicts if verdict.check != "clean_up")


class _Probe:
    def __init__(self, bucket: Bucket, connection: Connection, limit_s: float) -> None:
        self._bucket = bucket
        self._connection = connection
        self._needed = permissions(connection)
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._key = FOLDER + secrets.token_hex(16)

    def run(self) -> list[Verdict]:
        try:
            self._put()
        except LogkeepError as error:
            if reason := unreached(error, self._connection):
                return self._not_reached(reason, error)
            return self._not_written(error)
        return [
            self._reached(),
            Verdict(check="write", ok=True, detail=f"{self._key} was written"),
            self._create_only(),
            self._read(),
            self._list(self._key),
            self._clean_up(),
        ]

    def run_reading(self) -> list[Verdict]:
        try:
            found = self._within(lambda: list(islice(self._bucket.list(), _LOOKED_AT)))
        except LogkeepError as error:
            if reason := unreached(error, self._connection):
                return self._not_reached(reason, error, READ_CHECKS)
            read = _not_tried("read", "without a listing no object is known")
            return [self._reached(), read, self._failed("list", error)]
        if not found:
            return [self._reached(), _not_tried("read", "there is no object"), _NOTHING_THERE]
        listed = Verdict(check="list", ok=True, detail="the listing shows what is there")
        return [self._reached(), self._read_any(found), listed]

    def _put(self) -> None:
        # Nobody else has this key. If it is there, an answer was lost and the second try found the object.
        with suppress(ObjectExists):
            self._within(lambda: self._bucket.put_new(self._key, _CONTENT, _CONTENT_TYPE))

    def _reached(self) -> Verdict:
        return Verdict(check="reach", ok=True, detail=f"{self._bucket.url} answers")

    def _not_reached(
        self, reason: Unreached, error: LogkeepError, checks: Sequence[str] = CHECKS
    ) -> list[Verdict]:
        detail = f"{reason.what}: {self._masked(error.message)}"
        reach = Verdict(check="reach", ok=False, detail=detail, remedy=reason.remedy)
        return [reach, *(_not_tried(check, "the bucket was not reached") for check in checks[1:])]

    def _not_written(self, error: LogkeepError) -> list[Verdict]:
        """What can be told of the rest without an object of our own."""
        listed = self._list("")
        return [
            self._reached(),
            self._failed("write", error),
            _not_tried("create_only", "nothing was written"),
            self._read_of_nothing(listed),
            listed,
            _not_tried("clean_up", "nothing was written"),
        ]

    def _create_only(self) -> Verdict:
        try:
            self._within(lambda: self._bucket.put_new(self._key, _CONTENT, _CONTENT_TYPE))
        except ObjectExists:
            detail = "a second write of the same key is refused"
            if not self._bucket.atomic_create:
                detail = "the provider does not refuse a second write itself; logkeep looks first"
            return Verdict(check="create_only", ok=True, detail=detail)
        except LogkeepError as error:
            return self._failed("create_only", error)
        if not self._bucket.atomic_create:
            return Verdict(
                check="create_only",
                ok=False,
                detail="an object that was just written was not found, and was written again",
                remedy="the provider shows new objects late; choose one that shows them at once",
            )
        return Verdict(
            check="create_only",
            ok=False,
            detail="a second write of the same key was accepted: the provider ignores If-None-Match",
            remedy="set atomic_create=false; logkeep then looks before it writes",
        )

    def _read(self) -> Verdict:
        start, length = _RANGE
        try:
            whole = self._within(lambda: self._bucket.get(self._key))
        except LogkeepError as error:
            return self._failed("read", error)
        if whole != _CONTENT:
            return Verdict(
                check="read",
                ok=False,
                detail=f"{self._key} came back with other bytes than were written",
                remedy="see whether something between logkeep and the bucket changes what passes",
            )
        try:
            part = self._within(lambda: self._bucket.get_range(self._key, start, length))
        except LogkeepError as error:
            return self._no_part(error)
        if part != _CONTENT[start : start + length]:
            return self._no_ranges("a part of the object came back with other bytes than were asked for")
        return Verdict(check="read", ok=True, detail="the object came back whole and in part")

    def _read_any(self, found: Sequence[Stat]) -> Verdict:
        """Read the end of an object that is there, of the first that is not frozen."""
        sized = [one for one in found if one.size]
        for one in sized[:_TRIED]:
            start = max(0, one.size - _RANGE[1])
            try:
                self._within(partial(self._bucket.get_range, one.key, start, one.size - start))
            except ObjectFrozen:
                continue
            except LogkeepError as error:
                return self._no_part(error)
            return Verdict(check="read", ok=True, detail=f"a part of {one.key} was read")
        if sized:
            detail = "the first objects are in cold storage; a restore can ask for a thaw"
            return Verdict(check="read", ok=True, detail=detail)
        return _not_tried("read", "the objects are empty")

    def _no_part(self, error: LogkeepError) -> Verdict:
        """The verdict on a part of an object that did not come."""
        # A server that sends the whole object instead is as unavailable to obstore as one in trouble.
        passing = isinstance(error, StorageUnavailable) and "non-partial" not in words(error)
        if passing or isinstance(error, StorageDenied):
            return self._failed("read", error)
        return self._no_ranges(self._masked(error.message))

    def _no_ranges(self, detail: str) -> Verdict:
        remedy = "set range_reads=false; logkeep then reads whole objects"
        return Verdict(check="read", ok=False, detail=detail, remedy=remedy)

    def _read_of_nothing(self, listed: Verdict) -> Verdict:
        """A read of a missing key: its answer tells whether reading is allowed.

        But only to one who may list: to others S3 denies that there is nothing, in the same words.
        """
        if not listed.ok:
            return _not_tried("read", "nothing was written that could be read")
        try:
            self._within(lambda: self._bucket.get(self._key))
        except ObjectMissing:
            pass
        except LogkeepError as error:
            return self._failed("read", error)
        return Verdict(check="read", ok=True, detail="reading is allowed; there was no object to read")

    def _list(self, expected: str) -> Verdict:
        """List the archive's first page, and our folder, where `expected` ("" for none) has to be."""
        try:
            self._within(lambda: list(islice(self._bucket.list(), 1)))
            keys = self._within(lambda: {stat.key for stat in self._bucket.list(FOLDER)})
        except LogkeepError as error:
            return self._failed("list", error)
        if expected and expected not in keys:
            return Verdict(
                check="list",
                ok=False,
                detail=f"the listing of {FOLDER} does not show {expected}, which was just written",
                remedy="test again; a provider that lists late cannot be verified or restored from reliably",
            )
        return Verdict(check="list", ok=True, detail="the listing shows what is there")

    def _clean_up(self) -> Verdict:
        try:
            self._within(lambda: self._bucket.delete(self._key))
        except LogkeepError as error:
            said = self._masked(error.message)
            detail = f"not allowed, and not needed: the object {self._key} stays ({said})"
            return Verdict(check="clean_up", ok=None, detail=detail)
        detail = f"{self._key} was deleted (a bucket that keeps versions keeps it as an old one)"
        return Verdict(check="clean_up", ok=True, detail=detail)

    def _failed(self, check: str, error: LogkeepError) -> Verdict:
        said = self._masked(error.message)
        return Verdict(check=check, ok=False, detail=said, remedy=self._remedy(check, error))

    def _remedy(self, check: str, error: LogkeepError) -> str:
        text = words(error)
        if "notimplemented" in text and check in ("write", "create_only"):
            return "set atomic_create=false, if the provider does not know If-None-Match"
        if isinstance(error, StorageDenied) and "kms" in text:
            return "allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket"
        if isinstance(error, StorageDenied):
            # The second write is refused by looking in some way or other: the first was allowed.
            looking = check == "create_only" or (check == "write" and not self._bucket.atomic_create)
            also = f", and {self._needed['read']}, as logkeep looks whether it is there" if looking else ""
            return f"allow {self._needed[check]}{also}"
        return error.hint or "see what the provider's own log says of this request"

    def _masked(self, text: str) -> str:
        for secret in self._connection.secrets.values():
            if secret:
                text = text.replace(secret, "********")
        return text

    def _within(self, call: Callable[[], T]) -> T:
        """What `call` returns. Raises StorageUnavailable when the time for the whole test is over."""
        left_s = self._deadline - time.monotonic()
        done: Future[T] = Future()
        # A daemon, so that a call that hangs holds up nothing, not even the end of the process.
        threading.Thread(target=_settle, args=(done, call), daemon=True).start()
        try:
            return done.result(max(0.0, left_s))
        except FutureTimeout:
            raise StorageUnavailable(
                f"no answer from {self._bucket.url} within the {self._limit_s:g} s that the test may take",
                hint="check the endpoint, the network, firewalls and proxies",
            ) from None


def _settle(done: Future[T], call: Callable[[], T]) -> None:
    try:
        done.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
        done.set_exception(error)


def _not_tried(check: str, why: str) -> Verdict:
    return Verdict(check=check, ok=None, detail=f"not tried: {why}")
