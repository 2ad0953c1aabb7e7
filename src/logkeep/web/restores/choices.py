"""What a new restore can be chosen from: archives, and the restoration sources of pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.catalog.people import Role
from logkeep.web.archive_words import name_of
from logkeep.web.visit import Visit

Archive = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Choices:
    archives: Sequence[Archive]  # of all accounts that the person sees, and of their pipelines
    sources: Sequence[Mapping[str, Any]]  # restoration sources
    providers: Sequence[Mapping[str, Any]]  # where files can be written to; none for who may not

    @property
    def own(self) -> Sequence[Archive]:
        """Archives of accounts."""
        return [one for one in self.archives if not one["pipeline"]]

    @property
    def of_pipelines(self) -> Sequence[Archive]:
        return [one for one in self.archives if one["pipeline"]]

    @property
    def log_options(self) -> Sequence[tuple[str, str]]:
        """(value, label) of accounts' archives: all of an account, or one."""
        options: list[tuple[str, str]] = []
        for account in dict.fromkeys(one["account"] for one in self.own):
            mine = [one for one in self.own if one["account"] == account]
            if len(mine) == 1:
                options.append((account, f"{account}: {_described(mine[0])}"))
                continue
            options.append((account, f"{account}: all its {len(mine)} archives"))
            options += [(f"{account}/{one['id']}", f"{account}: only {_described(one)}") for one in mine]
        return options

    @property
    def pipeline_options(self) -> Sequence[tuple[str, str]]:
        """(value, label) of pipelines' archive destinations."""
        return [
            (one["id"], f"{one['pipeline']}: {name_of(one)} ({one['place']})") for one in self.of_pipelines
        ]

    @property
    def source_options(self) -> Sequence[tuple[str, str]]:
        return [
            (
                f"{one['pipeline']}/{one['source']}",
                f"{one['pipeline_title'] or one['pipeline']}: {one['title'] or one['source']}",
            )
            for one in self.sources
        ]

    def archive(self, archive_id: str) -> Archive | None:
        return next((one for one in self.archives if one["id"] == archive_id), None)

    def of_account(self, account: str) -> Sequence[Archive]:
        return [one for one in self.own if one["account"] == account]


async def choices(visit: Visit) -> Choices:
    archives, sources, providers = await asyncio.gather(
        visit.api.get("/v1/archives"),
        visit.api.get("/v1/pipelines/restoration-sources"),
        _providers(visit),
    )
    return Choices(archives=archives["archives"], sources=sources["restoration_sources"], providers=providers)


async def _providers(visit: Visit) -> Sequence[Mapping[str, Any]]:
    if not visit.me.may(Role.ADMIN):
        return ()
    found: Sequence[Mapping[str, Any]] = (await visit.api.get("/v1/providers"))["providers"]
    return found


def _described(archive: Archive) -> str:
    layout = f", kept by {archive['layout']}" if archive["layout"] else ""
    return f"{name_of(archive)} ({archive['place']}{layout})"
