"""Errors as answers: one shape for all of them, application/problem+json (RFC 9457)."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from logkeep import errors

_STATUS: tuple[tuple[type[errors.LogkeepError], int], ...] = (
    (errors.UnknownMediaType, 415),
    (errors.InputError, 400),
    (errors.TooLarge, 413),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Overloaded, 503),
    (errors.TooManyAttempts, 429),
    (errors.IdentityProviderError, 502),
    (errors.StorageUnavailable, 503),
    (errors.ObjectFrozen, 409),
    (errors.StorageError, 502),
    (errors.DamagedArchive, 502),
    (errors.DeliveryError, 502),
    (errors.LoopDetected, 508),
    (errors.LogkeepError, 500),
)
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    429: "Too many attempts",
    500: "Internal error",
    502: "The bucket did not answer as it should",
    503: "Unavailable",
    508: "Loop detected",
}


def status_of(error: errors.LogkeepError) -> int:
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def retry_headers(error: errors.LogkeepError) -> dict[str, str]:
    """Retry-After, in seconds, where retrying helps."""
    if isinstance(error, (errors.Overloaded, errors.TooManyAttempts)):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": "5"} if error.retryable else {}


async def answer_error(_: Request, error: Exception) -> Response:
    """Starlette handler for LogkeepError."""
    assert isinstance(error, errors.LogkeepError)  # noqa: S101 - registered for this class alone
    status = status_of(error)
    headers = retry_headers(error)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="logkeep"'
    members: dict[str, object] = {"detail": error.message}
    if error.hint:
        members["hint"] = error.hint
    return _problem(status, error.code, members | error.details, headers)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette handler for its own HTTPException: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    detail = f"{request.method} {request.url.path}: {error.detail}"
    code = str(_TITLES.get(error.status_code, "error")).lower().replace(" ", "-")
    return _problem(error.status_code, code, {"detail": detail}, dict(error.headers or {}))


async def answer_defect(_: Request, error: Exception) -> Response:
    """Starlette handler for anything else; the server's log has the traceback."""
    return _problem(500, "internal-error", {"detail": f"a defect: {type(error).__name__}"}, {})


def _problem(status: int, code: str, members: dict[str, object], headers: dict[str, str]) -> Response:
    body = {"type": f"urn:logkeep:{code}", "title": _TITLES.get(status, "Error"), "status": status, **members}
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )
