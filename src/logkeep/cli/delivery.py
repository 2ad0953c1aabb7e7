"""Delivers bodies of lines: several at a time, each retried under its own idempotency key, so that none
is lost and none is taken twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from logkeep.cli.client import Client, retried
from logkeep.record import Refusal

IN_FLIGHT = 4


@dataclass(frozen=True, kw_only=True)
class Request:
    """One body for the intake. `numbers[i]` is the stream's line that the body's line i + 1 came from."""

    path: str
    params: Mapping[str, str]
    content_type: str
    content: bytes
    size: int  # bytes of the stream that it stands for
    lines: int
    numbers: Sequence[int]


@dataclass(kw_only=True)
class Report:
    """What has come of it so far."""

    accepted: int = 0
    size: int = 0
    refused: list[Refusal] = field(default_factory=list)
    unanswered: set[int] = field(default_factory=set)  # first lines of bodies without an answer
    unsent: int = 1  # the first line that no body has held yet

    @property
    def first_open(self) -> int:
        """Every line before this one is answered."""
        return min(self.unanswered, default=self.unsent)


class Delivery:
    """One run. `deliver` returns when every request is answered, and raises the first error that is not
    overcome in `patience_s`; then `report.unanswered` says which bodies the server may not have."""

    def __init__(
        self,
        client: Client,
        *,
        in_flight: int = IN_FLIGHT,
        patience_s: float,
        answered: Callable[[Request], object] = lambda _request: None,
    ) -> None:
        self.report = Report()
        self._client = client
        self._in_flight = in_flight
        self._patience_s = patience_s
        self._answered = answered
        self._run = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def deliver(self, requests: Iterable[Request]) -> None:
        complete = False
        with ThreadPoolExecutor(self._in_flight, thread_name_prefix="send") as pool:
            try:
                self._submit(requests, pool)
                complete = True
            finally:
                if not complete:  # Ctrl-C, or the stream cannot be read: no further retries
                    self._stopped.set()
        if self._error:
            raise self._error

    def _submit(self, requests: Iterable[Request], pool: ThreadPoolExecutor) -> None:
        free = threading.Semaphore(self._in_flight)
        for number, request in enumerate(requests):
            free.acquire()
            if self._stopped.is_set():
                break
            with self._lock:
                self.report.unanswered.add(request.numbers[0])
                self.report.unsent = request.numbers[-1] + 1
            future = pool.submit(self._send, f"{self._run}-{number}", request)
            future.add_done_callback(lambda done: self._done(done, free))

    def _send(self, key: str, request: Request) -> None:
        answer = retried(
            lambda: self._client.request(
                "POST",
                request.path,
                params=request.params,
                content=request.content,
                headers={"Content-Type": request.content_type, "Idempotency-Key": key},
            ),
            patience_s=self._patience_s,
            wait=self._wait,
        )
        self._count(request, answer)
        self._answered(request)

    def _wait(self, pause_s: float) -> None:
        if self._stopped.wait(pause_s):
            raise CancelledError

    def _count(self, request: Request, answer: Mapping[str, Any]) -> None:
        refused = [
            Refusal(
                line=request.numbers[entry["line"] - 1],
                code=entry.get("code", "refused"),
                reason=entry["reason"],
            )
            for entry in answer.get("refused", ())
        ]
        with self._lock:
            self.report.accepted += answer.get("accepted", request.lines - len(refused))
            self.report.size += request.size
            self.report.refused += refused
            self.report.unanswered.discard(request.numbers[0])

    def _done(self, done: Future[None], free: threading.Semaphore) -> None:
        error = done.exception()
        if error and not isinstance(error, CancelledError):
            with self._lock:
                self._error = self._error or error
            self._stopped.set()
        free.release()
