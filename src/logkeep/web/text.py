"""Text of log lines as pages show it: whatever it holds stays text, and nothing in it is invisible.

Control characters, escape sequences of terminals, marks that turn the direction of writing around,
characters without width and halves of surrogate pairs are spelled out. `static/js/text.js` does the same in
the browser; both read the same list of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from jinja2 import Environment
from markupsafe import Markup, escape

Marks = Sequence[Sequence[int]]
"""(start, end) of what is highlighted, in characters, in order and apart from each other."""

# Inside of a class of characters. Tabs are left: they have width. The same stands in text.js.
INVISIBLE = (
    "\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5"
    "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ud800-\\udfff\\ufdd0-\\ufdef"
    "\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff\\U000e0000-\\U000e0fff"
)
# Sequences that a terminal would act on, from ESC to their end: colours and the like, titles and links.
_SEQUENCE = "\\x1b\\[[0-?]*[ -/]*[@-~]|\\x1b\\][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)"
_CONTROLS = (
    *(
        "NUL",
        "SOH",
        "STX",
        "ETX",
        "EOT",
        "ENQ",
        "ACK",
        "BEL",
        "BS",
        "TAB",
        "LF",
        "VT",
        "FF",
        "CR",
        "SO",
        "SI",
    ),
    *(
        "DLE",
        "DC1",
        "DC2",
        "DC3",
        "DC4",
        "NAK",
        "SYN",
        "ETB",
        "CAN",
        "EM",
        "SUB",
        "ESC",
        "FS",
        "GS",
        "RS",
        "US",
    ),
)
_SHOWN = re.compile(f"(?:{_SEQUENCE}|[{INVISIBLE}])+")
_CHARACTER = re.compile(f"[{INVISIBLE}]")


def visible(text: str) -> str:
    """The text with what cannot be seen spelled out, for where no markup can be (titles, say)."""
    return _CHARACTER.sub(lambda found: _spelled(found[0]), text)


def logtext(text: object, marks: Marks = (), limit: int = 0, *, more: int = 0) -> Markup:
    """The text as a <span class="logtext">: <mark> around what is highlighted, <i> around what was spelled
    out. Beyond `limit` characters (0: no limit) it only says how many more there are, with the `more` that
    the text was cut by before.

    A line's end is kept inside of its <i>, so that a style sheet decides whether it breaks there.
    """
    whole = str(text)
    kept = whole[:limit] if limit else whole
    parts = [_part(piece, marked) for piece, marked in _pieces(kept, marks)]
    if more := more + len(whole) - len(kept):
        parts.append(Markup("<i>… {:,} more</i>").format(more))
    return Markup('<span class="logtext">{}</span>').format(Markup("").join(parts))


def install(environment: Environment) -> None:
    """Make them filters of these templates."""
    environment.filters |= {"logtext": logtext, "visible": visible}


def _pieces(text: str, marks: Marks) -> Iterator[tuple[str, bool]]:
    """The text cut where a mark begins or ends; whether each piece is marked."""
    at = 0
    for start, end in marks:
        start, end = max(start, at), min(end, len(text))
        if start < end:
            yield text[at:start], False
            yield text[start:end], True
            at = end
    yield text[at:], False


def _part(piece: str, marked: bool) -> Markup:
    parts, at = [], 0
    for found in _SHOWN.finditer(piece):
        parts += [escape(piece[at : found.start()]), _shown(found[0])]
        at = found.end()
    html = Markup("").join([*parts, escape(piece[at:])])
    return Markup("<mark>{}</mark>").format(html) if marked else html


def _shown(run: str) -> Markup:
    spelled = _CHARACTER.sub(lambda found: _spelled(found[0]) + ("\n" if found[0] == "\n" else ""), run)
    return Markup("<i>{}</i>").format(spelled)


def _spelled(char: str) -> str:
    code = ord(char)
    if char == "\n":
        return "↵"
    if code < len(_CONTROLS):
        return f"⟨{_CONTROLS[code]}⟩"  # not the one sign that Unicode has for each: few fonts do
    return "⟨DEL⟩" if code == 0x7F else f"⟨U+{code:04X}⟩"
