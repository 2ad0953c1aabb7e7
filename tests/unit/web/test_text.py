from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment
from markupsafe import Markup

from logkeep.web import text
from logkeep.web.text import logtext, visible
from tests.unit.web.modules import run_module

TEXT_JS = Path(text.__file__).parent / "static" / "js" / "text.js"


def inner(html: Markup) -> str:
    """What is in the span."""
    return html.removeprefix('<span class="logtext">').removesuffix("</span>")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain, ünïcode and 日本 😀", "plain, ünïcode and 日本 😀"),
        ("<script>alert(1)</script> & \"'", "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;&#39;"),
        ("a\tb", "a\tb"),
        ("nul\x00bell\x07", "nul<i>⟨NUL⟩</i>bell<i>⟨BEL⟩</i>"),
        ("\x1b[31mred\x1b[0m", "<i>⟨ESC⟩[31m</i>red<i>⟨ESC⟩[0m</i>"),
        ("\x1b]8;;http://x\x07link", "<i>⟨ESC⟩]8;;http://x⟨BEL⟩</i>link"),
        ("\x1b]0;never ended", "<i>⟨ESC⟩</i>]0;never ended"),
        ("\x1b[<b>", "<i>⟨ESC⟩[&lt;b</i>&gt;"),
        ("two\r\nlines", "two<i>⟨CR⟩↵\n</i>lines"),
        ("user\u202egnp.exe", "user<i>⟨U+202E⟩</i>gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero<i>⟨U+200B⟩</i>width<i>⟨U+FEFF⟩</i>"),
        ("half \ud83d of a pair", "half <i>⟨U+D83D⟩</i> of a pair"),
        ("tags \U000e0041", "tags <i>⟨U+E0041⟩</i>"),
        ("\x7f\x85", "<i>⟨DEL⟩⟨U+0085⟩</i>"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out_and_the_rest_stays_text(line: str, shown: str) -> None:
    assert inner(logtext(line)) == shown


def test_marks_are_around_what_they_cover_and_no_more() -> None:
    assert inner(logtext("a <b> c", [(2, 5)])) == "a <mark>&lt;b&gt;</mark> c"
    assert inner(logtext("😀 x\x00y", [(0, 1), (2, 4)])) == "<mark>😀</mark> <mark>x<i>⟨NUL⟩</i></mark>y"


def test_marks_that_overlap_or_lie_outside_lose_no_text() -> None:
    assert inner(logtext("abcdef", [(0, 3), (2, 4), (5, 99), (50, 60)])) == (
        "<mark>abc</mark><mark>d</mark>e<mark>f</mark>"
    )


def test_beyond_the_limit_it_says_how_much_there_is() -> None:
    assert inner(logtext("x" * 5000, [(2, 4)], limit=4)) == "xx<mark>xx</mark><i>… 4,996 more</i>"
    assert inner(logtext("short", limit=5)) == "short"


def test_without_markup_it_is_spelled_out_too() -> None:
    assert visible("a\u202eb\nc\x1b[1m") == "a⟨U+202E⟩b↵c⟨ESC⟩[1m"


def test_templates_have_it_as_filters() -> None:
    environment = Environment(loader=DictLoader({"t": "{{ x|logtext }} {{ x|visible }}"}), autoescape=True)
    text.install(environment)
    assert environment.get_template("t").render(x="<\x00") == (
        '<span class="logtext">&lt;<i>⟨NUL⟩</i></span> &lt;⟨NUL⟩'
    )


def test_every_character_can_be_sent_once_it_is_shown() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert logtext(every).encode()
    assert visible(every).encode()


def test_the_browser_spells_out_the_same_characters() -> None:
    told = run_module(
        TEXT_JS,
        """
        const spelled = {};
        for (let code = 0; code <= 0x10ffff; code++) {
          const char = String.fromCodePoint(code);
          if (module.visible(char) !== char) spelled[code] = module.visible(char);
        }
        console.log(JSON.stringify(spelled));
        """,
    )
    every = map(chr, range(sys.maxunicode + 1))
    assert told == {str(ord(char)): visible(char) for char in every if visible(char) != char}


def test_the_browser_cuts_at_the_same_places() -> None:
    lines = [
        ("\x1b[31mred\x1b[0m \x1b]0;t\x1b\\ x", [(5, 8)]),
        ("😀 x\x00y", [(0, 1), (2, 4)]),
        ("half \ud83d", [(5, 6)]),
    ]
    told = run_module(
        TEXT_JS,
        """
        const cut = ([line, marks]) => module.pieces(line, marks).map((p) => [p.text, p.kind, p.marked]);
        console.log(JSON.stringify(given.map(cut)));
        """,
        lines,
    )
    assert told == [
        [
            ["⟨ESC⟩[31m", "spelled", False],
            ["red", "plain", True],
            ["⟨ESC⟩[0m", "spelled", False],
            [" ", "plain", False],
            ["⟨ESC⟩]0;t⟨ESC⟩\\", "spelled", False],
            [" x", "plain", False],
        ],
        [
            ["😀", "plain", True],
            [" ", "plain", False],
            ["x", "plain", True],
            ["⟨NUL⟩", "spelled", True],
            ["y", "plain", False],
        ],
        [["half ", "plain", False], ["⟨U+D83D⟩", "spelled", True]],
    ]
