"""Regular expressions of a query. They are RE2's, here and in the engine, so both find the same.

An expression is searched anywhere in the value, case-sensitive; `.` also matches a newline, `^` and `$`
are the ends of the value ((?m): of a line). RE2 takes time in proportion to the text, at most MAX_STEPS a
byte, where a backtracking engine can take for ever (docs/decisions/0009-re2.md).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import re2

from logkeep.errors import QuerySyntaxError
from logkeep.query.values import fold

# What RE2 may use for one expression of a user, its automaton included. The engine allows 8 MiB, so what
# is taken here it takes too; a thousand times any character still fits.
MAX_MEMORY = 1 << 20
# Steps of the compiled expression: what one byte of a text can cost at most.
MAX_STEPS = 16_000
_TOO_LARGE = "pattern too large - compile failed"  # as RE2 says it
_ENGINE_MEMORY = 8 << 20
_MAX_DEPTH = 32

_TOKEN = re.compile(
    r"""(?P<flags>\(\?[a-zA-Z-]+\))
      | (?P<open>\((?:\?P?<\w*>|\?[a-zA-Z-]*:)?)
      | (?P<close>\))
      | (?P<class>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])
      | (?P<repeat>[*+?]|\{[0-9]+(?:,[0-9]*)?\})
      | (?P<escape>\\(?:x\{[^}]*\}|x..|[pP]\{[^}]*\}|[pP].|u[0-9A-Fa-f]{4}|[0-7]{1,3}|.))
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE_U = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_REFUSED_ESCAPES = (r"\C", r"\Q", r"\E")  # a lone byte is no text; quoting is left to the query's own quotes

