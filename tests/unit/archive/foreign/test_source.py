from __future__ import annotations

import pytest

from logkeep.archive.foreign.source import Source
from logkeep.errors import DamagedArchive


def source() -> Source:
    return Source(iter([b"abc", b"", b"defgh", b"i"]), "k")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 9, 20])
def test_a_head_stays_to_be_read(count: int) -> None:
    one = source()
    assert one.head(count) == b"abcdefghi"[:count]
    assert one.at == 0
    assert one.up_to(20) == b"abcdefghi"
    assert (one.at, one.head(1)) == (9, b"")


@pytest.mark.parametrize("read", range(1, 10))
@pytest.mark.parametrize("unread", range(10))
def test_what_is_put_back_is_read_again(read: int, unread: int) -> None:
    one = source()
    found = one.exactly(read)
    one.put_back(found[max(0, read - unread) :] if unread else b"")
    assert one.at == max(0, read - unread)
    assert one.head(2) == b"abcdefghi"[one.at :][:2]
    assert one.up_to(20) == b"abcdefghi"[max(0, read - unread) :]


def test_too_few_bytes_are_damage() -> None:
    with pytest.raises(DamagedArchive, match="k cannot be decompressed at byte 9: "):
        source().exactly(10)
