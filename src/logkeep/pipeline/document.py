"""The text of a pipeline: YAML, or JSON, which is YAML too.

Less than YAML is read, so that a text means one thing: no anchors and aliases, no tags but !!str, one
document, no key twice, keys are text. A plain scalar is null, true or false (yes, no, on and off are, as
YAML 1.1 has it), a decimal number, or text: dates, 010, 0x1f and 1_000 are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from logkeep.errors import BadPipeline
from logkeep.pipeline.bounds import MAX_DEPTH, MAX_NODES, MAX_TEXT
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.problems import WHOLE, Problems, below
from logkeep.pipeline.shapes import check_shape

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a hundredfold faster where PyYAML has libyaml

_STR = "tag:yaml.org,2002:str"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {
    form: truth
    for truth, words in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_INT = 20  # characters; more never fit 64 bits


@dataclass(frozen=True, kw_only=True)
class Document:
    """Plain data, and where in the text each of its values stands."""

    data: object
    lines: Mapping[str, int] = field(default_factory=dict)
    plain: Mapping[str, str] = field(default_factory=dict)  # by path: what is written without quotes, and
    # is no text

    def line(self, path: str) -> int:
        """The line of a value, from 1; of something that is not there, that of what it would be in. 0 when
        there is no text."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path or WHOLE, 0)

    def placed(self, error: BadPipeline) -> BadPipeline:
        """The same problems with the lines that they have in this text."""
        problems = Problems(self.line)
        for one in error.problems:
            problems.add(str(one["path"]), str(one["message"]), str(one["hint"]))
        return problems.error()


def read_document(text: str | bytes) -> Document:
    """Raises BadPipeline for what is no YAML, or more of it than is understood."""
    encoded = _utf8(text)
    reader = _Reader(yaml.parse(encoded, Loader=_Loader))
    try:
        data = reader.document()
    except yaml.YAMLError as error:
        raise _syntax(error, encoded) from None
    reader.problems.raise_if_any()
    return Document(data=data, lines=reader.lines, plain=reader.plain)


def parse_spec(document: Document | Mapping[str, object]) -> PipelineSpec:
    """The pipeline that plain data describes. Raises BadPipeline with everything that is wrong in its shape;
    what it means is for check.py."""
    if not isinstance(document, Document):
        document = Document(data=document)
    problems = Problems(document.line)
    check_shape(document.data, problems, document.plain)
    problems.raise_if_any()
    spec = msgspec.convert(document.data, PipelineSpec)
    if len(msgspec.json.encode(spec)) > MAX_TEXT:
        problems.add(WHOLE, "it has more than 1 MiB", "make several pipelines of it")
    problems.raise_if_any()
    return spec


def write_document(spec: PipelineSpec) -> str:
    """YAML in the order of model.py, without what is as it would be anyway. `read_document` and `parse_spec`
    make the same pipeline of it."""
    written: str = yaml.dump(
        _without_defaults(spec), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30
    )
    return written


