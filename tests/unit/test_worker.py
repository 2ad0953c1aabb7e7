from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from logkeep import worker as module
from logkeep.errors import LogkeepError, Overloaded
from logkeep.worker import Worker

PATIENCE_S = 10


class Steps:
    """A step that tells of every round, and does in it what it is told to."""

    def __init__(self) -> None:
        self.rounds: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[float | LogkeepError | None] = queue.SimpleQueue()
        self.count = 0

    def __call__(self) -> float | None:
        self.count += 1
        self.rounds.put(self.count)
        answer = self.answers.get(timeout=PATIENCE_S)
        if isinstance(answer, LogkeepError):
            raise answer
        return answer

    def begun(self) -> int:
        return self.rounds.get(timeout=PATIENCE_S)


@contextmanager
def running(steps: Steps) -> Iterator[Worker]:
    worker = Worker("test", steps)
    worker.start()
    try:
        yield worker
    finally:
        steps.answers.put(None)
        worker.stop()


def test_a_worker_runs_again_after_the_delay_that_its_step_asks_for() -> None:
    steps = Steps()
    with running(steps):
        for _ in range(3):
            steps.answers.put(0.0)
        steps.answers.put(0.001)
        assert [steps.begun() for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_worker_without_work_waits_until_it_is_woken() -> None:
    steps = Steps()
    with running(steps) as worker:
        steps.begun()
        steps.answers.put(None)
        with pytest.raises(queue.Empty):
            steps.rounds.get(timeout=0.05)
        worker.wake()
        assert steps.begun() == 2


def test_a_wake_in_the_middle_of_a_round_makes_one_more_round() -> None:
    steps = Steps()
    with running(steps) as worker:
        steps.begun()
        worker.wake()
        worker.wake()
        steps.answers.put(None)
        assert steps.begun() == 2
        steps.answers.put(None)
        with pytest.raises(queue.Empty):
            steps.rounds.get(timeout=0.05)


def test_a_wake_cuts_a_long_delay_short() -> None:
    steps = Steps()
    with running(steps) as worker:
        steps.begun()
        steps.answers.put(3600.0)
        worker.wake()
        assert steps.begun() == 2


def test_an_error_is_shown_until_a_round_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)
    steps = Steps()
    error = Overloaded("the disk is full")
    with running(steps) as worker:
        assert worker.last_error is None
        steps.begun()
        steps.answers.put(error)
        steps.begun()
        assert worker.last_error is error
        steps.answers.put(0.0)
        steps.begun()
        assert worker.last_error is None


def test_the_pause_after_errors_doubles_to_a_limit_and_starts_anew_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, timeout=None: pauses.append(timeout))
    outcomes: list[LogkeepError | float] = [*[LogkeepError("no")] * 9, 5.0, LogkeepError("no")]

    def step() -> float:
        outcome = outcomes.pop(0)
        if isinstance(outcome, LogkeepError):
            raise outcome
        return outcome

    worker = Worker("test", step)
    delays = [worker._round() for _ in range(11)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0, 0.5]
    assert delays == [0.0] * 9 + [5.0, 0.0]


def test_a_stop_lets_the_round_end_and_cuts_every_pause_short() -> None:
    steps = Steps()
    worker = Worker("test", steps)
    worker.start()
    steps.begun()
    stopper = threading.Thread(target=worker.stop)
    stopper.start()
    assert worker.stopping.wait(PATIENCE_S)
    assert stopper.is_alive()
    steps.answers.put(LogkeepError("no"))
    stopper.join(PATIENCE_S)
    assert (stopper.is_alive(), steps.count) == (False, 1)


def test_a_worker_that_never_started_can_be_stopped() -> None:
    Worker("test", Steps()).stop()


PROGRAM = """
import threading
from logkeep.worker import Worker, end_process_on_defect

def step():
    raise ZeroDivisionError("a defect")

end_process_on_defect()
Worker("test", step).start()
threading.Event().wait()
"""


def test_a_defect_in_a_worker_ends_the_process_with_its_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (70, "ZeroDivisionError: a defect")
