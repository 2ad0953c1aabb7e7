from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import QuerySyntaxError
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.query.regex import Regex, finder, translate
from logkeep.query.values import fold
from logkeep.record import Record


@pytest.mark.parametrize(
    ("source", "literal"),
    [
        ("abc", "abc"),
        (r"a\/b.c+", "a/b"),
        (r"port 50[0-9]+ ssh", "port 50"),
        (r"^\d\s\W$", ""),
        ("(?i)Abz", "abz"),
        ("(?i)desk lamp é", " lamp "),
        ("(?i)[a-c]", ""),
        ("(?-i)Ab", "Ab"),
        ("(?m)^a$", "a"),
        ("(?P<n>a)|b", ""),
        ("(a|b)cd", "cd"),
        ("a(?i)bc", ""),
        ("a{2,3}?b{", "b{"),
        ("ab{0}c", "a"),
        (r"\x41bc\x{1f600}", "bc"),
        (r"\u00e9a", "a"),
        (r"\101b\pLcd\p{Lu}e", "cd"),
        (r"[]a\-z&&^]", ""),
        (r"a[[:alpha:]\]b]cde", "cde"),
        ("ab?c", "a"),
        ("ab+c", "ab"),
        ("(abc)+d", "d"),
        ("aé*b", "a"),
    ],
)
def test_the_text_that_every_match_holds(source: str, literal: str) -> None:
    assert translate(source, 1).literal == literal


def test_an_expression_goes_to_re2_as_it_is_but_for_the_escape_that_re2_lacks() -> None:
    assert translate(r"(?i)a\/[[:alpha:]]\pL\\u00e9", 1).re2 == r"(?i)a\/[[:alpha:]]\pL\\u00e9"
    assert translate(r"\u00e9[\u0041-\u005a]", 1).re2 == r"\x{00e9}[\x{0041}-\x{005a}]"


@pytest.mark.parametrize(
    ("source", "column", "said"),
    [
        ("", 10, "the regular expression is empty"),
        ("a(?=b)", 11, "lookahead is not supported"),
        ("(?<!a)b", 10, "lookbehind is not supported"),
        ("(?>a)", 10, "an atomic group is not supported"),
        ("(?#a)", 10, "a comment is not supported"),
        ("(?P=n)", 10, "a backreference is not supported"),
        ("a(?x)b", 11, "this kind of group is not supported"),
        ("(?P<a-b>c)", 10, "this name of a group cannot be"),
        (r"(a)\1", 13, "a backreference is not supported"),
        (r"\p{Foo}", 10, "there is no such range or class"),
        (r"\C", 10, r"'\C' is not supported"),
        (r"a\Q.*\E", 11, r"'\Q' is not supported"),
        (r"a\y", 11, r"'\y' is not supported"),
        ("a[b", 11, "this class is not closed"),
        ("a[[:foo:]]", 12, "there is no such range or class"),
        ("a[z-a]", 12, "there is no such range or class"),
        (r"[\u00ff-\u00e0]", 11, "there is no such range or class"),
        (r"\u00e9\u00e9a++", 23, "a quantifier follows a quantifier"),
        ("*a", 10, "there is nothing to repeat here"),
        (r"\*a*(b*|*c)*", 18, "there is nothing to repeat here"),
        ("a{1001}", 11, "a repeat that cannot be"),
        ("a{3}a{3,2}", 15, "a repeat that cannot be"),
        ("(a{100}){100}", 18, "a repeat that cannot be"),
        (r"a[)]\)b)", 17, "')' closes no group"),
        ("((a)", 10, "this group is not closed"),
        ("(?P<n", 10, "this group is not closed"),
        (r"\x{110000}", 10, r"'\x{110000' is not supported"),
        ("(" * 34 + ")" * 34, 42, "groups are nested too deeply"),
        (r"a\pL{900}", 10, "the expression is too large"),
    ],
)
def test_what_re2_lacks_is_refused_where_it_stands(source: str, column: int, said: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(source, 10)
    assert str(caught.value).startswith(f"column {column}: {said}")


pieces = st.sampled_from(
    [
        *"abK1é {}]^$.|()*+?",
        r"\.",
        r"\x41",
        r"\012",
        r"\pL",
        r"\b",
        r"\u00e9",
        "(?:",
        "(?i)",
        "{2}",
        "{0,1}",
        "[ab]",
        "[^]a]",
        "[[:alpha:]]",
    ]
)


def taken(source: str) -> Regex | None:
    """The expression; None when it is refused, at a place within it."""
    try:
        return translate(source, 1)
    except QuerySyntaxError as error:
        place = error.column
    assert 1 <= place <= len(source) + 1
    return None


@given(
    st.lists(pieces, min_size=1, max_size=8).map("".join),
    st.text("abkK\u212aé1 .A{2}01", max_size=12),
)
def test_no_match_goes_without_the_literal(source: str, text: str) -> None:
    regex = taken(source)
    if regex is None:
        return
    if finder(regex.re2)(text):
        assert regex.literal in (fold(text) if regex.ignore_case else text)


@given(st.lists(pieces, max_size=8).map("".join), st.text(max_size=12))
def test_every_refusal_of_an_expression_is_ours(before: str, after: str) -> None:
    regex = taken(before + after)
    assert regex is None or regex.source == before + after


@pytest.mark.parametrize("source", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){12}b", r"^(\w+\s?)*$"])
def test_expressions_that_others_take_forever_for_are_harmless(source: str) -> None:
    # Python's own engine would not end within the age of the universe.
    line = "a" * 20_000 + "!"
    assert not compile_predicate(parse(f"/{source}/"))(Record(line=line))


def test_no_expression_takes_more_memory_than_is_set() -> None:
    for source in (r"(\pL{10}){20}", "a{1000}" * 80):
        with pytest.raises(QuerySyntaxError, match="too large"):
            translate(source, 1)
    translate(".{1000}", 1)


def test_a_long_run_of_wildcards_can_still_be_asked() -> None:
    assert compile_predicate(parse("?" * 4096))(Record(line="a" * 4096))


def test_simple_expressions_find_what_python_finds() -> None:
    for source in ("a.b", "^a", r"b\z", "[^a]b", r"\bab\b", "a{2}"):
        for text in ("", "ab", "a\nb", "b\n", "xaab ab", "é ab"):
            python = re.compile(source.replace(r"\z", r"\Z"), re.ASCII | re.DOTALL)
            assert finder(translate(source, 1).re2)(text) is (python.search(text) is not None)
