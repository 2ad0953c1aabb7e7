"""What to know of a plan before it is started, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from logkeep.plurals import plural
from logkeep.web.restores.look import Looked
from logkeep.web.restores.stretch import Picture
from logkeep.web.shown import size, span

Plan = Mapping[str, Any]

_TONES = ("bad", "warn", "info")


class Remark(NamedTuple):
    tone: str  # bad: it will hardly do what is wanted; warn: something may be amiss; info
    text: str


def remarks(plan: Plan, body: Mapping[str, Any], looked: Looked) -> Sequence[Remark]:
    """The worst first."""
    if plan["objects"]:
        found = list(_of_plan(plan, body))
        found += _of_picture(looked.picture, body) if looked.picture else ()
    else:
        found = [_of_nothing(plan, looked.picture)]
    found += [Remark("warn", f"{note[:1].upper()}{note[1:]}.") for note in looked.notes]
    return sorted(found, key=lambda one: _TONES.index(one.tone))


def _of_nothing(plan: Plan, picture: Picture | None) -> Remark:
    """Why there is nothing to read."""
    if plan["blocks_ruled_out"]:
        blocks = plural(plan["blocks_ruled_out"], "block")
        return Remark(
            "bad", f"There is nothing to read: the query can match in none of {blocks} of this range."
        )
    if picture and picture.counted and picture.total:
        lines = plural(picture.total, "line")
        return Remark(
            "bad",
            f"There is nothing to read, and there should be: {lines} of this range were archived, but the "
            "archive's place has no object of them. Look whether they were moved or deleted.",
        )
    return Remark("bad", "There is nothing to read: the archive has nothing of this range.")


def _of_plan(plan: Plan, body: Mapping[str, Any]) -> Iterator[Remark]:
    if plan["hits"] == 0:
        looked_at = plural(plan["sampled_lines"], "line")
        yield Remark("warn", f"None of {looked_at} that were looked at matches, so perhaps nothing comes.")
    if not plan["fits"]:
        needed, free = size(plan["needed_bytes"]), plan["free_bytes"]
        room = "no room for that" if free is None else f"room for {size(free)}"
        yield Remark(
            "bad",
            f"The lines need about {needed} on the server's disk, which has {room}. "
            "When it is full, the restore waits.",
        )
    if plan["unknown_objects"]:
        many = plural(plan["unknown_objects"], "object")
        yield Remark("info", f"Nobody counted the lines of {many}, so the numbers here are a guess.")
    if plan["frozen"]["objects"]:
        yield Remark("warn", _of_frozen(plan["frozen"]))
    yield from _of_limits(plan, body)


def _of_frozen(frozen: Mapping[str, Any]) -> str:
    classes = ", ".join(f"{count:,} in {name}" for name, count in frozen["by_class"].items())
    already = f", {frozen['thawing']:,} of them thawing already" if frozen["thawing"] else ""
    what = f"{plural(frozen['objects'], 'object')} ({size(frozen['bytes'])})"
    text = f"In cold storage: {what}, {classes}{already}."
    if frozen["hours"]:
        least, most = (span(hours * 3600) for hours in frozen["hours"])
        text += f" It takes {least} to {most} until all can be read; what can be read is restored before."
    return text


def _of_limits(plan: Plan, body: Mapping[str, Any]) -> Iterator[Remark]:
    lines, hits, rate = body["limit_lines"], plan["hits"], body.get("rate")
    if lines and hits and hits > lines:
        yield Remark("info", f"About {plural(hits, 'line')} match, and the limit is {lines:,}.")
    if rate and hits:
        took = span(hits / rate)
        yield Remark("info", f"At {plural(rate, 'event')} a second it takes about {took} to send them.")


def _of_picture(picture: Picture, body: Mapping[str, Any]) -> Iterator[Remark]:
    missing = sum(1 for one in picture.problems if one["gap"])
    damaged = len(picture.problems) - missing
    if missing:
        known = plural(missing, "thing is", "things are")
        yield Remark(
            "warn",
            f"{known} known to be missing in this range. What is not there does not come, and the restore "
            "does not stop for it.",
        )
    if damaged:
        text = f"{plural(damaged, 'thing is', 'things are')} known to be damaged in this range."
        if not body["skip_damaged"]:
            text += " The restore fails at what it cannot read, unless you have that passed over."
        yield Remark("warn", text)
    if picture.empty:
        yield Remark(
            "warn",
            f"The archive has gaps in this range: it has nothing of {plural(picture.empty_hours, 'hour')}. "
            "Either no lines came, or they were not archived.",
        )
    if picture.waiting:
        waiting = plural(picture.waiting, "line waits", "lines wait")
        yield Remark(
            "warn", f"{waiting} to be archived and cannot be restored yet. Live search finds what waits."
        )
