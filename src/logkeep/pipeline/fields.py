"""The fields of events by their names: `line`, `host`, `app`, `file`, `env`, `level`, `tag`, `ts`, `meta`,
`meta.a.b`, and to be read only `id`, `rx`, `account`.

As in queries, a backslash before a dot makes it part of a key. `setting` is the setting that holds the
name, for the error. None of the functions made here raises anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline.members import Path, encode, exact_at, text_of, value_at, with_value, without
from logkeep.record import Record
from logkeep.timeline import MAX_MS, MIN_MS

TEXTS = ("line", "host", "app", "file", "env", "level")
_READ_ONLY = ("id", "rx", "account")
_MAX_KEYS = 32  # in one name
_MAX_NAME = 1024

_NAME = re.compile(r"(?:(?:[^\\.]|\\.)+\.)+", re.DOTALL)  # each part with the dot behind it
_PART = re.compile(r"((?:[^\\.]|\\.)+)\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def path_of(field: str, *, setting: str = "field") -> Path | None:
    """The keys below `meta`, () for `meta` itself; None for the fields that are not in it.

    Raises BadSetting for a name that is none.
    """
    if field in TEXTS or field in _READ_ONLY or field in ("tag", "ts"):
        return None
    if len(field) > _MAX_NAME:
        raise BadSetting(
            f"a field's name has {len(field)} characters", hint=f"at most {_MAX_NAME}", field=setting
        )
    head, *keys = _PART.findall(field + ".") if _NAME.fullmatch(field + ".") else [""]
    if head != "meta" or len(keys) > _MAX_KEYS or not _is_text(field):
        raise BadSetting(
            f"{field!r} is no field of an event",
            hint=f"use {', '.join(TEXTS)}, tag, ts, meta, or keys below meta, as in meta.user.id",
            field=setting,
        )
    return tuple(_ESCAPED.sub(r"\1", key) for key in keys)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)


def getter(field: str, *, setting: str = "field") -> Callable[[Record], object]:
    """Text of text fields and `id`, an int of `ts` and `rx`, a list of `tag`, decoded JSON of `meta` and
    below. None when absent. Raises BadSetting."""
    path = path_of(field, setting=setting)
    if path is not None:
        find = value_at(path)
        return lambda record: find(record.meta)
    match field:
        case "ts":
            return lambda record: record.ts if record.ts >= 0 else None
        case "rx":
            return lambda record: record.rx if record.rx >= 0 else None
        case "tag":
            return lambda record: list(record.tag) or None
    read = text_getter(field, setting=setting)
    return lambda record: read(record) or None


def text_getter(field: str, *, setting: str = "field") -> Callable[[Record], str]:
    """The field as text: numbers, lists and objects as JSON, "" when absent. Raises BadSetting."""
    path = path_of(field, setting=setting)
    if path is not None:
        exact = exact_at(path)
        return lambda record: text_of(exact(record.meta))
    match field:
        case "line":  # by far the most read: spelled out, it costs half of getattr
            return lambda record: record.line
        case "id":
            return lambda record: record.lid
        case "ts" | "rx" | "tag":
            get = getter(field)
            return lambda record: as_text(get(record))
    return lambda record: str(getattr(record, field))


def carrier(field: str, to: str, *, setting: str = "field") -> Callable[[Record], object]:
    """A getter of `field` whose values fit the setter of `to` without loss: JSON goes to `meta` with the
    bytes that it has. None when there is nothing to carry. Raises BadSetting."""
    path, target = path_of(field, setting=setting), path_of(to, setting="to")
    if to in TEXTS:
        read = text_getter(field)
        return lambda record: read(record) or None
    if path is None or target is None:
        return getter(field)
    exact = exact_at(path)
    return lambda record: exact(record.meta)


def is_time(value: object) -> bool:
    """Whether `ts` can be set to it."""
    return type(value) is int and MIN_MS <= value < MAX_MS


def setter(field: str, *, setting: str = "field") -> Callable[[Record, object], None]:
    """Text fields take text and keep anything else as JSON; `tag` takes a text or a list of them; `meta`
    and below any JSON value, or JSON as msgspec.Raw. None takes the value away. `ts` takes epoch ms and
    stays as it is with anything else. Raises BadSetting for `id`, `rx` and `account`."""
    _check_writable(field, setting)
    path = path_of(field, setting=setting)
    if path is not None:
        return _meta_setter(path)
    match field:
        case "line":
            return _set_line
        case "tag":
            return _set_tag
        case "ts":
            return _set_ts
    return lambda record, value: setattr(record, field, as_text(value))


def remover(field: str, *, setting: str = "field") -> Callable[[Record], None]:
    """Raises BadSetting for what an event always has: `id`, `rx`, `account` and `ts`."""
    if field == "ts":
        raise BadSetting(
            "an event always has a time", hint="copy it with set, or set another one", field=setting
        )
    if path := path_of(field, setting=setting):
        strip = without([path])

        def remove(record: Record) -> None:
            record.meta = strip(record.meta)

        return remove
    put = setter(field, setting=setting)
    return lambda record: put(record, None)


def _check_writable(field: str, setting: str) -> None:
    if field in _READ_ONLY:
        raise BadSetting(f"{field!r} cannot be changed", hint="copy it with set", field=setting)


def as_text(value: object) -> str:
    """Text as it is, anything else as JSON; "" for None."""
    if type(value) is str:
        return value
    return "" if value is None else encode(value).decode()


def _set_line(record: Record, value: object) -> None:
    record.line = as_text(value)
    record.raw = ""  # the bytes of the line that was


def _set_tag(record: Record, value: object) -> None:
    values = value if isinstance(value, list | tuple) else [value]
    record.tag = tuple([as_text(each) for each in values if each is not None])


def _set_ts(record: Record, value: object) -> None:
    if type(value) is int and is_time(value):
        record.ts, record.ns = value, 0


def _meta_setter(path: Path) -> Callable[[Record, object], None]:
    strip = without([path])

    def put(record: Record, value: object) -> None:
        if value is None:
            record.meta = strip(record.meta)
        else:
            json = value if type(value) is msgspec.Raw else msgspec.Raw(encode(value))
            record.meta = with_value(record.meta, path, json) if path else json

    return put
