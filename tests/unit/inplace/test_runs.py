from __future__ import annotations

from pathlib import Path

from logkeep.inplace.runs import Line, Scratch

LINES = [
    Line(at // 3, (1 << 63) - at, -at, -1, b'{"_line":"%d"}\n' % at, "" if at % 2 else str(at), "a/b.gz", 1)
    for at in range(2000)
]


def test_a_run_gives_its_lines_as_far_as_it_is_asked(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    run = scratch.written(iter(LINES), merges=2)
    assert (run.left, run.last, run.merges) == (2000, LINES[-1].distance, 2)
    assert list(run.nearer(0)) == []
    assert list(run.nearer(400)) == LINES[:1200]
    assert list(run.nearer(400)) == []
    assert run.left == 800
    assert list(run.nearer(None)) == LINES[1200:]
    (folder,) = tmp_path.iterdir()
    assert list(folder.iterdir()) == []
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_distances_and_ids_of_both_signs_come_back(tmp_path: Path) -> None:
    lines = [
        Line(-5, -(1 << 63), -(1 << 60), -7, b"a\n", "", "k", 0),
        Line(5, 1 << 63, 1 << 60, 7, b"b\n", "", "k", 0),
    ]
    scratch = Scratch(tmp_path / "made" / "here")
    assert list(scratch.written(lines, merges=0).nearer(None)) == lines
    scratch.close()
