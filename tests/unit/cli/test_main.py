from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from logkeep import errors
from logkeep.cli import exits
from logkeep.cli.main import COMMANDS, main, show_error
from logkeep.cli.unreachable import Unreachable

HEAVY = {"chdb", "sqlalchemy", "starlette", "uvicorn", "httpx", "obstore", "rich"}


def modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert re.findall(r"^  ([a-z]+)  ", shown.stdout, re.MULTILINE) == list(COMMANDS)


def test_the_overview_loads_no_command() -> None:
    assert modules_after("import logkeep.cli.main") & HEAVY == set()


@pytest.mark.parametrize("name", ["grep", "verify"])
def test_what_needs_no_server_loads_no_server(name: str) -> None:
    module = COMMANDS[name][0].partition(":")[0]
    assert (
        modules_after(f"import {module}") & {"chdb", "sqlalchemy", "starlette", "uvicorn", "httpx"} == set()
    )


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_loads_and_its_line_in_the_overview_fits_it(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["archvie"]).exit_code == exits.USAGE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadTime("x"), 2),
        (errors.QuerySyntaxError("x", column=3), 2),
        (errors.Unauthorized("x"), 3),
        (errors.NotFound("x"), 3),
        (errors.Conflict("x"), 3),
        (Unreachable("x"), 4),
        (errors.Overloaded("x"), 5),
        (errors.StorageUnavailable("x"), 5),
        (errors.StorageDenied("x"), 6),
        (errors.DamagedArchive("x"), 6),
        (errors.EngineError("x"), 70),
    ],
)
def test_each_error_has_its_exit_code(error: errors.LogkeepError, code: int) -> None:
    assert exits.exit_code(error) == code
    assert code in exits.MEANINGS


def test_an_error_shows_its_message_then_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(errors.NotFound("there is no restore r-1", hint="see: logkeep restore ls"))
    assert capsys.readouterr().err == "logkeep: there is no restore r-1\n  see: logkeep restore ls\n"
