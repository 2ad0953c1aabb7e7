"""A convert from end to end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from logkeep.archive.foreign.base import Layout, Problem, Problems
from logkeep.archive.foreign.find import ForeignObject, find_foreign
from logkeep.archive.layout import key_of, parse_key
from logkeep.convert.apart import require_apart
from logkeep.convert.order import Ordered
from logkeep.convert.report import Converted, Step
from logkeep.convert.source import readings
from logkeep.convert.split import HourFiles, LineFile, no_room
from logkeep.convert.store import frames_of, parts_of, store_object
from logkeep.errors import BadSetting
from logkeep.faults import crash_point
from logkeep.storage.base import Bucket
from logkeep.timeline import Hour, TimeRange, hour_end, hour_of, hour_start

_PROBLEMS_KEPT = 1000
_WORK = "logkeep-convert"

Progress = Callable[[Step, int, int], None]


def convert(
    source: Bucket,
    destination: Bucket,
    *,
    layout: Layout,
    account: str,
    within: TimeRange | None = None,
    work: Path | None = None,
    progress: Progress = lambda _step, _done, _total: None,
) -> Converted:
    """Write what is in `source` into `destination` as an archive of `account`.

    All of it, or the whole UTC hours that `within` touches. Runs through again after it was cut short and
    ends with the same archive. `work` is a folder for about an eighth of the lines' bytes; its subfolder
    `logkeep-convert` is emptied, so one convert at a time may use it. None: the system's temporary folder.

    What cannot be read is passed over and reported; an object that is damaged in the middle gives what
    is before that. Raises BadSetting for an account that is none and for folders of which one is in the other
    (of buckets the caller checks that: a Bucket does not tell its endpoint), Conflict when the destination
    holds other objects under the same keys, StorageError when a bucket or the disk fails.
    """
    if parse_key(key_of(account, Hour(0), 0)) is None:
        raise BadSetting(
            f"{account!r} is no account", hint="it is made of letters, digits, '-' and '_'", field="account"
        )
    if source.url.startswith("file:"):
        require_apart(source.url, destination.url)
    if within is not None:
        within = TimeRange(start=hour_start(hour_of(within.start)), end=hour_end(hour_of(within.end - 1)))
    with _work_folder(work) as folder:
        run = _Run(
            source=source,
            destination=destination,
            layout=layout,
            account=account,
            within=within,
            folder=folder,
            progress=progress,
        )
        return run.convert()


@contextmanager
def _work_folder(work: Path | None) -> Iterator[Path]:
    if work is None:
        with tempfile.TemporaryDirectory(prefix=f"{_WORK}-") as temporary:
            yield Path(temporary)
        return
    folder = work / _WORK
    try:
        shutil.rmtree(folder, ignore_errors=True)  # of a convert that was killed
        folder.mkdir(parents=True)
    except OSError as error:
        raise no_room(folder, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(kw_only=True)
class _Run:
    source: Bucket
    destination: Bucket
    layout: Layout
    account: str
    within: TimeRange | None
    folder: Path
    progress: Progress
    lines_read: int = 0
    lines: int = 0
    repeats: int = 0
    objects: int = 0
    found: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    def convert(self) -> Converted:
        sources = find_foreign(self.source, self.layout, self.within)
        hours = self._read(sources)
        crash_point("convert.split")
        for hour, lines in hours:
            self._write(hour, lines)
        return Converted(
            layout=self.layout.name,
            sources=len(sources),
            source_bytes=sum(one.size for one in sources),
            lines=self.lines,
            repeats=self.repeats,
            objects=self.objects,
            found=self.found,
            raw_bytes=self.raw_bytes,
            stored_bytes=self.stored_bytes,
            problems=self.problems,
            problem_count=self.problem_count,
        )

    def _read(self, sources: list[ForeignObject]) -> list[tuple[Hour, LineFile]]:
        files = HourFiles(self.folder, self.within.hours() if self.within else None)
        done, total = 0, sum(one.size for one in sources)
        for source, problems, pieces in readings(self.source, self.layout, sources):
            for lines in pieces:
                self.lines_read += files.add(lines, problems)
            self._report(problems)
            done += source.size
            self.progress(Step.READING, done, total)
        return list(files.take())

    def _report(self, problems: Problems) -> None:
        self.problem_count += problems.count
        self.problems += problems.first[: _PROBLEMS_KEPT - len(self.problems)]

    def _write(self, hour: Hour, lines: LineFile) -> None:
        folder = self.folder / f"{hour}"
        try:
            folder.mkdir()
        except OSError as error:
            raise no_room(folder, error) from error
        ordered = Ordered(lines, folder)
        for part, frames in enumerate(parts_of(frames_of(ordered, self.account, hour))):
            manifest, there = store_object(
                self.destination, frames, folder, account=self.account, hour=hour, part=part
            )
            self.objects += 1
            self.found += there
            self.lines += manifest.lines
            self.raw_bytes += manifest.raw_bytes
            self.stored_bytes += manifest.stored_bytes
            self.progress(Step.WRITING, self.lines + self.repeats + ordered.repeats, self.lines_read)
        self.repeats += ordered.repeats
        shutil.rmtree(folder, ignore_errors=True)
        lines.path.unlink(missing_ok=True)
