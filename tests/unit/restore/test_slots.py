"""Slots are given in the order in which they were asked for."""

from __future__ import annotations

import threading

from logkeep.restore.slots import Slots


def test_whoever_waits_longest_is_next_even_when_the_holder_asks_again_at_once() -> None:
    slots = Slots(1)
    order: list[str] = []
    waiting = threading.Event()

    def other() -> None:
        waiting.set()
        with slots.one():
            order.append("other")

    with slots.one():
        thread = threading.Thread(target=other)
        thread.start()
        waiting.wait()
        while not slots.waiting():
            threading.Event().wait(0.001)
    with slots.one():
        order.append("first again")
    thread.join()
    assert order == ["other", "first again"]


def test_no_more_than_the_slots_are_held_at_once_and_an_error_gives_its_slot_back() -> None:
    slots = Slots(2)
    held = most = 0
    lock = threading.Lock()

    def hold() -> None:
        nonlocal held, most
        for _ in range(50):
            try:
                with slots.one():
                    with lock:
                        held += 1
                        most = max(most, held)
                    with lock:
                        held -= 1
                    raise ValueError
            except ValueError:
                pass

    threads = [threading.Thread(target=hold) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    with slots.one(), slots.one():
        assert slots.waiting() == 0
