from __future__ import annotations

from pathlib import Path
from random import Random

from logkeep.inplace.seen import Seen


def test_a_time_and_id_is_new_once() -> None:
    seen = Seen(None)
    assert seen.first_time([1, 1, 2, 1], [7, 8, 7, 7]).tolist() == [True, True, True, False]
    assert seen.first_time([2, 3, 1], [7, 7, 8]).tolist() == [False, True, False]
    assert seen.first_time([], []).tolist() == []
    assert seen.first_time([0, 0], [0, (1 << 63) - 1]).tolist() == [True, True]


def test_what_memory_cannot_hold_is_looked_up_on_the_disk(tmp_path: Path) -> None:
    seen = Seen(tmp_path, most=100)
    random = Random(4)
    known: set[tuple[int, int]] = set()
    for _ in range(200):
        pairs = [(random.randrange(50), random.randrange(50)) for _ in range(20)]
        expected = []
        for pair in pairs:
            expected.append(pair not in known)
            known.add(pair)
        times, ids = map(list, zip(*pairs, strict=True))
        assert seen.first_time(times, ids).tolist() == expected
    assert list(tmp_path.iterdir()) != []
    seen.close()
    assert list(tmp_path.iterdir()) == []


def test_what_no_line_can_repeat_is_forgotten(tmp_path: Path) -> None:
    seen = Seen(tmp_path, most=3)
    seen.first_time([1, 2, 3, 4], [1, 2, 3, 4])
    seen.first_time([9], [9])
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 1
    seen.forget(5)
    assert list(folder.iterdir()) == []
    assert seen.first_time([9], [9]).tolist() == [False]
    seen.close()
