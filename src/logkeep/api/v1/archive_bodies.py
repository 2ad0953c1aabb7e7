"""Bodies of requests about archives."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from logkeep.api.connections import ConnectionBody
from logkeep.api.params import one_line, seconds, size
from logkeep.archives import Settings


class SettingsBody(ConnectionBody, kw_only=True):
    """What can be set of an archive. Durations are seconds or `10m`, sizes bytes or `512MiB`."""

    title: str | None = None
    rank: int | None = None
    query: str | None = None
    with_excluded: bool | None = None
    seal_after: int | str | None = None
    late_sweep: int | str | None = None
    max_object_bytes: int | str | None = None
    compression_level: int | None = None
    verify_every: int | str | None = None
    drill_every: int | str | None = None
    layout: str | None = None  # of another system, whose archive is only read
    layout_options: dict[str, str] | None = None
    untested: bool = False  # save it whatever the connection test would say

    def settings(self) -> Settings:
        """Raises BadSetting."""
        return Settings(
            title=None if self.title is None else one_line("title", self.title),
            rank=self.rank,
            query=None if self.query is None else self.query.strip(),
            with_excluded=self.with_excluded,
            seal_after_s=_given("seal_after", self.seal_after, seconds),
            late_sweep_s=_given("late_sweep", self.late_sweep, seconds),
            max_object_bytes=_given("max_object_bytes", self.max_object_bytes, size),
            compression_level=self.compression_level,
            verify_every_s=_given("verify_every", self.verify_every, seconds),
            drill_every_s=_given("drill_every", self.drill_every, seconds),
            layout=self.layout,
            layout_options=self.layout_options,
        )

    def noted(self) -> dict[str, object]:
        """What was given, for the audit log: of the secrets only their names."""
        given = {
            one.name: value
            for one in msgspec.structs.fields(self)
            if one.name != "secrets" and (value := getattr(self, one.name)) not in ({}, one.default)
        }
        return {**given, "secrets": sorted(self.secrets)} if self.secrets else given


class NewArchive(SettingsBody, kw_only=True):
    account: str = "main"
    id: str = ""
    start: bool = False
    take_over: bool = False  # start it also where another server's marker is


class ChangedArchive(SettingsBody, kw_only=True):
    replan: bool = False


class TriedConnection(ConnectionBody, kw_only=True):
    """A connection of an account; or an archive, with changes to try or without."""

    account: str = "main"
    archive: str = ""
    layout: str = ""  # with one, only what reading needs is tried


class Start(msgspec.Struct, forbid_unknown_fields=True):
    take_over: bool = False


class BackfillRange(msgspec.Struct, forbid_unknown_fields=True):
    start: str | int = msgspec.field(name="from")
    end: str | int = msgspec.field(name="to")


def _given(name: str, value: int | str | None, parse: Callable[[str, int | str], int]) -> int | None:
    return None if value is None else parse(name, value)
