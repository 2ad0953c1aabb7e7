from __future__ import annotations

import asyncio
import json

import pytest
from starlette.exceptions import HTTPException

from logkeep import errors
from logkeep.api.problems import answer_defect, answer_error, answer_http_exception, status_of

from .requests import request


def tree(kind: type[errors.LogkeepError]) -> list[type[errors.LogkeepError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def test_every_error_of_the_tree_has_its_status() -> None:
    def made(kind: type[errors.LogkeepError]) -> errors.LogkeepError:
        if issubclass(kind, errors.QuerySyntaxError):
            return kind("no", column=1)
        if issubclass(kind, errors.ConnectionTestFailed):
            return kind("no", verdicts=[])
        if issubclass(kind, errors.BadPipeline):
            return kind([{"path": "id", "line": 0, "message": "no", "hint": ""}])
        return kind("no")

    kinds = [kind for kind in tree(errors.LogkeepError) if kind.__module__ == errors.__name__]
    assert {kind.__name__: status_of(made(kind)) for kind in kinds} == {
        "LogkeepError": 500,
        "InputError": 400,
        "BadTime": 400,
        "BadRange": 400,
        "BadSetting": 400,
        "BadPipeline": 400,
        "ConnectionTestFailed": 400,
        "BadBody": 400,
        "QuerySyntaxError": 400,
        "UnknownMediaType": 415,
        "TooLarge": 413,
        "Unauthorized": 401,
        "Forbidden": 403,
        "NotFound": 404,
        "Conflict": 409,
        "OtherMarker": 409,
        "Overloaded": 503,
        "TooManyAttempts": 429,
        "IdentityProviderError": 502,
        "ObjectFrozen": 409,
        "StorageError": 502,
        "ObjectMissing": 502,
        "ObjectExists": 502,
        "StorageDenied": 502,
        "StorageUnavailable": 503,
        "DamagedArchive": 502,
        "DeliveryError": 502,
        "DeliveryFailed": 502,
        "DeliveryRefused": 502,
        "BatchTooLarge": 502,
        "LoopDetected": 508,
        "EngineError": 500,
    }


@pytest.mark.parametrize(
    ("error", "body", "headers"),
    [
        (
            errors.QuerySyntaxError("a word is missing", column=3, expected="a word"),
            {
                "type": "urn:logkeep:bad-query",
                "title": "Bad request",
                "status": 400,
                "detail": "column 3: a word is missing",
                "hint": "expected a word",
                "column": 3,
                "expected": "a word",
            },
            {},
        ),
        (
            errors.BadBody("broken", position=7),
            {
                "type": "urn:logkeep:bad-body",
                "title": "Bad request",
                "status": 400,
                "detail": "broken",
                "position": 7,
            },
            {},
        ),
        (
            errors.BadSetting("no such region", hint="give its id", field="region"),
            {
                "type": "urn:logkeep:bad-setting",
                "title": "Bad request",
                "status": 400,
                "detail": "no such region",
                "hint": "give its id",
                "field": "region",
            },
            {},
        ),
        (
            errors.ConnectionTestFailed("write failed", verdicts=[{"check": "write", "ok": False}]),
            {
                "type": "urn:logkeep:connection-test-failed",
                "title": "Bad request",
                "status": 400,
                "detail": "write failed",
                "verdicts": [{"check": "write", "ok": False}],
            },
            {},
        ),
        (
            errors.Unauthorized("no key"),
            {"type": "urn:logkeep:unauthorized", "title": "Unauthorized", "status": 401, "detail": "no key"},
            {"www-authenticate": 'Bearer realm="logkeep"'},
        ),
        (
            errors.Overloaded("full", retry_after=10),
            {"type": "urn:logkeep:overloaded", "title": "Unavailable", "status": 503, "detail": "full"},
            {"retry-after": "10"},
        ),
        (
            errors.TooManyAttempts("too many", retry_after=90, hint="try again in 90 seconds"),
            {
                "type": "urn:logkeep:too-many-attempts",
                "title": "Too many attempts",
                "status": 429,
                "detail": "too many",
                "hint": "try again in 90 seconds",
            },
            {"retry-after": "90"},
        ),
        (
            errors.StorageUnavailable("away"),
            {
                "type": "urn:logkeep:storage-unavailable",
                "title": "Unavailable",
                "status": 503,
                "detail": "away",
            },
            {"retry-after": "5"},
        ),
    ],
)
def test_an_error_is_answered_with_all_it_says(
    error: errors.LogkeepError, body: dict[str, object], headers: dict[str, str]
) -> None:
    answer = asyncio.run(answer_error(request(), error))
    assert (answer.status_code, json.loads(bytes(answer.body))) == (body["status"], body)
    rest = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("content-length", "content-type")
    }
    assert (answer.headers["content-type"], rest) == ("application/problem+json", headers)


def test_paths_and_methods_that_are_not_there_are_answered_in_the_same_shape() -> None:
    error = HTTPException(405, headers={"Allow": "GET"})
    answer = asyncio.run(answer_http_exception(request(), error))
    assert (answer.headers["allow"], json.loads(bytes(answer.body))) == (
        "GET",
        {
            "type": "urn:logkeep:method-not-allowed",
            "title": "Method not allowed",
            "status": 405,
            "detail": "POST /v1/ingest: Method Not Allowed",
        },
    )


def test_a_defect_is_named_by_its_kind_alone() -> None:
    answer = asyncio.run(answer_defect(request(), ZeroDivisionError("secret")))
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:logkeep:internal-error",
        "title": "Internal error",
        "status": 500,
        "detail": "a defect: ZeroDivisionError",
    }
