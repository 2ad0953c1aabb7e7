"""docs/operations.md names what there is, and nothing else."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest

from logkeep.cli.main import main
from logkeep.declared import _SETTINGS, declared_archives
from logkeep.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_the_table_of_settings_has_every_setting_with_default_and_meaning() -> None:
    table = PAGE.partition("## Settings")[2].partition("## Archives")[0]
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.+)`|none) \| (.+) \|$", table, re.MULTILINE)
    settings = {setting.name: setting for setting in fields(Settings) if "parse" in setting.metadata}
    listed = {name: (settings[name].metadata["parse"](default), help_) for name, default, help_ in rows}
    assert listed == {name: (one.default, one.metadata["help"]) for name, one in settings.items()}
    assert [name for name, _, _ in rows] == list(settings)


def test_every_setting_of_a_declared_archive_is_named() -> None:
    (sentence,) = re.findall(r"The settings of an archive are (.*?);", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence) == list(_SETTINGS)


def test_the_settings_file_that_is_shown_can_be_read(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    secret = tmp_path / "archive"
    secret.write_text("kept apart\n")
    (archive,) = declared_archives(
        tomllib.loads(toml.replace("/run/secrets/archive", str(secret)))["archives"], environ={}
    )
    assert (archive.id, archive.account, archive.provider) == ("main", "main", "s3")
    told = {"query": "level:error", "seal_after_s": 600, "verify_every_s": 7 * 86_400}
    assert archive.settings == {**told, "layout": "", "layout_options": {}}
    assert archive.secrets == {"secret_access_key": "kept apart"}


def commands() -> list[str]:
    flowing = re.sub(r"\s*\n\s*", " ", PAGE)
    inline = re.findall(r"`(logkeep [a-z][^`]*)`", flowing)
    return sorted({*inline, *re.findall(r"^    (logkeep .*)$", PAGE, re.MULTILINE)})


@pytest.mark.parametrize("text", commands())
def test_every_command_that_is_named_is_there_with_its_options(text: str) -> None:
    command: click.Command = main
    words = shlex.split(text)[1:]
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no {name}"
        command = found
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert [word for word in words if word.startswith("--") and word not in known] == []
