"""Halves of surrogate pairs in JSON, which no decoder takes.

`JSON.stringify` writes one as `\\ud83d` where a program cut a text within a character. There is no such
character in UTF-8, so that one becomes U+FFFD; nothing else is lost with it.
"""

from __future__ import annotations

import re

# Every escape is matched, so that the `u` of an escaped backslash is not taken for one; pairs before halves.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def mended(body: bytes) -> bytes:
    """The JSON with U+FFFD in place of each half, as long as before. The same object if there is none."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    mended_body = _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
    return body if mended_body == body else mended_body
