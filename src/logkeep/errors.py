"""The one tree of errors.

    LogkeepError
    ├── InputError             the caller sent something wrong; the same request will fail again
    │   ├── BadTime, BadRange, BadSetting, UnknownMediaType
    │   ├── BadPipeline        with a path, a line and a reason for each thing that is wrong
    │   ├── ConnectionTestFailed   with a verdict for each thing that was tried
    │   ├── BadBody            with the position of what could not be read
    │   └── QuerySyntaxError   with the column and what was expected there
    ├── TooLarge               a limit on size or depth was passed
    ├── Unauthorized           no key, or one that nobody holds
    ├── Forbidden              a key that may not do this
    ├── NotFound
    ├── Conflict               the thing is not in a state that allows this
    ├── Overloaded             full for now; retrying later helps
    ├── TooManyAttempts        at signing in: nothing is tried before a wait is over
    ├── IdentityProviderError  signing in elsewhere failed: that side's answer, in our words
    ├── StorageError           the bucket's answer, in our words
    │   ├── ObjectMissing, ObjectExists, StorageDenied
    │   ├── ObjectFrozen       in a cold storage class; a thaw makes it readable, hours later
    │   └── StorageUnavailable retrying helps
    ├── DeliveryError          the other side's answer to a pipeline's batch
    │   ├── DeliveryFailed     retrying helps
    │   ├── DeliveryRefused    the same events will be refused again
    │   └── BatchTooLarge      fewer of them at once may be taken
    ├── LoopDetected           events that came back to a pipeline which they came through before
    ├── DamagedArchive         bytes in the bucket are not what they should be
    └── EngineError            the index refused a statement

Each error says what and where in its message and what to do in its hint. Exceptions of libraries are
translated where the library is called and never travel further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class LogkeepError(Exception):
    """Root of the tree. `message` says what and where, `hint` what to do about it."""

    code: ClassVar[str] = "internal-error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def details(self) -> dict[str, object]:
        """Further members of this error, for machines (RFC 9457 extension members)."""
        return {}

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InputError(LogkeepError):
    code = "bad-request"


class BadTime(InputError):
    code = "bad-time"


class BadRange(InputError):
    code = "bad-range"


class BadSetting(InputError):
    """A setting that cannot be used. `field` is its name, where one can be named."""

    code = "bad-setting"

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field

    @property
    def details(self) -> dict[str, object]:
        return {"field": self.field} if self.field else {}


class ConnectionTestFailed(InputError):
    """A bucket that an archive cannot be kept in, as the connection test found. Nothing was saved."""

    code = "connection-test-failed"

    def __init__(self, message: str, *, verdicts: Sequence[Mapping[str, object]], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.verdicts = verdicts

    @property
    def details(self) -> dict[str, object]:
        return {"verdicts": self.verdicts}


class BadPipeline(InputError):
    """A pipeline that cannot be. Each problem has `path`, `line` (0: there is no text), `message`, `hint`."""

    code = "bad-pipeline"

    def __init__(self, problems: Sequence[Mapping[str, object]]) -> None:
        first = problems[0]
        place = f"line {first['line']}: " if first["line"] else ""
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(f"{place}{first['path']}: {first['message']}{more}", hint=str(first["hint"]))
        self.problems = problems

    @property
    def details(self) -> dict[str, object]:
        return {"problems": self.problems}


class UnknownMediaType(InputError):
    code = "unknown-media-type"


class BadBody(InputError):
    """A body that cannot be read. `position` is the byte offset of the first offence, if known."""

    code = "bad-body"

    def __init__(self, message: str, *, position: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.position = position

    @property
    def details(self) -> dict[str, object]:
        return {} if self.position is None else {"position": self.position}


class QuerySyntaxError(InputError):
    """A query that cannot be read. `column` counts characters from 1."""

    code = "bad-query"

    def __init__(self, message: str, *, column: int, expected: str = "") -> None:
        super().__init__(f"column {column}: {message}", hint=expected and f"expected {expected}")
        self.column = column
        self.expected = expected

    @property
    def details(self) -> dict[str, object]:
        return {"column": self.column, "expected": self.expected}


class TooLarge(LogkeepError):
    code = "too-large"


class Unauthorized(LogkeepError):
    code = "unauthorized"


class Forbidden(LogkeepError):
    code = "forbidden"


class NotFound(LogkeepError):
    code = "not-found"


class Conflict(LogkeepError):
    code = "conflict"


class OtherMarker(Conflict):
    """A place is marked as another account's or server's, which the message names."""


class Overloaded(LogkeepError):
    """No room for now. `retry_after` is in seconds."""

    code = "overloaded"
    retryable = True

    def __init__(self, message: str, *, retry_after: int = 5, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class TooManyAttempts(LogkeepError):
    """Signing in was tried too often. `retry_after` is in seconds; no program should try again by itself."""

    code = "too-many-attempts"

    def __init__(self, message: str, *, retry_after: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class IdentityProviderError(LogkeepError):
    code = "identity-provider-error"


class StorageError(LogkeepError):
    code = "storage-error"


class ObjectMissing(StorageError):
    code = "object-missing"


class ObjectExists(StorageError):
    code = "object-exists"


class StorageDenied(StorageError):
    code = "storage-denied"


class ObjectFrozen(StorageError):
    """An object that its provider gives out only after a thaw: asked for, and waited for."""

    code = "object-frozen"


class StorageUnavailable(StorageError):
    code = "storage-unavailable"
    retryable = True


class DeliveryError(LogkeepError):
    code = "delivery-error"


class DeliveryFailed(DeliveryError):
    """`retry_after` is in seconds, where the other side names a time; else 0."""

    code = "delivery-failed"
    retryable = True

    def __init__(self, message: str, *, retry_after: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DeliveryRefused(DeliveryError):
    code = "delivery-refused"


class BatchTooLarge(DeliveryError):
    code = "batch-too-large"


class LoopDetected(LogkeepError):
    code = "loop-detected"


class DamagedArchive(LogkeepError):
    code = "damaged-archive"


class EngineError(LogkeepError):
    code = "engine-error"
