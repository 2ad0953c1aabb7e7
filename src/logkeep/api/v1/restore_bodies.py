"""Bodies of requests about restores."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from logkeep.api.connections import ConnectionBody
from logkeep.api.params import one_line, seconds, size, time_range
from logkeep.catalog.values import OnLimit
from logkeep.errors import BadSetting
from logkeep.notify.addresses import check_receivers
from logkeep.restore.request import (
    MAX_REASON,
    FilesWanted,
    PipelineWanted,
    RestoreRequest,
    check_expiry,
    check_limit,
)
from logkeep.storage.connection import Connection
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, iso, parse_time

_MARGIN_S = 600


class FilesBody(ConnectionBody, kw_only=True):
    """Where files are to be written, and how."""

    format: str = "ndjson.gz"


class PipelineBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A pipeline, and which of its restoration sources; none is named where it has one only."""

    id: str
    source: str = ""


class WantedRestore(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to restore. Times as ISO 8601, -2h, or epoch milliseconds; durations are seconds or `10m`, sizes
    bytes or `2GiB`. The range is `from` and `to`, or `around` a time with a `margin` before and after."""

    start: str | int | None = msgspec.field(name="from", default=None)
    end: str | int | None = msgspec.field(name="to", default=None)
    around: str | int | None = None
    margin: str | int | None = None
    name: str = ""
    reason: str = ""
    query: str = ""
    account: str = "main"
    archive: str = ""  # of this one only, also of a pipeline's; "" reads all of the account's own
    any_marker: bool = False  # also from a place whose marker names another account
    expiry_s: int | str | None = None
    limit_lines: int = 0
    limit_bytes: int | str = 0
    on_limit: str = OnLimit.KEEP.value
    skip_damaged: bool = False
    thaw: str = ""
    files: FilesBody | None = None
    pipeline: PipelineBody | None = None
    rate: int = 0  # events a second
    notify_url: str = ""
    notify_email: str = ""

    def span(self, now: int) -> TimeRange:
        """The range. Raises BadSetting when it is not said in one way of the two, BadTime, BadRange."""
        if self.around is not None:
            return self._around(self.around, now)
        if self.margin is not None:
            raise BadSetting(
                "margin stands without around", hint="give around, the time in the middle", field="margin"
            )
        if self.start is None or self.end is None:
            missing = "from" if self.start is None else "to"
            raise BadSetting(
                f"{missing} is missing",
                hint="give from and to, or around with a margin such as 10m",
                field=missing,
            )
        return time_range(str(self.start), str(self.end), now=now)

    def _around(self, middle: str | int, now: int) -> TimeRange:
        if self.start is not None or self.end is not None:
            raise BadSetting(
                "around stands beside from or to",
                hint="give from and to, or around with a margin such as 10m",
                field="around",
            )
        margin_ms = 1000 * (_MARGIN_S if self.margin is None else seconds("margin", self.margin))
        if margin_ms == 0:
            raise BadSetting("margin is 0, which leaves no range", hint="write 10m or more", field="margin")
        at = parse_time(str(middle), now=now)
        return TimeRange(start=max(MIN_MS, at - margin_ms), end=min(MAX_MS, at + margin_ms))

    def request(
        self, *, now: int, expiry_s: int, created_by: str, connection: Connection | None
    ) -> RestoreRequest:
        """What the desk takes. `expiry_s` holds where nothing is said; `connection` is that of `files`,
        checked. Raises InputError, of which BadSetting names the member."""
        span = self.span(now)
        check_receivers(self.notify_url, self.notify_email)
        return RestoreRequest(
            name=self.name or f"{self.account} {iso(span.start)}",
            source=self.account,
            range=span,
            query=self.query,
            expiry_s=expiry_s if self.expiry_s is None else seconds("expiry_s", self.expiry_s),
            archive=self.archive,
            any_marker=self.any_marker,
            reason=one_line("reason", self.reason, most=MAX_REASON),
            created_by=created_by,
            limit_lines=self.limit_lines,
            limit_bytes=size("limit_bytes", self.limit_bytes),
            on_limit=_on_limit(self.on_limit),
            skip_damaged=self.skip_damaged,
            thaw=self.thaw,
            files=FilesWanted(connection=connection, format=self.files.format)
            if self.files and connection
            else None,
            pipeline=PipelineWanted(pipeline=self.pipeline.id, source=self.pipeline.source)
            if self.pipeline
            else None,
            rate=self.rate,
            notify_url=self.notify_url,
            notify_email=self.notify_email,
        )

    def noted(self) -> dict[str, object]:
        """What was given beside the range, for the audit log: nothing secret."""
        apart = {"start", "end", "around", "margin", "files", "pipeline", "notify_url"}
        given = {
            one.name: value
            for one in msgspec.structs.fields(self)
            if one.name not in apart and (value := getattr(self, one.name)) != one.default
        }
        if self.files:
            given["files"] = {
                "provider": self.files.provider,
                "options": self.files.options,
                "format": self.files.format,
            }
        if self.pipeline:
            given["pipeline"] = msgspec.to_builtins(self.pipeline)
        if self.notify_url:
            given["notify_url"] = without_path(self.notify_url)
        return {"account": self.account, **given}


class Resume(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A limit that is left out stays; 0 lifts it."""

    limit_lines: int | None = None
    limit_bytes: int | str | None = None

    def limits(self) -> dict[str, int | None]:
        """As the desk takes them. Raises BadSetting."""
        limits = {
            "limit_lines": self.limit_lines,
            "limit_bytes": None if self.limit_bytes is None else size("limit_bytes", self.limit_bytes),
        }
        for name, value in limits.items():
            if value is not None:
                check_limit(name, value)
        return limits


class Abort(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    keep: bool = False  # whether what came stays


class Extend(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How long it stays from now on."""

    expiry_s: int | str

    def seconds(self) -> int:
        """Raises InputError."""
        expiry_s = seconds("expiry_s", self.expiry_s)
        check_expiry(expiry_s)
        return expiry_s


def without_path(url: str) -> str:
    """The URL of a webhook as it may be shown: its path and all else may hold a secret."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{port}{rest}"


def _on_limit(text: str) -> OnLimit:
    try:
        return OnLimit(text)
    except ValueError:
        raise BadSetting(
            f"on_limit is {text[:64]!r}", hint=f"write one of {', '.join(OnLimit)}", field="on_limit"
        ) from None
