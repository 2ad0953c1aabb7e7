"""What can be set of an archive beside its connection, as its form shows it and as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from logkeep.web.connection_form import duration_text, size_text
from logkeep.web.form import Form
from logkeep.web.problem import Problem

Shown = Mapping[str, Any]

LAYOUT = "layout-"  # before the names of a layout's options, which providers have, too
CHECKS = {
    "reach": "Reach it",
    "write": "Write an object",
    "create_only": "Never overwrite one",
    "read": "Read it back",
    "list": "List objects",
    "clean_up": "Delete the test's object",
}
"""What a connection test tries, for people."""

# As the server has them where nothing else is said.
_USUAL = {
    "seal_after": 600,
    "late_sweep": 6 * 3600,
    "max_object_bytes": 512 << 20,
    "compression_level": 2,
    "verify_every": 0,
    "drill_every": 0,
}
_DURATIONS = ("seal_after", "late_sweep", "verify_every", "drill_every")


def placed(problem: Problem) -> Problem:
    """The problem with the name of the field that it is about, where the API names none: a query that cannot
    be read."""
    if problem.field or problem.code != "bad-query":
        return problem
    return replace(problem, members={**problem.members, "field": "query"})


@dataclass(frozen=True)
class SettingsForm:
    """What its fields hold: typed, else of the archive, else as usual."""

    typed: Form | None = None
    archive: Shown | None = None

    def text(self, name: str) -> str:
        if self.typed is not None:
            return self.typed.text(name)
        value = self.archive[name] if self.archive else _USUAL.get(name, "")
        if name in _DURATIONS:
            return duration_text(int(value))
        return size_text(int(value)) if name == "max_object_bytes" else str(value)

    def checked(self, name: str) -> bool:
        if self.typed is not None:
            return self.typed.checked(name)
        return bool(self.archive and self.archive.get(name))

    def option(self, name: str) -> str:
        """Of the layout."""
        if self.typed is not None:
            return self.typed.text(LAYOUT + name)
        return str(self.archive["layout_options"].get(name, "")) if self.archive else ""


def settings_body(form: Form, *, foreign: bool, options: Sequence[str] = ()) -> dict[str, Any]:
    """What the form says of an archive of ours, or of another system's in a layout with these options."""
    body: dict[str, Any] = {"title": form.text("title")}
    if (rank := form.text("rank")) and rank.isdecimal():
        body["rank"] = int(rank)
    if foreign:
        given = {name: form.text(LAYOUT + name) for name in options}
        body["layout"] = form.text("layout")
        body["layout_options"] = {name: value for name, value in given.items() if value}
        return body
    body["query"] = form.text("query")
    body["with_excluded"] = form.checked("with_excluded")
    for name in (*_DURATIONS, "max_object_bytes"):
        if name in form:
            body[name] = form.text(name) or "0"
    level = form.text("compression_level")
    if level.isdecimal():
        body["compression_level"] = int(level)
    return body
