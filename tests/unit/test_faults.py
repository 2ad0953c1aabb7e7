from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from logkeep.faults import crash_point
for number in range(1, 6):
    print(number, flush=True)
    crash_point("seal.uploaded")
    crash_point("seal")
"""


@pytest.mark.parametrize(
    ("crash_at", "status", "printed"),
    [
        ("seal.uploaded", -signal.SIGKILL, "1\n"),
        ("seal.uploaded:3", -signal.SIGKILL, "1\n2\n3\n"),
        ("seal.uploaded:6", 0, "1\n2\n3\n4\n5\n"),
        ("other", 0, "1\n2\n3\n4\n5\n"),
        ("", 0, "1\n2\n3\n4\n5\n"),
    ],
)
def test_a_process_is_killed_at_the_point_that_its_environment_names(
    crash_at: str, status: int, printed: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LOGKEEP_CRASH_AT": crash_at},
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, printed)
