"""The end of a server whose bucket hangs: it comes, and the next server goes on with the data folder."""

from __future__ import annotations

import gzip
import json
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, aws_client, program, serving
from tests.e2e.server import DEADLINE_S, Server

LINES = [f'{{"time":"2026-05-06T07:{n:02d}:00Z","msg":"before the end {n}"}}' for n in range(60)]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def refused(url: str, token: str) -> str:
    """How a request ends that waits for the bucket."""
    try:
        answer = httpx.post(
            f"{url}/v1/archives/main/test", headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE_S
        )
    except httpx.TransportError:
        return "cut off"
    return str(answer.json()["type"])


def test_a_server_ends_while_its_bucket_hangs_and_the_next_one_seals_everything(
    make_server: Callable[..., Server], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as hanging, ThreadPoolExecutor(2) as pool:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen(64)  # connections come about, and nobody ever reads from them
        hanging.settimeout(DEADLINE_S)
        port = hanging.getsockname()[1]
        server = make_server(archive="s3://logs", s3_endpoint=f"http://127.0.0.1:{port}", seal_after="0")
        server.start()
        assert server.send(LINES).status_code == 200
        archiver, _ = hanging.accept()  # it is in the middle of a request now
        url, token = server.first_start["url"], server.first_start["admin_token"]
        asked = [pool.submit(refused, url, token) for _ in range(2)]
        apis = [hanging.accept()[0] for _ in asked]

        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 0
        assert {one.result() for one in asked} <= {"urn:logkeep:overloaded", "cut off"}
        for connection in (archiver, *apis):
            connection.close()
    said = capfd.readouterr().err
    assert "the server ends without" in said
    assert "Traceback" not in said
    server.stop()

    moto = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving(moto, port, tmp_path / "moto.log") as endpoint:
        bucket = aws_client("s3", endpoint)
        bucket.create_bucket(Bucket="logs")
        server.start()
        assert server.send(LINES[:1]).status_code == 200
        server.seal()
        server.stop()
        keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="logs")["Contents"]]
        stored = [bucket.get_object(Bucket="logs", Key=key) for key in keys if key.endswith(".json.gz")]
        sealed = [line for one in stored for line in gzip.decompress(one["Body"].read()).splitlines()]
    assert sorted(json.loads(line)["_line"] for line in sealed) == sorted([*LINES, LINES[0]])
