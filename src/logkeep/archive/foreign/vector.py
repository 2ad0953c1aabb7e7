"""Objects of Vector's sinks for S3, GCS and Azure Blob.

Source: vectordotdev/vector, src/sinks/{aws_s3,gcp,azure_blob,s3_common}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from logkeep.archive.foreign.anything import read_anything
from logkeep.archive.foreign.base import DAY_MS, EVERYTHING, KeyHint, Problems, skipped, time_of_key
from logkeep.archive.foreign.fields import ANY_NAMES
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_NAMES = replace(
    ANY_NAMES,
    host=("host", "hostname", "kubernetes.pod_node_name"),
    app=("appname", "app", "service", "kubernetes.container_name"),
    file=("file",),
)


_ZONES_MS = 14 * HOUR_MS


@dataclass(frozen=True)
class Vector:
    """`date=2026-01-01/1767225600-<uuid>.log.gz`; the slash may lack, or any other prefix be there.

    A date in front is the events' own, in the time zone that the user set, so that it may be up to 14 hours
    from UTC's; within them is also that a line's own time may be a little before the event's. Else the
    number, the second of the upload, tells: events are older, by as long as a batch and a buffer wait; a day
    is for a sink that was down.
    """

    name: str = "vector"
    title: str = "Vector (aws_s3, gcp_cloud_storage, azure_blob)"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING  # the prefix is the user's own, and by default no folder

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        if match is None or skipped(key):
            return None
        year, month, day, uploaded = match.groups()
        start = time_of_key(year, month, day) if year else None
        if start is not None:
            return KeyHint.around(start, DAY_MS, older=_ZONES_MS, younger=_ZONES_MS)
        return KeyHint.around(int(uploaded) * 1000, 0, older=DAY_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        match = _KEY.fullmatch(key)
        return read_anything(
            content, problems, default_ts=int(match[4]) * 1000 if match else -1, names=_NAMES
        )


_KEY = re.compile(
    r"(?:.*?/)??(?:date=(\d{4})-(\d\d)-(\d\d)/?)?(\d{10})-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"(?:\.[A-Za-z0-9.]+)?",
    re.ASCII,
)

LAYOUT = Vector()
