from __future__ import annotations

import base64
import json
from copy import copy
from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.json_texts import rewritten
from logkeep.pipeline.places import places, replaced
from logkeep.pipeline.processors.redact import RedactProcessor
from logkeep.pipeline.redactions import is_secret_key, redactions
from logkeep.record import Record

NAMES = ("email", "card", "ipv4", "ipv6", "token")


def after(record: Record, *, fields: tuple[str, ...] = ("line", "meta")) -> Record:
    processor = RedactProcessor(model.Redact(patterns=NAMES, fields=fields), lambda: 0.0)
    [redacted] = processor.run([record])
    return redacted


def meta_after(meta: bytes, *fields: str) -> bytes:
    return bytes(after(Record(meta=msgspec.Raw(meta)), fields=fields or ("meta",)).meta)


def test_only_the_fields_that_are_named_are_touched_and_events_are_counted() -> None:
    processor = RedactProcessor(model.Redact(patterns=("ipv4",), fields=("line", "host")), lambda: 0.0)
    records = [
        Record(line="from 10.0.0.1 and 10.0.0.2", host="10.0.0.3", app="10.0.0.4"),
        Record(line="nothing"),
        Record(host="10.0.0.5"),
    ]
    assert processor.run(records) == [
        Record(line="from [redacted] and [redacted]", host="[redacted]", app="10.0.0.4"),
        Record(line="nothing"),
        Record(host="[redacted]"),
    ]
    assert processor.noted == {"redacted": 2}


def test_tags_are_redacted_one_by_one() -> None:
    record = Record(tag=("a", "ip 10.0.0.1", "10.0.0.2\n"))
    assert after(record, fields=("tag",)).tag == ("a", "ip [redacted]", "[redacted]\n")


def test_the_replacement_is_literal() -> None:
    spec = model.Redact(regex=("(a)(b)",), replacement=r'\1 \g<1> $1 "\\')
    [record] = RedactProcessor(spec, lambda: 0.0).run([Record(line="xaby", meta=msgspec.Raw(b'{"k":"ab"}'))])
    assert record.line == r'x\1 \g<1> $1 "\\y'
    assert msgspec.json.decode(record.meta) == {"k": spec.replacement}


@pytest.mark.parametrize(
    ("meta", "left"),
    [
        (rb'{"m":"a\u0040b.cd"}', b'{"m":"[redacted]"}'),
        (
            b'{"x":{"y":["10.0.0.1",4111111111111111,{"z":"a@b.cd"}]}}',
            b'{"x":{"y":["[redacted]","[redacted]",{"z":"[redacted]"}]}}',
        ),
        (b'{"n":6304e12}', b'{"n":"[redacted]"}'),
        (b"6304E+12", b'"[redacted]"'),
        (b'{"f":-4111111111111111.0}', b'{"f":"-[redacted].0"}'),
        (b'{"password"\r:\r12}', b'{"password"\r:\r"[redacted]"}'),
        (b'{"a@b.cd":1,"c@d.ef":2}', b'{"[redacted]":1,"[redacted]-2":2}'),
        (
            b'{"db_password":"x","pin":{"token":12}}',
            b'{"db_password":"[redacted]","pin":{"token":"[redacted]"}}',
        ),
        (rb'{"p\u0061ssword":"x"}', rb'{"p\u0061ssword":"[redacted]"}'),
        (b'{"t":"password=x y"}', b'{"t":"password=[redacted] y"}'),
        (b'{"n":1.00000000000000000001,"a":1e400}', b'{"n":1.00000000000000000001,"a":1e400}'),
        (b'{"a":"b",\n"c":"a@b.cd"}', b'{"a":"b",\n"c":"[redacted]"}'),
        (b"", b""),
    ],
)
def test_whatever_holds_it_in_meta(meta: bytes, left: bytes) -> None:
    assert meta_after(meta) == left


def test_a_member_of_meta_alone() -> None:
    meta = b'{"a":{"mail":"a@b.cd","token":"x"},"b":"a@b.cd"}'
    assert json.loads(meta_after(meta, "meta.a.mail")) == {
        "a": {"mail": "[redacted]", "token": "x"},
        "b": "a@b.cd",
    }
    assert json.loads(meta_after(meta, "meta.a.token")) == {
        "a": {"mail": "a@b.cd", "token": "[redacted]"},
        "b": "a@b.cd",
    }
    assert meta_after(meta, "meta.no") == meta


def test_the_bytes_of_a_line_go_with_what_was_redacted_in_it() -> None:
    data = b"\xff a@b.cd"
    raw = base64.b64encode(data).decode()
    hit = after(Record(line=data.decode(errors="replace"), raw=raw))
    assert (hit.line, hit.raw) == ("\ufffd [redacted]", "")
    assert after(Record(line="\ufffd x", raw=raw)).raw == raw


