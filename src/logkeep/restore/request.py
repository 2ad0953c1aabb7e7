"""What a restore is asked to bring back, and where to."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.catalog.values import OnLimit
from logkeep.errors import BadSetting, InputError
from logkeep.query.parse import parse
from logkeep.restore.thaw import ThawTier
from logkeep.storage.connection import Connection
from logkeep.timeline import TimeRange

DEFAULT_EXPIRY_S = 5 * 86_400
MAX_EXPIRY_S = 366 * 86_400
MAX_NAME = 200
MAX_REASON = 1000
_MOST = 1 << 53

FILE_FORMATS = ("ndjson", "ndjson.gz", "parquet")


@dataclass(frozen=True, kw_only=True)
class FilesWanted:
    """Where files are to be written, and in which of FILE_FORMATS."""

    connection: Connection
    format: str = "ndjson.gz"

    def __post_init__(self) -> None:
        if self.format not in FILE_FORMATS:
            raise BadSetting(
                f"files cannot be written as {self.format!r}",
                hint=f"choose one of {', '.join(FILE_FORMATS)}",
                field="format",
            )


@dataclass(frozen=True, kw_only=True)
class PipelineWanted:
    """The restoration source that lines are to be sent into; "": the only one that the pipeline has."""

    pipeline: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """Raises InputError (of which QuerySyntaxError is one) when it cannot be a restore."""

    name: str  # shown to people; it need not be unique
    source: str  # the account whose archives, or whose pipelines' archives, are read
    range: TimeRange
    query: str = ""  # only lines that it matches are restored
    expiry_s: int = DEFAULT_EXPIRY_S  # how long the restored account stays after it is complete
    archive: str = ""  # only this one is read, the account's or a pipeline's; "": all of the account's own
    any_marker: bool = False  # whether a place may be read whose marker names another account
    reason: str = ""
    created_by: str = ""  # the id of the key that was shown
    limit_lines: int = 0  # 0: none
    limit_bytes: int = 0  # of the lines' text; 0: none
    on_limit: OnLimit = OnLimit.KEEP
    skip_damaged: bool = False  # whether what cannot be read is reported and passed over
    thaw: str = ""  # the tier to ask a thaw for, if something is in cold storage
    files: FilesWanted | None = None  # instead of a restored account
    pipeline: PipelineWanted | None = None  # instead of a restored account
    rate: int = 0  # events a second that are sent into the pipeline, at most; 0: no limit
    notify_url: str = ""
    notify_email: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME or not self.name.strip():
            raise InputError(
                f"the name of a restore has 1 to {MAX_NAME} characters, not {len(self.name.strip())}",
                hint="give it a name that tells people what it is for",
            )
        if not self.name.isprintable():
            raise InputError("the name of a restore is one line of text without control characters")
        if len(self.reason) > MAX_REASON:
            raise InputError(
                f"the reason of a restore has at most {MAX_REASON} characters, not {len(self.reason)}",
                hint="name a ticket, and say the rest there",
            )
        check_expiry(self.expiry_s)
        check_limit("limit_lines", self.limit_lines)
        check_limit("limit_bytes", self.limit_bytes)
        check_limit("rate", self.rate)
        if self.files and self.pipeline:
            raise BadSetting(
                "a restore goes into files or into a pipeline, not both",
                hint="make a restore for each",
                field="pipeline",
            )
        if self.rate and not self.pipeline:
            raise BadSetting(
                "a rate stands without a pipeline", hint="name the pipeline to send into", field="rate"
            )
        if self.thaw and self.thaw not in tuple(ThawTier):
            raise BadSetting(
                f"there is no thaw tier {self.thaw!r}",
                hint=f"choose one of {', '.join(ThawTier)}",
                field="thaw",
            )
        parse(self.query)


def check_expiry(expiry_s: int) -> None:
    """Raises InputError for a time that a restored account cannot stay for."""
    if not 1 <= expiry_s <= MAX_EXPIRY_S:
        raise InputError(
            f"a restore may expire after 1 second to {MAX_EXPIRY_S // 86_400} days, not {expiry_s} s"
        )


def check_limit(name: str, value: int) -> None:
    """Raises BadSetting, which names the limit."""
    if not 0 <= value <= _MOST:
        raise BadSetting(f"{name} cannot be {value}", hint="write a number, or 0 for no limit", field=name)