_PERL = {
    "(?=": "lookahead",
    "(?!": "lookahead",
    "(?<": "lookbehind",
    "(?>": "an atomic group",
    "(?(": "a conditional group",
    "(?#": "a comment",
    "(?P": "a backreference",
}
# What RE2 says of an expression: what that is in our words, and what was expected.
_SAID = {
    "no argument for repetition operator": (
        "there is nothing to repeat here",
        r"\*, \+ or \? for the character",
    ),
    "bad repetition operator": ("a quantifier follows a quantifier", "a group around the first: (?:…)"),
    "invalid repetition size": ("a repeat that cannot be", "{n,m} with n <= m, in all at most 1000 times"),
    "missing ]": ("this class is not closed", "']'"),
    "invalid character class range": ("there is no such range or class", "first-last, or \\- for the '-'"),
    "invalid named capture group": ("this name of a group cannot be", "(?P<name>…) or (…)"),
    _TOO_LARGE: ("the expression is too large", "fewer or shorter repeats"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Regex:
    source: str  # between the slashes, as written
    re2: str  # for RE2 with `.` matching a newline
    literal: str  # occurs in every match, '' when nothing is sure; folded when case is ignored
    ignore_case: bool


def translate(source: str, column: int) -> Regex:
    """The expression, checked. `column` is where `source` starts in the query.

    Raises QuerySyntaxError at the offence for what RE2 refuses or what would take too much memory.
    """
    if not source:
        raise QuerySyntaxError(
            "the regular expression is empty", column=column, expected="a pattern between the slashes"
        )
    _check_tokens(source, column)
    said = _refused(source)
    if said:
        raise _refusal(source, column, said)
    literal, ignore_case = _literal(source)
    return Regex(source=source, re2=_written(source), literal=literal, ignore_case=ignore_case)


def finder(pattern: str, *, max_memory: int = _ENGINE_MEMORY) -> Callable[[str], bool]:
    """Whether a text holds the pattern, which is known to be good. Time in proportion to the text."""
    search = re2.compile(pattern, _options(max_memory)).search
    return lambda text: search(text.encode()) is not None  # of bytes, as re2 counts characters otherwise


def span_finder(
    pattern: str, *, trim: tuple[bool, bool] = (False, False), max_memory: int = _ENGINE_MEMORY
) -> Callable[[str], Iterator[tuple[int, int]]]:
    """Where a text holds the pattern, which is known to be good: begin and end in characters, in order and
    apart from each other; never nothing. With `trim` the pattern also takes one ASCII character before
    (after) what is meant, or the text's begin (end), and that is left out."""
    compiled = re2.compile(pattern, _options(max_memory))

    def spans(text: str) -> Iterator[tuple[int, int]]:
        data = text.encode()
        place = _places(text, data)
        at = 0
        while at <= len(data) and (found := compiled.search(data, at)):
            start, end = found.span()
            start += trim[0] and start < end and not _in_token(data[start])
            end -= trim[1] and start < end and not _in_token(data[end - 1])
            if start < end:
                yield place(start), place(end)
            at = max(end, at + 1)

    return spans


def _places(text: str, data: bytes) -> Callable[[int], int]:
    """The number of the character that begins at a byte. Asked for in rising order it costs little."""
    if len(text) == len(data):
        return lambda at: at
    known = [0, 0]

    def place(at: int) -> int:
        known[1] += len(data[known[0] : at].decode(errors="ignore"))
        known[0] = at
        return known[1]

    return place


def _in_token(byte: int) -> bool:
    return byte >= 0x80 or chr(byte).isalnum()


def _options(max_memory: int) -> re2.Options:
    options = re2.Options()
    options.dot_nl = True  # as the engine's match() has it
    options.never_capture = True
    options.log_errors = False
    options.max_mem = max_memory
    return options


def _tokens(source: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(source)


def _check_tokens(source: str, column: int) -> None:
    """Refuses what RE2 takes and the language does not, and parentheses without a partner, whose place
    RE2 does not tell."""
    opened: list[int] = []
    for token in _tokens(source):
        place = column + token.start()
        if token["open"]:
            opened.append(place)
        elif token["close"] and not opened:
            raise QuerySyntaxError(
                "')' closes no group", column=place, expected=r"\) for the character itself"
            )
        elif token["close"]:
            opened.pop()
        elif token["escape"] in _REFUSED_ESCAPES:
            raise _unknown_escape(token["escape"], place)
        if len(opened) > _MAX_DEPTH:
            raise QuerySyntaxError(
                "groups are nested too deeply", column=place, expected=f"at most {_MAX_DEPTH} levels"
            )
    if opened:
        raise QuerySyntaxError("this group is not closed", column=opened[-1], expected="')'")


def _written(source: str) -> str:
    """The expression for RE2, which does not know `\\uhhhh`."""
    return _ESCAPE_U.sub(lambda found: f"\\x{{{found[1]}}}" if found[1] else found[0], source)


def _refused(source: str) -> str:
    """What RE2 says against the expression; '' when it takes it."""
    try:
        steps = re2.compile(_written(source), _options(MAX_MEMORY)).programsize
    except re2.error as error:
        return str(error.args[0].decode(errors="replace"))
    return "" if steps <= MAX_STEPS else _TOO_LARGE


def _refusal(source: str, column: int, said: str) -> QuerySyntaxError:
    """RE2's refusal in our words, at the part of the expression that it is about."""
    kind, _, part = said.partition(": ")
    place = column + (_place(source, said, part) if part else 0)
    if kind == "invalid escape sequence":
        return _unknown_escape(part, place)
    if kind == "invalid perl operator":
        what = next((name for mark, name in _PERL.items() if part.startswith(mark)), "this kind of group")
        return QuerySyntaxError(f"{what} is not supported", column=place, expected="a pattern that RE2 knows")
    message, expected = _SAID.get(kind, (said, "a pattern that RE2 knows"))
    return QuerySyntaxError(message, column=place, expected=expected)


def _unknown_escape(escape: str, place: int) -> QuerySyntaxError:
    what = "a backreference" if escape[1:2].isdigit() else f"'{escape}'"
    return QuerySyntaxError(
        f"{what} is not supported", column=place, expected=r"\d \w \s \b, or \ before punctuation"
    )


def _place(source: str, said: str, part: str) -> int:
    """Where the part stands that RE2 names but does not place: it ends the shortest run of tokens that
    RE2 refuses with the same words."""
    ends = [token.end() for token in _tokens(source)]
    first = bisect_left(ends, True, key=lambda end: _refused(source[:end]) == said)
    end = ends[min(first, len(ends) - 1)]
    as_escaped = part.replace("\\x{", "\\u").replace("}", "")
    return max(source.rfind(part, 0, end), source.rfind(as_escaped, 0, end), 0)


def _literal(source: str) -> tuple[str, bool]:
    """The longest text that every match holds, '' for none, and whether its case is ignored."""
    runs = [""]
    ignore_case, depth, char = False, 0, ""
    for token in _tokens(source):
        depth += bool(token["open"]) - bool(token["close"])
        if token["flags"] and not depth:
            if token.start():
                return "", False  # flags that change on the way: nothing is promised
            ignore_case = "i" in token["flags"].partition("-")[0]
        elif token[0] == "|" and not depth:
            return "", ignore_case
        elif depth or token["close"]:
            char = ""
        elif token["repeat"] and token[0] != "+":
            runs[-1] = runs[-1].removesuffix(char)
            char = ""
        else:
            char = _sure_char(token, ignore_case)
            runs[-1] += char
        if not char and runs[-1]:
            runs.append("")
    return max(runs, key=len), ignore_case


def _sure_char(token: re.Match[str], ignore_case: bool) -> str:
    """The one character that a token stands for, '' when it may be several."""
    char = token["other"] or ""
    if token["escape"] and not token[0][1].isalnum():
        char = token[0][1]
    elif char in (".", "^", "$"):
        return ""
    if not ignore_case:
        return char
    # Without case RE2 takes the Kelvin sign for a k, and a long s for an s.
    return "" if not char.isascii() or char in "kKsS" else fold(char)
