"""Whether a pipeline can be run: what its parts mean, each by itself and all of it together."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeAlias, TypeVar

import msgspec

from logkeep.catalog.archives import RESERVED as RESERVED_ARCHIVES
from logkeep.errors import BadSetting, LogkeepError, QuerySyntaxError
from logkeep.pipeline.bounds import (
    AMOUNTS,
    MAX_BATCH_EVENTS,
    MAX_QUERY,
    MAX_TITLE,
    NAME,
    NAME_RULE,
    amount,
)
from logkeep.pipeline.model import (
    AccountSource,
    Destination,
    PipelineSpec,
    Processor,
    Source,
    ToAccount,
    ToArchive,
    processor_name,
)
from logkeep.pipeline.problems import Problems, below, choose
from logkeep.pipeline.rings import rings
from logkeep.query.parse import parse

_Part: TypeAlias = Processor | Destination
_RESERVED = frozenset({"new", "restoration-sources", "restore", "test"})  # paths and commands beside ids


def default_names(spec: PipelineSpec) -> PipelineSpec:
    """Sources and destinations without a name get their type as one, or TYPE-2 and so on."""
    return msgspec.structs.replace(spec, sources=_named(spec.sources), destinations=_named(spec.destinations))


def check(
    spec: PipelineSpec,
    others: Sequence[PipelineSpec],
    *,
    accounts: Container[str],
    build_processor: Callable[[Processor], object],
    check_destination: Callable[[Destination], object],
    own_urls: Sequence[str] = (),
) -> None:
    """Raises BadPipeline with everything that is wrong, without lines (Document.placed gives them).

    `others` are the pipelines that there are, among them perhaps this one as it was. `accounts` are those
    that take lines in. The two callables raise a LogkeepError for what cannot be, a BadSetting with its
    field where it has one. `own_urls` are addresses of this server.
    """
    found = _Check(accounts)
    found.whole(spec)
    found.sources(spec.sources)
    found.processors(spec.processors, build_processor)
    found.destinations(spec.destinations, check_destination)
    for path, message, hint in rings(spec, others, own_urls):
        found.problems.add(path, message, hint)
    found.problems.raise_if_any()


class _Check:
    def __init__(self, accounts: Container[str]) -> None:
        self._accounts = accounts
        self.problems = Problems()

    def whole(self, spec: PipelineSpec) -> None:
        self._name(spec.id, "id", "the id of a pipeline")
        if spec.id in _RESERVED:
            self.problems.add("id", f"no pipeline can be called {spec.id!r}", "choose another id")
        self._title(spec.title, "title")
        self._account(spec.account, "account")
        for kind, parts in (("source", spec.sources), ("destination", spec.destinations)):
            if not parts:
                message = f"there is no {kind}, and one at least is needed"
                self.problems.add(f"{kind}s", message, f"write {kind}s: with - type: ... below")

    def sources(self, sources: Sequence[Source]) -> None:
        self._unique([source.name for source in sources], "sources")
        for place, source in enumerate(sources):
            path = below("sources", place)
            self._name(source.name, below(path, "name"), "the name of a source")
            self._settings(source, path)
            if isinstance(source, AccountSource):
                self._account(source.account, below(path, "account"))

    def processors(self, processors: Sequence[Processor], build: Callable[[Processor], object]) -> None:
        names = [processor_name(processor, place) for place, processor in enumerate(processors)]
        self._unique(names, "processors")
        for place, processor in enumerate(processors):
            path = below("processors", place)
            if processor.name:
                self._name(processor.name, below(path, "name"), "the name of a processor")
            self._try_sound(build, processor, self._settings(processor, path), path)

    def destinations(
        self, destinations: Sequence[Destination], check: Callable[[Destination], object]
    ) -> None:
        self._unique([destination.name for destination in destinations], "destinations")
        self._unique_archives(destinations)
        for place, destination in enumerate(destinations):
            path = below("destinations", place)
            self._name(destination.name, below(path, "name"), "the name of a destination")
            wrong = self._settings(destination, path)
            self._batch(destination, below(path, "batch"))
            unknown = self._secrets(destination, path)
            if isinstance(destination, ToAccount):
                self._account(destination.account, below(path, "account"))
            self._try_sound(check, _without_secrets(destination, unknown), wrong, path)

    def _settings(self, part: msgspec.Struct, path: str) -> Sequence[str]:
        """What parts of all types have in common. Returns the names of settings that are wrong."""
        wrong: list[str] = []
        for name in part.__struct_fields__:
            value = getattr(part, name)
            inner = below(path, name)
            before = len(self.problems)
            if name in AMOUNTS and value is not None:
                self._amount(name, value, inner)
            elif name == "query":
                self._query(value, inner)
            elif name == "title" and value is not None:
                self._title(value, inner)
            if len(self.problems) > before:
                wrong.append(name)
        return wrong

    def _batch(self, destination: Destination, path: str) -> None:
        events = destination.batch.events
        if not 1 <= events <= MAX_BATCH_EVENTS:
            limits = f"1 to {MAX_BATCH_EVENTS}"
            self.problems.add(below(path, "events"), f"{events} is not from {limits}", f"write {limits}")
        self._settings(destination.batch, path)

    def _secrets(self, destination: Destination, path: str) -> Sequence[str]:
        """Names that are none of its secrets. Those of an archive are its provider's."""
        if isinstance(destination, ToArchive):
            return ()
        secrets: Mapping[str, str | None] = getattr(destination, "secrets", {})
        known = [f"{name}NAME" if name.endswith(".") else name for name in destination.SECRETS]
        wrong = [name for name in secrets if not _is_secret(name, destination.SECRETS)]
        for name in wrong:
            self.problems.add(
                below(below(path, "secrets"), name),
                f"a destination of type {destination.type} has no such secret",
                choose(name, known, "its secrets are"),
            )
        return wrong

    def _name(self, name: str, path: str, what: str) -> None:
        if not NAME.fullmatch(name):
            message = f"{name[:80]!r} cannot be {what}" if name else f"{what} is missing"
            self.problems.add(path, message, NAME_RULE)

    def _title(self, title: str, path: str) -> None:
        if len(title) > MAX_TITLE or not title.isprintable():
            message = f"it has {len(title)} characters or more than one line"
            self.problems.add(path, message, f"write one line of at most {MAX_TITLE} characters")

    def _account(self, account: str, path: str) -> None:
        if account not in self._accounts:
            hint = "see the accounts with: logkeep account ls"
            self.problems.add(path, f"there is no account {account[:80]!r} that takes lines in", hint)

    def _unique(self, names: Sequence[str], path: str) -> None:
        first: dict[str, int] = {}
        for place, name in enumerate(names):
            before = first.setdefault(name, place)
            if name and before != place:
                self.problems.add(
                    below(below(path, place), "name"),
                    f"{name[:80]!r} is the name of {below(path, before)} already",
                    "give each its own name",
                )

    def _unique_archives(self, destinations: Sequence[Destination]) -> None:
        first: dict[str, int] = {}
        for place, one in enumerate(destinations):
            if not isinstance(one, ToArchive) or not one.archive:
                continue
            path = below(below("destinations", place), "archive")
            self._name(one.archive, path, "the id of an archive")
            if one.archive in RESERVED_ARCHIVES:
                self.problems.add(path, f"no archive can be called {one.archive!r}", "choose another id")
            before = first.setdefault(one.archive, place)
            if before != place:
                message = f"{below('destinations', before)} is the archive {one.archive[:80]!r} already"
                self.problems.add(path, message, "give each its own archive")

    def _amount(self, name: str, value: int | str, path: str) -> None:
        try:
            amount(name, value)
        except BadSetting as error:
            self.problems.add(path, error.message, error.hint)

    def _query(self, query: str, path: str) -> None:
        if len(query) > MAX_QUERY:
            message = f"it has {len(query)} characters, and at most {MAX_QUERY} may be"
            self.problems.add(path, message, "use several processors of type filter")
            return
        try:
            parse(query)
        except QuerySyntaxError as error:
            self.problems.add(path, error.message, error.hint or "see docs/query-language.md")

    def _try_sound(
        self, attempt: Callable[..., object], part: _Part, wrong: Sequence[str], path: str
    ) -> None:
        """The same with defaults in place of settings that are wrong, so that these hide no others. A part
        that has no such default is not tried."""
        fields = {one.name: one for one in msgspec.structs.fields(part)}
        if all(fields[name].default is not msgspec.NODEFAULT for name in wrong):
            mended = {name: fields[name].default for name in wrong}
            self._try(attempt, msgspec.structs.replace(part, **mended) if wrong else part, path)

    def _try(self, attempt: Callable[..., object], part: msgspec.Struct, path: str) -> None:
        """What the part's own code says of its settings."""
        try:
            attempt(part)
        except LogkeepError as error:
            if error.retryable:
                raise
            field = error.field if isinstance(error, BadSetting) else ""
            self.problems.add(below(path, field) if field else path, error.message, error.hint)


def _without_secrets(destination: Destination, names: Sequence[str]) -> Destination:
    if not names:
        return destination
    secrets: Mapping[str, str | None] = getattr(destination, "secrets", {})
    kept = {name: value for name, value in secrets.items() if name not in names}
    return msgspec.structs.replace(destination, secrets=kept)


_Named = TypeVar("_Named", Source, Destination)


def _named(parts: Sequence[_Named]) -> tuple[_Named, ...]:
    taken = {part.name for part in parts}
    named: list[_Named] = []
    for part in parts:
        name = part.name or next(name for name in _names(part.type) if name not in taken)
        taken.add(name)
        named.append(msgspec.structs.replace(part, name=name))
    return tuple(named)


def _names(kind: str) -> Iterator[str]:
    yield kind
    yield from (f"{kind}-{number}" for number in count(2))


def _is_secret(name: str, known: Sequence[str]) -> bool:
    beginnings = tuple(one for one in known if one.endswith("."))
    return name in known if not name.startswith(beginnings) else name not in beginnings
