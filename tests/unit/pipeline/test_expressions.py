from __future__ import annotations

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline.expressions import checked, compiled, compiled_source


def test_a_point_takes_a_newline_too_unless_nothing_may() -> None:
    assert compiled_source("a.b").search(b"a\nb") is not None
    assert compiled_source(r"a[^x]b|a\sb", one_line=True).search(b"a\nb") is None


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        (r"(a)\1", "pattern: column 4: a backreference is not supported", "RE2"),
        ("(?<!a)b", "pattern: column 1: lookbehind is not supported", "RE2"),
        ("(?>a)", "pattern: column 1: an atomic group is not supported", "RE2"),
        ("a**", "a quantifier follows a quantifier", "a group around the first"),
        ("\ud800", "pattern: half of a surrogate pair", "write the character"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(source: str, message: str, hint: str) -> None:
    with pytest.raises(BadSetting) as caught:
        checked(source, setting="regex[0]", within="pattern: ")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.field == "regex[0]"


def test_the_size_is_bounded() -> None:
    regex = checked("a{100}", setting="pattern")
    assert compiled(regex, most_steps=200, setting="pattern").search(b"a" * 100) is not None
    with pytest.raises(BadSetting, match=r"too large: 1\d\d steps of RE2, at most 100"):
        compiled(regex, most_steps=100, setting="pattern")
