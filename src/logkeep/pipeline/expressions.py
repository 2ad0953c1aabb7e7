"""Regular expressions in a pipeline's settings: those of queries (query/regex.py), with groups.

RE2's time grows with the text, never with powers of it, but the size of the expression is a factor: so it
is bounded. With groups a byte of text can cost about 5 ns for each step of the compiled expression.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import re2

from logkeep.errors import BadSetting, QuerySyntaxError
from logkeep.query.regex import Regex, translate

Compiled: TypeAlias = Any  # re2 has no types

MAX_MEMORY = 8 << 20  # bytes that RE2 may use for one of them, its automaton included
_HINT = "patterns are RE2's: no look-around, no backreferences, no atomic groups"


def checked(source: str, *, setting: str, within: str = "") -> Regex:
    """The expression, known to be one of RE2's. Raises BadSetting; `within` begins its message."""
    try:
        source.encode()
        return translate(source, 1)
    except QuerySyntaxError as error:
        hint = f"{error.hint}; {_HINT}" if error.hint else _HINT
        raise BadSetting(f"{within}{error.message}", hint=hint, field=setting) from error
    except UnicodeEncodeError as error:
        raise BadSetting(
            f"{within}half of a surrogate pair", hint="write the character", field=setting
        ) from error


def compiled(regex: Regex, *, most_steps: int, setting: str, groups: bool = True) -> Compiled:
    """For searching bytes of UTF-8; `.` matches a newline too. Raises BadSetting for what is too large."""
    expression = compiled_source(regex.re2, groups=groups)
    if expression.programsize > most_steps:
        raise BadSetting(
            f"the expression is too large: {expression.programsize} steps of RE2, at most {most_steps}",
            hint="use fewer or shorter repeats and smaller classes, or several processors",
            field=setting,
        )
    return expression


def compiled_source(source: str, *, one_line: bool = False, groups: bool = True) -> Compiled:
    """An expression that is known to be good. `one_line`: a newline is matched by nothing at all."""
    options = re2.Options()
    options.dot_nl = True
    options.never_nl = one_line
    options.never_capture = not groups
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    return re2.compile(source, options)
