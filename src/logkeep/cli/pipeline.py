"""`logkeep pipeline`: make, change, try, see and delete pipelines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from logkeep.cli import exits
from logkeep.cli.archive_shown import show_verdicts
from logkeep.cli.bodies import is_json_lines
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import discard_option, json_option
from logkeep.cli.output import amount, json_line
from logkeep.cli.pipeline_secrets import with_secrets, without_secrets
from logkeep.cli.pipeline_shown import (
    show_dead_letters,
    show_keys,
    show_pipeline,
    show_pipelines,
    show_problems,
    show_test,
    show_versions,
)
from logkeep.errors import BadPipeline, BadSetting, ConnectionTestFailed, TooLarge
from logkeep.pipeline.bounds import MAX_TEXT
from logkeep.pipeline.document import Document, parse_spec, read_document, write_document
from logkeep.pipeline.model import PipelineSpec

_TRIED_BYTES = 1 << 20  # of lines; escaped, and with their pipeline, they still fit a request
_JSON = {"Content-Type": "application/json"}

_pipeline_id = click.argument("pipeline_id", metavar="ID")
_file = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


@click.group()
def pipeline() -> None:
    """Take events in, shape them, and deliver them to other systems."""


@pipeline.command("apply")
@click.argument("file", type=_file)
@click.option("--dry-run", is_flag=True, help="Only check it.")
@click.option(
    "--discard", is_flag=True, help="Give up what waits for destinations that the pipeline has no more."
)
@json_option
@with_client
def apply(client: Client, file: str, dry_run: bool, discard: bool, as_json: bool) -> None:
    """Make the pipeline that FILE (YAML; - for standard input) describes, or change it to that.

    Secrets stand in it as env:NAME or '@FILE', never themselves; null stands for the saved one. No event is
    lost, and the former version is kept. Keys of new HTTP sources are printed this once.
    """
    with _checked(file) as read:
        document = read.document()
        spec = parse_spec(replace(document, data=with_secrets(document, read.folder)))
        body = msgspec.json.encode(spec)
        params = {"dry_run": "true" if dry_run else None, "discard": "true" if discard else None}
        answer = client.request("PUT", _path(spec.id), params=params, content=body, headers=_JSON)
    if as_json:
        json_line(answer)
    elif dry_run:
        click.echo(f"{read.name} is a pipeline that can be applied")
    else:
        _show_applied(client, answer)


@pipeline.command("ls")
@json_option
@with_client
def ls(client: Client, as_json: bool) -> None:
    """List the pipelines, and how they do."""
    show_pipelines(client.get("/v1/pipelines")["pipelines"], as_json=as_json)


@pipeline.command("show")
@_pipeline_id
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the file that `apply` takes, without secrets.")
@json_option
@with_client
def show(client: Client, pipeline_id: str, as_yaml: bool, as_json: bool) -> None:
    """Show a pipeline: its parts, what went through them and what waits."""
    shown = client.get(_path(pipeline_id))
    if as_yaml:
        click.echo(write_document(msgspec.convert(shown["spec"], PipelineSpec)), nl=False)
    elif as_json:
        json_line(shown)
    else:
        show_pipeline(shown)


@pipeline.command("delete")
@_pipeline_id
@discard_option
@json_option
@with_client
def delete(client: Client, pipeline_id: str, discard: bool, as_json: bool) -> None:
    """Delete a pipeline with its keys and versions. What it archived stays where it is."""
    deleted = client.delete(_path(pipeline_id), discard="true" if discard else None)
    if as_json:
        json_line(deleted)
    else:
        click.echo(f"pipeline {pipeline_id} is deleted; what it archived stays where it is")


@pipeline.command("test")
@click.argument("words", nargs=-1, metavar="[ID] [LINE]...")
@click.option("--file", type=_file, help="Try the pipeline of this file, in place of a saved one.")
@json_option
@with_client
def test(client: Client, words: tuple[str, ...], file: str | None, as_json: bool) -> None:
    """Show what would become of each LINE, at most 100; without one, those of standard input.

    Give the ID of a saved pipeline, or --file. Nothing is kept, sent or counted, and no secret is needed.
    """
    if file is None:
        if not words:
            raise BadSetting("there is no pipeline to try", hint="name one by its ID, or give a --file")
        pipeline_id, *lines = words
        answer = client.post(f"{_path(pipeline_id)}/test", _lines(lines))
    else:
        with _checked(file) as read:
            document = read.document()
            spec = parse_spec(replace(document, data=without_secrets(document)))
            answer = client.post("/v1/pipelines/test", {"pipeline": spec, **_lines(words)})
    show_test(answer["events"], as_json=as_json)


@pipeline.command("versions")
@_pipeline_id
@json_option
@with_client
def versions(client: Client, pipeline_id: str, as_json: bool) -> None:
    """List what a pipeline was, newest first."""
    show_versions(client.get(f"{_path(pipeline_id)}/versions")["versions"], as_json=as_json)


@pipeline.command("rollback")
@_pipeline_id
@click.argument("version", type=int)
@json_option
@with_client
def rollback(client: Client, pipeline_id: str, version: int, as_json: bool) -> None:
    """Make a pipeline again what it was as VERSION, secrets included. That is a new version, too."""
    answer = client.post(f"{_path(pipeline_id)}/rollback", {"version": version})
    if as_json:
        json_line(answer)
    else:
        _show_applied(client, answer)


@pipeline.command("key")
@_pipeline_id
@click.argument("source")
@json_option
@with_client
def key(client: Client, pipeline_id: str, source: str, as_json: bool) -> None:
    """Make a new key of an HTTP SOURCE; its former one opens nothing from now on."""
    answer = client.post(f"{_path(pipeline_id)}/sources/{quote(source, safe='')}/key")
    if as_json:
        json_line(answer)
    else:
        show_keys(pipeline_id, {source: answer["key"]}, client.url)


@pipeline.command("dead-letters")
@_pipeline_id
@click.argument("destination")
@click.option("--limit", default=100, show_default=True, help="So many at most, the oldest.")
@click.option("--retry", is_flag=True, help="Deliver all of them once more.")
@click.option("--discard", is_flag=True, help="Delete all of them.")
@json_option
@with_client
def dead_letters(
    client: Client, pipeline_id: str, destination: str, limit: int, retry: bool, discard: bool, as_json: bool
) -> None:
    """Show the events that a DESTINATION has refused for good, and its words."""
    if retry and discard:
        raise BadSetting("--retry and --discard exclude each other")
    path = f"{_path(pipeline_id)}/destinations/{quote(destination, safe='')}/dead-letters"
    if retry:
        answer = client.post(f"{path}/retry")
        _tell(answer, f"{amount(answer['retried'])} events are delivered once more", as_json=as_json)
    elif discard:
        answer = client.delete(path)
        _tell(answer, f"{amount(answer['discarded'])} events are deleted", as_json=as_json)
    else:
        show_dead_letters(client.get(path, limit=limit)["dead_letters"], as_json=as_json)


@dataclass
class _Read:
    """A pipeline's file, - for standard input; the document is there once it is read."""

    path: str
    read: Document | None = None

    @property
    def name(self) -> str:
        return "<stdin>" if self.path == "-" else self.path

    @property
    def folder(self) -> Path:
        """From where the file names others; of standard input, where the command runs."""
        return Path(self.path).parent

    def document(self) -> Document:
        """Raises BadPipeline."""
        with click.open_file(self.path, "rb") as file:
            text = file.read(MAX_TEXT + 1)
        if len(text) > MAX_TEXT:
            raise TooLarge(f"{self.name} has more than {MAX_TEXT} bytes")
        self.read = read_document(text)
        return self.read


