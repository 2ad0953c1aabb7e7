"""Settings of a pipeline's parts as fields of a form, and back.

`inputs` makes fields of plain data, by what the API tells of a part's type; `data_of` makes the same data of
a form. What a plain field cannot hold, as a text with a newline in a list, is written as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.web.form import Form

Setting = Mapping[str, Any]
"""As `GET /v1/pipeline-types` tells of it."""

_JSON = ":json"  # behind the name of a field that is written as JSON
_SAVED, _GONE = ":saved", ":gone"  # behind the name of a secret: that it has a value; that this goes
_NEW_NAME, _NEW_VALUE = ":new-name", ":new-value"  # behind `secrets`: one more
_LONG = ("ca", "client_certificate")  # texts of many lines
_HELP = {
    "name": "Unique among its kind. A destination's queue and secrets go by it.",
    "query": "What is taken; empty for everything. A field is named as in searches.",
    "fields": "One below the other, as line or meta.user.id.",
    "pattern": "RE2, with named groups: (?P<status>\\d+)",
    "value": "A text, or any JSON.",
    "copy": "A field to copy, in place of a value.",
    "provider": "Check once after choosing another one: its options and secrets are shown then.",
    "untested": "Save it even where its place cannot be reached.",
    "ca": "Certificates in PEM that are trusted instead of the system's.",
}
_HELP_OF_KIND = {
    "texts": "One below the other.",
    "pairs": "NAME: VALUE, one below the other.",
    "options": "NAME: VALUE, one below the other.",
}


@dataclass(frozen=True, kw_only=True)
class Input:
    """One field."""

    name: str  # in the form
    label: str
    kind: str  # text, area, choice, flag, secret, new-secret, group
    text: str = ""
    checked: bool = False
    required: bool = False
    saved: bool = False  # of a secret
    choices: Sequence[str] = ()
    help: str = ""
    inputs: Sequence[Input] = ()  # of a group
    chosen: bool = True  # False: not needed, and as it is without being written

    @property
    def names(self) -> list[str]:
        """Of all fields in it."""
        return [self.name, *(name for one in self.inputs for name in one.names)]


def inputs(
    settings: Sequence[Setting],
    data: Mapping[str, Any],
    name: str,
    *,
    secrets: Iterable[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> list[Input]:
    """Fields for all settings of a part. `secrets` are the names that its secrets may have, `choices` those
    of settings that the type does not name, such as accounts."""
    fields: list[Input] = []
    for setting in settings:
        own = f"{name}.{setting['name']}"
        value = data.get(setting["name"], setting["default"])
        if setting["kind"] == "secrets":
            fields += _secrets(own, value or {}, secrets)
        elif setting["kind"] == "group":
            inner = inputs(setting["settings"], data.get(setting["name"], {}), own)
            fields.append(
                Input(
                    name=own,
                    label=setting["name"],
                    kind="group",
                    inputs=inner,
                    chosen=setting["name"] in data,
                )
            )
        else:
            fields.append(_input(setting, value, own, setting["name"] in data, choices or {}))
    return fields


def data_of(settings: Sequence[Setting], form: Form, name: str) -> dict[str, Any]:
    """What the fields of a part say, without what is as it would be anyway."""
    data: dict[str, Any] = {}
    for setting in settings:
        value = _value(setting, form, f"{name}.{setting['name']}")
        if value is not None and (setting["required"] or value != setting["default"]):
            data[setting["name"]] = value
    return data


def _input(
    setting: Setting, value: Any, name: str, given: bool, choices: Mapping[str, Sequence[str]]
) -> Input:
    known = list(setting["choices"] or choices.get(setting["name"], ()))
    if known and setting["choices"] and not setting["required"] and setting["default"] is None:
        known.insert(0, "")
    text, plain = _written(setting["kind"], value)
    kind = "choice" if known else _field_of(setting, text)
    if known and text and text not in known:
        known.append(text)
    return Input(
        name=name if plain else name + _JSON,
        label=setting["name"],
        kind=kind if plain else "area",
        text=text,
        checked=value is True,
        required=setting["required"],
        choices=known if text else ["", *known],
        help=_help(setting),
        chosen=given or setting["required"],
    )


def _help(setting: Setting) -> str:
    """What belongs into a field."""
    if setting["name"] in _HELP:
        return _HELP[setting["name"]]
    return f"from {setting['limits']}" if setting["limits"] else _HELP_OF_KIND.get(setting["kind"], "")


def _field_of(setting: Setting, text: str) -> str:
    if setting["kind"] == "flag":
        return "flag"
    many = setting["kind"] in ("texts", "pairs", "options") or setting["name"] in _LONG or "\n" in text
    return "area" if many else "text"


def _written(kind: str, value: Any) -> tuple[str, bool]:
    """A value as text, and whether that is no JSON."""
    if value is None or kind == "flag":
        return "", True
    if kind == "texts" and _are_lines(value):
        return "\n".join(value), True
    if kind in ("pairs", "options") and isinstance(value, Mapping):
        return _pairs(value, kind)
    if kind == "value":
        return _any(value), True
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value), "\r" not in str(value)
    return json.dumps(value, ensure_ascii=False), False


def _are_lines(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) and _is_line(one) for one in value)


def _is_line(text: str) -> bool:
    return text != "" and text == text.strip() and len(text.splitlines()) == 1


def _pairs(value: Mapping[str, Any], kind: str) -> tuple[str, bool]:
    written = {key: _option(one) if kind == "options" else one for key, one in value.items()}
    fits = all(
        _is_line(key) and ":" not in key and isinstance(one, str) and (one == "" or _is_line(one))
        for key, one in written.items()
    )
    if not fits:
        return json.dumps(value, ensure_ascii=False), False
    return "\n".join(f"{key}: {one}" for key, one in written.items()), True


def _option(value: Any) -> Any:
    """True, false and null by their words, and texts in quotes that would be read as these."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return json.dumps(value) if value in ("true", "false", "null") or str(value).startswith('"') else value


