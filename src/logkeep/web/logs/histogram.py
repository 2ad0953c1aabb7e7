"""Lines over time by level, as a picture in SVG whose shapes need neither script nor style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.timeline import TimeRange, as_datetime
from logkeep.web.logs.levels import KINDS, kind_of

BAR_WIDTH = 10  # of the picture's units; a tenth on either side is left free
HEIGHT = 100
_LEAST_HEIGHT = 3  # a single error among thousands of lines must be seen
_TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A step that has lines."""

    start: int
    end: int
    number: int  # of its step
    count: int
    kinds: Mapping[str, int]  # lines of each kind of level that is there


@dataclass(frozen=True, kw_only=True)
class Picture:
    start: int
    end: int
    step: int
    steps: int
    total: int
    highest: int
    bars: Sequence[Bar]
    paths: Sequence[tuple[str, str]]  # kind of level, and the path of all its rectangles
    levels: Sequence[tuple[str, str, int]]  # kind, level as it is written, lines; the gravest first
    ticks: Sequence[int]

    @property
    def width(self) -> int:
        return self.steps * BAR_WIDTH

    @property
    def dated(self) -> bool:
        """Whether the range is of more than one day, so that times alone would not do."""
        return as_datetime(self.start).date() != as_datetime(self.end - 1).date()


def picture_of(histogram: Mapping[str, Any]) -> Picture | None:
    """Of an answer of /v1/histogram; None where it found no line and no range either."""
    if histogram["from"] is None:
        return None
    span = TimeRange(start=histogram["from"], end=histogram["to"])
    step = int(histogram["interval"])
    first = span.start // step
    steps = max(1, -(-span.end // step) - first)
    bars = [_bar(bucket, span, step, first) for bucket in histogram["buckets"]]
    highest = max((bar.count for bar in bars), default=0)
    return Picture(
        start=span.start,
        end=span.end,
        step=step,
        steps=steps,
        total=histogram["total"],
        highest=highest,
        bars=bars,
        paths=_paths(bars, highest),
        levels=_levels(histogram["buckets"]),
        ticks=_ticks(span, step),
    )


def _ticks(span: TimeRange, step: int) -> list[int]:
    """Times at equal distances, no more exact than they need to be."""
    exact = 1000 if step >= 1000 else 1
    length = span.end - span.start
    return [(span.start + length * n // (_TICKS - 1)) // exact * exact for n in range(_TICKS)]


def _bar(bucket: Mapping[str, Any], span: TimeRange, step: int, first: int) -> Bar:
    kinds: dict[str, int] = {}
    for level, count in bucket["levels"].items():
        kinds[kind_of(level)] = kinds.get(kind_of(level), 0) + count
    ts = bucket["ts"]
    return Bar(
        start=max(ts, span.start),
        end=min(ts + step, span.end),
        number=ts // step - first,
        count=bucket["count"],
        kinds=kinds,
    )


def _paths(bars: Sequence[Bar], highest: int) -> list[tuple[str, str]]:
    """The gravest stand at the bottom, where they can be compared."""
    parts: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for bar in bars:
        bottom = float(HEIGHT)
        for kind in KINDS:
            if lines := bar.kinds.get(kind, 0):
                height = min(max(lines / highest * HEIGHT, _LEAST_HEIGHT), bottom)
                parts[kind].append(_rectangle(bar.number, bottom, height))
                bottom -= height
    return [(kind, "".join(shapes)) for kind, shapes in parts.items() if shapes]


def _rectangle(number: int, bottom: float, height: float) -> str:
    left, width = number * BAR_WIDTH + 1, BAR_WIDTH - 2
    return f"M{left} {bottom:.4g}h{width}v-{height:.3g}h-{width}z"


def _levels(buckets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    counts: dict[str, int] = {}
    for bucket in buckets:
        for level, count in bucket["levels"].items():
            counts[level] = counts.get(level, 0) + count
    by_kind = sorted(counts.items(), key=lambda one: (KINDS.index(kind_of(one[0])), -one[1], one[0]))
    return [(kind_of(level), level, count) for level, count in by_kind]
