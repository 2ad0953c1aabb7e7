"""The HTTP client of the commands: JSON in and out, problems as errors of the tree, retries in one place."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from logkeep import errors
from logkeep.cli.access import Access
from logkeep.cli.unreachable import Unreachable

T = TypeVar("T")
Params = Mapping[str, str | int | None]

# Reading waits long: sealing, planning and a first search of much data answer when they are done.
_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
# A stream without lines says every 15 s that it is there.
_STREAM = httpx.Timeout(60.0, connect=5.0)
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0

_BY_STATUS: Mapping[int, type[errors.LogkeepError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
}
# What the server says of its bucket and its engine, by the end of the problem's type.
_BY_TYPE: Mapping[str, type[errors.LogkeepError]] = {
    f"urn:logkeep:{kind.code}": kind
    for kind in (
        errors.StorageError,
        errors.ObjectMissing,
        errors.ObjectExists,
        errors.StorageDenied,
        errors.ObjectFrozen,
        errors.StorageUnavailable,
        errors.DamagedArchive,
        errors.EngineError,
    )
}


class Client:
    """One server, one secret. Safe to use from several threads. Every method raises LogkeepError."""

    def __init__(self, access: Access, *, connections: int = 4) -> None:
        self.url = access.url
        headers = {"Authorization": f"Bearer {access.secret}"} if access.secret else {}
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        try:
            self._http = httpx.Client(
                base_url=access.url,
                headers=headers,
                timeout=_TIMEOUT,
                limits=limits,
                # Certificates take a tenth of a second to load, and plain HTTP has none to check.
                verify=access.url.startswith("https:"),
            )
        except httpx.InvalidURL as error:
            raise errors.BadSetting(f"{access.url!r} is no URL: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: str | int | None) -> Any:
        return self.request("GET", path, params=params)

    def post(self, path: str, document: Any = None) -> Any:
        body = None if document is None else msgspec.json.encode(document)
        return self.request("POST", path, content=body, headers={"Content-Type": "application/json"})

    def patch(self, path: str, document: Any) -> Any:
        body = msgspec.json.encode(document)
        return self.request("PATCH", path, content=body, headers={"Content-Type": "application/json"})

    def delete(self, path: str, **params: str | int | None) -> Any:
        return self.request("DELETE", path, params=params)

    def lines(self, path: str, **params: str | int | None) -> Iterator[bytes]:
        """The lines of an answer that goes on and on, as they come; those without anything in them are
        left out. Ends when the server does."""
        wanted = {name: value for name, value in params.items() if value not in (None, "")}
        with (
            _translated(self.url),
            self._http.stream("GET", path, params=wanted, timeout=_STREAM) as response,
        ):
            if response.status_code >= 300:
                response.read()
                raise error_of(response)
            rest = b""
            for chunk in response.iter_raw():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from filter(None, whole)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded answer, None when it is empty. Parameters that are None or "" are left out."""
        wanted = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        with _translated(self.url):
            response = self._http.request(method, path, params=wanted, content=content, headers=headers)
        if response.status_code >= 300:
            raise error_of(response)
        try:
            return msgspec.json.decode(response.content) if response.content else None
        except msgspec.DecodeError:
            raise Unreachable(
                f"what answers at {self.url} does not speak logkeep", hint="check --url or LOGKEEP_URL"
            ) from None


def error_of(response: httpx.Response) -> errors.LogkeepError:
    """The error that a server's answer stands for (RFC 9457, or whatever else it sent)."""
    problem = _problem(response.content)
    message = _message(problem) or f"the server answers {response.status_code}"
    hint = str(problem.get("hint") or "")
    status = response.status_code
    if kind := _BY_TYPE.get(str(problem.get("type"))):
        return kind(message, hint=hint)
    if status in (429, 503) or status > 500:
        return errors.Overloaded(message, retry_after=_retry_after(response), hint=hint)
    if status == 401 and not hint:
        hint = "set LOGKEEP_TOKEN (or --token; --key for sending)"
    if isinstance(column := problem.get("column"), int):
        text = message.removeprefix(f"column {column}: ")
        return errors.QuerySyntaxError(text, column=column, expected=str(problem.get("expected") or ""))
    if isinstance(problems := problem.get("problems"), list) and problems:
        return errors.BadPipeline(problems)
    if isinstance(verdicts := problem.get("verdicts"), list):
        return errors.ConnectionTestFailed(message, verdicts=verdicts, hint=hint)
    fallback = errors.LogkeepError if status >= 500 else errors.InputError
    return _BY_STATUS.get(status, fallback)(message, hint=hint)


def _message(problem: Mapping[str, Any]) -> str:
    """What happened, as RFC 9457 or Mezmo's API writes it."""
    return str(problem.get("detail") or problem.get("error") or problem.get("title") or "")


def _problem(content: bytes) -> dict[str, Any]:
    try:
        problem = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _retry_after(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdigit() else 0


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise Unreachable(
            f"no answer from {url}: {str(error) or type(error).__name__}",
            hint="is the server running (logkeep serve)? its address is --url or LOGKEEP_URL",
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.BadSetting(f"{url!r} cannot be used: {error}") from None


def retried(
    call: Callable[[], T],
    *,
    patience_s: float,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `call` returns, tried again while its error is retryable and `patience_s` is not over.

    Pauses double from a quarter of a second, with jitter, and are never shorter than the server asks.
    """
    end = clock() + patience_s
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return call()
        except errors.LogkeepError as error:
            asked = error.retry_after if isinstance(error, errors.Overloaded) else 0
            pause_now = max(asked, pause * random.uniform(0.5, 1.0))
            if not error.retryable or clock() + pause_now > end:
                raise
        wait(pause_now)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
