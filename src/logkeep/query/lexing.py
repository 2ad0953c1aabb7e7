"""The tokens of a query: luqum's own, after what its lexer does not know has been settled.

`!` becomes `-`, `>-5` becomes one term, and what the language leaves out (`~`, `^`) is refused here,
where its column is at hand.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from luqum import parser as luqum_parser
from luqum.exceptions import IllegalCharacterError
from luqum.tree import Word

from logkeep.errors import QuerySyntaxError

MAX_CHARACTERS = 4096
MAX_DEPTH = 32
OPERAND = "a word, a phrase in double quotes, a field or '('"

LexToken: TypeAlias = Any  # ply's token: type, value, lexpos

# Whole tokens are passed over, so that only a `!` where a token may start is seen as an operator.
_BANG = re.compile(
    rf"(?P<bang>!(?=\S))|{luqum_parser.PHRASE_RE}|{luqum_parser.REGEX_RE}|{luqum_parser.TERM_RE}|.",
    re.VERBOSE | re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPERATORS = {"AND_OP", "OR_OP", "NOT", "MINUS", "PLUS", "COLUMN", "GREATERTHAN", "LESSTHAN"}
_OPENING = {"LPAREN": ")", "LBRACKET": "]"}


def tokens_of(text: str) -> list[LexToken]:
    """The tokens in order. Raises QuerySyntaxError for characters and operators that have no place."""
    _check_text(text)
    lexer = luqum_parser.lexer.clone()
    lexer.input(_BANG.sub(lambda found: "-" if found["bang"] else found[0], text))
    try:
        tokens = list(iter(lexer.token, None))
    except IllegalCharacterError as error:
        raise _illegal(text, lexer.lexpos) from error
    _check_tokens(tokens)
    return _joined_negative_bounds(tokens)


def unexpected(tokens: list[LexToken], token: LexToken | None, text: str) -> QuerySyntaxError:
    """The error for a token (None: the end of the query) where the grammar allows none of its kind."""
    before = [each for each in tokens if token is None or each.lexpos < token.lexpos]
    column = len(text) + 1 if token is None else token.lexpos + 1
    found = "the query ends too early" if token is None else f"unexpected {_written(token)!r}"
    return QuerySyntaxError(found, column=column, expected=_expected(before, token))


def _check_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise QuerySyntaxError(
            f"the query has {len(text)} characters",
            column=MAX_CHARACTERS + 1,
            expected=f"at most {MAX_CHARACTERS}",
        )
    if lone := _SURROGATE.search(text):
        raise QuerySyntaxError(
            "half of a surrogate pair is no character", column=lone.start() + 1, expected="valid Unicode text"
        )


def _illegal(text: str, at: int) -> QuerySyntaxError:
    column, char = at + 1, text[at]
    if char == '"':
        return QuerySyntaxError("this phrase has no end", column=column, expected="a closing '\"'")
    if char == "/":
        return QuerySyntaxError(
            "'/' starts a regular expression that has no end",
            column=column,
            expected="a closing '/', or double quotes around a path",
        )
    if char == "\\":
        return QuerySyntaxError("nothing follows '\\'", column=column, expected="the character it escapes")
    return QuerySyntaxError(f"unexpected {char!r}", column=column, expected=f"{OPERAND}; or \\{char}")


def _check_tokens(tokens: list[LexToken]) -> None:
    depth = 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type in ("APPROX", "BOOST"):
            what, char = ("fuzzy search", "~") if token.type == "APPROX" else ("boosting", "^")
            raise QuerySyntaxError(
                f"{what} with '{char}' is not supported",
                column=token.lexpos + 1,
                expected=f"\\{char} for the character itself",
            )
        if token.type == "REGEX" and following is not None and following.type in ("TERM", "REGEX", "PHRASE"):
            _check_regex_ends(token, following)
        depth += (token.type == "LPAREN") - (token.type == "RPAREN")
        if depth > MAX_DEPTH:
            raise too_deep(token.lexpos + 1)


def _check_regex_ends(token: LexToken, following: LexToken) -> None:
    # /var/log/x reads as the expression /var/ and the word log/x, which nobody means.
    if following.lexpos == token.lexpos + token.value.size:
        raise QuerySyntaxError(
            f"'/' starts a regular expression, and {_written(token)} ends it",
            column=token.lexpos + 1,
            expected="double quotes around a path, or a space after the expression",
        )


def too_deep(column: int) -> QuerySyntaxError:
    return QuerySyntaxError(
        "the query is nested too deeply", column=column, expected=f"at most {MAX_DEPTH} levels"
    )


def _joined_negative_bounds(tokens: list[LexToken]) -> list[LexToken]:
    """The tokens with `>` `-` `5` made `>` `-5`: luqum takes a signed bound only in brackets."""
    joined: list[LexToken] = []
    for token in tokens:
        if (
            len(joined) > 1
            and token.type == "TERM"
            and joined[-1].type == "MINUS"
            and joined[-2].type in ("GREATERTHAN", "LESSTHAN")
            and token.lexpos == joined[-1].lexpos + 1
        ):
            minus = joined.pop()
            size, tail = token.value.size, token.value.tail
            token.value = Word("-" + token.value.value, pos=minus.lexpos, size=size + 1, tail=tail)
            token.lexpos = minus.lexpos
        joined.append(token)
    return joined


def _written(token: LexToken) -> str:
    return str(token.value.value)


def _expected(before: list[LexToken], token: LexToken | None) -> str:
    if before and before[-1].type in _OPERATORS:
        return f"{OPERAND} after {_written(before[-1])!r}"
    opened = _open_bracket(before)
    if opened is not None and opened.type == "LBRACKET":
        return f"a range such as [1 TO 5], opened at column {opened.lexpos + 1}"
    if token is None and opened is not None:
        return f"')' for the '(' at column {opened.lexpos + 1}"
    if token is not None and token.type == "COLUMN":
        return "a field name before ':', or \\: for the character itself"
    if token is not None and token.type == "RPAREN" and opened is None:
        return "no ')' without a '(' before it"
    return OPERAND if token is None else f"{OPERAND} before {_written(token)!r}"


def _open_bracket(before: list[LexToken]) -> LexToken | None:
    opened: list[LexToken] = []
    for token in before:
        if token.type in _OPENING:
            opened.append(token)
        elif token.type in ("RPAREN", "RBRACKET") and opened:
            opened.pop()
    return opened[-1] if opened else None
