from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.archive.block import compress, decompress
from logkeep.errors import DamagedArchive

LINES = b'{"_lid":"1","_ts":1}\n' * 1000


@given(st.binary(min_size=1, max_size=5000))
def test_a_block_gives_back_its_lines(lines: bytes) -> None:
    assert decompress(compress(lines), len(lines), "here") == lines


def test_blocks_put_together_are_one_gzip_file() -> None:
    assert gzip.decompress(compress(b"a\n") + compress(b"b\n")) == b"a\nb\n"


def test_a_block_has_no_name_and_no_time_in_it() -> None:
    assert compress(LINES)[:8] == bytes.fromhex("1f8b080000000000")


@pytest.mark.parametrize("raw_bytes", [len(LINES) - 1, len(LINES) + 1, 0])
def test_a_block_of_another_length_is_damaged(raw_bytes: int) -> None:
    with pytest.raises(DamagedArchive, match="objects/x at byte 7"):
        decompress(compress(LINES), raw_bytes, "objects/x at byte 7")


def test_a_small_block_that_unpacks_to_much_is_stopped_early() -> None:
    bomb = compress(bytes(200 << 20))

    with pytest.raises(DamagedArchive):
        decompress(bomb, 1000, "here")


@pytest.mark.parametrize("damage", ["cut", "flipped", "followed", "empty", "no gzip"])
def test_damaged_bytes_are_damage(damage: str) -> None:
    block = compress(LINES)
    stored = {
        "cut": block[:-1],
        "flipped": block[:40] + bytes([block[40] ^ 1]) + block[41:],
        "followed": block + b"x",
        "empty": b"",
        "no gzip": LINES,
    }[damage]

    with pytest.raises(DamagedArchive, match="here"):
        decompress(stored, len(LINES), "here")
