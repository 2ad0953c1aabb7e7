"""Template: a text with fields of a restore in it, written `{{name}}`.

A field is a name and nothing else: no expression, no condition, no format. A line whose fields are all empty
is left out. What a field holds is put in as it is and never read as a template again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# As a notice tells them. `outcome` says the state in words, `event` is the name of the notice.
FIELDS = (
    *("id", "name", "event", "state", "outcome", "account", "source", "from", "to", "query"),
    *("lines", "bytes", "duplicates", "partial", "skipped_objects", "skipped_lines", "error", "reason"),
    *("created_by", "created_at", "started_at", "finished_at", "expires_at", "url"),
)
DEFAULT_SUBJECT = "logkeep: restore {{name}} {{outcome}}"
DEFAULT_TEXT = """\
The restore {{name}} {{outcome}}.

Account:  {{account}}
Source:   {{source}}, {{from}} to {{to}}
Query:    {{query}}
Lines:    {{lines}} ({{bytes}} bytes read)
Left out: {{skipped_objects}} objects and {{skipped_lines}} lines that could not be read or have no time
Error:    {{error}}
Reason:   {{reason}}
Finished: {{finished_at}}
Expires:  {{expires_at}}

{{url}}
"""

_LONGEST = 20_000  # characters of a template
_LONGEST_FIELD = 2_000  # characters of what one field holds
_LONGEST_LINE = 200  # characters of what becomes a subject
_MARK = re.compile(r"\{\{[ \t]*([^\n]*?)[ \t]*\}\}")


class Template:
    """A text that was read and holds known fields only. Raises ValueError that says what to write."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise ValueError(f"a template of at most {_LONGEST} characters")
        unknown = [name for name in _MARK.findall(text) if name not in FIELDS]
        if unknown:
            raise ValueError(f"fields that there are, not {unknown[0][:64]!r}: {', '.join(FIELDS)}")
        if re.search(r"\{\{|\}\}", _MARK.sub("", text)):
            raise ValueError("each field between {{ and }}")
        self._lines = text.split("\n")

    def text(self, values: Mapping[str, str]) -> str:
        """The template with these values, by field; without a line break at its end."""
        filled = (_filled(line, values) for line in self._lines)
        return "\n".join(line for line in filled if line is not None).strip("\n")

    def line(self, values: Mapping[str, str]) -> str:
        """The same as one line without control characters, whatever the values hold: for a subject."""
        return one_line(self.text(values))[:_LONGEST_LINE]


def one_line(text: str) -> str:
    """The text without line breaks and other control characters: each run of them becomes one space."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _filled(line: str, values: Mapping[str, str]) -> str | None:
    names = _MARK.findall(line)
    if names and not any(values[name] for name in names):
        return None
    return _MARK.sub(lambda mark: _shortened(values[mark[1]]), line)


def _shortened(value: str) -> str:
    return value if len(value) <= _LONGEST_FIELD else value[:_LONGEST_FIELD] + "…"
