"""What a receiver made of a body, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Sequence

from logkeep.record import Received, Record, Refusal

Outcome = tuple[list[Record], list[Refusal]]


def outcome(received: Received) -> Outcome:
    assert len(received) == len(received.records)
    return received.records, list(received.refused)


def took(records: Sequence[Record], refused: Sequence[Refusal] = ()) -> Outcome:
    return list(records), list(refused)
