from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from logkeep.archive.filter_file import MIN_RAW_BYTES, FilterFile
from logkeep.archive.filters import encode_group
from logkeep.archive.manifest import Filters
from logkeep.archive.tokens import Hashes

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
MIB = 1 << 20


def tokens(*numbers: int) -> Hashes:
    return np.array(numbers, dtype=np.uint32)


def test_a_filter_is_the_groups_of_its_blocks(tmp_path: Path) -> None:
    with FilterFile(tmp_path / "f") as file:
        for number in range(70):
            file.add(tokens(number), MIB)
        filters = file.end(KEY)

    first, pages = encode_group([tokens(number) for number in range(64)], first=0, offset=0)
    last, more = encode_group([tokens(number) for number in range(64, 70)], first=64, offset=len(pages))
    sha256 = hashlib.sha256(pages + more).hexdigest()
    assert (tmp_path / "f").read_bytes() == pages + more
    assert filters == Filters(
        key=f"_filter/{KEY.removesuffix('.json.gz')}.{sha256[:8]}",
        bytes=len(pages + more),
        sha256=sha256,
        groups=(first, last),
    )


def test_a_block_that_is_not_known_or_has_too_many_tokens_is_in_no_group(tmp_path: Path) -> None:
    with FilterFile(tmp_path / "f") as file:
        for one in (tokens(1), None, tokens(2), tokens(*range(MIB // 40 + 1)), tokens(3), tokens(4)):
            file.add(one, MIB)
        filters = file.end(KEY)

    assert filters is not None
    assert [(one.first, one.blocks) for one in filters.groups] == [(0, 1), (2, 1), (4, 2)]


@pytest.mark.parametrize("of", [tokens(1), None])
def test_a_small_object_and_one_that_is_not_known_have_no_filter(of: Hashes | None, tmp_path: Path) -> None:
    with FilterFile(tmp_path / "f") as file:
        file.add(of, MIN_RAW_BYTES - (of is not None))
        assert file.end(KEY) is None


def test_without_a_path_nothing_is_kept() -> None:
    with FilterFile(None) as file:
        file.add(tokens(1), MIB)
        assert file.end(KEY) is None
