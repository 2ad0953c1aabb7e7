from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.keep import KeepProcessor
from logkeep.record import Record


def _event() -> Record:
    return Record(
        lid="1",
        ts=2,
        ns=3,
        rx=4,
        account="main",
        host="h",
        level="info",
        tag=("t",),
        meta=msgspec.Raw(b'{"a":{"b":1.10,"c":2},"d":3}'),
        line="x",
        raw="/w==",
    )


def _kept(*fields: str) -> Record:
    return KeepProcessor(model.Keep(fields=fields), lambda: 0.0).run([_event()])[0]


_ALWAYS = Record(lid="1", ts=2, ns=3, rx=4, account="main")


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        (("line",), {"line": "x", "raw": "/w=="}),
        (("host", "level", "tag"), {"host": "h", "level": "info", "tag": ("t",)}),
        (("meta",), {"meta": msgspec.Raw(b'{"a":{"b":1.10,"c":2},"d":3}')}),
        (("meta", "meta.a"), {"meta": msgspec.Raw(b'{"a":{"b":1.10,"c":2},"d":3}')}),
        (("meta.a.b", "id", "ts"), {"meta": msgspec.Raw(b'{"a":{"b":1.10}}')}),
        (("meta.x",), {}),
        (("app",), {}),
    ],
)
def test_only_these_fields_and_what_an_event_always_has_stay(
    fields: tuple[str, ...], changes: dict[str, object]
) -> None:
    assert _kept(*fields) == msgspec.structs.replace(_ALWAYS, **changes)


@pytest.mark.parametrize("fields", [(), ("line", "nothing")])
def test_what_is_no_field_is_refused(fields: tuple[str, ...]) -> None:
    with pytest.raises(BadSetting) as refused:
        _kept(*fields)
    assert refused.value.field == "fields"
