"""Where lines can be looked for: accounts, restored accounts, archives where they lie."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.web.api import Api

_WITH_ACCOUNT = "ACTIVE,IN_PROGRESS,PAUSED,THAWING"


@dataclass(frozen=True, kw_only=True)
class Source:
    """`value` is what the choice of sources sends; `restore` as the API shows it, of a restored account."""

    value: str
    label: str
    note: str = ""
    restore: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Sources:
    live: Sequence[Source]
    restored: Sequence[Source]
    archives: Sequence[Source]

    @property
    def groups(self) -> list[tuple[str, Sequence[Source]]]:
        named = [
            ("Live", self.live),
            ("Restored", self.restored),
            ("Archives, searched in place", self.archives),
        ]
        return [(name, group) for name, group in named if group]

    def find(self, value: str) -> Source | None:
        return next((one for _, group in self.groups for one in group if one.value == value), None)


async def sources_of(api: Api) -> Sources:
    """All that the caller may look at."""
    accounts, archives = await asyncio.gather(api.get("/v1/accounts"), api.get("/v1/archives"))
    restores: dict[str, Mapping[str, Any]] = {}
    if any(one["kind"] == "restored" for one in accounts["accounts"]):
        found = await api.get("/v1/restores", state=_WITH_ACCOUNT)
        restores = {one["account"]: one for one in found["restores"] if one["account"]}
    return Sources(
        live=[_live(one) for one in accounts["accounts"] if one["kind"] == "live"],
        restored=[_restored(one) for one in restores.values()],
        archives=[_archive(one) for one in archives["archives"]],
    )


def first_of(sources: Sources) -> str:
    """The account that is shown if none is named: the server's first, or the caller's; "" for none."""
    names = [one.value.partition(":")[2] for one in sources.live]
    return "main" if "main" in names else next(iter(names), "")


def _live(account: Mapping[str, Any]) -> Source:
    return Source(
        value=f"account:{account['account']}",
        label=_named(account["account"], account["title"]),
        note="suspended" if account["suspended"] else "",
    )


def _restored(restore: Mapping[str, Any]) -> Source:
    return Source(value=f"account:{restore['account']}", label=restore["name"], restore=restore)


def _archive(archive: Mapping[str, Any]) -> Source:
    return Source(
        value=f"archive:{archive['id']}",
        label=_named(archive["id"], archive["title"]),
        note=f"of {archive['account']}" if archive["account"] != archive["id"] else "",
    )


def _named(name: str, title: str) -> str:
    return f"{name} · {title}" if title and title != name else name
