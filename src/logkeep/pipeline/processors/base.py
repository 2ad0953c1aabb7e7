"""What a processor is to the pipeline that it belongs to."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from logkeep.record import Record


class Processor(Protocol):
    """Belongs to one pipeline, and is used by one thread at a time. What it remembers is lost when the
    pipeline is changed or the server ends."""

    noted: Counter[str]
    """What happened to events, beside coming in and going out: `failed`, `over-budget`. Only rises."""

    problem: str
    """Why the last event failed, with the beginning of its text; "" if none did."""

    def run(self, records: list[Record]) -> list[Record]:
        """The events that go on, in order. Raises nothing that an event could cause. It may change records
        in place, and they belong to nobody else."""
