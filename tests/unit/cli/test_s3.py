"""grep and verify straight on a bucket of an S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from logkeep.cli.main import main

from .archives import record, write_archive


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def test_an_archive_in_a_bucket_is_searched_and_verified(tmp_path: Path, endpoint: str) -> None:
    folder = tmp_path / "archive"
    write_archive(folder, [record(n, f"line {n} alpha", minute=n) for n in range(30)])
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    s3.create_bucket(Bucket="logs")
    for path in filter(Path.is_file, folder.rglob("*")):
        s3.upload_file(str(path), "logs", f"mine/{path.relative_to(folder)}")

    where = ["s3://logs/mine", "--storage", f"endpoint={endpoint}"]
    found = CliRunner().invoke(main, ["grep", "alpha", *where, "--from", "2025-11-20T12:28:00Z"])
    assert (found.exit_code, found.stdout) == (0, "line 28 alpha\nline 29 alpha\n")
    verified = CliRunner().invoke(main, ["verify", *where])
    assert (verified.exit_code, verified.stdout.splitlines()[-1]) == (0, "all as it should be")


def test_a_storage_option_without_value_is_named() -> None:
    done = CliRunner().invoke(main, ["verify", "s3://logs", "--storage", "endpoint"])
    assert (done.exit_code, done.stderr) == (
        2,
        "logkeep: --storage 'endpoint' has no '='\n  write it as NAME=VALUE\n",
    )
