"""What each route needs: a role, and that the caller may see the thing that the request names.

Every route of the API but those for anybody and for ingest keys goes through a guard of this module. Its
handler gets the services from `answers.admitted` or `answers.asker`, which refuse a request that no guard
let in. A thing that the caller may not see is answered exactly as one that is not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.callers import SCOPE_KEY, Caller, caller_of
from logkeep.api.services import Services
from logkeep.catalog.keys import no_key
from logkeep.catalog.people import Role
from logkeep.catalog.pipelines import no_pipeline
from logkeep.catalog.restores import no_restore
from logkeep.catalog.rows import no_account, no_archive
from logkeep.catalog.rules import no_rule
from logkeep.catalog.values import Account, AccountKind, Archive, Pipeline, Restore
from logkeep.errors import Conflict, LogkeepError, NotFound, OtherMarker
from logkeep.pipeline.model import accounts_named
from logkeep.pipeline.stored import spec_of

ADMITTED = "logkeep.admitted"

Handler = Callable[[Request], Awaitable[Response]]
Endpoint = partial[Coroutine[Any, Any, Response]]
Look = Callable[["View", str], object]


@dataclass(frozen=True)
class View:
    """The catalog as a caller sees it: each look-up raises NotFound for what the caller may not see, in the
    words for what is not there. Waits for the catalog."""

    services: Services
    caller: Caller

    def account(self, name: str) -> Account:
        account = self.services.catalog.accounts.get(name)
        if not self.sees(account):
            raise no_account(name)
        return account

    def archive(self, archive_id: str) -> Archive:
        archive = self.services.catalog.archives.get(archive_id)
        if not self.caller.sees(archive.account):
            raise no_archive(archive_id)
        return archive

    def restore(self, restore_id: str) -> Restore:
        restore = self.services.catalog.restores.get(restore_id)
        if not self.sees_restore(restore):
            raise no_restore(restore_id)
        return restore

    def pipeline(self, pipeline_id: str) -> Pipeline:
        pipeline = self.services.catalog.pipelines.get(pipeline_id)
        if not self.sees_pipeline(pipeline):
            raise no_pipeline(pipeline_id)
        return pipeline

    def rule(self, rule_id: str) -> None:
        if not self.caller.sees(self.services.catalog.rules.get(rule_id).account):
            raise no_rule(rule_id)

    def key(self, key_id: str) -> None:
        key = self.services.catalog.keys.get(key_id)
        # An admin token belongs to no account.
        seen = self.caller.sees(key.account) if key.account else self.caller.role is Role.ADMIN
        if not seen:
            raise no_key(key_id)

    def sees(self, account: Account) -> bool:
        """A restored account is seen by those who see its restore."""
        if self.caller.accounts is None:
            return True
        if account.kind is AccountKind.LIVE:
            return self.caller.sees(account.id)
        try:
            restore = self.services.catalog.restores.get(account.restore_id)
        except NotFound:
            return False
        return self.sees_restore(restore)

    def sees_pipeline(self, pipeline: Pipeline) -> bool:
        """Those see it who see its account and all accounts that it reads from or delivers to: their lines
        come through it."""
        if self.caller.accounts is None:
            return True
        return all(map(self.caller.sees, accounts_named(spec_of(pipeline))))

    def sees_restore(self, restore: Restore) -> bool:
        """One that is sent into a pipeline tells much of it, so that only those see it who see both."""
        if not self.caller.sees(restore.source):
            return False
        if self.caller.accounts is None or not restore.pipeline:
            return True
        try:
            pipeline = self.services.catalog.pipelines.get(restore.pipeline)
        except NotFound:  # it was deleted; what was sent is history of the account
            return True
        return self.sees_pipeline(pipeline)

    def hidden_pipelines(self) -> set[str]:
        """The ids of those that the caller does not see."""
        if self.caller.accounts is None:
            return set()
        return {one.id for one in self.services.catalog.pipelines.list() if not self.sees_pipeline(one)}


@dataclass(frozen=True)
class Guard:
    """Lets a request in, or raises."""

    role: Role
    look: Look | None = None
    parameter: str = ""  # of the path that names the thing; "": the query's `account`
    tokens: bool = True  # whether a user's token is enough

    def admit(self, request: Request) -> None:
        """Waits for the catalog. Raises Unauthorized, Forbidden or NotFound."""
        caller = caller_of(request)
        caller.require(self.role)
        if not self.tokens:
            caller.require_no_token()
        services: Services = request.app.state.services
        is_admin = caller.role is Role.ADMIN  # who sees everything: the handler says what is not there
        if self.look is not None and not is_admin:
            self.look(View(services, caller), self._named(request))
        request.scope[SCOPE_KEY] = caller
        request.scope[ADMITTED] = self

    def _named(self, request: Request) -> str:
        if self.parameter:
            return str(request.path_params[self.parameter])
        return request.query_params.get("account", "main")


def still_admitted(request: Request) -> bool:
    """Whether the request would be let in now as well: for answers that go on and on, whose caller may be
    disabled meanwhile, or signed out. Waits for the catalog."""
    guard = request.scope.get(ADMITTED)
    fresh = {name: value for name, value in request.scope.items() if name not in (SCOPE_KEY, ADMITTED)}
    try:
        assert isinstance(guard, Guard)  # noqa: S101 - a handler runs behind a guard
        guard.admit(Request(fresh))
    except LogkeepError:
        return False
    return True


def told(request: Request, error: LogkeepError) -> LogkeepError:
    """The error as the caller may know it: which accounts and servers a place's marker names is for those who
    see all accounts."""
    caller = request.scope.get(SCOPE_KEY)
    if not isinstance(error, OtherMarker) or (isinstance(caller, Caller) and caller.accounts is None):
        return error
    return Conflict(
        "the marker in the archive's bucket is not the one of this account",
        hint="have an administrator look at the archive",
    )


async def _guarded(guard: Guard, handler: Handler, request: Request) -> Response:
    await run_in_threadpool(guard.admit, request)
    return await handler(request)


def _behind(guard: Guard, handler: Handler) -> Endpoint:
    return partial(_guarded, guard, handler)  # which Starlette takes for the function that it wraps


def everybody(handler: Handler, *, tokens: bool = True) -> Endpoint:
    """Whoever has a role at all; what is listed is for the handler to choose by `Asker.view`."""
    return _behind(Guard(Role.READ_ONLY, tokens=tokens), handler)


def members(handler: Handler) -> Endpoint:
    """The same for members."""
    return _behind(Guard(Role.MEMBER), handler)


def administrators(handler: Handler, *, tokens: bool = True) -> Endpoint:
    return _behind(Guard(Role.ADMIN, tokens=tokens), handler)


def of_account(handler: Handler, role: Role = Role.READ_ONLY, parameter: str = "id") -> Endpoint:
    return _behind(Guard(role, View.account, parameter), handler)


def of_asked_account(handler: Handler, role: Role = Role.READ_ONLY) -> Endpoint:
    """Of the account that the query names, `main` if it names none."""
    return _behind(Guard(role, View.account), handler)


def of_archive(handler: Handler, role: Role = Role.READ_ONLY) -> Endpoint:
    return _behind(Guard(role, View.archive, "id"), handler)


def of_restore(handler: Handler, role: Role = Role.READ_ONLY) -> Endpoint:
    return _behind(Guard(role, View.restore, "id"), handler)


def of_pipeline(handler: Handler, role: Role = Role.READ_ONLY) -> Endpoint:
    return _behind(Guard(role, View.pipeline, "id"), handler)


def of_rule(handler: Handler, role: Role = Role.READ_ONLY) -> Endpoint:
    return _behind(Guard(role, View.rule, "id"), handler)


def of_key(handler: Handler, role: Role = Role.MEMBER) -> Endpoint:
    return _behind(Guard(role, View.key, "id"), handler)
