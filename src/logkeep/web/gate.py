"""What the pages for signing in share: the entrance, cookies, the identity provider, and a bounded queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from logkeep.api.services import Services
from logkeep.errors import Overloaded
from logkeep.oidc.build import build_sign_in
from logkeep.oidc.signin import SignIn
from logkeep.web.cookies import Cookies
from logkeep.web.entrance import Entrance

T = TypeVar("T")

# Passwords are hashed two at a time, and a provider may be slow. Crowds wait here, not in the threads of all
# pages; and who comes with a password does not wait for the provider.
_AT_ONCE = 4
_MOST_WAITING = 100
CALLBACK = "/oidc/callback"


@dataclass(frozen=True, kw_only=True)
class Gate:
    entrance: Entrance
    cookies: Cookies
    provider: SignIn | None
    provider_name: str
    public_url: str
    entrance_queue: CapacityLimiter
    provider_queue: CapacityLimiter

    async def enter(self, call: Callable[[], T]) -> T:
        """What a call of the entrance returns. Raises Overloaded when too many wait already."""
        return await _in_turn(call, self.entrance_queue)

    async def ask(self, call: Callable[[], T]) -> T:
        """The same of a call that waits for the identity provider."""
        return await _in_turn(call, self.provider_queue)

    def callback(self, request: Request) -> str:
        """The URL that the identity provider sends browsers back to."""
        return (self.public_url or str(request.base_url)).rstrip("/") + CALLBACK


def build_gate(services: Services) -> Gate:
    """Raises BadSetting for settings of an identity provider that do not go together."""
    settings = services.settings
    return Gate(
        entrance=Entrance(services.catalog, settings, services.clock),
        cookies=Cookies(settings),
        provider=build_sign_in(settings, services.clock),
        provider_name=settings.oidc_name or "your identity provider",
        public_url=settings.public_url,
        entrance_queue=CapacityLimiter(_AT_ONCE),
        provider_queue=CapacityLimiter(_AT_ONCE),
    )


async def _in_turn(call: Callable[[], T], queue: CapacityLimiter) -> T:
    if queue.statistics().tasks_waiting >= _MOST_WAITING:
        raise Overloaded("too many people sign in at this moment", hint="try again in a few seconds")
    return await to_thread.run_sync(call, limiter=queue)
