"""The archive in an S3 bucket: moto's server, and what happens while it refuses."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable

import boto3
import pytest

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, make_bucket
from tests.e2e.server import Server, eventually

LINES = [f'{{"time":"2026-05-06T{7 + n % 2:02d}:{n % 60:02d}:00Z","msg":"bucket {n}"}}' for n in range(200)]
DAY = "logs/prod/year=2026/month=05/day=06"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def client(endpoint: str) -> boto3.client:
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")


def test_lines_go_to_a_bucket_and_come_back(make_server: Callable[..., Server], moto_s3: str) -> None:
    bucket = make_bucket(moto_s3)
    server = make_server(archive=f"s3://{bucket}/logs/prod", s3_endpoint=moto_s3).start()
    server.send(LINES)
    server.seal()
    stored = client(moto_s3)
    keys = [entry["Key"] for entry in stored.list_objects_v2(Bucket=bucket)["Contents"]]
    objects = [key for key in keys if key.endswith(".json.gz")]
    assert objects == [f"{DAY}/main.2026-05-06.0700.json.gz", f"{DAY}/main.2026-05-06.0800.json.gz"]
    assert len(keys) == 5  # with their manifests and the marker of the account
    found = stored.get_object(Bucket=bucket, Key=objects[0])
    assert (found["ContentType"], found.get("ContentEncoding")) == ("application/gzip", None)
    lines = [json.loads(line)["_line"] for line in gzip.decompress(found["Body"].read()).splitlines()]
    assert lines == LINES[0::2]

    wanted = {"from": "2026-05-06T07:30:00Z", "to": "2026-05-06T09:00:00Z", "query": "bucket"}
    restore = server.restore(name="s3", **wanted)
    assert (restore["state"], restore["error"]) == ("ACTIVE", None)
    expected = [line for line in LINES if line[20:25] >= "07:30"]
    assert sorted(server.lines(account=restore["account"])) == sorted(expected)


def test_verify_and_grep_read_the_bucket_itself(make_server: Callable[..., Server], moto_s3: str) -> None:
    bucket = make_bucket(moto_s3)
    server = make_server(archive=f"s3://{bucket}", s3_endpoint=moto_s3).start()
    server.send(LINES)
    server.seal()
    place = [f"s3://{bucket}", "--storage", f"endpoint={moto_s3}"]
    command = [sys.executable, "-m", "logkeep.cli.main"]
    verified = subprocess.run([*command, "verify", *place, "--json"], capture_output=True, check=False)
    assert verified.returncode == 0, verified.stderr
    counted = subprocess.run([*command, "grep", "bucket", *place, "-c"], capture_output=True, check=False)
    assert (counted.returncode, counted.stdout.strip()) == (0, b"200")


def test_a_bucket_that_refuses_holds_the_lines_in_the_spool_until_it_heals(
    make_server: Callable[..., Server], moto_s3: str
) -> None:
    bucket = f"{make_bucket(moto_s3)}-later"
    settings = {"archive": f"s3://{bucket}", "s3_endpoint": moto_s3, "seal_after": "0"}
    server = make_server(**settings).start()
    server.send(LINES)

    def failure() -> str:
        return str(server.get("/v1/archive/status")["accounts"][0]["last_error"] or "")

    eventually(failure, "the missing bucket to be noticed")
    answer = server.post("/v1/archive/seal", {"now": True})
    assert (answer["sealed"], [one["account"] for one in answer["failed"]]) == ([], ["main"])
    assert server.get("/v1/archive/status")["accounts"][0]["waiting_lines"] == len(LINES)

    client(moto_s3).create_bucket(Bucket=bucket)
    eventually(lambda: not failure(), "the archive to heal")
    status = server.get("/v1/archive/status")["accounts"][0]
    assert (status["state"], status["archived_lines"], status["waiting_lines"]) == ("ok", len(LINES), 0)
