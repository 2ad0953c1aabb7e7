"""The steps of a histogram when nobody chose any."""

from __future__ import annotations

from logkeep.timeline import TimeRange

# Steps that people read easily, each a multiple of those before it; the shortest that makes no more than this
# many is taken.
_MOST_STEPS = 120
_STEPS_MS = (
    *(1, 10, 100, 1000, 5000, 10_000, 30_000),
    *(60_000, 300_000, 600_000, 1_800_000),
    *(3_600_000, 10_800_000, 43_200_000, 86_400_000, 604_800_000),
)
SHORTEST_MS = _STEPS_MS[0]


def usual_step(span: TimeRange) -> int:
    """Its width in ms."""
    return next((ms for ms in _STEPS_MS if (span.end - span.start) / ms <= _MOST_STEPS), _STEPS_MS[-1])
