"""Named points at which a test can have the process killed, to prove that a restart loses nothing.

`LOGKEEP_CRASH_AT=seal.uploaded` kills the process with SIGKILL when it first gets to that point;
`LOGKEEP_CRASH_AT=seal.uploaded:3` the third time. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

_name, _, _count = os.environ.get("LOGKEEP_CRASH_AT", "").partition(":")
_remaining = int(_count or 1)


def crash_point(name: str) -> None:
    """Kill this process here if the environment asked for it."""
    if name == _name:
        _count_down()


def _count_down() -> None:
    global _remaining
    _remaining -= 1
    if _remaining <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
