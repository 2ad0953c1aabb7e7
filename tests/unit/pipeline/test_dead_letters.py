from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from logkeep.errors import Overloaded
from logkeep.pipeline import dead_letters as module
from logkeep.pipeline.dead_letters import DeadLetter, DeadLetters

NOW = 1_795_165_933_123
PATIENCE_S = 30
QUEUE = "shop/to-siem"


def opened(folder: Path, max_bytes: int = 1 << 20) -> DeadLetters:
    return DeadLetters(folder, max_bytes=max_bytes, clock=lambda: NOW)


def event(n: int) -> bytes:
    return b'{"_lid":"%d","_meta":{"b": 1,\r"a":"\xc3\xa9"}}\n' % n


def lines(letters: DeadLetters, queue: str = QUEUE) -> list[bytes]:
    return [one.line for one in letters.read(queue, 1000)]


def test_what_is_added_is_read_as_it_was_also_after_opening_again(tmp_path: Path) -> None:
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(1), 'field "x" is no number'), (event(2), "")])
    letters.add(QUEUE, [(event(3), "later")])
    letters.add(QUEUE, [])
    wanted = [
        DeadLetter(at=NOW, reason='field "x" is no number', line=event(1)),
        DeadLetter(at=NOW, reason="", line=event(2)),
        DeadLetter(at=NOW, reason="later", line=event(3)),
    ]
    for one in (letters, opened(tmp_path)):
        assert one.read(QUEUE, 10) == wanted
        assert one.read(QUEUE, 2) == wanted[:2]
        assert one.count(QUEUE) == 3
    assert (letters.count("shop/none"), letters.read("shop/none", 9)) == (0, [])


def test_the_file_is_ndjson_that_any_tool_reads(tmp_path: Path) -> None:
    opened(tmp_path).add(QUEUE, [(b'{"_line":"a\\nb"}\n', "no\nway")])
    [line] = (tmp_path / "shop" / "to-siem.ndjson").read_text().splitlines()
    assert json.loads(line) == {"at": NOW, "reason": "no\nway", "event": {"_line": "a\nb"}}


def test_words_without_end_are_cut(tmp_path: Path) -> None:
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(1), "x" * 100_000)])
    assert letters.read(QUEUE, 1)[0].reason == "x" * 1000


def test_a_full_file_takes_no_more_until_it_is_emptied_and_others_do(tmp_path: Path) -> None:
    letters = opened(tmp_path, max_bytes=50)
    letters.add(QUEUE, [(event(1), "a"), (event(2), "b")])
    with pytest.raises(Overloaded, match="the dead letters of shop/to-siem have"):
        letters.add(QUEUE, [(event(3), "c")])
    letters.add("shop/other", [(event(3), "c")])
    assert letters.discard(QUEUE) == 2
    letters.add(QUEUE, [(event(4), "d")])
    assert lines(letters) == [event(4)]


def test_taking_gives_all_of_it_in_parts_and_empties_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PART_BYTES", len(event(0)) * 2)
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(n), "no") for n in range(5)])
    parts: list[list[bytes]] = []
    assert letters.take(QUEUE, parts.append) == 5
    assert parts == [[event(0), event(1)], [event(2), event(3)], [event(4)]]
    for one in (letters, opened(tmp_path)):
        assert (one.count(QUEUE), one.read(QUEUE, 9)) == (0, [])
    assert letters.take(QUEUE, parts.append) == 0
    assert len(parts) == 3


def test_what_is_refused_while_they_are_taken_is_kept(tmp_path: Path) -> None:
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(1), "no")])
    assert letters.take(QUEUE, lambda _: letters.add(QUEUE, [(event(2), "again")])) == 1
    assert lines(letters) == [event(2)]


