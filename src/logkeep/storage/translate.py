"""What providers answer, in our words: an error of our tree, with the remedy where the answer tells it.

obstore tells little by type, so its text is read for the rest. The SDKs of Azure and Google give an `Answer`.
No text of a provider is passed on with the query string of a URL in it: signatures stand there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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

EXCEPTIONS = (exceptions.BaseError, OSError, ValueError)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([\w.]+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)")
_METADATA_SERVICE = "169.254.169.254"
_QUERY_STRING = re.compile(r"\?[^\s\"'<>)\]]+")
_SIGNATURE = re.compile(r"(?i)\b(sig|signature|x-amz-signature|x-amz-credential)=[^\s&\"'<>)]+")
_WORDS = 300  # characters of a provider's text that are passed on

_NO_PLACE = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"}
# InvalidBlockList: another put of the same blob was committed, and Azure dropped the blocks of this one.
_EXISTS = {"BlobAlreadyExists", "InvalidBlockList", "UnauthorizedBlobOverwrite"}
_DENIED = {
    "AccountIsDisabled",
    "BlobImmutableDueToPolicy",
    "ContainerImmutableDueToPolicy",
    "InvalidAuthenticationInfo",
    "KMS.AccessDeniedException",
    "LeaseIdMissing",
    "OperationNotAllowedOnImmutableBlob",
}
# 403 of S3, 409 of Azure
_FROZEN = {"BlobArchived", "BlobBeingRehydrated", "InvalidObjectState"}
_BUSY = {"OperationTimedOut", "RequestTimeout", "ServerBusy", "SlowDown"}

_DENIED_HINT = "check the access key, its secret, the region, and that they may list, read and write there"
_REFUSED_HINT = "the server refuses this; check endpoint, region and options"
_AWAY_HINT = "check the endpoint and the network; it is tried again"
_KMS_HINT = (
    "check kms_key_id: the key must be in the bucket's region, enabled, and usable by these credentials"
)
_BUCKET_HINT = "correct bucket: 3 to 63 lower-case letters, digits, hyphens and dots"
_REGION_HINT = "correct region (and endpoint): the bucket is in another one"
_AZURE_KEY_HINT = (
    "check account_name with account_key, or sas_token (its expiry, permissions and allowed addresses), "
    "and the clock of this machine"
)
_AZURE_ROLE_HINT = (
    "grant it read, list and create: a data role on the container, or these permissions of a SAS"
)
_CONTAINER_HINT = "correct container: 3 to 63 lower-case letters, digits and single hyphens"
_IMMUTABLE_HINT = "the container's retention policy keeps it; nothing here needs to be deleted or rewritten"

# What to do, by the code in the provider's answer. Fields are named as a connection names them.
_HINTS = {
    "AccountIsDisabled": "enable the storage account named in account_name",
    "AccountRequiresHttps": "write https:// in endpoint: the account demands it",
    "AuthenticationFailed": _AZURE_KEY_HINT,
    "AuthorizationFailure": _AZURE_KEY_HINT,
    "AuthorizationHeaderMalformed": _REGION_HINT,
    "AuthorizationPermissionMismatch": _AZURE_ROLE_HINT,
    "AuthorizationProtocolMismatch": "write https:// in endpoint: the SAS demands it",
    "AuthorizationResourceTypeMismatch": "make sas_token for containers and objects",
    "AuthorizationServiceMismatch": "make sas_token for the blob service",
    "AuthorizationSourceIPMismatch": "allow this machine's address in sas_token",
    "BlobImmutableDueToPolicy": _IMMUTABLE_HINT,
    "ContainerImmutableDueToPolicy": _IMMUTABLE_HINT,
    "ExpiredToken": "session_token has expired; give a new one, or use credentials=role",
    "IllegalLocationConstraintException": _REGION_HINT,
    "InsufficientAccountPermissions": _AZURE_ROLE_HINT,
    "InvalidAccessKeyId": "correct access_key_id: the provider does not know it",
    "InvalidAuthenticationInfo": f"{_AZURE_KEY_HINT}; a token must be of the tenant that the account trusts",
    "InvalidBucketName": _BUCKET_HINT,
    "InvalidResourceName": _CONTAINER_HINT,
    "InvalidStorageClass": "correct storage_class: the provider has no such class",
    "InvalidToken": "correct session_token, or leave it out with keys that have none",
    "KMS.AccessDeniedException": _KMS_HINT,
    "KMS.DisabledException": _KMS_HINT,
    "KMS.NotFoundException": _KMS_HINT,
    "KeyBasedAuthenticationNotPermitted": "the account takes no keys: use credentials=app or machine",
    "LeaseIdMissing": "someone holds a lease on it; release it",
    "NoAuthenticationInformation": _AZURE_KEY_HINT,
    "OutOfRangeInput": _CONTAINER_HINT,
    "PermanentRedirect": _REGION_HINT,
    "PublicAccessNotPermitted": _AZURE_KEY_HINT,
    "RequestTimeTooSkewed": "set the clock of this machine",
    "ResourceNotFound": "correct account_name: the server has no such account",
    "SignatureDoesNotMatch": "correct secret_access_key: it does not belong to access_key_id",
}

# How a request failed that got no answer, by what stands in the text of its error, and what to do.
_NO_ANSWER = (
    (
        re.compile(r"BadScheme|URL scheme is not allowed"),
        StorageError,
        "write https:// in endpoint, or allow_http=true for a network you trust",
    ),
    (
        re.compile(r"UnknownIssuer|CERTIFICATE_VERIFY_FAILED|invalid peer certificate"),
        StorageError,
        "the certificate of endpoint is not one that this machine trusts; add its authority",
    ),
    (
        re.compile(r"WRONG_VERSION_NUMBER|InvalidContentType|record layer failure"),
        StorageError,
        "the server does not speak TLS; write http:// in endpoint",
    ),
    (
        re.compile(r"dns error|Failed to resolve|NameResolutionError|Name or service not known"),
        StorageUnavailable,
        "the host has no address: correct {account} or endpoint, or check DNS; it is tried again",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a provider answered to a request. Status 0: there was no answer. `words` are the provider's."""

    status: int
    code: str = ""
    words: str = ""


