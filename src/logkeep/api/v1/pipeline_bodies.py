"""Bodies of requests about pipelines: a pipeline in JSON or YAML, and lines to try one with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from logkeep.api.body import read_body
from logkeep.errors import BadBody, BadPipeline, BadSetting, InputError, TooLarge, UnknownMediaType
from logkeep.pipeline.bounds import MAX_TEXT
from logkeep.pipeline.document import Document, parse_spec, read_document
from logkeep.pipeline.model import PipelineSpec
from logkeep.receivers.lines import LINE_BYTES, Origin, shared
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import Received

MOST_LINES = 100  # that a pipeline is tried with at once
TRIED_BYTES = 4 << 20  # of a body with a pipeline and lines for it
_JSON = "application/json"
_YAML = ("application/yaml", "text/yaml", "application/x-yaml")


@dataclass(frozen=True, kw_only=True)
class Given:
    """A pipeline, and the document that it stood in."""

    spec: PipelineSpec
    document: Document

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Problems of the pipeline that pass through get the lines that they have in the document."""
        try:
            yield
        except BadPipeline as error:
            raise self.document.placed(error) from None


class Rollback(msgspec.Struct, forbid_unknown_fields=True):
    version: int


class Tried(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Lines for a pipeline: texts, or NDJSON. The pipeline is JSON, or a text in YAML; None: a saved one."""

    pipeline: str | dict[str, Any] | None = None
    lines: tuple[str, ...] | None = None
    ndjson: str | None = None

    def received(self) -> Received:
        """The lines as a source of the pipeline would take them. Raises BadSetting."""
        if (self.lines is None) == (self.ndjson is None):
            raise BadSetting("the lines are missing", hint="give either lines or ndjson", field="lines")
        received = self._received()
        if not 1 <= len(received) <= MOST_LINES:
            raise BadSetting(
                f"there are {len(received)} lines, not 1 to {MOST_LINES}",
                hint=f"give 1 to {MOST_LINES} texts in lines, or as many lines of NDJSON in ndjson",
                field="lines",
            )
        return received

    def given(self) -> Given | None:
        """The pipeline, if there is one. Raises BadPipeline."""
        if self.pipeline is None:
            return None
        if isinstance(self.pipeline, str):
            return _given(read_document(self.pipeline))
        return _given(Document(data=self.pipeline))

    def _received(self) -> Received:
        if self.ndjson is not None:
            received = receive_ndjson(self.ndjson.encode(), Origin())
            for refusal in received.refused:
                raise BadSetting(f"line {refusal.line}: {refusal.reason}", field="ndjson")
            return received
        lines = [line for line in self.lines or () if line]
        for number, line in enumerate(lines, 1):
            if (size := len(line.encode())) > LINE_BYTES:
                raise BadSetting(
                    f"line {number}: the line has {size} bytes, the limit is {LINE_BYTES}", field="lines"
                )
        return Received(columns=shared(Origin(), lines))


async def read_pipeline(request: Request, pipeline_id: str) -> Given:
    """The pipeline of this id that the body holds, which may leave its id out. Raises BadPipeline, BadBody,
    TooLarge and UnknownMediaType."""
    media_type = _media_type(request.headers.get("content-type", ""))
    if media_type != _JSON and media_type not in _YAML:
        raise UnknownMediaType(
            f"Content-Type {media_type!r} is not taken" if media_type else "the Content-Type is missing",
            hint=f"send one of {', '.join((_JSON, *_YAML))}",
        )
    body = await read_body(request)
    return await run_in_threadpool(_read, body, pipeline_id, as_json=media_type == _JSON)


def wants_yaml(request: Request) -> bool:
    """Whether a pipeline is to be answered as YAML: by `?format=`, else by Accept. Raises InputError."""
    wanted = request.query_params.get("format", "")
    if wanted not in ("", "json", "yaml"):
        raise InputError(f"format is {wanted[:64]!r}, not json or yaml")
    if wanted:
        return wanted == "yaml"
    return any(_media_type(one) in _YAML for one in request.headers.get("accept", "").split(","))


def _read(body: bytes, pipeline_id: str, *, as_json: bool) -> Given:
    """Reading a long text takes a while: not for the event loop."""
    document = Document(data=_object(body)) if as_json else read_document(body)
    if not isinstance(document.data, Mapping):
        return _given(document)  # which says what it should be
    if document.data.get("id", pipeline_id) != pipeline_id:
        raise BadPipeline(
            [
                {
                    "path": "id",
                    "line": document.line("id"),
                    "message": f"it is not {pipeline_id!r}, the one in the address",
                    "hint": "an id never changes: leave it out, or use another address for another pipeline",
                }
            ]
        )
    return _given(replace(document, data={"id": pipeline_id, **document.data}))


def _given(document: Document) -> Given:
    return Given(spec=parse_spec(document), document=document)


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_TEXT:
        raise TooLarge(f"the pipeline has {len(body)} bytes, the limit is {MAX_TEXT}")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"the body cannot be read: {error}", hint="send a JSON object") from None


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
