from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.pipeline.members import (
    exact_at,
    merged,
    moved,
    only,
    text_of,
    tree_of,
    value_at,
    with_value,
    without,
)
from logkeep.record import NO_META

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
_PATHS = st.lists(st.sampled_from(["a", "b", 'q"', "é", "", "a b"]), min_size=1, max_size=3).map(tuple)


def raw(json: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode())


@pytest.mark.parametrize(
    ("meta", "path", "found"),
    [
        ('{"a":{"b":1.10}}', ("a", "b"), b"1.10"),
        ('{"a":{"b":1.10}}', ("a",), b'{"b":1.10}'),
        ('{"a":5,"a":{"b":2}}', ("a", "b"), b"2"),
        ('{"a":1,"a":2}', ("a",), b"2"),
        ('{"\\u0061":1e999}', ("a",), b"1e999"),
        ('{"q\\"":7}', ('q"',), b"7"),
        ('{"a":null}', ("a",), None),
        ('{"a":null}', ("a", "b"), None),
        ('{"a":[1]}', ("a", "b"), None),
        ("[1]", ("a",), None),
        ('{"a":1}', (), b'{"a":1}'),
        ("null", (), None),
        ("", (), None),
        ("", ("a",), None),
    ],
)
def test_the_json_at_a_path_keeps_its_bytes(meta: str, path: tuple[str, ...], found: bytes | None) -> None:
    exact = exact_at(path)(raw(meta))
    assert (exact if exact is None else bytes(exact)) == found


@pytest.mark.parametrize(
    "meta", ['{"a":1e999}', '{"a":' + "[" * 5000 + "]" * 5000 + "}", '{"a":"\\ud800"}', "{"]
)
def test_a_value_that_cannot_be_read_is_absent(meta: str) -> None:
    assert value_at(("a",))(raw(meta)) is None
    assert value_at(())(raw(meta)) is None


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ('"a\\n"', "a\n"),
        ("7", "7"),
        ("1.10", "1.10"),
        ("[1, 2]", "[1, 2]"),
        ("null", ""),
        ("", ""),
        ('""', ""),
    ],
)
def test_the_text_of_json(json: str, text: str) -> None:
    assert text_of(raw(json)) == text


@pytest.mark.parametrize(
    ("meta", "path", "after"),
    [
        ("", ("a",), '{"a":0}'),
        ("null", ("a",), '{"a":0}'),
        ("{}", ("a",), '{"a":0}'),
        ("{ }", ("a",), '{"a":0}'),
        ('{"b":1.10}', ("a",), '{"b":1.10,"a":0}'),
        ('{"a":1,"b":2}', ("a",), '{"a":0,"b":2}'),
        ('{"\\u0061":1}', ("a",), '{"a":0}'),
        ('{"b":"a"}', ("a",), '{"b":"a","a":0}'),
        ('{"a":1}', ("a", "b"), '{"a":{"b":0}}'),
        ('"text"', ("a",), '{"meta":"text","a":0}'),
        ("[1]", ("a", "b"), '{"meta":[1],"a":{"b":0}}'),
        ('{"a":1}', (), "0"),
    ],
)
def test_a_value_is_set_and_the_others_keep_their_bytes(meta: str, path: tuple[str, ...], after: str) -> None:
    assert bytes(with_value(raw(meta), path, raw("0"))).decode() == after


@pytest.mark.parametrize(
    ("meta", "path", "after"),
    [
        ("", (), '{"x":1, "y":2}'),
        ("{}", ("a",), '{"a":{"x":1, "y":2}}'),
        ('{"x":0,"z":3}', (), '{"x":1,"z":3,"y":2}'),
        ('"text"', (), '{"meta":"text","x":1,"y":2}'),
        ('{"a":{"y":0}}', ("a",), '{"a":{"y":2,"x":1}}'),
        ('{"a":5}', ("a",), '{"a":{"x":1, "y":2}}'),
    ],
)
def test_members_are_merged(meta: str, path: tuple[str, ...], after: str) -> None:
    assert bytes(merged(raw(meta), path, raw('{"x":1, "y":2}'))).decode() == after


