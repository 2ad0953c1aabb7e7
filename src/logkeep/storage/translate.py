"""obstore's exceptions in our words. It tells little by type, so its text is read for the rest."""

from __future__ import annotations

import re

from obstore import exceptions

from logkeep.errors import (
    DamagedArchive,
    LogkeepError,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)

EXCEPTIONS = (exceptions.BaseError, OSError, ValueError)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_METADATA_SERVICE = "169.254.169.254"


def storage_error(error: Exception, key: str, url: str) -> LogkeepError:
    """The error of our tree for what obstore raised when it worked on `key`."""
    text = str(error)
    code, status = _first(_CODE, text), _first(_STATUS, text)
    if code == "NoSuchBucket":
        return StorageError(f"the bucket of {url} does not exist", hint="create it, or correct its name")
    if code == "ConditionalRequestConflict":  # another put of the same key runs; it may yet fail
        return StorageUnavailable(f"{key} in {url} is being written by someone else")
    if isinstance(error, exceptions.AlreadyExistsError | exceptions.PreconditionError):
        return ObjectExists(f"there is an object {key} in {url} already")
    if isinstance(error, FileNotFoundError) and status in ("404", ""):
        return ObjectMissing(f"there is no object {key} in {url}")
    if _is_denied(error, status) or _METADATA_SERVICE in text:
        return _denied(key, url, code or status)
    if status == "416":
        return DamagedArchive(f"{key} in {url} is shorter than its manifest says")
    return _other(key, url, status, code or text.partition("\n")[0])


def _is_denied(error: Exception, status: str) -> bool:
    denied = exceptions.PermissionDeniedError | exceptions.UnauthenticatedError
    return isinstance(error, denied) or status in ("401", "403")


def _denied(key: str, url: str, code: str) -> StorageDenied:
    return StorageDenied(
        f"{url} does not let us at {key}{code and f': {code}'}",
        hint="check the access key, its secret, the region, and that they may list, read and write there",
    )


def _other(key: str, url: str, status: str, reason: str) -> StorageError:
    message = f"{key} in {url} could not be read or written: {reason}"
    if status.startswith("4") and status not in ("408", "429"):
        return StorageError(message, hint="the server refuses this; check endpoint, region and options")
    return StorageUnavailable(message, hint="check the endpoint and the network; it is tried again")


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
