from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.archive.tokens import Hasher, token_hash
from logkeep.query.values import fold, tokens

LINES = (
    "",
    "\0",
    "a ab abc ABC abcdefgh abcdefghi abcdefghijklmnopq abcdefghijklmnopqr",
    "Failed password for root from 10.0.0.1 port 22 ssh2",
    "naïve ÉCOLE é \ufffd \U0001f600smile \u212aelvin straße",
    'a\tb\nc\x1bdef\x7fghi "quoted" back\\slash \\u0061bcd',
    "x" * 300,
    "@`[{/:09azAZ",
)
HASHER = Hasher()


def expected(lines: list[str]) -> list[int]:
    found = {token_hash(token.encode()) for line in lines for token in tokens(fold(line))}
    return sorted(one for one in found if one is not None)


def hashes(lines: list[str]) -> list[int]:
    found: list[int] = HASHER.hashes("\0".join(lines).encode()).tolist()
    return found


def test_the_hashes_of_a_text_are_those_of_its_tokens() -> None:
    assert hashes(list(LINES)) == expected(list(LINES))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.text(max_size=40) | st.text("aB9.\0é\\ ", max_size=40) | st.sampled_from(LINES)))
def test_any_text_gives_the_hashes_of_its_tokens_and_no_other(lines: list[str]) -> None:
    assert hashes(lines) == expected(lines)


def test_texts_of_several_pieces_lose_no_token() -> None:
    lines = [f"{number} token{number} {'long' * 30}{number}" for number in range(12_000)]
    assert len("\0".join(lines)) > 1 << 20

    assert hashes(lines) == expected(lines)
    assert hashes(["y" * (3 << 20), "abc"]) == expected(["y" * (3 << 20), "abc"])


def test_case_does_not_matter_and_short_tokens_have_no_hash() -> None:
    assert token_hash(b"FAILED") == token_hash(b"failed")
    assert (token_hash(b""), token_hash(b"ab")) == (None, None)
    assert hashes(["", "a b 12 zz"]) == []


def test_hashes_are_those_of_the_format() -> None:
    """Frozen: archives of every release have them."""
    frozen = {"abc": 694179098, "failed12": 3518120920, "abcdefghi": 858621086, "größe": 1923359997}
    assert {token: token_hash(token.encode()) for token in frozen} == frozen
