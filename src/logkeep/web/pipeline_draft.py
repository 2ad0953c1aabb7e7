"""A pipeline that is being put together in a form: its parts, in order, each with its settings.

Nothing of it is kept anywhere but in the form itself, which is sent with every press of a button.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.web.form import Form
from logkeep.web.part_form import Input, data_of, inputs

Types = Mapping[str, Sequence[Mapping[str, Any]]]
"""As `GET /v1/pipeline-types` answers: of sources, processors and destinations."""

KINDS = (("sources", "source"), ("processors", "processor"), ("destinations", "destination"))
MOST_FIELDS = 900  # that one form sends
_TYPE = ":type"  # behind the name of a part
_HEAD = ("id", "title", "account")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part as the form shows it."""

    name: str  # of its fields: sources.0
    number: int
    type: str
    about: str
    options: str  # that its provider has, in words
    main: Sequence[Input]  # what is needed or was chosen
    more: Sequence[Input]  # what is as it is without being written
    is_first: bool
    is_last: bool


@dataclass(frozen=True, kw_only=True)
class Kind:
    """All sources, processors or destinations."""

    name: str
    noun: str
    parts: Sequence[Part]
    types: Sequence[Mapping[str, Any]]  # that can be added


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What this server has to choose from."""

    accounts: Sequence[str]
    providers: Mapping[str, Sequence[Mapping[str, Any]]]  # the fields of each

    def secrets_of(self, part: Mapping[str, Any], known: Sequence[str]) -> Sequence[str]:
        """The names that a part's secrets may have; an archive's are its provider's."""
        if part["type"] != "archive":
            return known
        return [one["name"] for one in self._fields_of(part) if one["secret"]]

    def options_of(self, part: Mapping[str, Any]) -> str:
        """The names of the options that an archive's provider has, in words; "" for other parts."""
        names = [one["name"] for one in self._fields_of(part) if not (one["secret"] or one["advanced"])]
        return f"Of {part['provider']}: {', '.join(names)}." if names else ""

    def _fields_of(self, part: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return self.providers.get(str(part.get("provider")), ()) if part["type"] == "archive" else ()

    @property
    def of_settings(self) -> Mapping[str, Sequence[str]]:
        return {"account": self.accounts, "provider": sorted(self.providers)}


def draft_of(form: Form, types: Types) -> dict[str, Any]:
    """The pipeline that the form says, as the API takes it."""
    draft: dict[str, Any] = {name: form.text(name) for name in _HEAD if form.text(name)}
    for kind, _ in KINDS:
        draft[kind] = list(_parts_of(form, kind, types))
    return draft


def kinds_of(draft: Mapping[str, Any], types: Types, choices: Choices) -> list[Kind]:
    """The same as fields of a form."""
    return [
        Kind(
            name=kind,
            noun=noun,
            parts=[
                _part(kind, place, len(draft.get(kind, ())), part, types, choices)
                for place, part in enumerate(draft.get(kind, ()))
            ],
            types=types[kind],
        )
        for kind, noun in KINDS
    ]


def changed(draft: Mapping[str, Any], press: str, adding: Mapping[str, str]) -> dict[str, Any]:
    """The draft after a button was pressed: `add:KIND`, `remove:KIND:PLACE`, `up:…` or `down:…`. `adding`
    has the chosen type by kind. What no button of ours says changes nothing."""
    what, _, rest = press.partition(":")
    kind, _, place = rest.partition(":")
    parts = list(draft.get(kind, ()))
    if what == "add" and adding.get(kind):
        return {**draft, kind: [*parts, {"type": adding[kind]}]}
    if not (place.isdecimal() and len(place) < 6 and int(place) < len(parts)):
        return dict(draft)
    at = int(place)
    part = parts.pop(at)
    if what == "up":
        parts.insert(max(at - 1, 0), part)
    elif what == "down":
        parts.insert(at + 1, part)
    elif what != "remove":
        return dict(draft)
    return {**draft, kind: parts}


def too_large(kinds: Sequence[Kind]) -> bool:
    """Whether it has more fields than a form may send."""
    return (
        sum(_fields(part.main) + _fields(part.more) + 1 for kind in kinds for part in kind.parts)
        > MOST_FIELDS
    )


def field_of(path: str) -> str:
    """The name of the field that a problem's path is about: `destinations[0].url`."""
    return re.sub(r"\[(\d+)\]", r".\1", path)


def _fields(given: Sequence[Input]) -> int:
    return sum(len(one.names) for one in given)


def _parts_of(form: Form, kind: str, types: Types) -> list[dict[str, Any]]:
    known = {one["type"]: one for one in types[kind]}
    parts: list[dict[str, Any]] = []
    while (name := f"{kind}.{len(parts)}") + _TYPE in form:
        chosen = form.text(name + _TYPE)
        settings = known[chosen]["settings"] if chosen in known else ()
        parts.append({"type": chosen, **data_of(settings, form, name)})
    return parts


def _part(kind: str, place: int, whole: int, data: Mapping[str, Any], types: Types, choices: Choices) -> Part:
    known = {one["type"]: one for one in types[kind]}
    described = known.get(data["type"], {"settings": (), "secrets": (), "about": ""})
    name = f"{kind}.{place}"
    fields = inputs(
        described["settings"],
        data,
        name,
        secrets=choices.secrets_of(data, described["secrets"]),
        choices=choices.of_settings,
    )
    return Part(
        name=name,
        number=place + 1,
        type=data["type"],
        about=described["about"],
        options=choices.options_of(data),
        main=[one for one in fields if _stands_first(one, data)],
        more=[one for one in fields if not _stands_first(one, data)],
        is_first=place == 0,
        is_last=place == whole - 1,
    )


def _stands_first(one: Input, part: Mapping[str, Any]) -> bool:
    """What is needed or was chosen; of an archive also what its provider asks for."""
    return one.chosen or (part["type"] == "archive" and (one.kind == "secret" or one.label == "options"))