def _any(value: Any) -> str:
    """Texts as they are, unless they would be read as something else."""
    if isinstance(value, str) and _is_line(value) and _read_any(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _value(setting: Setting, form: Form, name: str) -> Any:
    """None: nothing is said."""
    kind, default = setting["kind"], setting["default"]
    if kind == "secrets":
        return _secrets_of(form, name)
    if kind == "group":
        return data_of(setting["settings"], form, name) or None
    if name + _JSON in form:
        return _read_any(form.text(name + _JSON))
    if kind == "flag":
        return form.checked(name)
    text = form.raw(name).replace("\r\n", "\n")
    if text.strip() == "" and (setting["required"] or default is None):
        return None
    return _read(kind, text) if name in form else None


def _read(kind: str, text: str) -> Any:
    if kind == "texts":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if kind in ("pairs", "options"):
        return _read_pairs(kind, text)
    if kind == "value":
        return _read_any(text.strip())
    if kind in ("number", "amount"):
        return _read_number(text.strip())
    return text


def _read_pairs(kind: str, text: str) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for line in text.split("\n"):
        key, colon, value = line.partition(":")
        if line.strip():
            pairs[key.strip()] = _read_pair(kind, value.strip()) if colon else None
    return pairs


def _read_pair(kind: str, value: str) -> Any:
    if kind == "options" and (value in ("true", "false", "null") or value.startswith('"')):
        return _read_any(value)
    return value


def _read_number(text: str) -> Any:
    """A number where it is one; else the text, which the API refuses in its own words. None for nothing."""
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _read_any(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _secrets(name: str, value: Mapping[str, str | None], known: Iterable[str]) -> list[Input]:
    whole = [one for one in known if not one.endswith(".")]
    beginnings = [one for one in known if one.endswith(".")]
    names = [*whole, *(one for one in value if one not in whole)]
    fields = [
        Input(
            name=f"{name}.{one}",
            label=one,
            kind="secret",
            text=value.get(one) or "",
            saved=one in value and value[one] is None,
            chosen=one in value,
        )
        for one in names
    ]
    more = [Input(name=name, label=one, kind="new-secret", chosen=False) for one in beginnings]
    return fields + more


def _secrets_of(form: Form, name: str) -> dict[str, str | None] | None:
    """None stands for what is saved."""
    secrets: dict[str, str | None] = {}
    for key, value in form:
        one = key.removeprefix(f"{name}.")
        if one == key or one.endswith((_SAVED, _GONE)):
            continue
        if value:
            secrets[one] = value
        elif form.checked(key + _SAVED) and not form.checked(key + _GONE):
            secrets[one] = None
    if form.text(name + _NEW_NAME) and form.raw(name + _NEW_VALUE):
        secrets[form.text(name + _NEW_NAME)] = form.raw(name + _NEW_VALUE)
    return secrets or None
