"""The members of an event's `_meta`: JSON that is read only as far as a path goes.

What lies beside the path keeps its bytes. Of equal keys the last one counts. A `_meta` that is no object
has no members; it becomes {"meta": what it was} when one is set. JSON null is as good as absent.
Where nothing is left the answer is NO_META itself: a canonical line leaves out no other empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from logkeep.record import NO_META

Path: TypeAlias = tuple[str, ...]  # of keys; () is the whole of `_meta`
Members: TypeAlias = dict[str, msgspec.Raw]
Tree: TypeAlias = Mapping[str, "Tree | None"]  # keys, and below each what is meant of it; None: all

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding JSON may raise: malformed, numbers out of range, bytes that are not UTF-8, too deep."""

NULL = msgspec.Raw(b"null")

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(Members).decode


def members_of(json: msgspec.Raw | str) -> Members:
    """A new dict of the members; empty where there is no object."""
    try:
        return _decode_members(json)
    except UNREADABLE:
        return {}


def value_of(json: msgspec.Raw) -> object:
    """The decoded JSON; None where there is none, or none that can be read."""
    if not json:
        return None
    try:
        return _decode(json)
    except UNREADABLE:
        return None


def text_of(json: msgspec.Raw | None) -> str:
    """The text of a JSON string, and the JSON itself of anything else; "" for null and for nothing."""
    data = bytes(json) if json is not None else b""
    if data[:1] == b'"':
        try:
            return str(_decode(data))
        except UNREADABLE:
            return ""
    return "" if data == b"null" else data.decode(errors="replace")


def exact_at(path: Path) -> Callable[[msgspec.Raw], msgspec.Raw | None]:
    """A function to the JSON at `path` of a `_meta`; None when it is absent or null."""
    if not path:
        return lambda meta: meta if meta and meta != NULL else None
    find = _finder(path, msgspec.Raw, NO_META)

    def exact(meta: msgspec.Raw) -> msgspec.Raw | None:
        if not meta:
            return None
        found = _walk(meta, path) if (value := find(meta)) is _ODD else value
        return found if found and found != NULL else None

    return exact


def value_at(path: Path) -> Callable[[msgspec.Raw], object]:
    """A function to the decoded value at `path` of a `_meta`; None when it is absent."""
    if not path:
        return value_of
    find = _finder(path, Any, None)

    def value(meta: msgspec.Raw) -> object:
        if not meta:
            return None
        found = find(meta)
        return value_of(_walk(meta, path)) if found is _ODD else found

    return value


_ODD = object()  # the quick way did not find out


def _finder(path: Path, leaf: Any, nothing: object) -> Callable[[msgspec.Raw], Any]:
    """Decodes nothing but what is at `path`: half the cost of decoding all members."""
    shape = leaf
    try:
        for depth, key in enumerate(reversed(path)):
            field = ("value", shape | None, None) if depth else ("value", shape, nothing)
            shape = msgspec.defstruct("Level", [field], rename={"value": key})
    except ValueError:  # a key with quotes or control characters
        return lambda _: _ODD
    decode = msgspec.json.Decoder(shape).decode

    def find(meta: msgspec.Raw) -> Any:
        try:
            value = decode(meta)
        except UNREADABLE:  # not an object somewhere on the path
            return _ODD
        for _ in path:
            if value is None:
                return None
            value = value.value
        return value

    return find


def _walk(meta: msgspec.Raw, path: Path) -> msgspec.Raw:
    for key in path:
        if not meta:
            break
        meta = members_of(meta).get(key, NO_META)
    return meta


def with_value(meta: msgspec.Raw, path: Path, value: msgspec.Raw) -> msgspec.Raw:
    """`_meta` with this JSON at `path`. What is in the way and no object is replaced."""
    if not path:
        return value
    members = _settable(meta)
    _put(members, path, value)
    return msgspec.Raw(encode(members))


def merged(meta: msgspec.Raw, path: Path, new: msgspec.Raw) -> msgspec.Raw:
    """`_meta` with the members of the object `new` in the one at `path`; they replace those of the same
    name. Where there are none, `new` is kept as it is."""
    there = members_of(_walk(meta, path)) if path else _settable(meta)
    if there:
        new = msgspec.Raw(encode(there | members_of(new)))
    return with_value(meta, path, new)


def _settable(meta: msgspec.Raw) -> Members:
    if not meta or meta == NULL:
        return {}
    try:
        return _decode_members(meta)
    except UNREADABLE:
        return {"meta": meta}


def _put(members: Members, path: Path, value: msgspec.Raw) -> None:
    key, rest = path[0], path[1:]
    if rest:
        inside = members_of(members.get(key, NO_META))
        _put(inside, rest, value)
        value = msgspec.Raw(encode(inside))
    members[key] = value


def without(paths: Sequence[Path]) -> Callable[[msgspec.Raw], msgspec.Raw]:
    """A function that takes what is at these paths out of a `_meta`. One with no members left is none."""
    if () in paths:
        return lambda _: NO_META

    def strip(meta: msgspec.Raw) -> msgspec.Raw:
        if not meta:
            return meta
        members = members_of(meta)
        taken = [_take(members, path) for path in paths]
        if taken.count(None) == len(taken):
            return meta
        return msgspec.Raw(encode(members)) if members else NO_META

    return strip


def _take(members: Members, path: Path) -> msgspec.Raw | None:
    """Takes out what is at `path`; None when there is nothing."""
    if len(path) == 1:
        return members.pop(path[0], None)
    inside = members_of(members.get(path[0], NO_META))
    found = _take(inside, path[1:])
    if found is not None:
        members[path[0]] = msgspec.Raw(encode(inside))
    return found


def moved(meta: msgspec.Raw, path: Path, to: Path) -> msgspec.Raw:
    """`_meta` with what is at `path` at `to` instead; as it is when that is absent or null."""
    if not path:
        return with_value(NO_META, to, meta) if meta and meta != NULL else meta
    members = members_of(meta)
    value = _take(members, path)
    if value is None or value == NULL:
        return meta
    if not to:
        return value
    _put(members, to, value)
    return msgspec.Raw(encode(members))


def tree_of(paths: Sequence[Path]) -> Tree:
    """The paths, none of them (), as one tree; a path includes all below it."""
    tree: dict[str, Tree | None] = {}
    for key in dict.fromkeys(path[0] for path in paths):
        below = [path[1:] for path in paths if path[0] == key]
        tree[key] = None if () in below else tree_of(below)
    return tree


def only(meta: msgspec.Raw, tree: Tree) -> msgspec.Raw:
    """`_meta` with nothing but what the tree names."""
    members = _only(meta, tree)
    return msgspec.Raw(encode(members)) if members else NO_META


def _only(json: msgspec.Raw, tree: Tree) -> Members:
    kept: Members = {}
    for key, value in members_of(json).items():
        if key in tree:
            below = tree[key]
            if below is None:
                kept[key] = value
            elif inside := _only(value, below):
                kept[key] = msgspec.Raw(encode(inside))
    return kept
