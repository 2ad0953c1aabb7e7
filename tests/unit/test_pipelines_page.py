"""docs/pipelines.md names every part with its settings, and what it shows can be typed."""

from __future__ import annotations

import re
import shlex
import typing
from pathlib import Path

import click
import msgspec
import pytest

from logkeep.cli.main import main
from logkeep.pipeline import model
from logkeep.pipeline.document import parse_spec, read_document
from logkeep.pipeline.redactions import NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text()
PARTS: list[type[msgspec.Struct]] = [
    part for kind in (model.Source, model.Processor, model.Destination) for part in typing.get_args(kind)
]
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_part_is_named_with_its_settings_and_secrets(part: type[msgspec.Struct]) -> None:
    names = {str(part.__struct_config__.tag), *part.__struct_fields__, *getattr(part, "SECRETS", ())}
    missing = [name for name in names if not re.search(rf"`{re.escape(name)}(NAME)?[:`]", PAGE)]
    assert missing == []


def test_the_patterns_of_redact_are_named() -> None:
    assert [name for name in NAMES if f"`{name}`" not in PAGE] == []


def test_every_pipeline_that_is_shown_is_one() -> None:
    texts = re.findall(r"<<EOF\n(.*?)^EOF$", SHELL, re.DOTALL | re.MULTILINE)
    assert [parse_spec(read_document(text)).id for text in texts] == ["shop", "replay"]


def commands() -> list[str]:
    flowing = re.sub(r"\s*\n\s*", " ", PAGE)
    typed = re.findall(r"^ *(logkeep [^|\n]*)", SHELL.replace("\\\n", " "), re.MULTILINE)
    return sorted({*re.findall(r"`(logkeep [a-z][^`]*)`", flowing), *typed} - {"logkeep archive"})


@pytest.mark.parametrize("text", commands())
def test_every_command_that_is_named_is_there_with_its_options(text: str) -> None:
    command: click.Command = main
    words = shlex.split(text)[1:]
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no {name}"
        command = found
        if not words:
            break
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert [word for word in words if word.startswith("--") and word not in known] == []
