"""Worker: the threads that do what nobody waits for, each one loop over one step.

A step does one round of its work and says when it wants to run again; `wake` runs it at once. A step
that raises a LogkeepError is run again after a growing pause, and `last_error` tells what it was until
a round succeeds. Any other exception is a defect: it ends the process (see `end_process_on_defect`),
because a server that goes on without one of its parts looks healthy and is not.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from logkeep.errors import LogkeepError

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_NICENESS = 10

log = logging.getLogger("logkeep")

Step = Callable[[], float | None]
"""Does one round. Returns after how many seconds to run again; None to wait until woken."""


class Worker:
    """One named thread around one step."""

    def __init__(self, name: str, step: Step) -> None:
        self.name = name
        self.last_error: LogkeepError | None = None
        self._step = step
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._pause = _FIRST_PAUSE_S
        self._failing_since: float | None = None
        self._errors: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """Let the round that runs come to its end, then stop."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.is_alive()

    def failing_s(self) -> float:
        """For how long every round has failed; 0.0 when the last one did not."""
        since = self._failing_since
        return 0.0 if since is None else time.monotonic() - since

    def errors(self) -> dict[str, int]:
        """Rounds that failed since the start, by the code of their error."""
        return dict(self._errors)

    @property
    def stopping(self) -> threading.Event:
        """For steps of several parts: set when no further part should begin."""
        return self._stopping

    def _run(self) -> None:
        give_way()
        while not self._stopping.is_set():
            self._woken.clear()
            self._woken.wait(self._round())

    def _round(self) -> float | None:
        try:
            delay = self._step()
        except LogkeepError as error:
            self._failed(error)
            delay, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE_S)
            self._stopping.wait(delay)
            return 0.0
        if self.last_error is not None:
            log.warning("the worker %s works again", self.name)
        self.last_error = self._failing_since = None
        self._pause = _FIRST_PAUSE_S
        return delay

    def _failed(self, error: LogkeepError) -> None:
        if self.last_error is None or self.last_error.code != error.code:
            log.warning("the worker %s fails and will be tried again: %s", self.name, error)
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        self._errors[error.code] += 1
        self.last_error = error


def give_way() -> None:
    """Let this thread, and the engine's threads that its calls bring to life, have the processor after
    those that answer requests. On Linux a thread's niceness is its own; elsewhere this does nothing."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def end_process_on_defect() -> None:
    """Have an unexpected exception in any thread end the process with status 70 (EX_SOFTWARE).

    Whoever supervises it starts it again, and every part resumes from what is durable.
    """

    def report(args: threading.ExceptHookArgs) -> None:
        sys.excepthook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
        sys.stderr.flush()
        os._exit(70)

    threading.excepthook = report
