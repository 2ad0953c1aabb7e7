"""Many ranges of one object in few requests, for clients that fetch one range at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from logkeep.storage.base import checked_length

# Ranges this near to each other share a request: its round trip costs more than the bytes between them.
_NEAR = 1024 * 1024
_AT_ONCE = 8  # requests in flight

Range = tuple[int, int]  # start, length


def fetch_ranges(fetch: Callable[[int, int], bytes], key: str, ranges: Sequence[Range]) -> list[bytes]:
    """The bytes of each range, in that order, by as few calls of `fetch` as that takes, some at once.

    `fetch` may return fewer bytes than asked for. Raises DamagedArchive when a range is not complete.
    """
    spans = spanning(ranges)
    if len(spans) > 1:
        with ThreadPoolExecutor(min(_AT_ONCE, len(spans)), thread_name_prefix="ranges") as pool:
            fetched = list(pool.map(lambda span: fetch(*span), spans))
    else:
        fetched = [fetch(*span) for span in spans]
    return [_cut(fetched, spans, key, wanted) for wanted in ranges]


def spanning(ranges: Sequence[Range]) -> list[Range]:
    """Few ranges, by start, that hold all of these and no more than _NEAR bytes between two."""
    spans: list[Range] = []
    for start, length in sorted(ranges):
        if spans and start <= (end := sum(spans[-1])) + _NEAR:
            first = spans[-1][0]
            spans[-1] = (first, max(end, start + length) - first)
        else:
            spans.append((start, length))
    return spans


def _cut(fetched: Sequence[bytes], spans: Sequence[Range], key: str, wanted: Range) -> bytes:
    start, length = wanted
    data, first = next(
        (data, span[0]) for data, span in zip(fetched, spans, strict=True) if span[0] <= start < sum(span)
    )
    return checked_length(data[start - first : start - first + length], key, start, length)
