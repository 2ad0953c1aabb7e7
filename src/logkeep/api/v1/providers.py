"""GET /v1/providers: with whom an archive can be kept, and what each asks for."""

from __future__ import annotations

from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import answer, asker
from logkeep.storage.providers import PROVIDERS, Provider


async def list_providers(request: Request) -> Response:
    """With `account` also what an AWS role has to demand to hear before it serves that account."""
    by = asker(request)
    shown: dict[str, object] = {"providers": [_shown(provider) for provider in PROVIDERS.values()]}
    if account := request.query_params.get("account"):
        await run_in_threadpool(by.view.account, account)
        shown["external_id"] = by.services.archives.external_id(account)
    return answer(shown)


def _shown(provider: Provider) -> dict[str, object]:
    return {
        "provider": provider.name,
        "title": provider.title,
        "note": provider.note,
        "credentials": [asdict(kind) for kind in provider.credentials],
        "fields": [asdict(one) for one in provider.fields],
        "defaults": dict(provider.defaults),
    }
