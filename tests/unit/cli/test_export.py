"""`logkeep export`: what it asks, where it writes, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logkeep.cli import exits
from logkeep.cli.export import export
from logkeep.cli.unreachable import Unreachable
from logkeep.errors import Conflict, LogkeepError, NotFound

from .recording_server import Answer, Server

CONTENT = b'{"_lid":"1","_line":"a"}\n\x00\xff\n\n'


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(export, [*arguments, "--url", server.url, "--token", "at"])


def answering(server: Server, content: bytes = CONTENT, status: int = 200, **headers: str) -> None:
    server.respond = lambda _seen: Answer(raw=content, status=status, headers=headers)


def test_what_comes_is_printed_byte_for_byte(server: Server) -> None:
    answering(server)
    done = run(server, "--account", "r-1", "--query", "level:error", "--from", "-2h", "--to", "now")
    assert (done.exit_code, done.stdout_bytes) == (exits.OK, CONTENT)
    [seen] = server.seen
    assert (seen.path, seen.headers["authorization"]) == ("/v1/export", "Bearer at")
    assert seen.params == {
        "account": "r-1",
        "query": "level:error",
        "from": "-2h",
        "to": "now",
        "format": "ndjson",
    }


def test_a_file_is_written_whole(server: Server, tmp_path: Path) -> None:
    answering(server)
    done = run(server, "--format", "parquet", "--output", "out.parquet")
    assert (done.exit_code, done.stdout_bytes) == (exits.OK, b"")
    assert (tmp_path / "out.parquet").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert server.seen[0].params == {"account": "main", "format": "parquet"}


def test_a_file_is_overwritten_only_by_force(server: Server, tmp_path: Path) -> None:
    answering(server)
    (tmp_path / "out").write_bytes(b"before")
    done = run(server, "--output", "out")
    assert isinstance(done.exception, Conflict)
    assert "--force" in done.exception.hint
    assert (server.seen, (tmp_path / "out").read_bytes()) == ([], b"before")
    assert run(server, "--output", "out", "--force").exit_code == exits.OK
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_a_refusal_leaves_no_file_and_keeps_the_old_one(server: Server, tmp_path: Path) -> None:
    problem = b'{"type":"urn:logkeep:not-found","detail":"there is no account \'x\'"}'
    answering(server, problem, 404)
    (tmp_path / "old").write_bytes(b"before")
    for arguments in (["--output", "out"], ["--output", "old", "--force"], []):
        done = run(server, *arguments)
        assert isinstance(done.exception, NotFound)
        assert done.stdout_bytes == b""
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old", b"before")]


def test_an_answer_that_is_cut_off_leaves_no_file(server: Server, tmp_path: Path) -> None:
    """The server closes in the middle when it can go on no further."""
    server.respond = lambda _seen: Answer(
        raw=CONTENT, headers={"Content-Length": "999", "Connection": "close"}
    )
    done = run(server, "--output", "out")
    assert isinstance(done.exception, Unreachable)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(server: Server) -> None:
    answering(server)
    done = run(server, "--output", "missing/out")
    assert isinstance(done.exception, LogkeepError)
    assert "missing/out cannot be written: No such file or directory" in done.exception.message


def test_the_column_of_a_bad_query_is_shown(server: Server) -> None:
    problem = b'{"type":"urn:logkeep:bad-query","detail":"column 3: unexpected","column":3}'
    answering(server, problem, 400)
    done = run(server, "--query", "a )")
    assert "  a )\n    ^" in done.stderr


@pytest.mark.parametrize("form", ["csv", "NDJSON", ""])
def test_other_formats_are_refused(server: Server, form: str) -> None:
    assert run(server, "--format", form).exit_code == exits.USAGE
    assert server.seen == []
