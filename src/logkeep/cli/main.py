"""The `logkeep` command: a table of commands, each loaded when it is used.

`logkeep --help` and every command start without the modules of the others, so that a grep does not wait
for a web server's imports.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from logkeep.cli import exits
from logkeep.errors import LogkeepError

# name: (where its click command is, its line in the overview)
COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("logkeep.cli.serve:serve", "Run the server."),
    "send": ("logkeep.cli.send:send", "Send the lines of a file or of standard input."),
    "search": ("logkeep.cli.search:search", "Search live lines, or a restored account."),
    "export": ("logkeep.cli.export:export", "Write all lines of an account to a file or to standard output."),
    "tail": ("logkeep.cli.tail:tail", "Show lines as they come."),
    "archive": ("logkeep.cli.archive:archive", "Set up, see, test and seal archives."),
    "restore": ("logkeep.cli.restore:restore", "Bring a stretch of the archive back."),
    "pipeline": (
        "logkeep.cli.pipeline:pipeline",
        "Take events in, shape them, and deliver them to other systems.",
    ),
    "account": ("logkeep.cli.account:account", "Create, change and delete accounts."),
    "key": ("logkeep.cli.key:key", "Create, list and revoke keys."),
    "user": ("logkeep.cli.user:user", "Add, change and delete users."),
    "token": ("logkeep.cli.token:token", "Create, list and revoke tokens of users."),
    "rule": ("logkeep.cli.rule:rule", "Keep lines out: not stored, not counted, not archived."),
    "audit": ("logkeep.cli.audit:audit", "List who changed what."),
    "verify": ("logkeep.cli.verify:verify", "Check every object of a bucket or folder; no server needed."),
    "grep": ("logkeep.cli.grep:grep", "Search a bucket or folder itself; no server needed."),
    "demo": ("logkeep.cli.demo:demo", "Show the whole loop on sample lines, in a temporary folder."),
}


class CommandTable(click.Group):
    """The commands of COMMANDS, loaded on use. Ends with the exit code of an error that comes out."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LogkeepError as error:
            show_error(error)
            ctx.exit(exits.exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(exits.INTERRUPTED)


def show_error(error: LogkeepError) -> None:
    """The message, then the hint, on standard error."""
    click.echo(f"logkeep: {error.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)


@click.group(
    cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="logkeep", prog_name="logkeep")
def main() -> None:
    """Keeps every log line in a bucket you own, and brings any stretch of it back in seconds.

    Commands that talk to a server take its address from --url or LOGKEEP_URL, and the admin token or a
    user's token from --token or LOGKEEP_TOKEN. Without them they use the first-start.json that the server
    wrote into its data folder (--data, LOGKEEP_DATA, or ./data).
    """


if __name__ == "__main__":
    sys.exit(main())
