"""What handlers share: who asks and what may be used, answers in JSON, the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec
from anyio import CapacityLimiter, WouldBlock, to_thread
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.access import ADMITTED, View
from logkeep.api.callers import SCOPE_KEY, Caller
from logkeep.api.services import Services
from logkeep.errors import Forbidden, Overloaded

P = ParamSpec("P")
T = TypeVar("T")

BUCKET_CALLS = 8  # at once, of all buckets together


class Asker(NamedTuple):
    """A request that a guard let in: what it may use, and who asks."""

    services: Services
    caller: Caller

    @property
    def view(self) -> View:
        """The catalog as the caller sees it."""
        return View(self.services, self.caller)

    def note(self, action: str, subject: str, **details: object) -> None:
        """Write a change into the audit log, once it is done. `details` hold nothing secret. Waits for the
        disk, so it is called from a thread."""
        services = self.services
        services.catalog.audit.add(services.clock(), self.caller.actor, action, subject, details)


def admitted(request: Request) -> Services:
    """The services, for a request that a guard of access.py let in."""
    return asker(request).services


def asker(request: Request) -> Asker:
    """The same, with who asks: for requests that change something, or list what the caller sees."""
    if not request.scope.get(ADMITTED):
        raise Forbidden("this route has no guard, so nobody may use it", hint="tell the developers")
    return Asker(request.app.state.services, request.scope[SCOPE_KEY])


async def with_bucket(request: Request, call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """What the call returns, in a thread, for calls that may have to wait for a bucket. Raises Overloaded at
    once while BUCKET_CALLS others run: buckets that hang must not take the threads of all other calls."""
    limiter: CapacityLimiter = request.app.state.bucket_calls
    borrower = object()
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except WouldBlock:
        raise Overloaded(
            f"{BUCKET_CALLS} other requests wait for their buckets",
            retry_after=10,
            hint="try again later; see which archive fails with: logkeep archive status",
        ) from None

    def run() -> T:
        return call(*arguments, **named)

    try:
        # A limiter of its own: its turn was taken above, and the threads of other calls stay theirs.
        return await to_thread.run_sync(run, limiter=CapacityLimiter(1))
    finally:
        limiter.release_on_behalf_of(borrower)


def answer(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
