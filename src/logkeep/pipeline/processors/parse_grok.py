"""Puts what the first of several grok patterns that fits finds into `meta` or below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.grok import grok_finder
from logkeep.pipeline.processors.extraction import MAX_STEPS, Extraction, Find, Found


class ParseGrokProcessor(Extraction):
    """A pattern may fit anywhere in the text. Raises BadSetting."""

    def __init__(self, spec: model.ParseGrok, clock: Callable[[], float]) -> None:
        if not spec.patterns:
            raise BadSetting("no pattern is given", hint="such as %{COMBINEDAPACHELOG}", field="patterns")
        finders = [
            grok_finder(pattern, spec.definitions, setting=f"patterns[{place}]", most_steps=MAX_STEPS)
            for place, pattern in enumerate(spec.patterns)
        ]
        super().__init__(spec, _first(finders), clock)


def _first(finders: Sequence[Find]) -> Find:
    if len(finders) == 1:
        return finders[0]

    def find(data: bytes) -> Found | None:
        for each in finders:
            if (found := each(data)) is not None:
                return found
        return None

    return find
