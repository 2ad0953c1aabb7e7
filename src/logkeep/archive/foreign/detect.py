"""Tells whose archive a bucket holds, by its first keys and one of its objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import msgspec

from logkeep.archive.foreign import otel
from logkeep.archive.foreign.base import Layout, Problems, skipped
from logkeep.archive.foreign.content import decompressed
from logkeep.archive.foreign.layouts import LAYOUTS
from logkeep.archive.foreign.plain import is_canonical
from logkeep.archive.foreign.read import stored
from logkeep.archive.foreign.text import binary_format, is_text
from logkeep.archive.layout import object_key
from logkeep.errors import DamagedArchive
from logkeep.record import Record
from logkeep.storage.base import Bucket, Stat

_KEYS = 200
_LISTED = 5000  # among which the keys are looked for: sidecars may come first
_OPENED_BYTES = 4 << 20
_READ_RECORDS = 20_000
_SHOWN = 5
_DEEPEST = 4  # folders in front of the archive
_OWN = "logkeep"
_ANYTHING = ("logzio", "lines")  # layouts that take any key
_BY_CONTENT = (  # (with its usual keys, with any others, how its objects begin)
    ("otel", "otel-any", re.compile(rb'\s*\{\s*"resourceLogs"\s*:')),
    ("firehose", "firehose-any", re.compile(rb'\s*\{\s*"messageType"\s*:')),
)
_NO_TEXT = ("otel", "otel-any", "coralogix")  # layouts whose objects need not be text
_ANY_NAMES = "mezmo-pipeline"  # in folders of a day, as others have them too
_LEAST_SHARE = 0.5  # of the keys, and of the lines, for a layout to be named


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A layout that takes some of the keys when they are read from `prefix` on."""

    name: str
    keys: int
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What a bucket seems to hold. `layout` is None when nothing fits."""

    layout: str | None
    prefix: str  # the folder that the archive's URL has to end with beyond the bucket's
    reasons: tuple[str, ...]
    keys: int  # how many were looked at
    opened: str  # the key of the object that was looked into; "" if none was
    sample: tuple[Record, ...]  # its first records
    others: tuple[Candidate, ...]  # what else would fit, the best first


@dataclass(frozen=True, kw_only=True)
class _Sample:
    records: int
    problems: int
    first: tuple[Record, ...]
    first_problem: str

    @property
    def share(self) -> float:
        return self.records / (self.records + self.problems) if self.records else 0.0


def document(found: Detection) -> dict[str, Any]:
    """As the command and the API tell it in JSON."""
    return {
        "layout": found.layout,
        "title": LAYOUTS[found.layout].title if found.layout else None,
        "prefix": found.prefix,
        "reasons": found.reasons,
        "keys": found.keys,
        "opened": found.opened,
        "sample": found.sample,
        "others": [msgspec.to_builtins(other) for other in found.others],
    }


def detect(bucket: Bucket) -> Detection:
    """Looks at about 200 keys and into one object, of which it reads 4 MiB at most. Raises StorageError."""
    seen = list(islice(bucket.list(), _LISTED))
    own = [key for stat in seen if (key := object_key(stat.key)) is not None]
    objects = [stat for stat in seen if stat.size and not skipped(stat.key)]
    objects = ([stat for stat in objects if not otel.is_sidecar(stat.key)] or objects)[:_KEYS]
    if not objects and own:
        objects = [bucket.head(own[0])]
    if not objects:
        return _nothing(f"there is no object with lines in {bucket.url}", keys=len(seen))
    candidates = _by_content(bucket, objects, _candidates([stat.key for stat in objects]))
    if own:
        candidates = [each for each in candidates if each.name != _OWN]
        candidates.insert(0, Candidate(name=_OWN, keys=len(objects)))
    elif any(each.name == _OWN for each in candidates) and not _is_ours(bucket, objects):
        candidates = [each for each in candidates if each.name != _OWN]
    if any(stat.key.rsplit("/", 1)[-1] == "logzio-verified" for stat in seen):
        candidates.append(Candidate(name="logzio", keys=len(objects)))
    candidates.append(Candidate(name="lines", keys=len(objects)))
    return _best(bucket, objects, candidates, ours=bool(own))


def _candidates(keys: Sequence[str]) -> list[Candidate]:
    """The layouts that take at least half of the keys, those that take most first; of equals, that of any
    names last."""
    found = []
    for layout in LAYOUTS.values():
        if layout.name in _ANYTHING:
            continue
        takes = [
            Candidate(name=layout.name, prefix=prefix, keys=_taken(layout, keys, prefix))
            for prefix in _prefixes(keys)
        ]
        best = max(takes, key=lambda each: (each.keys, -len(each.prefix)))
        if best.keys >= _LEAST_SHARE * len(keys):
            found.append(best)
    # Stable: other equals stay in the order of LAYOUTS.
    return sorted(found, key=lambda each: (-each.keys, each.name == _ANY_NAMES))


def _taken(layout: Layout, keys: Sequence[str], prefix: str) -> int:
    inner = (key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    hints = [hint for key in inner if (hint := layout.hint(key)) is not None]
    if layout.name in [any_keys for _, any_keys, _ in _BY_CONTENT]:
        return sum(hint.times is not None for hint in hints)  # of any key it takes, those say something
    return len(hints)


def _by_content(bucket: Bucket, objects: Sequence[Stat], candidates: list[Candidate]) -> list[Candidate]:
    """The candidates, the layout first whose objects tell it by how they begin, whatever the keys are."""
    head = _head(bucket, _example(objects, LAYOUTS["lines"], ""))
    for usual, any_keys, beginning in _BY_CONTENT:
        if beginning.match(head):
            told = [each for each in candidates if each.name in (usual, any_keys)]
            others = [each for each in candidates if each not in told]
            return [*(told or [Candidate(name=any_keys, keys=len(objects))]), *others]
    return candidates


def _head(bucket: Bucket, opened: Stat) -> bytes:
    """How the object begins, up to the first piece of its content."""
    size = min(opened.size, _OPENED_BYTES)
    try:
        return next(decompressed(stored(bucket, opened.key, size), opened.key, size), b"")
    except DamagedArchive:
        return b""


def _prefixes(keys: Sequence[str]) -> list[str]:
    """ "" and the folders that the middle key is in, from the outermost on."""
    folders = keys[len(keys) // 2].split("/")[:-1][:_DEEPEST]
    return ["/".join((*folders[:depth], "")) if depth else "" for depth in range(len(folders) + 1)]


def _best(
    bucket: Bucket, objects: Sequence[Stat], candidates: Sequence[Candidate], *, ours: bool
) -> Detection:
    tried: list[tuple[Candidate, Stat, _Sample]] = []
    for candidate in candidates:
        layout = LAYOUTS[candidate.name]
        opened = _example(objects, layout, candidate.prefix)
        tried.append((candidate, opened, _sample(bucket, layout, opened, candidate.prefix)))
    fitting = [each for each in tried if each[2].share >= _LEAST_SHARE]
    others = tuple(candidate for candidate, _, _ in fitting[1:])
    if not fitting:
        return _nothing(
            *(f"{_title(each)} does not fit: {_told(sample)}" for each, _, sample in tried), keys=len(objects)
        )
    candidate, opened, sample = fitting[0]
    reasons = [
        f"{candidate.keys} of {len(objects)} keys are as {_title(candidate)} names them"
        if candidate.name not in _ANYTHING
        else f"no other layout has keys like {opened.key}",
        f"{opened.key}: {_told(sample)}",
    ]
    if ours and candidate.name == _OWN:
        reasons.append("there are manifests of logkeep")
    if candidate.prefix:
        reasons.append(f"the archive is below {candidate.prefix}; add that to its URL")
    return Detection(
        layout=candidate.name,
        prefix=candidate.prefix,
        reasons=tuple(reasons),
        keys=len(objects),
        opened=opened.key,
        sample=sample.first,
        others=others,
    )


def _example(objects: Sequence[Stat], layout: Layout, prefix: str) -> Stat:
    """An object of the layout: of those that are read whole the largest, else the smallest."""
    taken = [
        stat
        for stat in objects
        if stat.key.startswith(prefix) and layout.hint(stat.key.removeprefix(prefix)) is not None
    ] or objects
    whole = [stat for stat in taken if stat.size <= _OPENED_BYTES]
    return max(whole, key=lambda stat: stat.size) if whole else min(taken, key=lambda stat: stat.size)


def _sample(bucket: Bucket, layout: Layout, opened: Stat, prefix: str) -> _Sample:
    key = opened.key.removeprefix(prefix)
    problems = Problems(opened.key)
    first: list[Record] = []
    count = 0
    for records in _readable(bucket, layout, opened, key, problems):
        count += len(records)
        first += records[: _SHOWN - len(first)]
        if count + problems.count >= _READ_RECORDS:
            break
    reason = problems.first[0].reason if problems.first else ""
    return _Sample(records=count, problems=problems.count, first=tuple(first), first_problem=reason)


def _readable(
    bucket: Bucket, layout: Layout, opened: Stat, key: str, problems: Problems
) -> Iterator[list[Record]]:
    """Records of the object's first bytes. That these end within something is no problem of the object's."""
    size = min(opened.size, _OPENED_BYTES)
    try:
        content = decompressed(stored(bucket, opened.key, size), opened.key, size)
        head = next(content, b"")
        if layout.name not in _NO_TEXT and not is_text(head):
            problems.add(0, f"it is {binary_format(head) or 'binary'}, not text")
            return
        yield from layout.records(chain((head,), content), key, problems)
    except DamagedArchive as damage:
        if size == opened.size:
            problems.add(0, damage.message)


def _is_ours(bucket: Bucket, objects: Sequence[Stat]) -> bool:
    """Mezmo's archives have the same keys and the same names of members. Lines with no others are ours."""
    opened = _example(objects, LAYOUTS[_OWN], "")
    size = min(opened.size, _OPENED_BYTES)
    try:
        for piece in decompressed(stored(bucket, opened.key, size), opened.key, size):
            return is_canonical(piece[: piece.find(b"\n") + 1 or len(piece)])
    except DamagedArchive:
        return False
    return False


def _title(candidate: Candidate) -> str:
    return LAYOUTS[candidate.name].title


def _told(sample: _Sample) -> str:
    if sample.problems:
        lines = f"{sample.records} lines can be read and {sample.problems} cannot"
        return f"{lines}, the first because {sample.first_problem}"
    return f"{sample.records} lines, all of which can be read" if sample.records else "no line in it"


def _nothing(*reasons: str, keys: int) -> Detection:
    return Detection(layout=None, prefix="", reasons=reasons, keys=keys, opened="", sample=(), others=())
