"""Writes docs/cli.md: what commands print and end with, then every command's own --help.

`python -m logkeep.cli.reference docs/cli.md`; a test keeps the file current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from logkeep.cli import exits
from logkeep.cli.main import main

_WIDTH = 100

_INTRO = """\
# The command line

<!-- Written by `make docs` from the commands themselves; change them, not this file. -->

Times are ISO 8601 (`2026-11-20T09:00:00Z`; without an offset it is UTC), an offset from now (`-2h`,
`-30m`, `-7d`), `now`, or an epoch number. `--from` is inside a range, `--to` is not.

## Which server, with what key

| for | taken from, in this order |
|---|---|
| the server's address | `--url`, `LOGKEEP_URL`, the `url` in `first-start.json`, `http://127.0.0.1:7280` |
| the admin token, for all but `send` | `--token`, `LOGKEEP_TOKEN`, the file's `admin_token` |
| the ingest key, for `send` | `--key`, `LOGKEEP_KEY`, the file's `ingest_key` |

`first-start.json` is what the server wrote into its data folder: the one that `--data` or `LOGKEEP_DATA`
names, else `./data`. Its secrets are used only for the server that it names.

`verify` and `grep` need no server. They read a folder, `file:///…` or `s3://bucket/prefix`; for S3 they
take `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` and
`AWS_ENDPOINT_URL`, or the same as `--storage`.
"""

_JSON = """\
## JSON output

With `--json` a command prints UTF-8 JSON, one object a line, and nothing else on standard output.
Errors and progress go to standard error. Members are only ever added.
"""

# (command, what each line is, its members)
_JSON_LINES = (
    (
        "`search`, `grep`, `tail`",
        "a record, with the archive's field names (docs/archive-format.md)",
        "_lid _ts _ns _rx _account _host _app _file _env level _tag _meta _line _raw",
    ),
    ("`search --histogram`", "a bar", "ts count levels"),
    ("`search --top`", "a value", "value count"),
    ("`send`", "one line; `refused` lists `line code reason`", "accepted refused bytes seconds"),
    (
        "`archive ls`, `archive seal`",
        "an object",
        "account archive target hour part key lines raw_bytes stored_bytes sha256 min_ts max_ts sealed_at "
        "chain",
    ),
    ("`archive status`", "one line", "alarm accounts spool_bytes index_lag_frames index_error"),
    (
        "`archive show`, `configure`, `update`, `start`, `pause`, `stop`, `forget-secrets`",
        "an archive (docs/http-api.md)",
        "id account title state rank query with_excluded seal_after late_sweep max_object_bytes "
        "compression_level verify_every drill_every origin created_at place provider options secrets "
        "secrets_error external_id targets status totals newest checks",
    ),
    ("`archive test`", "one line; a verdict is `check ok detail remedy`", "usable verdicts grant"),
    ("`archive grant`", "one line", "title text"),
    (
        "`archive hours`",
        "an hour",
        "hour state accepted archived waiting objects raw_bytes stored_bytes",
    ),
    (
        "`archive days`",
        "a day; a problem is `hour kind key detail gap`",
        "day state accepted archived waiting objects late_objects raw_bytes stored_bytes hours empty_hours "
        "verified_objects frozen_objects problems problem_count",
    ),
    (
        "`archive object`",
        "one line (docs/http-api.md); with `--lines` a record",
        "archive key target place current hour part late objects_of_hour state stored frozen sealed manifest "
        "problems verify",
    ),
    ("`archive backfill`", "one line", "retained lines hours"),
    ("`archive verify`, `archive drill`", "the result", "archive kind at ok summary report"),
    ("`archive remove`", "one line", "id account removed"),
    (
        "`restore create`, `show`, `abort`, `delete`, `ls`",
        "a restore; `planned` holds `objects lines bytes raw_bytes`",
        "id name state account source from to query planned lines bytes duplicates created_at finished_at "
        "expires_at text_index error",
    ),
    (
        "`restore create --dry-run`",
        "one line, the plan",
        "objects lines bytes raw_bytes exact unknown_objects chunks",
    ),
    (
        "`user ls`, `add`, `change`, `invite`",
        "a user; `add` and `invite` add `link link_expires_at`; `rm` has `id name deleted`",
        "id name role accounts disabled has_password identity created_at signed_in_at",
    ),
    (
        "`token` commands",
        "a token; `create` adds its text, `token`",
        "id name scope created_at expires_at expired used_at",
    ),
    (
        "`account` commands",
        "an account; `create` adds its `ingest_key`, `delete` has `account deleted`",
        "account title kind parent suspended retention match archives created_at restore",
    ),
    (
        "`key` commands",
        "a key; `create` adds `ingest_key` or `admin_token`",
        "id account role name created_at",
    ),
    (
        "`rule create`, `ls`, `update`, `delete`",
        "a rule",
        "id account created_at title hosts apps query active live_tail lines bytes",
    ),
    ("`rule preview`", "one line", "lines bytes of_lines share hosts apps samples"),
    (
        "`pipeline apply`, `rollback`",
        "the pipeline; `keys` are new ones, by source",
        "id title account version created_at updated_at updated_by updated_by_name spec status changed keys",
    ),
    ("`pipeline apply --dry-run`", "one line", "valid id"),
    (
        "`pipeline ls`, `show`",
        "a pipeline; `show` adds its `spec`; `status` holds `works sources processors destinations`",
        "id title account version created_at updated_at updated_by updated_by_name status",
    ),
    (
        "`pipeline test`",
        "an event; a step is `processor type events note`",
        "before steps after destinations",
    ),
    ("`pipeline versions`", "a version", "version at by by_name"),
    ("`pipeline key`", "one line", "pipeline source key"),
    (
        "`pipeline dead-letters`",
        "an event; with `--retry` or `--discard` one line, `retried` or `discarded`",
        "at reason event",
    ),
    ("`pipeline delete`", "one line", "id deleted"),
    ("`audit`", "an entry", "id at actor actor_name action subject details"),
    ("`verify`", "a finding", "kind key detail note"),
    (
        "`verify`, last line",
        "the summary",
        "objects lines raw_bytes stored_bytes seconds wrong notes ok",
    ),
    ("`grep --count`", "one line", "count"),
)


def reference() -> str:
    parts = [_INTRO, "## Exit codes\n", *_exit_codes(), "", _JSON, *_json_lines(), "", "## Commands\n"]
    for command, path in _commands(main, ["logkeep"]):
        parts += [f"### {' '.join(path)}\n", "```", _help_of(command, path), "```\n"]
    return "\n".join(parts).rstrip("\n") + "\n"


def _exit_codes() -> Iterator[str]:
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in exits.MEANINGS.items():
        yield f"| {code} | {meaning} |"


def _json_lines() -> Iterator[str]:
    yield "| command | each line is | members |"
    yield "|---|---|---|"
    for command, what, members in _JSON_LINES:
        yield f"| {command} | {what} | `{members}` |"


def _commands(command: click.Command, path: list[str]) -> Iterator[tuple[click.Command, list[str]]]:
    yield command, path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if child := command.get_command(context, name):
                yield from _commands(child, [*path, name])


def _help_of(command: click.Command, path: list[str]) -> str:
    context = click.Context(
        command,
        info_name=" ".join(path),
        max_content_width=_WIDTH,
        terminal_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference())
