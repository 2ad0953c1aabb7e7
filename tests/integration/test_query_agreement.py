"""The SQL and the Python predicate of a query pick the same records, and literals() loses none.

One engine directory holds a few dozen awkward records; generated queries are asked of both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.route_doubles import RouteCatalog

from logkeep.catalog.values import Rule
from logkeep.errors import BadSetting, QuerySyntaxError
from logkeep.exclusion import checked, preview_condition
from logkeep.query.literals import literals
from logkeep.query.parse import parse
from logkeep.query.predicate import Predicate, compile_predicate
from logkeep.query.sql import Condition, compile_sql
from logkeep.record import NO_META, Record, decode_line, encode_lines
from logkeep.routing import Router

STRUCTURE = (
    "_lid UInt64, _ts Int64, _ns UInt32, _rx Int64, _account String, _host String, _app String, "
    "_file String, _env String, level String, _tag Array(String), _meta String, _line String, _raw String"
)
LINES = (
    "",
    "Failed password for root from 10.0.0.1 port 22 ssh2",
    "failed-password FAILED_PASSWORD failedpassword",
    "fail failed failing Failure refail",
    "user_id=7 foo-bar foo.bar foobar foo bar",
    "a'b\\c\"d\te\nf\rg\x00h\x1bi\x7fj",
    "line one\nline two\ncaused by: x\n",
    "trailing newline\n",
    "\u212aelvin \u017fharp \u0130stanbul \u0131 straße Straße ÉCOLE école é",
    "naïve naive ️ \U0001f600smile \U0001f600 \ufffd bad\ufffdbytes",
    "* ? [a] {b} (c) $d ^e |f + . \\ / // 'q' \"quoted\" ~ !x -y",
    "C:\\temp\\new \\n \\d /var/log/syslog",
    "x" * 300,
    " ",
    "10 10.0 10.0.0.1 10.0.0.10 110.0.0.1 1e3 0x10",
    '{"status":500,"user":{"id":7,"name":"Bob"},"msg":"request failed","ok":true,"gone":null}',
    '{"status":404,"user":{"id":7.0,"name":"bob"},"ok":false,"list":[1,{"id":7}],"o":{},"l":[]}',
    '{"status":"500","user":{"id":"7"},"msg":"","gone":"null","ok":"true"}',
    '{"status":1e2,"user":7,"d":-0.0,"z":-0,"e":1.5e3,"f":0.1,"g":0.30000000000000004}',
    '{"status":18446744073709551615,"user":{"id":9007199254740993}}',
    '{"status":18446744073709551616,"user":{"id":-9223372036854775808}}',
    '{"status":-9223372036854775809,"user":{"id":9007199254740992}}',
    '{"status":"-5","d":-5,"f":-5.5,"version":"2.1.3","day":"2026-11-20","w":"007"}',
    '{"status":500,"status":404,"user":{"id":1},"user":{"id":2}}',
    '{"st\\u0061tus":500,"gr\\u00f6\\u00dfe":"é","größer":1,"a.b":1,"a b":2}',
    '{"größe":"É","a":{"b":2,"c":{"d":"deep"}},"x-y":"z","_u":1,"K":1,"k":2,"":3}',
    '{"status":500} x',
    '{"status":500,}',
    '{"status":500,"b":1e999}',
    '{"status":500,"b":"\\ud800"}',
    '{"status":500,"b":"\\ud83d\\ude00 \\u0000 \\" \\\\ \\/ \\n"}',
    '{"status":500,"b":"tab\tinside"}',
    ' {"status":500}',
    '\ufeff{"status":500}',
    '{"status":500}\n',
    '{"status":0.5e-400,"f":1e-7,"g":1e22,"b":"a\\nb"}',
    '[{"status":500}]',
    "500",
    "{",
    "{}",
    '{"status":{"x":{"y":"status"}},"msg":"{\\"status\\":500}"}',
    '{"level":"x","host":"inner","line":{"a":1},"meta":{"a":1}}',
)
WORDS = (
    "failed",
    "FAILED",
    "password",
    "fail",
    "foo",
    "bar",
    "foo-bar",
    "user_id",
    "10.0.0.1",
    "10",
    "é",
    "K",
    "\u212aelvin",
    "kelvin",
    "straße",
    "status",
    "500",
    "x",
    "a",
    "bob",
    "null",
    "true",
    "\U0001f600",
    "\ufffd",
    "naive",
    "-",
    "_",
    ".",
    "=",
    "$d",
    "web",
    "web-1",
    "prod",
    "Error",
    "edge,eu",
    "7",
    "line",
    "quoted",
)
FIELDS = (
    "host",
    "app",
    "level",
    "file",
    "env",
    "account",
    "tag",
    "line",
    "meta.region",
    "meta.n.deep",
    "meta.x",
    "status",
    "user.id",
    "user.name",
    "user",
    "ok",
    "gone",
    "msg",
    "d",
    "e",
    "f",
    "g",
    "z",
    "b",
    "list",
    "o",
    "größe",
    "größer",
    "a.b",
    "a\\.b",
    "a.c.d",
    "x-y",
    "k",
    "K",
    "version",
    "day",
    "w",
    "_u",
    "line.host",
    "l",
    "line.line.a",
    "list.id",
    "a\\ b",
)
NUMBERS = (
    "7",
    "7.0",
    "500",
    "-5",
    "-5.5",
    "0",
    "-0",
    "0.1",
    "0.3",
    "1e2",
    "1e3",
    "100",
    "404",
    "2.1",
    "007",
    "1e999",
    "9007199254740992",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "1e22",
    "1e-7",
    "-9223372036854775808",
    "-9223372036854775809",
    "0.30000000000000004",
)
TEXTS = (
    "Bob",
    "web-1",
    "WEB-1",
    "prod",
    "error",
    "",
    "a b",
    "null",
    "true",
    "False",
    "É",
    "é",
    "2.1.3",
    "2026-11-20",
    "tab\tinside",
    "a\nb",
    'quo"te',
    "back\\slash",
    "nul\x00",
    "{}",
    "[]",
    "eu",
    "deep",
    "\U0001f600",
    "/x/y.log",
)


def _records() -> list[Record]:
    metas = (
        '{"region":"EU","n":{"deep":7}}',
        '{ "x" : "y z" , "region": null }',
        '{"region":"a\\nb","x":1.5}',
        "null",
        '""',
        '"{\\"x\\":1}"',
        "[1]",
        "",
    )
    texts = ["", "web-1", "WEB-2", "a'b\\c\n\t\x00", "é", "404", "/x/y.log"]
    return [
        Record(
            lid=str(1000 + at),
            ts=1_763_600_000_000 + at * 250,
            rx=-1 if at % 5 == 0 else 1_763_600_001_000 + at,
            account="main" if at % 2 else "Other",
            host=texts[at % 7],
            app=texts[at // 7 % 7],
            file="/x/y.log" if at % 3 else "",
            env=("prod", "PROD", "", "dev")[at % 4],
            level=("INFO", "error", "", "Error", "7")[at % 5],
            tag=((), ("edge",), ("edge", "EU"), ("a,b", "'", "7"), ("",))[at % 5],
            meta=msgspec.Raw(metas[at % 8].encode()) if metas[at % 8] else NO_META,
            line=line,
        )
        for at, line in enumerate(LINES)
    ]


def _escaped(value: Any) -> str:
    """A parameter as the engine reads it: a text as a TSV value, a list as an array literal."""
    if isinstance(value, list):
        quoted = (str(each).replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") for each in value)
        return "[" + ",".join(f"'{each}'" for each in quoted) + "]"
    text = repr(value) if isinstance(value, float) else str(value)
    for char, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(char, escape)
    return text


class Sides:
    """The same records behind the engine and behind the predicate."""

    def __init__(self, directory: Path, records: list[Record], ask: Callable[..., bytes]) -> None:
        self._ask = ask
        self._lines = encode_lines(records).splitlines()
        self.records = [decode_line(line) for line in self._lines]
        path = directory / "records.json"
        path.write_bytes(encode_lines(records))
        ask(
            f"CREATE TABLE lines ({STRUCTURE},"
            " INDEX line_ix lower(_line) TYPE text(tokenizer = splitByNonAlpha))"
            " ENGINE = MergeTree ORDER BY (_ts, _lid)"
        )
        ask(f"INSERT INTO lines SELECT * FROM file('{path}', JSONEachRow, '{STRUCTURE}')")

    def by_sql(self, query: str) -> list[str]:
        return self.of_condition(compile_sql(parse(query)))

    def of_condition(self, condition: Condition) -> list[str]:
        params = {name: _escaped(value) for name, value in condition.params.items()}
        answer = self._ask(f"SELECT _lid FROM lines WHERE {condition.sql} ORDER BY _lid", params)
        return [str(json.loads(row)["_lid"]) for row in answer.splitlines()]

    def by_predicate(self, query: str) -> list[str]:
        return self.of_predicate(compile_predicate(parse(query)))

    def of_predicate(self, holds: Predicate) -> list[str]:
        return [record.lid for record in self.records if holds(record)]

    def by_literals(self, query: str) -> list[str]:
        """The records that the filter lets through."""
        needed = literals(parse(query))
        passed = (needed is None or any(each in line.lower() for each in needed) for line in self._lines)
        return [record.lid for record, through in zip(self.records, passed, strict=True) if through]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    chdb = pytest.importorskip("chdb")
    directory = tmp_path_factory.mktemp("agreement")
    connection = chdb.connect(str(directory / "engine"))

    def ask(sql: str, params: dict[str, str] | None = None) -> bytes:
        return bytes(connection.query(sql, "JSONEachRow", params=params or {}).bytes())

    yield Sides(directory, _records(), ask)
    connection.close()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _word(text: str) -> str:
    """The text as a bare word: everything but letters and digits escaped."""
    return "".join(char if char.isalnum() else "\\" + char for char in text)


some_text = st.sampled_from(TEXTS) | st.text(max_size=4) | st.sampled_from(WORDS)
chunk = st.builds(
    lambda line, start, length: line[start : start + length],
    st.sampled_from(LINES),
    st.integers(0, 60),
    st.integers(1, 20),
)
phrase = (some_text | chunk).filter(bool).map(_quoted)
bare = (st.sampled_from(WORDS) | chunk.map(lambda text: text.split(" ")[0])).filter(bool).map(_word)


@st.composite
def pattern_word(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(WORDS) | chunk.map(lambda text: text.replace("\n", "")).filter(bool))
    at = draw(st.integers(0, len(text)))
    wild = draw(st.sampled_from(("*", "?", "**", "*?")))
    return _word(text[:at]) + wild + _word(text[at + draw(st.integers(0, 2)) :])


atoms = st.sampled_from(
    [
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        r"\b",
        "^",
        "$",
        "a",
        "fail",
        "[a-z]",
        "[^a-z]",
        "[A-Z0-9_]",
        r"[\d.]",
        r"[^\s\w]",
        "é",
        r"\x41",
        r"\u00e9",
        r"\{",
        "{",
        "}",
        "]",
        r"\/",
        r"\.",
        r"\"",
        "'",
        " ",
        "(a|b)",
        "(?:fail|ed)",
        "(?P<n>s)",
        "(|a)",
        r"\n",
        "[k]",
        "ss",
        "\u017f",
        "[^é]",
        r"[\x00-\x1f]",
        r"\z",
        r"\A",
        "K",
        "ed",
        "5",
        r"\B",
        r"\pL",
        r"\p{Lu}",
        r"\PL",
        "[[:alpha:]]",
        "[^[:^digit:]x]",
        "[]a]",
        r"[a\]b]",
        r"\101",
        r"\x{e9}",
        "(?i)",
        "(?i:fail)",
        "(?-s).",
        "(?U)a+",
        "(?:abc|)",
        "(fail)?",
        "{,2}",
        "É",
        "s",
        "0x",
    ]
)
quantified = st.builds(
    str.__add__, atoms, st.sampled_from(("", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,}", "+?"))
)
regex = st.builds(
    lambda flags, parts, joint: f"/{flags}{joint.join(parts)}/",
    st.sampled_from(("", "", "(?i)", "(?m)", "(?is)", "(?-s)", "(?U)")),
    st.lists(quantified, min_size=1, max_size=4),
    st.sampled_from(("", "", "", "|")),
)
plain_value = st.sampled_from(NUMBERS) | some_text.map(_quoted)
bounds = st.one_of(
    st.builds(str.__add__, st.sampled_from((">", ">=", "<", "<=")), plain_value),
    st.builds(
        lambda opening, low, high, closing: f"{opening}{low} TO {high}{closing}",
        st.sampled_from("[{"),
        st.just("*") | plain_value,
        st.just("*") | plain_value,
        st.sampled_from("]}"),
    ),
)
value = st.one_of(plain_value, bare, pattern_word(), regex, bounds, st.just("*"))
instants = st.sampled_from(
    ("1763600000000", "1763600002", "2025-11-20T00:53:21Z", "2025-11-20", '"2025-11-20T00:53:22.250Z"')
)
leaf = st.one_of(
    bare,
    phrase,
    pattern_word(),
    regex,
    st.just("*"),
    st.builds(lambda field, of: f"{field}:{of}", st.sampled_from(FIELDS), value),
    st.builds(lambda field, of: f"{field}:{of}", st.sampled_from(FIELDS), value),
    st.builds(
        lambda field, sign, at: f"{field}:{sign}{at}",
        st.sampled_from(("ts", "rx")),
        st.sampled_from(("", ">", "<=", ">=", "<")),
        instants,
    ),
    st.builds(lambda sign, at: f"id:{sign}{at}", st.sampled_from(("", ">", "<=")), st.integers(995, 1050)),
    st.sampled_from(
        (
            "id:*",
            "ts:*",
            "rx:*",
            "meta:*",
            "tag:*",
            "line:*",
            "id:0",
            "rx:[1 TO *]",
            "id:18446744073709551615",
        )
    ),
)
queries = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(
            lambda parts, joint: joint.join(parts),
            st.lists(inner, min_size=2, max_size=4),
            st.sampled_from((" ", " AND ", " OR ", "  ")),
        ),
        st.builds(lambda sign, part: f"{sign}({part})", st.sampled_from(("NOT ", "-", "+", "!", "")), inner),
        st.builds(
            lambda field, parts, joint: f"{field}:({joint.join(parts)})",
            st.sampled_from(FIELDS),
            st.lists(value, min_size=1, max_size=3),
            st.sampled_from((" ", " OR ", " AND NOT ", " -")),
        ),
    ),
    max_leaves=6,
)


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(query=queries)
def test_sql_and_predicate_pick_the_same_records(sides: Sides, query: str) -> None:
    try:
        parse(query)
    except QuerySyntaxError:
        return  # refusals are tested by tests/unit/query
    picked = sides.by_predicate(query)
    assert sides.by_sql(query) == picked
    assert set(picked) <= set(sides.by_literals(query))


@pytest.mark.parametrize(
    "query",
    [
        "meta:*",
        "meta.x:1",
        "kelvin",
        "rx:<9000000000000",
        "tag:[b TO f]",
        "user.id:9007199254740993",
        "status:18446744073709551616",
        "status:>1",
        "status:5*",
        "größe:*",
        r"/(?i)S/",
        r"/(?i)É/",
        r"/(?i)k/",
        r"/(a+)+$/",
        r"/[\u017f\u212a]/",
        "/(?:FAILED|x{300})/",
        "/" + "(" * 32 + "ed" + ")" * 32 + "/",
        "?" * 300,
        "line:/.{1000}/",
        r"/(?m)^line two$/",
        r"/\x00/",
        '"a\'b\\\\c"',
        " OR ".join(f"w{n}" for n in range(500)),
        " ".join(f"-w{n}" for n in range(300)),
        " OR ".join(f"a{n} foo" for n in range(300)),
        "status:(" + " ".join(f">{n}" for n in range(300)) + ")",
        "status:(" + " OR ".join(map(str, range(100, 650))) + ")",
        "tag:(" + " ".join(f"-{n}" for n in range(700)) + ")",
        "(" * 32 + "failed" + ")" * 32,
        "NOT " * 31 + "failed",
    ],
)
def test_queries_that_could_easily_differ(sides: Sides, query: str) -> None:
    picked = sides.by_predicate(query)
    assert sides.by_sql(query) == picked
    assert set(picked) <= set(sides.by_literals(query))


names = st.sampled_from(("web-1", "WEB-1", "a'b\\c\n\t\0", "é", "É", "404", "/x/y.log", "*", "other"))
rules = st.builds(
    lambda hosts, apps, query: Rule(
        id="r", account="main", title="t", created_at=0, hosts=tuple(hosts), apps=tuple(apps), query=query
    ),
    st.lists(names, max_size=3),
    st.lists(names, max_size=3),
    st.just("") | queries,
)


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(rule=rules)
def test_the_preview_of_a_rule_finds_what_intake_would_drop(sides: Sides, rule: Rule) -> None:
    try:
        saved = checked(rule)
    except BadSetting:
        return  # tests/unit/test_exclusion.py
    router = Router(RouteCatalog(rules=[saved]))
    drops = router.route("main").dropped_by
    dropped = sides.of_predicate(lambda record: drops(record) is not None)
    assert sides.of_condition(preview_condition(rule)) == dropped
