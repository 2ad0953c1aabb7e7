"""Restores to look at: page by page, counted by state, or watched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import case, func, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from logkeep.catalog.database import Database
from logkeep.catalog.models import restores
from logkeep.catalog.restores import RUNNING
from logkeep.catalog.values import Restore, RestoreState

_NEWEST_FIRST = (restores.c.created_at.desc(), restores.c.id.desc())


class Into(StrEnum):
    """Where the lines of a restore go."""

    ACCOUNT = "account"
    FILES = "files"
    PIPELINE = "pipeline"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which restores; what is left empty asks for all."""

    states: Collection[RestoreState] = ()
    account: str = ""  # whose archives are read, or the restored one
    text: str = ""  # in the name or the reason, whatever the case of its letters
    into: Collection[Into] = ()
    seen: Collection[str] | None = None  # only of these accounts; None: of all
    hidden: Collection[str] = ()  # not into these pipelines


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the history: right behind a restore."""

    created_at: int
    id: str


class RestoreHistory:
    """Reads what catalog/restores.py writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Wanted, limit: int, behind: Place | None = None) -> Sequence[Restore]:
        """At most `limit` of them, newest first."""
        query = select(restores).where(*_conditions(wanted)).order_by(*_NEWEST_FIRST).limit(limit)
        if behind is not None:
            older = tuple_(restores.c.created_at, restores.c.id) < tuple_(behind.created_at, behind.id)
            query = query.where(older)
        with self._database.reading() as connection:
            return [Restore(**row._mapping) for row in connection.execute(query)]

    def counts(self, wanted: Wanted) -> Mapping[tuple[Into, RestoreState], int]:
        """How many there are of each kind in each state; where there are none, nothing is told."""
        into = case(
            *((_goes(one), one.value) for one in Into if one is not Into.ACCOUNT), else_=Into.ACCOUNT.value
        )
        query = select(into, restores.c.state, func.count()).where(*_conditions(wanted))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(into, restores.c.state))
            return {(Into(row[0]), row[1]): row[2] for row in rows}

    def watched(self, ids: Collection[str], *, running: bool) -> Sequence[Restore]:
        """Those with one of these ids and, with `running`, all that have not ended; newest first."""
        wanted = [restores.c.id.in_(ids)]
        if running:
            wanted.append(restores.c.state.in_(RUNNING))
        with self._database.reading() as connection:
            rows = connection.execute(select(restores).where(or_(*wanted)).order_by(*_NEWEST_FIRST))
            return [Restore(**row._mapping) for row in rows]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    columns = restores.c
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(columns.state.in_(wanted.states))
    if wanted.account:
        into_it = (columns.account == wanted.account) & _goes(Into.ACCOUNT)
        found.append(or_(columns.source == wanted.account, into_it))
    if wanted.text:
        inside = [one.icontains(wanted.text, autoescape=True) for one in (columns.name, columns.reason)]
        found.append(or_(*inside))
    if wanted.into:
        found.append(or_(*map(_goes, wanted.into)))
    if wanted.seen is not None:
        found.append(columns.source.in_(wanted.seen))
    if wanted.hidden:
        found.append(columns.pipeline.not_in(wanted.hidden))
    return found


def _goes(into: Into) -> ColumnElement[bool]:
    files, pipeline = restores.c.files, restores.c.pipeline
    match into:
        case Into.PIPELINE:
            return pipeline != ""
        case Into.FILES:
            return files != {}
        case Into.ACCOUNT:
            return (files == {}) & (pipeline == "")