def test_a_put_that_fails_keeps_what_it_did_not_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PART_BYTES", 1)
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(n), "no") for n in range(4)])
    got: list[bytes] = []

    def put(part: list[bytes]) -> None:
        if len(got) == 2:
            raise Overloaded("the outbox is full")
        got.extend(part)

    with pytest.raises(Overloaded, match="the outbox is full"):
        letters.take(QUEUE, put)
    letters.add(QUEUE, [(event(9), "later")])
    for one in (letters, opened(tmp_path)):
        assert (one.count(QUEUE), lines(one)) == (3, [event(2), event(3), event(9)])
    rest: list[bytes] = []
    assert letters.take(QUEUE, rest.extend) == 3
    assert (rest, letters.count(QUEUE)) == ([event(2), event(3), event(9)], 0)


def test_a_line_that_a_crash_cut_off_goes(tmp_path: Path) -> None:
    opened(tmp_path).add(QUEUE, [(event(1), "no")])
    with (tmp_path / "shop" / "to-siem.ndjson").open("ab") as file:
        file.write(b'{"at":17951659331')
    letters = opened(tmp_path)
    assert letters.count(QUEUE) == 1
    letters.add(QUEUE, [(event(2), "no")])
    assert lines(opened(tmp_path)) == [event(1), event(2)]


def test_after_a_kill_in_the_middle_of_taking_all_of_them_are_there_again(tmp_path: Path) -> None:
    opened(tmp_path).add(QUEUE, [(event(1), "no"), (event(2), "no")])
    program = (
        "import sys; from pathlib import Path; from logkeep.pipeline.dead_letters import DeadLetters\n"
        f"DeadLetters(Path(sys.argv[1]), max_bytes=1 << 20).take({QUEUE!r}, lambda part: None)"
    )
    environment = {**os.environ, "LOGKEEP_CRASH_AT": "dead_letters.put"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    killed = subprocess.run(command, env=environment, timeout=PATIENCE_S, check=False)
    assert killed.returncode == -signal.SIGKILL
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(3), "no")])
    assert (letters.count(QUEUE), lines(letters)) == (3, [event(1), event(2), event(3)])
    got: list[bytes] = []
    assert letters.take(QUEUE, got.extend) == 3
    assert got == [event(1), event(2), event(3)]


def test_a_pipeline_that_is_gone_leaves_none(tmp_path: Path) -> None:
    letters = opened(tmp_path)
    for queue in (QUEUE, "shop/other", "shopping/one"):
        letters.add(queue, [(event(1), "no")])
    letters.forget_pipeline("shop")
    letters.forget_pipeline("none")
    assert [letters.count(queue) for queue in (QUEUE, "shop/other", "shopping/one")] == [0, 0, 1]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["shopping"]
    letters.add(QUEUE, [(event(2), "no")])
    assert lines(letters) == [event(2)]


def test_a_disk_that_fails_is_overloaded_and_the_file_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = opened(tmp_path)
    letters.add(QUEUE, [(event(1), "no")])

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(Overloaded, match="No space left on device"):
            letters.add(QUEUE, [(event(2), "no")])
    letters.add(QUEUE, [(event(3), "no")])
    for one in (letters, opened(tmp_path)):
        assert (one.count(QUEUE), lines(one)) == (2, [event(1), event(3)])


@pytest.mark.parametrize("queue", ["../x", "a/b/c", "a/../b", "/x", "x"])
def test_a_name_that_is_no_queue_opens_no_file(tmp_path: Path, queue: str) -> None:
    with pytest.raises(ValueError, match="is no queue"):
        opened(tmp_path / "below").add(queue, [(event(1), "no")])
    assert list(tmp_path.iterdir()) == []


def test_additions_of_many_threads_are_all_there(tmp_path: Path) -> None:
    letters = opened(tmp_path)

    def add(first: int) -> None:
        for n in range(first, first + 10):
            letters.add(QUEUE, [(event(n), "no")])

    threads = [threading.Thread(target=add, args=(n * 10,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE_S)
    assert sorted(lines(letters)) == sorted(map(event, range(80)))
    assert letters.count(QUEUE) == 80