def test_redacting_twice_changes_nothing_more() -> None:
    processor = RedactProcessor(model.Redact(patterns=NAMES), lambda: 0.0)
    [once] = processor.run([Record(line="password=x a@b.cd", meta=msgspec.Raw(b'{"token":"x"}'))])
    [twice] = processor.run([copy(once)])
    assert twice == once
    assert processor.noted == {"redacted": 1}


def test_a_text_that_takes_too_long_is_replaced_as_a_whole() -> None:
    ticks = count()
    processor = RedactProcessor(model.Redact(regex=("a.*b|a",), fields=("line",)), lambda: next(ticks) * 0.6)
    [record] = processor.run([Record(line="a" * 100)])
    assert record.line == "[redacted]"
    assert processor.noted == {"redacted": 1, "over-budget": 1}
    assert "100 bytes was replaced as a whole" in processor.problem


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (model.Redact(), "patterns"),
        (model.Redact(patterns=("mail",)), "patterns[0]"),
        (model.Redact(regex=("(",)), "regex[0]"),
        (model.Redact(patterns=("email",), fields=()), "fields"),
        (model.Redact(patterns=("email",), fields=("line", "ts")), "fields[1]"),
        (model.Redact(patterns=("email",), fields=("id",)), "fields[0]"),
        (model.Redact(patterns=("email",), fields=("no",)), "fields[0]"),
    ],
)
def test_what_cannot_be_is_refused(spec: model.Redact, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        RedactProcessor(spec, lambda: 0.0)
    assert caught.value.field == field


# Searched together and one by one

REGEX = ("ses+=[^x]*", "^start", "end$", r"(?i)\bKey\b", "é.", r"a\nb", '"q', r"\Bz")
WORDS = (
    "a@b.cd bob%40b.cd 4111111111111111 10.0.0.1 fe80::1 :: password Bearer lkp_0123456789abcdefgh sess=1 "
    "start end key KEY abcdefgh1 secret 1111"
)
SIGNS = '"=:xé\nz \\.1\x1f\r4-,{}@e5\ufffd\U0001f389'
PIECES = st.sampled_from([*WORDS.split(), "4111 1111 1111 1111", "a\nb", *SIGNS])
TEXTS = st.lists(PIECES, max_size=6).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers(0, 10**19) | st.sampled_from([4111111111111111, 4e15, 1e300, 0.5, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def metas(draw: st.DrawFn) -> bytes:
    """JSON as several programs write it, some with escapes where none are needed."""
    text = json.dumps(
        draw(VALUES), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1]))
    )
    if draw(st.booleans()):
        text = text.replace("@", "\\u0040").replace("secret", "s\\u0065cret")
    return text.encode()


RECORDS = st.builds(
    lambda line, host, tag, meta: Record(line=line, host=host, tag=tuple(tag), meta=msgspec.Raw(meta)),
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=2),
    st.just(b"") | metas(),
)


def plainly(record: Record, patterns: tuple[str, ...], regex: tuple[str, ...]) -> Record:
    """Every text of an event, by itself."""
    everything = redactions(patterns, regex)

    def change(text: bytes) -> bytes | None:
        spans = places(everything, text)
        return replaced(text, spans, b"#") if spans else None

    def text_after(text: str) -> str:
        new = change(text.encode())
        return text if new is None else new.decode()

    is_secret = is_secret_key if "token" in patterns else lambda _: False
    meta = bytes(record.meta)
    new = rewritten(meta, change, is_secret=is_secret, replacement=lambda _: b"#")
    return Record(
        line=text_after(record.line),
        host=text_after(record.host),
        tag=tuple(map(text_after, record.tag)),
        meta=msgspec.Raw(meta if new is None else new),
    )


@settings(max_examples=400, deadline=None)
@given(
    st.lists(RECORDS, max_size=8),
    st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    st.lists(st.sampled_from(REGEX), max_size=2, unique=True),
)
def test_a_batch_is_redacted_as_each_event_by_itself(
    records: list[Record], names: list[str], regex: list[str]
) -> None:
    patterns = tuple(names) if names or regex else ("email",)
    fields = ("line", "host", "tag", "meta")
    expected = [plainly(record, patterns, tuple(regex)) for record in records]
    changed = sum(old != new for old, new in zip(records, expected, strict=True))
    spec = model.Redact(patterns=patterns, regex=tuple(regex), fields=fields, replacement="#")
    processor = RedactProcessor(spec, lambda: 0.0)
    assert processor.run(records) == expected
    assert processor.noted == ({"redacted": changed} if changed else {})
    for record in expected:
        if record.meta:
            json.loads(bytes(record.meta))
