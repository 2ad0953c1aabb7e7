"""Exclusion rules: what a rule says as a query, whether it may be saved, and how often it dropped a line."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

from logkeep.catalog.values import Rule
from logkeep.errors import BadSetting, LogkeepError, QuerySyntaxError
from logkeep.query import ast
from logkeep.query.parse import parse
from logkeep.query.sql import Condition, compile_sql
from logkeep.query.values import fold

MAX_TITLE = 200
MAX_NAMES = 100
MAX_NAME = 255  # characters of a host's or an app's name

_HOST, _APP = ast.TextField(column="_host"), ast.TextField(column="_app")


def condition_of(rule: Rule) -> ast.Node:
    """What the rule drops: lines of any of its hosts AND any of its apps AND its query. Names are whole
    values, ignoring ASCII case as everywhere. Raises QuerySyntaxError."""
    parts = [_any_of(_HOST, rule.hosts), _any_of(_APP, rule.apps), parse(rule.query)]
    # Laid flat, so that the compilers see all words of the query side by side with the rest.
    flat = [each for part in parts for each in (part.nodes if isinstance(part, ast.And) else (part,))]
    needed = tuple(each for each in flat if each != ast.Everything())
    if len(needed) > 1:
        return ast.And(nodes=needed)
    return needed[0] if needed else ast.Everything()


def _any_of(field: ast.TextField, names: Sequence[str]) -> ast.Node:
    tests = [ast.FieldTest(field=field, test=ast.Equals(text=fold(name))) for name in names]
    nodes = tuple(dict.fromkeys(tests))
    if len(nodes) > 1:
        return ast.Or(nodes=nodes)
    return nodes[0] if nodes else ast.Everything()


def preview_condition(rule: Rule) -> Condition:
    """The rule as a condition on the live search: it finds what the rule would have dropped, line for
    line. Raises as `checked` does."""
    return compile_sql(condition_of(checked(rule)))


def checked(rule: Rule) -> Rule:
    """The rule in its normal form: title and query stripped, no name twice. Raises BadSetting that names
    the field."""
    title = rule.title.strip()
    if not 1 <= len(title) <= MAX_TITLE or not title.isprintable():
        raise BadSetting(
            f"a title has 1 to {MAX_TITLE} printable characters",
            hint="say in a few words what the rule drops",
            field="title",
        )
    hosts, apps = _names("hosts", rule.hosts), _names("apps", rule.apps)
    query = rule.query.strip()
    if not (hosts or apps or query):
        raise BadSetting(
            "the rule names no lines", hint="give hosts, apps or a query; * as query drops all", field="query"
        )
    checked_rule = replace(rule, title=title, hosts=hosts, apps=apps, query=query)
    try:
        compile_sql(condition_of(checked_rule))
    except QuerySyntaxError as error:
        raise BadSetting(f"query: {error.message}", hint=error.hint, field="query") from error
    except LogkeepError as error:  # too many tests at once for the preview
        raise BadSetting(error.message, hint=error.hint, field="query") from error
    return checked_rule


def _names(field: str, names: Sequence[str]) -> tuple[str, ...]:
    different = tuple(dict.fromkeys(names))
    if len(different) > MAX_NAMES:
        raise BadSetting(
            f"{len(different)} {field} are too many for one rule",
            hint=f"at most {MAX_NAMES}; use a pattern such as {field[:-1]}:web-* in the query",
            field=field,
        )
    for name in different:
        if not 1 <= len(name) <= MAX_NAME or not _is_text(name):
            raise BadSetting(
                f"{name[:40]!r} in {field} is no name",
                hint=f"a name has 1 to {MAX_NAME} characters; patterns belong into the query",
                field=field,
            )
    return different


def _is_text(name: str) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


class RuleCounters(Protocol):
    """The part of the catalog that keeps how much each rule dropped."""

    def count(self, dropped: Mapping[str, tuple[int, int]], /) -> None:
        """Add (lines, bytes) to each rule that is still there."""


class ExclusionCounts:
    """What rules dropped since the last flush: lines, and bytes of their text. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, rule: str, lines: int, size: int) -> None:
        with self._lock:
            had_lines, had_bytes = self._counts.get(rule, (0, 0))
            self._counts[rule] = (had_lines + lines, had_bytes + size)

    def take(self) -> dict[str, tuple[int, int]]:
        """{rule: (lines, bytes)} since the last time, which is forgotten here."""
        with self._lock:
            counts, self._counts = self._counts, {}
            return counts

    def flush(self, rules: RuleCounters) -> None:
        """Hand the counts to the catalog. When that raises they are kept for the next time."""
        counts = self.take()
        if not counts:
            return
        with ExitStack() as undo:
            undo.callback(self._put_back, counts)
            rules.count(counts)
            undo.pop_all()

    def _put_back(self, counts: Mapping[str, tuple[int, int]]) -> None:
        for rule, (lines, size) in counts.items():
            self.add(rule, lines, size)
