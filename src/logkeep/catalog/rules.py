"""Exclusion rules and what they dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import rules
from logkeep.catalog.rows import get_account
from logkeep.catalog.values import Rule
from logkeep.errors import Conflict, NotFound

MAX_RULES = 200  # of an account; every line that comes in is held against all of them

# What `update` leaves alone. Counters only ever grow, by `count`.
_FIXED = frozenset({"id", "account", "created_at", "lines", "bytes"})


class Rules:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, rule: Rule) -> Rule:
        """Raises NotFound for an unknown account; Conflict for a taken id and for an account that has
        MAX_RULES rules."""
        with self._database.writing() as connection:
            get_account(connection, rule.account)
            if connection.scalar(select(rules.c.id).where(rules.c.id == rule.id)) is not None:
                raise Conflict(f"rule {rule.id!r} exists already", hint="choose another id")
            of_account = select(func.count()).select_from(rules).where(rules.c.account == rule.account)
            if (connection.scalar(of_account) or 0) >= MAX_RULES:
                raise Conflict(
                    f"account {rule.account!r} has {MAX_RULES} exclusion rules, the most it can have",
                    hint="delete one, or put the hosts and apps of several into one",
                )
            connection.execute(insert(rules).values(vars(rule)))
        return rule

    def get(self, rule_id: str) -> Rule:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _get(connection, rule_id)

    def of_account(self, account: str) -> Sequence[Rule]:
        """The rules of an account, oldest first."""
        return self._select(select(rules).where(rules.c.account == account))

    def list(self) -> Sequence[Rule]:
        """All rules by account, oldest first."""
        return self._select(select(rules))

    def update(self, rule: Rule) -> Rule:
        """Change everything but id, account, time of creation and counters. Returns what is in force now.

        Raises NotFound.
        """
        values = {name: value for name, value in vars(rule).items() if name not in _FIXED}
        with self._database.writing() as connection:
            connection.execute(update(rules).where(rules.c.id == rule.id).values(values))
            return _get(connection, rule.id)

    def delete(self, rule_id: str) -> None:
        """Raises NotFound."""
        with self._database.writing() as connection:
            if not connection.execute(delete(rules).where(rules.c.id == rule_id)).rowcount:
                raise no_rule(rule_id)

    def count(self, dropped: Mapping[str, tuple[int, int]]) -> None:
        """Add (lines, bytes) to the counters of these rules. One that is gone is passed over."""
        if not dropped:
            return
        add = (
            update(rules)
            .where(rules.c.id == bindparam("rule"))
            .values(
                lines=rules.c.lines + bindparam("more_lines"), bytes=rules.c.bytes + bindparam("more_bytes")
            )
        )
        added = [
            {"rule": rule, "more_lines": lines, "more_bytes": size} for rule, (lines, size) in dropped.items()
        ]
        with self._database.writing() as connection:
            connection.execute(add, added)

    def _select(self, query: Select[tuple[object, ...]]) -> Sequence[Rule]:
        ordered = query.order_by(rules.c.account, rules.c.created_at, rules.c.id)
        with self._database.reading() as connection:
            return [_rule(row) for row in connection.execute(ordered)]


def _get(connection: Connection, rule_id: str) -> Rule:
    row = connection.execute(select(rules).where(rules.c.id == rule_id)).one_or_none()
    if row is None:
        raise no_rule(rule_id)
    return _rule(row)


def _rule(row: Row[tuple[object, ...]]) -> Rule:
    return Rule(**row._mapping)


def no_rule(rule_id: str) -> NotFound:
    return NotFound(f"there is no exclusion rule {rule_id!r}", hint="list the account's rules for their ids")
