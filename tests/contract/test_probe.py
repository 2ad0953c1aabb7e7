"""The connection test against real servers: with the very policy that we give out, and with less."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from logkeep.storage.connection import Connection, checked
from logkeep.storage.grants import aws_policy, aws_trust, grants_for
from logkeep.storage.open import open_connection
from logkeep.storage.probe import CHECKS, Verdict, probe, usable
from tests.contract.azure_servers import Azurite
from tests.contract.gcs_servers import GcsEmulator
from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, free_port, make_bucket, program, serving

PREFIX = "team/web"
Policy = dict[str, Any]


@dataclass(frozen=True)
class Iam:
    """A server that asks of every request whether its user may."""

    endpoint: str

    def enforce(self, on: bool) -> None:
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth",
            data=b"0" if on else b"inf",  # requests that are answered before it begins to ask
            headers={"Content-Type": "text/plain"},
        )
        urllib.request.urlopen(request).close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )

    def with_policy(self, connection: Connection, policy: Policy) -> Connection:
        """The connection as a new user who has only this policy."""
        self.enforce(False)
        iam, name = self.client("iam"), f"user-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="archive", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.enforce(True)
        return replace(
            connection,
            options=dict(connection.options) | {"access_key_id": key["AccessKeyId"]},
            secrets={"secret_access_key": key["SecretAccessKey"]},
        )


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iam]:
    port = free_port()
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, port, tmp_path_factory.mktemp("moto-iam") / "log") as url:
        yield Iam(url)


@pytest.fixture
def connection(iam: Iam) -> Connection:
    """To a new bucket of that server, by nobody yet."""
    iam.enforce(False)
    return connection_to(iam.endpoint, make_bucket(iam.endpoint))


def connection_to(endpoint: str, bucket: str, **options: str) -> Connection:
    usual = {"bucket": bucket, "prefix": PREFIX, "endpoint": endpoint, "region": "us-east-1"}
    return Connection(
        provider="s3",
        options=usual | {"access_key_id": ACCESS_KEY, "allow_http": "true"} | options,
        secrets={"secret_access_key": SECRET_KEY},
    )


def by_check(connection: Connection) -> dict[str, Verdict]:
    connection = checked(connection)
    verdicts = probe(open_connection(connection), connection)
    assert tuple(one.check for one in verdicts) == CHECKS
    return {one.check: one for one in verdicts}


def oks(verdicts: dict[str, Verdict]) -> list[bool | None]:
    return [one.ok for one in verdicts.values()]


def without(policy: Policy, action: str) -> Policy:
    statements = [
        one | {"Action": [allowed for allowed in one["Action"] if allowed != action]}
        for one in policy["Statement"]
    ]
    return policy | {"Statement": [one for one in statements if one["Action"]]}


def test_the_policy_that_we_give_out_is_enough(iam: Iam, connection: Connection) -> None:
    policy = json.loads(grants_for(connection).text)
    verdicts = by_check(iam.with_policy(connection, policy))

    assert oks(verdicts) == [True] * 5 + [None]
    assert "not allowed, and not needed" in verdicts["clean_up"].detail
    assert usable(list(verdicts.values()))


@pytest.mark.parametrize(
    ("action", "expected", "check"),
    [
        ("s3:PutObject", [True, False, None, True, True, None], "write"),
        ("s3:GetObject", [True, True, True, False, True, None], "read"),
        ("s3:ListBucket", [True, True, True, True, False, None], "list"),
    ],
)
def test_each_permission_that_is_missing_is_named(
    iam: Iam, connection: Connection, action: str, expected: list[bool | None], check: str
) -> None:
    policy = without(aws_policy(connection), action)
    verdicts = by_check(iam.with_policy(connection, policy))

    assert oks(verdicts) == expected
    assert verdicts[check].remedy == f"allow {action}"
    assert "AccessDenied" in verdicts[check].detail


def test_without_any_permission_each_is_named(iam: Iam, connection: Connection) -> None:
    nothing = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]}],
    }
    verdicts = by_check(iam.with_policy(connection, nothing))

    assert oks(verdicts) == [True, False, None, None, False, None]
    assert [verdicts[check].remedy for check in ("write", "list")] == [
        "allow s3:PutObject",
        "allow s3:ListBucket",
    ]


def test_the_policy_of_one_prefix_is_no_permission_on_another(iam: Iam, connection: Connection) -> None:
    elsewhere = replace(connection, options=dict(connection.options) | {"prefix": "team/db"})
    verdicts = by_check(iam.with_policy(connection, aws_policy(elsewhere)))

    assert verdicts["write"].ok is False


def test_with_permission_to_delete_nothing_is_left(iam: Iam, connection: Connection) -> None:
    policy = aws_policy(connection)
    policy["Statement"][0]["Action"].append("s3:DeleteObject")
    user = iam.with_policy(connection, policy)

    assert oks(by_check(user)) == [True] * 6
    iam.enforce(False)
    assert "Contents" not in iam.client("s3").list_objects_v2(Bucket=connection.options["bucket"])


def test_a_key_that_nobody_has_is_told_from_a_secret_that_does_not_fit(
    iam: Iam, connection: Connection
) -> None:
    user = iam.with_policy(connection, aws_policy(connection))
    unknown = replace(user, options=dict(user.options) | {"access_key_id": "AKIAIOSFODNN7EXAMPLE"})
    wrong = replace(user, secrets={"secret_access_key": "wrong-secret"})

    assert "does not know these credentials" in by_check(unknown)["reach"].detail
    assert "the secret does not fit the key" in by_check(wrong)["reach"].detail
    assert "wrong-secret" not in repr(by_check(wrong))


def test_the_role_that_we_give_out_is_enough_for_who_has_its_external_id(
    iam: Iam, connection: Connection
) -> None:
    options = dict(connection.options) | {
        "credentials": "role",
        "role_arn": "arn:aws:iam::123456789012:role/archive",
        "external_id": "logkeep-7f3a",
        "sts_endpoint": iam.endpoint,
    }
    may_assume = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": [options["role_arn"]]}
    ours = iam.with_policy(
        replace(connection, options=options), {"Version": "2012-10-17", "Statement": [may_assume]}
    )
    iam.enforce(False)
    trust = aws_trust(ours)
    trust["Statement"][0]["Principal"]["AWS"] = iam.client("iam").list_users()["Users"][-1]["Arn"]
    iam.client("iam").create_role(RoleName="archive", AssumeRolePolicyDocument=json.dumps(trust))
    iam.client("iam").put_role_policy(
        RoleName="archive", PolicyName="archive", PolicyDocument=json.dumps(aws_policy(ours))
    )
    iam.enforce(True)
    theirs = replace(ours, options=dict(ours.options) | {"external_id": "another"})

    assert oks(by_check(ours)) == [True] * 5 + [None]
    assert "the role cannot be assumed" in by_check(theirs)["reach"].detail


def test_object_lock_needs_nothing_more(moto_s3: str) -> None:
    bucket = f"logs-{secrets.token_hex(6)}"
    client = Iam(moto_s3).client("s3")
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    retention = {"Mode": "COMPLIANCE", "Days": 1}
    client.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )
    verdicts = by_check(connection_to(moto_s3, bucket))

    assert oks(verdicts)[:5] == [True] * 5, verdicts


def test_a_server_without_conditional_puts_and_ranges_says_what_to_set(rclone_s3: str) -> None:
    bucket = make_bucket(rclone_s3)
    plain = by_check(connection_to(rclone_s3, bucket))
    adapted = by_check(connection_to(rclone_s3, bucket, atomic_create="false", range_reads="false"))

    assert plain["create_only"].remedy.startswith("set atomic_create=false")
    assert plain["read"].remedy.startswith("set range_reads=false")
    assert oks(adapted) == [True] * 6
    assert "logkeep looks first" in adapted["create_only"].detail


@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("bucket", "no-such-bucket", "there is no such bucket"),
        ("endpoint", "http://127.0.0.1:1", "refuses the connection"),
        ("endpoint", "http://no-such-host.invalid", "name is not known"),
        ("endpoint", "https", "speaks http where https"),
    ],
)
def test_what_keeps_us_from_the_bucket_is_told_apart(
    moto_s3: str, option: str, value: str, found: str
) -> None:
    connection = connection_to(moto_s3, make_bucket(moto_s3))
    value = moto_s3.replace("http:", "https:") if value == "https" else value
    verdicts = by_check(replace(connection, options=dict(connection.options) | {option: value}))

    assert oks(verdicts) == [False] + [None] * 5
    assert found in verdicts["reach"].detail
    assert verdicts["reach"].remedy


@pytest.mark.parametrize("credentials", ["key", "app"])
def test_azure_passes(azurite: Azurite, credentials: str) -> None:
    connection = azurite.connection(azurite.make_bucket(), PREFIX, credentials)

    assert oks(by_check(connection)) == [True] * 6


@pytest.mark.parametrize(
    ("letters", "expected", "remedies"),
    [
        ("rcwl", [True] * 5 + [None], {}),
        ("rl", [True, False, None, True, True, None], {"write": "create and write (c, w)"}),
        ("cwl", [True, True, False, False, True, None], {"create_only": "read (r)", "read": "read (r)"}),
        ("rcw", [True, True, True, True, False, None], {"list": "list (l)"}),
    ],
)
def test_the_letters_of_a_sas_that_we_ask_for_are_enough_and_each_that_is_missing_is_named(
    azurite: Azurite, letters: str, expected: list[bool | None], remedies: dict[str, str]
) -> None:
    container = azurite.make_bucket()
    sas = azurite.sas(container, letters)
    verdicts = by_check(azurite.connection(container, PREFIX, "sas", sas_token=sas))

    assert oks(verdicts) == expected
    assert {name for name, one in verdicts.items() if one.remedy} == remedies.keys()
    assert all(remedies[name] in verdicts[name].remedy for name in remedies)


def test_a_sas_that_has_ended_is_told(azurite: Azurite) -> None:
    container = azurite.make_bucket()
    sas = azurite.sas(container, "rcwl", valid=timedelta(hours=-1))
    verdicts = by_check(azurite.connection(container, PREFIX, "sas", sas_token=sas))

    assert oks(verdicts) == [False] + [None] * 5
    assert "sas_token" in verdicts["reach"].remedy


def test_a_container_that_does_not_exist_is_told(azurite: Azurite) -> None:
    verdicts = by_check(azurite.connection("no-such-container", PREFIX))

    assert verdicts["reach"].remedy == "create it, or correct container"


def test_google_cloud_passes(gcs_emulator: GcsEmulator) -> None:
    assert oks(by_check(gcs_emulator.connection(gcs_emulator.make_bucket(), PREFIX))) == [True] * 6


def test_a_bucket_of_google_that_does_not_exist_is_told(gcs_emulator: GcsEmulator) -> None:
    verdicts = by_check(gcs_emulator.connection("no-such-bucket", PREFIX))

    assert verdicts["reach"].remedy == "create it, or correct bucket"


def test_a_folder_passes_and_is_left_empty(tmp_path: Path) -> None:
    verdicts = by_check(Connection(provider="folder", options={"path": str(tmp_path)}))

    assert oks(verdicts) == [True] * 6
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
