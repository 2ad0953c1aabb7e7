"""Where redact replaces something in a text: what is looked for, as expressions and checks of what these
find. Where several find the same place, it is replaced once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from logkeep.pipeline.expressions import Compiled

MAX_SECONDS = 1.0  # for all places in one text; then the whole text is replaced
# One search cannot be broken off, and takes up to 5 ns for each byte of the text and step of the expression.
# So a text longer than this is searched by an expression only where the work is bounded: by about 0.7 s.
MAX_SURE = 64 << 10  # bytes
MAX_WORK = 2_000 * MAX_SURE  # steps times bytes

Span: TypeAlias = tuple[int, int]
Check: TypeAlias = Callable[[bytes, int, int], Sequence[Span]]  # of a text and a place in it: what counts


@dataclass(frozen=True, slots=True)
class Finder:
    """An expression; its groups, if it has any, are what is meant."""

    expression: Compiled
    check: Check | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """One thing to look for.

    `quick` finds something in every text without newlines that `finders` find something in, also when the
    text is between newlines, and in JSON when it is there as it is; None: there is no such expression.
    """

    finders: tuple[Finder, ...]
    quick: Compiled | None
    needed: tuple[bytes, ...] = ()  # one of them is in every text with a hit; (): nothing is known
    shortest: int = 1  # bytes of a text with a hit, at least
    steps: int = 0  # of an expression of a user as RE2 has it; 0: the time it takes is known to be bounded
    hides_keys: bool = False  # a JSON key that `is_secret_key` hides its value


def places(
    found: Sequence[Redaction], text: bytes, *, clock: Callable[[], float] | None = None
) -> list[Span] | None:
    """Where something is to be replaced in a text: in order, apart from each other. None when finding all
    of it takes too long by the clock, or may take too long."""
    spans: list[Span] = []
    deadline = clock() + MAX_SECONDS if clock is not None else 0.0
    for redaction in found:
        if len(text) < redaction.shortest or (redaction.needed and not _has_one(text, redaction.needed)):
            continue
        if len(text) > MAX_SURE and len(text) * redaction.steps > MAX_WORK:
            return None
        for finder in redaction.finders:
            for match in finder.expression.finditer(text):
                spans += _meant(finder, match, text)
                if clock is not None and clock() > deadline:
                    return None
        if clock is not None and len(text) > MAX_SURE and clock() > deadline:
            return None
    return _apart(spans) if len(spans) > 1 else spans


def _has_one(text: bytes, needed: tuple[bytes, ...]) -> bool:
    for each in needed:  # noqa: SIM110 - a generator in any() costs more than the looks
        if each in text:
            return True
    return False


def replaced(text: bytes, spans: Sequence[Span], replacement: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end in spans:
        parts += (text[at:start], replacement)
        at = end
    parts.append(text[at:])
    return b"".join(parts)


def _meant(finder: Finder, match: Compiled, text: bytes) -> list[Span]:
    groups = finder.expression.groups
    spans = [match.span(group) for group in range(1, groups + 1)] if groups else [match.span()]
    spans = [(start, end) for start, end in spans if end > start]
    if finder.check is None:
        return spans
    return [span for start, end in spans for span in finder.check(text, start, end)]


def _apart(spans: list[Span]) -> list[Span]:
    """In order, and those that overlap as one."""
    spans.sort()
    merged = spans[:1]
    for start, end in spans[1:]:
        last_start, last_end = merged[-1]
        if start < last_end:
            merged[-1] = (last_start, max(end, last_end))
        else:
            merged.append((start, end))
    return merged
