"""What the kernel says of a process and of the machine (Linux)."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET_S = 0.5


def memory_mb(pid: int) -> float:
    return _status(pid, "VmRSS")


def peak_memory_mb(pid: int) -> float:
    """The highest memory since the start, or since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def wait_quiet(pid: int, *, patience_s: float = 180) -> None:
    """Until the process is at rest: merges go on for a while after lines came in."""
    end = time.monotonic() + patience_s
    while True:
        before = cpu_s(pid)
        time.sleep(_QUIET_S)
        if cpu_s(pid) - before < _QUIET_S / 10:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} does not come to rest")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


@dataclass(frozen=True, kw_only=True)
class Machine:
    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str
    chdb: str

    @staticmethod
    def here() -> Machine:
        return Machine(
            cores=len(os.sched_getaffinity(0)),
            processor=_processor(),
            memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
            system=f"{platform.system()} {platform.release().split('-')[0]}",
            python=platform.python_version(),
            chdb=version("chdb-core"),
        )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
