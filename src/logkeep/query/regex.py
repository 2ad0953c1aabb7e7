"""Regular expressions that mean the same in RE2 (the engine) and in Python.

An expression is read with a small grammar that both know and written anew for each. It is searched
anywhere in the value, case-sensitive; `.` also matches a newline, `^` and `$` are the ends of the value
((?m): of a line), \\d \\w \\s \\b know ASCII only, and (?i) ignores ASCII case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from logkeep.errors import QuerySyntaxError
from logkeep.query.values import fold

_MAX_REPEAT = 1000  # RE2's own bound, for nested repeats too
_MAX_DEPTH = 32
_LAST = 0x10FFFF
_END = "\x00end\x00"  # stands for the end of the value until it is written for RE2 or Python

Ranges = list[tuple[int, int]]

_CLASSES: dict[str, Ranges] = {
    "d": [(0x30, 0x39)],
    "w": [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)],
    "s": [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)],
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_REFUSED_GROUPS = {
    "=": "lookahead",
    "!": "lookahead",
    "<=": "lookbehind",
    "<!": "lookbehind",
    ">": "an atomic group",
    "(": "a conditional group",
    "#": "a comment",
    "P=": "a backreference",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Regex:
    source: str  # between the slashes, as written
    re2: str
    python: str  # for flags re.ASCII | re.DOTALL
    literal: str  # occurs in every match, '' when nothing is sure; folded when case is ignored
    ignore_case: bool


def translate(source: str, column: int) -> Regex:
    """The expression for both engines. `column` is where `source` starts in the query.

    Raises QuerySyntaxError at the offence for what is malformed or what either engine lacks.
    """
    translator = _Translator(source, column)
    written = translator.whole()
    return Regex(
        source=source,
        re2=written.replace(_END, r"\z"),
        python=written.replace(_END, r"\Z"),
        literal=translator.literal,
        ignore_case=translator.ignore_case,
    )


def _complement(ranges: Ranges) -> Ranges:
    gaps: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            gaps.append((start, low - 1))
        start = max(start, high + 1)
    return [*gaps, (start, _LAST)] if start <= _LAST else gaps


def _both_cases(ranges: Ranges) -> Ranges:
    """The ranges with the other ASCII case of every letter in them."""
    other: Ranges = []
    for low, high in ranges:
        for first, last, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
            if low <= last and high >= first:
                other.append((max(low, first) + shift, min(high, last) + shift))
    return [*ranges, *other]


def _literal(code: int, *, special: str = ".^$|()[]{}*+?\\") -> str:
    char = chr(code)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return "\\" + char if char in special else char


def _write_class(ranges: Ranges, *, negated: bool = False) -> str:
    parts = []
    for low, high in ranges:
        first, last = (_literal(code, special="[]^-\\&~|") for code in (low, high))
        parts.append(first if low == high else f"{first}-{last}")
    return f"[{'^' if negated else ''}{''.join(parts)}]"


class _Atom(NamedTuple):
    text: str
    repeats: int = 1  # the largest product of nested repeats inside
    repeatable: bool = True
    char: str = ""  # when the atom is just this character


class _Translator:
    """A recursive descent over one expression.

    The methods for its parts return the part written anew and the largest product of nested repeats.
    """

    def __init__(self, source: str, column: int) -> None:
        self._source = source
        self._column = column
        self._at = 0
        self._by_line = False
        self._runs = [""]  # runs of characters that every match holds, while no `|` was seen
        self.ignore_case = False
        self.literal = ""

    def whole(self) -> str:
        if not self._source:
            raise self._error("the regular expression is empty", "a pattern between the slashes")
        self._leading_flags()
        written, _ = self._alternatives(0)
        if self._at < len(self._source):
            raise self._error("')' closes no group", r"\) for the character itself")
        return written

    def _error(self, message: str, expected: str = "", *, at: int | None = None) -> QuerySyntaxError:
        place = self._at if at is None else at
        return QuerySyntaxError(message, column=self._column + place, expected=expected)

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        found = self._source.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _leading_flags(self) -> None:
        end = self._source.find(")")
        flags = self._source[2:end] if self._source.startswith("(?") and end > 2 else ""
        if flags and set(flags) <= set("ims"):
            self.ignore_case, self._by_line = "i" in flags, "m" in flags
            self._at = end + 1

    def _alternatives(self, depth: int) -> tuple[str, int]:
        if depth > _MAX_DEPTH:
            raise self._error("groups are nested too deeply", f"at most {_MAX_DEPTH} levels")
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        if depth == 0 and len(branches) == 1:
            self.literal = max(self._runs, key=len)
        return "|".join(text for text, _ in branches), max(repeats for _, repeats in branches)

    def _sequence(self, depth: int) -> tuple[str, int]:
        parts, most = [], 1
        while self._peek() not in ("", "|", ")"):
            start = self._at
            atom = self._atom(depth)
            quantifier, times = self._quantifier()
            if quantifier and not atom.repeatable:
                raise self._error("there is nothing to repeat here", at=start)
            if atom.repeats * times > _MAX_REPEAT:
                raise self._error(f"repeats more than {_MAX_REPEAT} times", at=start)
            if depth == 0:
                self._note(atom.char, quantifier)
            parts.append(atom.text + quantifier)
            most = max(most, atom.repeats * times)
        return "".join(parts), most

    def _note(self, char: str, quantifier: str) -> None:
        """Lengthens the current run of sure characters, or ends it."""
        if char and (quantifier == "" or quantifier == "+"):
            self._runs[-1] += fold(char) if self.ignore_case else char
        if not char or quantifier:
            self._runs.append("")

    def _quantifier(self) -> tuple[str, int]:
        """The quantifier here ('' when there is none) and how often it repeats, where that is bounded."""
        char, times = self._peek(), 1
        if char and char in "*+?":
            self._at += 1
            quantifier = char
        elif char == "{" and (counts := self._counts()):
            quantifier, times = counts
        else:
            return "", 1
        self._take("?")  # lazy or not finds the same lines
        if self._peek() in ("*", "+", "?") or (self._peek() == "{" and self._counts()):
            raise self._error("a quantifier follows a quantifier", "a group around the first: (?:…)")
        return quantifier, times

    def _counts(self) -> tuple[str, int] | None:
        """`{n}`, `{n,}` or `{n,m}` here; None (and nothing taken) for a brace that is just a character."""
        end = self._source.find("}", self._at)
        low, comma, high = self._source[self._at + 1 : max(end, 0)].partition(",")
        if end < 0 or not all((part.isascii() and part.isdigit()) or not part for part in (low, high)):
            return None
        if not low and comma:
            raise self._error("a repeat without a lower bound", "{0,m}, or \\{ for the character itself")
        if not low:
            return None
        most = max(int(low[:9]), int(high[:9] or 0))
        if most > _MAX_REPEAT or (high and int(high) < int(low)):
            raise self._error("a repeat that cannot be", f"{{n,m}} with n <= m <= {_MAX_REPEAT}")
        self._at = end + 1
        return f"{{{int(low)}{comma}{int(high) if high else ''}}}", max(most, 1)

    def _atom(self, depth: int) -> _Atom:
        char = self._peek()
        if char in "*+?":
            raise self._error("there is nothing to repeat here", f"\\{char} for the character itself")
        if char == "(":
            return self._group(depth)
        if char == "[":
            return _Atom(self._class())
        if char == "\\":
            return self._escape()
        self._at += 1
        if char == ".":
            return _Atom(".")
        if char == "^":
            return _Atom("(?m:^)" if self._by_line else r"\A", repeatable=False)
        if char == "$":
            return _Atom("(?m:$)" if self._by_line else _END, repeatable=False)
        return _Atom(self._char(ord(char)), char=char)

    def _char(self, code: int) -> str:
        if self.ignore_case and chr(code).isascii() and chr(code).isalpha():
            return _write_class(_both_cases([(code, code)]))
        return _literal(code)

    def _group(self, depth: int) -> _Atom:
        start = self._at
        self._at += 1
        if self._take("?") and not self._take(":"):
            self._group_name(start)
        inner, repeats = self._alternatives(depth + 1)
        if not self._take(")"):
            raise self._error("this group is not closed", "')'", at=start)
        return _Atom(f"(?:{inner})", repeats=repeats)

    def _group_name(self, start: int) -> None:
        """Skips the name of a named group; other kinds of groups are refused."""
        for mark, what in _REFUSED_GROUPS.items():
            if self._source.startswith(mark, self._at):
                raise self._error(f"{what} is not supported", "a pattern that RE2 also knows", at=start)
        end = self._source.find(">", self._at)
        head = self._source[self._at : max(end, 0)].removeprefix("P")
        if not (head.startswith("<") and head[1:].isidentifier()):
            raise self._error("this kind of group is not supported", "(?:…), or (?i) at the start", at=start)
        self._at = end + 1

    def _escape(self) -> _Atom:
        char = self._source[self._at + 1 : self._at + 2]
        if char in ("b", "A", "z"):
            self._at += 2
            return _Atom({"b": r"\b", "A": r"\A", "z": _END}[char], repeatable=False)
        found = self._escaped()
        if isinstance(found, int):
            return _Atom(self._char(found), char=chr(found))
        return _Atom(_write_class(found))

    def _escaped(self) -> int | Ranges:
        """The character or the class that a backslash names, in or outside of brackets."""
        start, char = self._at, self._source[self._at + 1 : self._at + 2]
        self._at += 2
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _complement(ranges)
        if char in _CONTROLS:
            return ord(_CONTROLS[char])
        if char in _HEX_LENGTHS:
            return self._hex(char, start)
        if not char or not char.isascii() or char.isalnum():
            what = "a backreference" if char.isdigit() else f"'\\{char}'"
            raise self._error(f"{what} is not supported", r"\d \w \s \b, or \ before punctuation", at=start)
        return ord(char)

    def _hex(self, char: str, start: int) -> int:
        end = self._at + _HEX_LENGTHS[char]
        if char == "x" and self._take("{"):
            end = max(self._source.find("}", self._at), self._at)
        digits = self._source[self._at : end]
        self._at = end + (self._source[self._at - 1] == "{")
        try:
            code = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            code = -1
        if not 0 <= code <= _LAST or 0xD800 <= code <= 0xDFFF:
            raise self._error("this is no character", r"\xhh, \uhhhh or \x{hhhh}", at=start)
        return code

    def _class(self) -> str:
        start = self._at
        self._at += 1
        negated = self._take("^")
        ranges: Ranges = []
        while not ranges or self._peek() != "]":
            if not self._peek():
                raise self._error("this class is not closed", "']'", at=start)
            if self._source.startswith(("[:", "[=", "[."), self._at):
                raise self._error("named classes are not supported", r"\d, \w, \s or a range such as a-z")
            ranges.extend(self._class_item())
        self._at += 1
        return _write_class(_both_cases(ranges) if self.ignore_case else ranges, negated=negated)

    def _class_item(self) -> Ranges:
        start = self._at
        low = self._class_char()
        ahead = self._source[self._at + 1 : self._at + 2]
        if self._peek() != "-" or ahead in ("]", ""):
            return low if isinstance(low, list) else [(low, low)]
        self._at += 1
        high = self._class_char()
        if isinstance(low, list) or isinstance(high, list) or low > high:
            raise self._error("a range that cannot be", "first-last, or \\- for the character", at=start)
        return [(low, high)]

    def _class_char(self) -> int | Ranges:
        if self._peek() == "\\":
            return self._escaped()
        self._at += 1
        return ord(self._source[self._at - 1])
