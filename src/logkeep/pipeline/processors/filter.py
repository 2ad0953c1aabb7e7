"""Lets through what a query matches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from logkeep.errors import BadSetting, QuerySyntaxError
from logkeep.pipeline import model
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record


class FilterProcessor:
    """Raises BadSetting for a query that cannot be read."""

    def __init__(self, spec: model.Filter, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        try:
            self._matches = compile_predicate(parse(spec.query))
        except QuerySyntaxError as error:
            raise BadSetting(error.message, hint=error.hint, field="query") from error

    def run(self, records: list[Record]) -> list[Record]:
        return list(filter(self._matches, records))
