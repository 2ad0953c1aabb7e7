from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline.grok import grok_finder
from logkeep.pipeline.processors.extraction import MAX_STEPS


def found(pattern: str, text: str, definitions: Mapping[str, str] = {}) -> dict[str, object] | None:
    return grok_finder(pattern, definitions, setting="patterns[0]", most_steps=MAX_STEPS)(text.encode())


@pytest.mark.parametrize(
    ("pattern", "text", "fields"),
    [
        ("%{WORD:a} %{INT:b}", "say x 12 now", {"a": "x", "b": "12"}),
        ("%{WORD}=%{INT:n:int}", "took=12", {"n": 12}),
        ("%{NUMBER:n:float}", "1.5", {"n": 1.5}),
        ("%{NUMBER:n:int}", "1.5", {"n": "1.5"}),
        ("%{INT:n:int}", "9" * 30, {"n": "9" * 30}),
        ("%{INT:n:int}", "-9223372036854775808", {"n": -9223372036854775808}),
        ("%{NUMBER:n:float}", "1e999", {"n": "1e999"}),
        ("%{NOTSPACE:n:float}", "nan", {"n": "nan"}),
        ("%{INT:http.status:int} %{WORD:http.verb}", "200 GET", {"http": {"status": 200, "verb": "GET"}}),
        ("%{INT:[http][status]}", "200", {"http": {"status": "200"}}),
        ("%{WORD:@type}", "x", {"@type": "x"}),
        ("(?P<named>b+)(?<other>c)", "abbc", {"named": "bb", "other": "c"}),
        ("(a|b)%{INT:n}", "b1", {"n": "1"}),
        ("%{INT:n}|%{WORD:w}", "word", {"w": "word"}),
        ("<%{IP:client}>|\\[%{WORD:client}\\]", "[bob]", {"client": "bob"}),
        ("no fields", "no fields here", {}),
        ("%{WORD:a}$", "é", None),
        ("%{DATA:a}é", "für é", {"a": "für "}),
        ("(?i)%{WORD:w} lamp", "Desk LAMP", {"w": "Desk"}),
        (r"\%{3}%\{%{INT:n}", "%%%%{7", {"n": "7"}),
    ],
)
def test_a_pattern_gives_its_fields(pattern: str, text: str, fields: dict[str, object] | None) -> None:
    assert found(pattern, text) == fields


def test_definitions_of_the_user_come_first_and_may_stand_in_each_other() -> None:
    definitions = {"INT": "[0-9]{2}", "PAIR": "%{INT:first}-%{INT:second}"}
    assert found("%{PAIR:all}", "1234-5678", definitions) == {"all": "34-56", "first": "34", "second": "56"}


@pytest.mark.parametrize(
    ("pattern", "definitions", "field", "message", "hint"),
    [
        ("%{IPORHOTS:x}", {}, "patterns[0]", "there is no pattern IPORHOTS", "did you mean IPORHOST?"),
        (
            "%{A}",
            {"A": "%{B}", "B": "x%{C}", "C": "%{B}"},
            "definitions.A",
            "each other: B -> C -> B",
            "circle",
        ),
        ("%{A}", {"A": "%{A}"}, "definitions.A", "A -> A", "circle"),
        ("x", {"A": "%{NO}"}, "definitions.A", "definition A: there is no pattern NO", ""),
        ("%{INT:n:bool}", {}, "patterns[0]", "bool is no type", "int or float"),
        ("%{INT:a..b}", {}, "patterns[0]", "'a..b' is no name", "a.b"),
        ("%{INT:[a}", {}, "patterns[0]", "'[a' is no name", ""),
        ("ab %{INT", {}, "patterns[0]", "column 4: this %{ is no reference", ""),
        ("%{INT:a} %{INT:a.b}", {}, "patterns[0]", "field a cannot be a value and hold a.b", ""),
        ("%{INT:a} (?=x)", {}, "patterns[0]", "column 10: lookahead is not supported", "RE2"),
        (r"(a)\1", {}, "patterns[0]", "column 4: a backreference is not supported", "RE2"),
        ("%{A}", {"A": "x(?<!b)"}, "definitions.A", "definition A: column 2: lookbehind", "RE2"),
        ("%{A}", {"A": "(x"}, "definitions.A", "definition A: column 1: this group is not closed", ""),
        ("", {}, "patterns[0]", "empty", ""),
        ("x", {"a b": "x"}, "definitions", "'a b' is no name of a definition", ""),
        ("x{1000}y{1000}z{1000}%{IP}(?:ab){900}", {}, "patterns[0]", "too large", "fewer"),
    ],
)
def test_what_cannot_be_is_refused(
    pattern: str, definitions: dict[str, str], field: str, message: str, hint: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        found(pattern, "", definitions)
    assert caught.value.field == field
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_definitions_that_multiply_are_stopped() -> None:
    names = [f"A{n}" for n in range(12)]
    bombs = {name: f"%{{{below}}}" * 10 for name, below in pairwise(names)}
    for last in ("x" * 1000, "(?:)"):
        with pytest.raises(BadSetting, match="in full"):
            found("%{A0}", "", bombs | {names[-1]: last})
