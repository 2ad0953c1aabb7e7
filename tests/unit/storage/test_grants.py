"""What is to be granted: the least that an archive needs, safe to paste."""

from __future__ import annotations

import json
import re
import shlex
from fnmatch import fnmatchcase
from typing import Any

import pytest

from logkeep.storage.connection import Connection
from logkeep.storage.grants import aws_policy, aws_trust, grants_for, permissions
from logkeep.storage.providers import PROVIDERS

NASTY = 'it\'s $(a) `b`; "c"'


def aws(**options: str) -> Connection:
    return Connection(provider="s3", options={"bucket": "logs", "region": "eu-west-1"} | options)


def statement(policy: dict[str, Any], action: str) -> dict[str, Any]:
    [found] = [one for one in policy["Statement"] if action in one["Action"]]
    return dict(found)


def test_an_aws_policy_allows_the_prefix_and_no_deletion() -> None:
    grant = grants_for(aws(prefix="team/web/", credentials="keys"))

    assert json.loads(grant.text) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LogkeepWriteAndRead",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": "arn:aws:s3:::logs/team/web/*",
            },
            {
                "Sid": "LogkeepClearFailedUploads",
                "Effect": "Allow",
                "Action": ["s3:AbortMultipartUpload"],
                "Resource": "arn:aws:s3:::logs/team/web/*",
            },
            {
                "Sid": "LogkeepList",
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": "arn:aws:s3:::logs",
                "Condition": {"StringLike": {"s3:prefix": "team/web/*"}},
            },
        ],
    }


@pytest.mark.parametrize("credentials", ["keys", "machine", "role"])
def test_a_thaw_is_not_allowed_unless_somebody_adds_it(credentials: str) -> None:
    grant = grants_for(aws(credentials=credentials))

    assert "s3:RestoreObject" in grant.title
    assert "s3:RestoreObject" not in grant.text


@pytest.mark.parametrize("asked", ["web/", "web/year=2026/month=11/", "web/_manifest/", "web/_logkeep-test/"])
def test_every_listing_of_an_archive_meets_the_condition(asked: str) -> None:
    pattern = statement(aws_policy(aws(prefix="web")), "s3:ListBucket")["Condition"]["StringLike"][
        "s3:prefix"
    ]

    assert fnmatchcase(asked, pattern)
    assert not fnmatchcase("website/year=2026/", pattern)


def test_a_listing_of_a_whole_bucket_has_no_condition() -> None:
    """A request without a prefix would not meet one."""
    policy = aws_policy(aws())

    assert "Condition" not in statement(policy, "s3:ListBucket")
    assert statement(policy, "s3:PutObject")["Resource"] == "arn:aws:s3:::logs/*"


def test_a_prefix_with_pattern_characters_means_itself() -> None:
    policy = aws_policy(aws(prefix="a*b?$c"))

    assert statement(policy, "s3:GetObject")["Resource"] == "arn:aws:s3:::logs/a${*}b${?}${$}c/*"


@pytest.mark.parametrize(
    ("region", "arn"),
    [("cn-north-1", "arn:aws-cn:s3:::logs"), ("us-gov-west-1", "arn:aws-us-gov:s3:::logs")],
)
def test_other_partitions_have_other_names(region: str, arn: str) -> None:
    assert statement(aws_policy(aws(region=region)), "s3:ListBucket")["Resource"] == arn


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("arn:aws:kms:eu-west-1:1234:key/abc", "arn:aws:kms:eu-west-1:1234:key/abc"),
        ("abc", "arn:aws:kms:eu-west-1:ACCOUNT_OF_THE_KEY:key/abc"),
    ],
)
def test_a_key_of_ones_own_is_allowed_too(key: str, resource: str) -> None:
    found = statement(aws_policy(aws(sse="kms", kms_key_id=key)), "kms:GenerateDataKey")

    assert (found["Resource"], found["Action"]) == (resource, ["kms:GenerateDataKey", "kms:Decrypt"])


@pytest.mark.parametrize("key", ["alias/logs", "arn:aws:kms:eu-west-1:1234:alias/logs"])
def test_a_key_by_its_alias_is_any_key_that_has_it(key: str) -> None:
    found = statement(aws_policy(aws(sse="kms", kms_key_id=key)), "kms:Decrypt")

    assert found["Resource"].endswith(":key/*")
    assert found["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/logs"}}


