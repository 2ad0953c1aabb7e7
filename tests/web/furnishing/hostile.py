"""Lines that want to be more than text."""

from __future__ import annotations

HOST = "<b>host</b>"
APP = "hostile"

_LONG = 400 * 1024

# One a line of a plain text body; none has a line feed. Each begins with a word to find it by.
LINES: tuple[bytes, ...] = (
    b"markup <script>document.title = 'taken over'</script><img src=x onerror=alert(1)>",
    b"closing </script></style></textarea></title><svg onload=alert(1)> --> ]]> {{ 7 * 7 }} {% raw %}",
    b"quotes \" ' ` &quot; &amp; &#x27; &lt;b&gt; javascript:alert(1)",
    b"ansi \x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H \x1b]8;;https://example.org\x07link\x1b]8;;\x07",
    "bidi \u202egpj.exe\u202c \u2066isolated\u2069 \u200eleft\u200f right \u061c".encode(),
    "invisible a\u200bb\u200cc\u200dd\ufeffe\u00adf\u2060g".encode(),
    "breaks \u2028line\u2029paragraph\u0085next".encode(),
    b"control \x01\x02\x03\x08\x0b\x0c\x7f tab\there",
    b"nul before\x00after",
    b"carriage return first\rsecond",
    b"invalid utf-8 \xff\xfe \xc3( \xed\xa0\x80 \xf0\x9f\x92",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 \U0001f1eb\U0001f1ee e\u0301\u0301\u0301\u0301 Z̸̡͕͇̲̈́̉a̴͓̪̎l̷̥̈́g̸͓͝o̵͖͛".encode(),
    "wide 日本語のログ 한국어 العربية עברית ไทย हिन्दी".encode(),
    b"word " + b"x" * 3000,
    b"spaces     in     between\t\t\ttabs     ",
    b"long " + b"0123456789 " * (_LONG // 11),
)

# As NDJSON bodies have them.
JSON_LINES: tuple[bytes, ...] = (
    rb'{"msg":"surrogate \ud800 alone and \udc00 the other","level":"warn"}',
    rb'{"msg":"escaped \u0000 \u001b[31m \u202e \u2028","level":"info"}',
    b'{"msg":"<i>nested</i>","level":"<u>odd</u>","a":{"b":{"c":{"d":[1,[2,[3,{"e":"</script>"}]]]}}}}',
    b'{"msg":"keys","<b>key</b>":1,"key of words":2,"":3,"a.b":4,"\xf0\x9f\x91\x8d":5,"__proto__":{"x":1}}',
    b'{"msg":"numbers","big":123456789012345678901234567890,"tiny":1e-400,"nan":"NaN","no":null,"yes":true}',
)
