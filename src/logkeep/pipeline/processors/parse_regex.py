"""Puts what the named groups of a regular expression find into `meta` or below it."""

from __future__ import annotations

from collections.abc import Callable

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.expressions import checked, compiled
from logkeep.pipeline.processors.extraction import MAX_STEPS, Extraction, Find, Found


class ParseRegexProcessor(Extraction):
    """The expression may fit anywhere in the text. Groups that took no part are left out. Raises
    BadSetting, also for an expression without a named group."""

    def __init__(self, spec: model.ParseRegex, clock: Callable[[], float]) -> None:
        super().__init__(spec, _finder(spec.pattern), clock)


def _finder(pattern: str) -> Find:
    regex = checked(pattern, setting="pattern")
    expression = compiled(regex, most_steps=MAX_STEPS, setting="pattern")
    groups = [(name, number - 1) for name, number in expression.groupindex.items()]
    if not groups:
        raise BadSetting(
            "no group of the expression has a name", hint="name what to keep: (?P<name>...)", field="pattern"
        )
    groups.sort(key=lambda group: group[1])
    needed = b"" if regex.ignore_case else regex.literal.encode()
    search = expression.search

    def find(data: bytes) -> Found | None:
        match = search(data) if needed in data else None
        if match is None:
            return None
        texts = match.groups()
        return {
            name: texts[number].decode(errors="replace")
            for name, number in groups
            if texts[number] is not None
        }

    return find
