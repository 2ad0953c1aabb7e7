"""Restores that have not ended, for the head of every page: how many there are, and where they are listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logkeep.plurals import plural
from logkeep.web.api import Api
from logkeep.web.problem import Problem
from logkeep.web.restores import words

_NONE: dict[str, int] = {}


@dataclass(frozen=True, kw_only=True)
class Running:
    """`at_work` run or wait for their turn or a thaw; `paused` wait for somebody."""

    at_work: int
    paused: int
    path: str

    @property
    def text(self) -> str:
        parts = [f"{plural(self.at_work, 'restore')} running"] if self.at_work else []
        if self.paused:
            parts.append(f"{self.paused} paused" if parts else f"{plural(self.paused, 'restore')} paused")
        return ", ".join(parts)


async def running_restores(api: Api) -> Running | None:
    """One count in the catalog. None while there are none, and while the API cannot tell."""
    try:
        into = (await api.get("/v1/restores/counts", state=",".join(words.NOT_ENDED)))["into"]
    except Problem:
        return None
    return _running(into)


def _running(into: dict[str, Any]) -> Running | None:
    counts = [counted for kind in into.values() for counted in kind.items()]
    if not counts:
        return None
    only_into_pipelines = not (into.get("account", _NONE) or into.get("files", _NONE))
    return Running(
        at_work=sum(number for state, number in counts if state in words.AT_WORK),
        paused=sum(number for state, number in counts if state == "PAUSED"),
        path=f"{words.section(only_into_pipelines)}?state={','.join(words.NOT_ENDED)}",
    )
