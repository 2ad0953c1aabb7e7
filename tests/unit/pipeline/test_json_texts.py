from __future__ import annotations

import pytest

from logkeep.pipeline.json_texts import plain_number, rewritten


def change(text: bytes) -> bytes | None:
    return text.replace(b"bob", b'"#"') if b"bob" in text else b"#" if text == b"1200" else None


@pytest.mark.parametrize(
    ("json", "after"),
    [
        (b'{"a":"x", "n" : 1.10e400,"a":2}', None),
        (b'{"a": "bob!","n":1.00000000000000000001}', b'{"a": "\\"#\\"!","n":1.00000000000000000001}'),
        (rb'{"a":"b\u006fb"}', rb'{"a":"\"#\""}'),
        (rb'{"a":"x\\\"bob"}', rb'{"a":"x\\\"\"#\""}'),
        (rb'["\ud83d bob"]', '["\ufffd \\"#\\""]'.encode()),
        (b"[1.2e3,1200,-1200,12]", b'["#","#",-1200,12]'),
        (b'"bob"', rb'"\"#\""'),
        (b"1200", b'"#"'),
        (b'{"bob":1,"b\\u006fb":2,"bob":3}', rb'{"\"#\"":1,"\"#\"-2":2,"\"#\"-3":3}'),
        (rb'{"bob":1,"\"#\"":2}', rb'{"\"#\"-2":1,"\"#\"":2}'),
        (b'{"secret" : "a","b":"a"}', b'{"secret" : "S","b":"a"}'),
        (
            rb'{"s\u0065cret":5,"secret":{"secret":"","x":"y"}}',
            rb'{"s\u0065cret":"S","secret":{"secret":"","x":"y"}}',
        ),
        (b'{"secret":null,"x":"a"}', None),
        (b'{"a":[true,false,null]}', None),
    ],
)
def test_texts_are_replaced_and_all_else_keeps_its_bytes(json: bytes, after: bytes | None) -> None:
    assert (
        rewritten(json, change, is_secret=lambda key: key == b"secret", replacement=lambda _: b"S") == after
    )


def test_the_outermost_value_may_be_below_a_secret_key() -> None:
    keys: dict[str, object] = {
        "is_secret": lambda _: False,
        "replacement": lambda _: b"S",
        "below_secret": True,
    }
    assert rewritten(b'"x"', lambda _: None, **keys) == b'"S"'  # type: ignore[arg-type]
    assert rewritten(b'["x"]', lambda _: None, **keys) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        (b"4.111111111111111e15", b"4111111111111111"),
        (b"-12E-1", b"-1.2"),
        (b"1e999999999", b"1e999999999"),
        (b"1e400", b"1e400"),
        (b"12", b"12"),
    ],
)
def test_numbers_are_looked_at_as_people_write_them(number: bytes, plain: bytes) -> None:
    assert plain_number(number) == plain
