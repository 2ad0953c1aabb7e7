from __future__ import annotations

import re

import pytest

from logkeep.errors import QuerySyntaxError
from logkeep.query.regex import translate


@pytest.mark.parametrize(
    ("source", "re2", "literal"),
    [
        ("abc", "abc", "abc"),
        (r"a\/b.c+", "a/b.c+", "a/b"),
        (r"port 50[0-9]+ ssh", "port 50[0-9]+ ssh", "port 50"),
        (r"^\d\s\W$", r"\A[0-9][\x09-\x0a\x0c-\x0d ][\x00-/:-@\[-\^`{-" + "\U0010ffff]" + r"\z", ""),
        ("(?i)Ab", "[Aa][bB]", "ab"),
        ("(?i)[a-c]", "[a-cA-C]", ""),
        ("(?m)^a$", "(?m:^)a(?m:$)", "a"),
        ("(?P<n>a)|b", "(?:a)|b", ""),
        ("a{2,3}?b{", r"a{2,3}b\{", "b{"),
        (r"\x41\u00e9\x{1f600}\n", "Aé\U0001f600\\x0a", "Aé\U0001f600\n"),
        (r"[]a\-z&&^]", r"[\]a\-z\&\&\^]", ""),
        ("ab?c", "ab?c", "a"),
    ],
)
def test_an_expression_is_written_anew(source: str, re2: str, literal: str) -> None:
    regex = translate(source, 1)
    assert (regex.re2, regex.literal) == (re2, literal)
    re.compile(regex.python, re.ASCII | re.DOTALL)


@pytest.mark.parametrize(
    ("source", "column", "said"),
    [
        ("", 10, "the regular expression is empty"),
        ("a(?=b)", 11, "lookahead is not supported"),
        ("(?<!a)b", 10, "lookbehind is not supported"),
        ("(?>a)", 10, "an atomic group is not supported"),
        ("a(?i)b", 11, "this kind of group is not supported"),
        (r"(a)\1", 13, "a backreference is not supported"),
        (r"\p{L}", 10, r"'\p' is not supported"),
        (r"a\B", 11, r"'\B' is not supported"),
        ("a[b", 11, "this class is not closed"),
        ("[[:alpha:]]", 11, "named classes are not supported"),
        ("[z-a]", 11, "a range that cannot be"),
        ("a++", 12, "a quantifier follows a quantifier"),
        ("*a", 10, "there is nothing to repeat here"),
        ("^*", 10, "there is nothing to repeat here"),
        ("a{1001}", 11, "a repeat that cannot be"),
        ("a{3,2}", 11, "a repeat that cannot be"),
        ("a{,3}", 11, "a repeat without a lower bound"),
        ("(a{100}){100}", 10, "repeats more than 1000 times"),
        ("a)", 11, "')' closes no group"),
        ("(a", 10, "this group is not closed"),
        (r"\x{110000}", 10, "this is no character"),
        (r"\ud800", 10, "this is no character"),
        ("(" * 34 + ")" * 34, 43, "groups are nested too deeply"),
    ],
)
def test_what_an_engine_lacks_is_refused_where_it_stands(source: str, column: int, said: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(source, 10)
    assert str(caught.value).startswith(f"column {column}: {said}")