@pytest.mark.parametrize(
    ("meta", "paths", "after"),
    [
        ('{"a":1,"b":1.10}', [("a",)], '{"b":1.10}'),
        ('{"a":1,"b":2}', [("a",), ("b",)], ""),
        ('{"a":{"b":1}}', [("a", "b")], '{"a":{}}'),
        ('{"a" : 1}', [("x",)], '{"a" : 1}'),
        ('{"b":"a"}', [("a",)], '{"b":"a"}'),
        ('{"\\u0061":1,"b":2}', [("a",)], '{"b":2}'),
        ('{"a":null,"b":2}', [("a",)], '{"b":2}'),
        ("[1]", [("a",)], "[1]"),
        ("", [("a",)], ""),
        ('{"a":1}', [("a",), ()], ""),
    ],
)
def test_what_is_at_paths_is_taken_out(meta: str, paths: list[tuple[str, ...]], after: str) -> None:
    assert bytes(without(paths)(raw(meta))).decode() == after


@pytest.mark.parametrize(
    ("meta", "paths", "after"),
    [
        ('{"a":1.10,"b":2}', [("a",)], '{"a":1.10}'),
        ('{"a":{"x":1,"y":2},"b":2}', [("b",), ("a", "y")], '{"a":{"y":2},"b":2}'),
        ('{"a":{"x":1,"y":2}}', [("a", "y"), ("a",)], '{"a":{"x":1,"y":2}}'),
        ('{"a":{"x":1}}', [("a", "y")], ""),
        ("[1]", [("a",)], ""),
    ],
)
def test_only_what_is_named_is_kept(meta: str, paths: list[tuple[str, ...]], after: str) -> None:
    assert bytes(only(raw(meta), tree_of(paths))).decode() == after


@pytest.mark.parametrize(
    ("meta", "path", "to", "after"),
    [
        ('{"a":1.10,"b":2}', ("a",), ("c",), '{"b":2,"c":1.10}'),
        ('{"a":1,"b":2}', ("a",), ("b",), '{"b":1}'),
        ('{"a":1}', ("a",), ("a", "b"), '{"a":{"b":1}}'),
        ('{"a":{"b":1}}', ("a", "b"), ("a",), '{"a":1}'),
        ('{"a":1,"b":2}', ("a",), (), "1"),
        ("[1]", (), ("a",), '{"a":[1]}'),
        ('{"a":null}', ("a",), ("b",), '{"a":null}'),
        ('{"a":1}', ("x",), ("a",), '{"a":1}'),
        ("7", ("x",), ("a",), "7"),
    ],
)
def test_a_value_is_moved(meta: str, path: tuple[str, ...], to: tuple[str, ...], after: str) -> None:
    assert bytes(moved(raw(meta), path, to)).decode() == after


@given(_JSON, _PATHS, _JSON.filter(lambda value: value is not None))
def test_what_is_set_is_found_and_nothing_else_changes(
    old: object, path: tuple[str, ...], new: object
) -> None:
    json = msgspec.Raw(msgspec.json.encode(new))
    before = msgspec.Raw(msgspec.json.encode(old))
    after = with_value(before, path, json)
    assert exact_at(path)(after) == json
    assert value_at(path)(after) == msgspec.json.decode(json)
    assert exact_at(path)(without([path])(after)) is None
    expected = old if isinstance(old, dict) else {} if old is None else {"meta": old}
    kept = {key: value for key, value in expected.items() if key != path[0]}
    assert {**msgspec.json.decode(after), **kept} == msgspec.json.decode(after)


@given(_JSON, _PATHS, _PATHS)
def test_nothing_that_is_json_raises(old: object, path: tuple[str, ...], to: tuple[str, ...]) -> None:
    meta = msgspec.Raw(msgspec.json.encode(old))
    exact = exact_at(path)(meta)
    text_of(exact)
    if exact is not None:
        assert exact_at(to)(moved(meta, path, to)) == exact
    else:
        assert moved(meta, path, to) == meta
    assert exact_at(path)(only(meta, tree_of([path]))) == exact
    assert without([path])(NO_META) == NO_META
