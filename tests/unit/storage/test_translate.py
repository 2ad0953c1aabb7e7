"""Providers' answers in our words: those that no emulator gives. Real ones are in the contract tests."""

from __future__ import annotations

import pytest
from obstore import exceptions

from logkeep.errors import (
    DamagedArchive,
    LogkeepError,
    ObjectExists,
    ObjectFrozen,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.translate import Answer, answered, no_place, plain, storage_error, unreachable

AZURE = "azure://account/logs/p"


@pytest.mark.parametrize(
    ("status", "code", "error", "hint"),
    [
        (404, "ContainerNotFound", StorageError, "create it"),
        (409, "ContainerBeingDeleted", StorageError, "create it"),
        (404, "BlobNotFound", ObjectMissing, ""),
        (404, "", ObjectMissing, ""),
        (404, "ResourceNotFound", StorageError, "account_name"),
        (409, "BlobAlreadyExists", ObjectExists, ""),
        (403, "UnauthorizedBlobOverwrite", ObjectExists, ""),
        (400, "InvalidBlockList", ObjectExists, ""),
        (412, "ConditionNotMet", ObjectExists, ""),
        (412, "LeaseIdMissing", StorageDenied, "lease"),
        (409, "BlobImmutableDueToPolicy", StorageDenied, "retention policy"),
        (409, "BlobArchived", ObjectFrozen, "thaw"),
        (409, "BlobBeingRehydrated", ObjectFrozen, "thaw"),
        (403, "InvalidObjectState", ObjectFrozen, "thaw"),
        (403, "AuthorizationFailure", StorageDenied, "account_key"),
        (403, "AuthenticationFailed", StorageDenied, "sas_token"),
        (403, "AuthorizationPermissionMismatch", StorageDenied, "data role"),
        (403, "KeyBasedAuthenticationNotPermitted", StorageDenied, "credentials=app"),
        (403, "AccountIsDisabled", StorageDenied, "account_name"),
        (401, "InvalidAuthenticationInfo", StorageDenied, "tenant"),
        (400, "AccountRequiresHttps", StorageError, "https://"),
        (400, "InvalidResourceName", StorageError, "container"),
        (400, "OutOfRangeInput", StorageError, "container"),
        (403, "SignatureDoesNotMatch", StorageDenied, "secret_access_key"),
        (301, "PermanentRedirect", StorageError, "region"),
        (308, "", StorageError, "endpoint"),
        (416, "InvalidRange", DamagedArchive, ""),
        (503, "ServerBusy", StorageUnavailable, "tried again"),
        (500, "OperationTimedOut", StorageUnavailable, "tried again"),
        (429, "", StorageUnavailable, "tried again"),
        (400, "RequestTimeout", StorageUnavailable, "tried again"),
    ],
)
def test_each_answer_has_its_error(status: int, code: str, error: type[LogkeepError], hint: str) -> None:
    found = answered(Answer(status=status, code=code, words="The words."), "a/key", AZURE)

    assert type(found) is error
    assert hint in found.hint
    assert AZURE in found.message


def test_the_providers_own_words_are_passed_on() -> None:
    answer = Answer(status=403, code="AuthorizationFailure", words="Not from here.\nRequestId: 1")

    assert answered(answer, "k", AZURE).message == (
        f"{AZURE} does not let us at k: AuthorizationFailure: Not from here."
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET https://a.net/c/k?sv=1&sig=hush%3D failed", "GET https://a.net/c/k failed"),
        ("url: /c/k?sp=r&sig=hush (Caused by)", "url: /c/k (Caused by)"),
        ("'https://a.net/c?sig=hush'", "'https://a.net/c'"),
        ("signature sig=hush and Signature=hush", "signature sig=... and Signature=..."),
        ("x-amz-signature=hush&x=1", "x-amz-signature=...&x=1"),
        ("first\nsecond sig=hush", "first"),
    ],
)
def test_signatures_are_not_passed_on(text: str, kept: str) -> None:
    assert plain(text) == kept


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 10_000) == "x" * 300


@pytest.mark.parametrize("kind", [exceptions.GenericError, exceptions.PermissionDeniedError])
def test_an_error_of_obstore_does_not_show_a_signature(kind: type[Exception]) -> None:
    text = "Error performing PUT https://h/b?X-Amz-Signature=hush in 1ms - HTTP error: sig=hush"

    assert "hush" not in str(storage_error(kind(text), "k", "s3://b"))


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("Failed to resolve 'a.blob.core.windows.net'", StorageUnavailable, "account_name"),
        ("source: BadScheme", StorageError, "https://"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", StorageError, "certificate"),
        ("invalid peer certificate: UnknownIssuer", StorageError, "certificate"),
        ("[SSL: WRONG_VERSION_NUMBER]", StorageError, "http://"),
        ("Connection refused", StorageUnavailable, "tried again"),
    ],
)
def test_a_request_without_an_answer_says_what_to_look_at(
    text: str, error: type[StorageError], hint: str
) -> None:
    found = unreachable(text, "k", AZURE)

    assert type(found) is error
    assert hint in found.hint


def test_what_is_missing_is_called_as_its_provider_calls_it() -> None:
    assert no_place(AZURE).message == f"the container of {AZURE} does not exist"
    assert no_place("gs://b").message == "the bucket of gs://b does not exist"


def test_a_machine_without_credentials_is_denied() -> None:
    error = exceptions.GenericError("Error performing GET http://169.254.169.254/latest/api - HTTP error")

    assert type(storage_error(error, "k", "s3://b")) is StorageDenied