def test_a_role_has_a_trust_policy_with_the_external_id() -> None:
    connection = aws(credentials="role", role_arn="arn:aws:iam::1:role/x", external_id="logkeep-7f")
    [trusted] = aws_trust(connection)["Statement"]
    text = grants_for(connection).text

    assert trusted["Condition"] == {"StringEquals": {"sts:ExternalId": "logkeep-7f"}}
    assert json.dumps(aws_trust(connection), indent=2) in text
    assert json.dumps(aws_policy(connection), indent=2) in text


def test_azure_is_scoped_to_the_container() -> None:
    options = {"account_name": "acme", "container": "logs", "credentials": "app", "client_id": "c-1"}
    text = grants_for(Connection(provider="azure", options=options)).text
    [role] = re.findall(r"<<'EOF'\n(.*?)EOF\n", text, re.DOTALL)

    assert "/blobServices/default/containers/logs" in text
    assert "--assignee c-1" in text
    assert "--role 'Storage Blob Data Contributor'" in text
    assert [action.rpartition("/blobs/")[2] for action in json.loads(role)["DataActions"]] == [
        "read",
        "write",
        "add/action",
    ]


def test_a_sas_token_reads_creates_writes_and_lists() -> None:
    options = {"account_name": "acme", "container": "logs", "credentials": "sas"}

    assert "--permissions rcwl " in grants_for(Connection(provider="azure", options=options)).text


def test_google_is_granted_to_the_account_of_the_key() -> None:
    key = json.dumps({"client_email": "robot@acme.example", "private_key": "hidden"})
    connection = Connection(
        provider="gcs",
        options={"bucket": "logs", "kms_key_name": "projects/p/key"},
        secrets={"service_account_key": key},
    )
    text = grants_for(connection).text

    assert "gs://logs --member=serviceAccount:robot@acme.example --role=roles/storage.objectCreator\n" in text
    assert "--role=roles/storage.objectViewer\n" in text
    assert "--authorize-cmek=projects/p/key\n" in text
    assert "hidden" not in text


@pytest.mark.parametrize("key", ["", "no JSON", "[]", "{}"])
def test_a_key_that_cannot_be_read_leaves_a_word_to_fill_in(key: str) -> None:
    connection = Connection(provider="gcs", options={"bucket": "logs"}, secrets={"service_account_key": key})

    assert "serviceAccount:SERVICE_ACCOUNT_EMAIL" in grants_for(connection).text


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("credentials", ["", "role", "machine", "key", "sas", "hmac"])
def test_every_provider_has_a_grant_that_allows_no_deletion_and_names_its_place(
    provider: str, credentials: str
) -> None:
    place = {"bucket": "mylogs", "container": "mylogs", "path": "/srv/mylogs", "account_name": "mylogs"}
    connection = Connection(
        provider=provider, options=place | {"credentials": credentials}, secrets={"secret_access_key": "hush"}
    )
    grant = grants_for(connection)

    assert "mylogs" in grant.text
    assert grant.title
    assert "hush" not in grant.text
    assert "s3:DeleteObject" not in grant.text
    assert "objects.delete" not in grant.text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_names_a_permission_for_every_check(provider: str) -> None:
    needed = permissions(Connection(provider=provider, options={}))

    assert list(needed) == ["write", "create_only", "read", "list", "clean_up"]
    assert all(needed.values())


@pytest.mark.parametrize("provider", ["folder", "azure", "gcs", "swift", "backblaze", "digitalocean", "ibm"])
def test_values_stay_one_word_of_the_shell(provider: str) -> None:
    options = dict.fromkeys(("bucket", "container", "account_name", "path", "client_id"), NASTY)
    text = grants_for(Connection(provider=provider, options=options)).text.partition("cat >")[0]
    parts = shlex.split(text, comments=True)

    assert any(NASTY in part for part in parts)
    assert not any(part in ("$(a)", "`b`;") for part in parts)


@pytest.mark.parametrize("provider", ["s3", "wasabi", "s3-compatible"])
def test_values_stay_text_in_json(provider: str) -> None:
    connection = Connection(provider=provider, options={"bucket": NASTY})

    assert json.loads(grants_for(connection).text)["Statement"][2]["Resource"] == f"arn:aws:s3:::{NASTY}"