class _Reader:
    """Makes plain data of a parser's events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._nodes = 0
        self.lines: dict[str, int] = {}
        self.plain: dict[str, str] = {}
        self.problems = Problems(lambda path: self.lines.get(path, 0))

    def document(self) -> object:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise BadPipeline([_problem(1, "there is nothing in it", "write a pipeline: id, sources, ...")])
        data = self._value(next(self._events), WHOLE, 0)
        next(self._events)  # the document ends
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self.problems.add(
                WHOLE, "a second document begins here", "write one pipeline into one file", line=_line(more)
            )
        return data

    def _value(self, event: yaml.Event, path: str, depth: int) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            self.problems.add(
                path[:200],
                f"there are more than {MAX_DEPTH} levels, or more than {MAX_NODES} values",
                "make several pipelines of it",
                line=_line(event),
            )
            self.problems.raise_if_any()
        self.lines.setdefault(path, _line(event))
        self._check_plain_yaml(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path, depth)
        return self._scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None

    def _check_plain_yaml(self, event: yaml.Event, path: str) -> None:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            message = "anchors and aliases (& and *) are not understood"
            self.problems.add(path, message, "write the value itself, or put it in quotes", line=line)
        if getattr(event, "tag", None) not in (None, "!", _STR):
            hint = "take it away, or put the text in quotes"
            self.problems.add(path, "tags (!) are not understood", hint, line=line)

    def _list(self, path: str, depth: int) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, below(path, len(items)), depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        begun: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            inner = below(path, key)
            if key in begun:
                self.problems.add(
                    inner,
                    f"it is there a second time, after line {begun[key]}",
                    "keep one of them",
                    line=_line(event),
                )
            begun.setdefault(key, _line(event))
            self.lines.setdefault(inner, _line(event))
            members[key] = self._value(next(self._events), inner, depth + 1)
        return members

    def _key(self, event: yaml.Event, path: str, depth: int) -> str:
        """Keys are text whatever they look like."""
        if isinstance(event, yaml.ScalarEvent):
            self._check_plain_yaml(event, path)
            return str(event.value)
        self.problems.add(path, "a key is no text", "write NAME: VALUE", line=_line(event))
        self._value(event, below(path, "?"), depth + 1)  # to get over it
        return "?"

    def _scalar(self, event: yaml.ScalarEvent, path: str) -> object:
        text = str(event.value)
        if not event.implicit[0]:  # quoted, a block, or !!str
            return text
        value = _plain_value(text)
        if not isinstance(value, str):
            self.plain[path] = text
        if value is _TOO_LARGE:
            message = "it is a number that is too large: it does not fit 64 bits"
            self.problems.add(path, message, "write a smaller one, or put it in quotes if it is text")
            return 0
        return value


_TOO_LARGE = object()


def _plain_value(text: str) -> object:
    """What is meant by a scalar without quotes."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.fullmatch(text):
        fits = len(text) <= _LONGEST_INT and -(1 << 63) <= int(text) < 1 << 64
        return int(text) if fits else _TOO_LARGE
    if _FLOAT.fullmatch(text):
        return float(text) if math.isfinite(float(text)) else _TOO_LARGE
    return text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _problem(line: int, message: str, hint: str) -> dict[str, object]:
    return {"path": WHOLE, "line": line, "message": message, "hint": hint}


def _utf8(text: str | bytes) -> bytes:
    """The text's bytes without a byte order mark. Raises BadPipeline."""
    try:
        encoded = text.encode() if isinstance(text, str) else text
        encoded.decode()
    except UnicodeError as error:
        before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
        line = before.count(b"\n") + 1 if before else 1
        raise BadPipeline([_problem(line, "it is not UTF-8", "save the file as UTF-8")]) from None
    if len(encoded) > MAX_TEXT:
        raise BadPipeline([_problem(1, "it has more than 1 MiB", "make several pipelines of it")])
    return encoded.removeprefix(b"\xef\xbb\xbf")


def _syntax(error: yaml.YAMLError, text: bytes) -> BadPipeline:
    """A parser's error in our words. It never repeats more than a character of the text."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        lines = text.split(b"\n")
        line = min(mark.line + 1, len(lines)) if mark else 1
        message = ", ".join(said for said in (error.context, error.problem) if said)
        tab = lines[line - 1].lstrip(b" ").startswith(b"\t")
    else:  # a character that may not be there
        position = getattr(error, "position", 0)
        line = text[:position].count(b"\n") + 1
        message = "there is a control character"
        tab = False
    hint = "see that quotes and brackets are closed and that lines are indented evenly; put a text in quotes"
    if tab:
        hint = "indent with spaces: YAML takes no tabs"
    return BadPipeline([_problem(line, f"this is no YAML: {message}", hint)])


class _Dumper(yaml.SafeDumper):
    """Writes whatever `_plain_value` would take for something else in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented below their key."""
        del indentless
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_STR, text, style=_style(text))


def _style(text: str) -> str | None:
    """Several lines as a block, where a block can hold them as they are; in double quotes whatever YAML might
    fold or take for the end of a line."""
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        return '"'
    if len(lines) == 1:
        return None
    return "|" if text[0] not in " \n" and all(line == line.rstrip() for line in lines) else '"'


_Dumper.add_representer(str, _represent_text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"(?:{_FLOAT.pattern})$"), list("-+.0123456789")
)


def _without_defaults(part: object) -> object:
    """Plain data, in the order of the fields."""
    if not isinstance(part, msgspec.Struct):
        return [_without_defaults(item) for item in part] if isinstance(part, tuple) else part
    tag = part.__struct_config__.tag
    given: dict[str, object] = {} if tag is None else {"type": tag}
    for one in msgspec.structs.fields(part):
        value = getattr(part, one.name)
        if one.required or value != _default(one):
            given[one.name] = _without_defaults(value)
    return given


def _default(one: msgspec.structs.FieldInfo) -> object:
    return one.default if one.default_factory is msgspec.NODEFAULT else one.default_factory()