@contextmanager
def _checked(path: str) -> Iterator[_Read]:
    """Problems of the pipeline are shown where they stand in the file, and end the command."""
    reading = _Read(path)
    try:
        yield reading
    except ConnectionTestFailed as error:  # of an archive
        show_verdicts(error.verdicts, err=True)
        raise
    except BadPipeline as error:
        show_problems(reading.read.placed(error) if reading.read else error, reading.name)
        sys.exit(exits.exit_code(error))


def _lines(lines: tuple[str, ...] | list[str]) -> dict[str, Any]:
    """The lines of a test, as its body has them."""
    text = "\n".join(lines) if lines else sys.stdin.buffer.read(_TRIED_BYTES + 1).decode(errors="replace")
    if not text.strip("\n"):
        raise BadSetting(
            "there is no line to try",
            hint="write lines behind the ID or the file, each in quotes, or send them to standard input",
        )
    if len(text) > _TRIED_BYTES:
        raise TooLarge(f"the lines have more than {_TRIED_BYTES} bytes", hint="try a few of them")
    return {"ndjson": text} if is_json_lines(text.encode()) else {"lines": text.split("\n")}


def _path(pipeline_id: str) -> str:
    return f"/v1/pipelines/{quote(pipeline_id, safe='')}"


def _show_applied(client: Client, answer: dict[str, Any]) -> None:
    version = answer["version"]
    if not answer["changed"]:
        click.echo(f"pipeline {answer['id']} is as it was (version {version})")
    else:
        click.echo(f"pipeline {answer['id']} is {'made' if version == 1 else f'at version {version}'}")
    show_keys(answer["id"], answer["keys"], client.url)


def _tell(answer: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        json_line(answer)
    else:
        click.echo(text)