def storage_error(error: Exception, key: str, url: str) -> LogkeepError:
    """The error of our tree for what obstore raised when it worked on `key`."""
    text = str(error)
    answer = Answer(
        status=int(_first(_STATUS, text) or 0), code=_first(_CODE, text), words=_first(_MESSAGE, text)
    )
    if answer.code in _NO_PLACE or answer.code in _FROZEN or answer.code == "ConditionalRequestConflict":
        return answered(answer, key, url)
    if isinstance(error, exceptions.AlreadyExistsError | exceptions.PreconditionError):
        return _exists(key, url)
    if isinstance(error, FileNotFoundError) and answer.status in (404, 0):
        return ObjectMissing(f"there is no object {key} in {url}")
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
        return _denied(answer, key, url)
    if _METADATA_SERVICE in text:  # asked for credentials when none were given
        return _denied(Answer(status=answer.status), key, url)
    if not answer.status:
        return unreachable(text, key, url)
    return answered(answer, key, url, missing_is_404=False)


def answered(answer: Answer, key: str, url: str, *, missing_is_404: bool = True) -> LogkeepError:
    """The error of our tree for a provider's answer to a request for `key`."""
    if answer.code in _NO_PLACE:
        return no_place(url)
    if answer.code in _FROZEN:
        return _frozen(key, url)
    if answer.code == "ConditionalRequestConflict":  # another put of the same key runs; it may yet fail
        return StorageUnavailable(f"{key} in {url} is being written by someone else")
    if answer.code in _EXISTS or (answer.status == 412 and answer.code not in _DENIED):
        return _exists(key, url)
    if answer.status in (401, 403) or answer.code in _DENIED:
        return _denied(answer, key, url)
    if answer.status == 404 and missing_is_404 and answer.code not in _HINTS:
        return ObjectMissing(f"there is no object {key} in {url}")
    if answer.status == 416:
        return DamagedArchive(f"{key} in {url} is shorter than its manifest says")
    return _refused(answer, key, url)


def unreachable(text: str, key: str, url: str) -> StorageError:
    """The error for a request that got no answer, from the text of what the client raised."""
    account = "account_name" if url.startswith("azure://") else "bucket, region"
    message = f"{key} in {url} could not be read or written: {plain(text)}"
    for pattern, kind, hint in _NO_ANSWER:
        if pattern.search(text):
            return kind(message, hint=hint.format(account=account))
    return StorageUnavailable(message, hint=_AWAY_HINT)


def no_place(url: str) -> StorageError:
    kind = "container" if url.startswith("azure://") else "bucket"
    return StorageError(f"the {kind} of {url} does not exist", hint="create it, or correct its name")


def plain(text: str) -> str:
    """The first line of a provider's text, without what a URL may carry of secrets, and not too long."""
    line = text.strip().partition("\n")[0].strip()
    return _SIGNATURE.sub(r"\1=...", _QUERY_STRING.sub("", line))[:_WORDS]


def _exists(key: str, url: str) -> ObjectExists:
    return ObjectExists(f"there is an object {key} in {url} already")


def _frozen(key: str, url: str) -> ObjectFrozen:
    return ObjectFrozen(
        f"{key} in {url} lies in a cold storage class and cannot be read now",
        hint="a restore asks for its thaw, waits, and goes on when it can be read",
    )


def _denied(answer: Answer, key: str, url: str) -> StorageDenied:
    hint = _HINTS.get(answer.code, _DENIED_HINT)
    return StorageDenied(f"{url} does not let us at {key}{_reason(answer)}", hint=hint)


def _refused(answer: Answer, key: str, url: str) -> StorageError:
    message = f"{key} in {url} could not be read or written{_reason(answer)}"
    final = 300 <= answer.status < 500 and answer.status not in (408, 429) and answer.code not in _BUSY
    if final:
        return StorageError(message, hint=_HINTS.get(answer.code, _REFUSED_HINT))
    return StorageUnavailable(message, hint=_AWAY_HINT)


def _reason(answer: Answer) -> str:
    told = [answer.code or str(answer.status or ""), plain(answer.words)]
    return "".join(f": {part}" for part in told if part)


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
