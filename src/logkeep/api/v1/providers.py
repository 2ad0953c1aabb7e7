"""GET /v1/providers: with whom an archive can be kept, and what each asks for."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.storage.providers import PROVIDERS, Provider


async def list_providers(request: Request) -> Response:
    admitted(request)
    return answer({"providers": [_shown(provider) for provider in PROVIDERS.values()]})


def _shown(provider: Provider) -> dict[str, object]:
    return {
        "provider": provider.name,
        "title": provider.title,
        "note": provider.note,
        "credentials": [asdict(kind) for kind in provider.credentials],
        "fields": [asdict(one) for one in provider.fields],
        "defaults": dict(provider.defaults),
    }
