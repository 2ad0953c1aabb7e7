"""Starting S3 servers for tests, and making buckets in them."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from logkeep.storage.connection import Connection

ACCESS_KEY, SECRET_KEY = "TESTACCESSKEYID", "test-secret-access-key"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int, log: Path) -> Iterator[str]:
    """Run a server until the block ends; its URL, once it accepts connections."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not _accepts(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{command[0]} did not start: {log.read_text()}"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def program(name: str) -> str:
    """The path of a program from this environment's packages, or from the machine."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def serving_moto(folder: Path) -> Iterator[str]:
    """The URL of a running moto server; its log is in `folder`."""
    port = free_port()
    with serving([program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "log") as url:
        yield url


def aws_client(service: str, endpoint: str, key_id: str = ACCESS_KEY, secret: str = SECRET_KEY) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )


def make_bucket(endpoint: str) -> str:
    """The name of a new bucket at the endpoint."""
    name = f"logs-{secrets.token_hex(6)}"
    aws_client("s3", endpoint).create_bucket(Bucket=name)
    return name


@dataclass(frozen=True)
class GuardedS3:
    """An S3 server that asks its IAM about every request, and an administrator's keys."""

    endpoint: str
    key_id: str
    secret: str

    def client(self, service: str) -> Any:
        return aws_client(service, self.endpoint, self.key_id, self.secret)

    def make_bucket(self) -> str:
        name = f"logs-{secrets.token_hex(6)}"
        self.client("s3").create_bucket(Bucket=name)
        return name

    def make_user(self, statements: Sequence[Mapping[str, object]]) -> tuple[str, str]:
        """Access key and secret of a new user with this policy."""
        return _make_user(self.client("iam"), statements)

    def make_role(self, statements: Sequence[Mapping[str, object]]) -> str:
        """The ARN of a new role with this policy, that everyone may assume."""
        iam, name = self.client("iam"), f"role-{secrets.token_hex(6)}"
        trust = _policy([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}])
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_policy(statements))
        return str(role["Arn"])

    def connection(self, bucket: str, keys: tuple[str, str], **options: str) -> Connection:
        return Connection(
            provider="s3",
            options={
                "bucket": bucket,
                "prefix": "some/prefix",
                "endpoint": self.endpoint,
                "access_key_id": keys[0],
                **options,
            },
            secrets={"secret_access_key": keys[1]},
        )


def guarded(endpoint: str) -> GuardedS3:
    """Make an administrator at a moto server, and have it check permissions from now on."""
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    keys = _make_user(aws_client("iam", endpoint), everything)
    url, headers = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    request = urllib.request.Request(url, data=b"0", headers=headers, method="POST")
    urllib.request.urlopen(request).close()
    return GuardedS3(endpoint, *keys)


def _make_user(iam: Any, statements: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    name = f"user-{secrets.token_hex(6)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_policy(statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _policy(statements: Sequence[Mapping[str, object]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
