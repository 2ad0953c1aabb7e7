"""What to grant, in each provider's own words: the least that an archive needs.

logkeep writes, reads and lists below its prefix. It deletes nothing, so nothing here allows deletion.
What logkeep cannot know (an account number, a project) stands in capitals.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logkeep.storage.connection import Connection

_WRITE_AND_READ = ("s3:PutObject", "s3:GetObject")
_CLEAR_FAILED = ("s3:AbortMultipartUpload",)  # clears away the parts of a large upload that failed
_LIST = ("s3:ListBucket",)
# Only restores from Glacier need it, and they cost money: who wants them adds it.
_THAW = "to thaw objects in Glacier classes, add s3:RestoreObject beside s3:GetObject"
_KMS = ("kms:GenerateDataKey", "kms:Decrypt")

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_BLOB_ACTIONS = (f"{_BLOBS}/read", f"{_BLOBS}/write", f"{_BLOBS}/add/action")
_SAS_LETTERS = "rcwl"  # read, create, write, list

_GCS_PERMISSIONS = ("storage.objects.create", "storage.objects.get", "storage.objects.list")
# An upload in parts through the S3 interface has permissions of its own.
_GCS_PARTS = ("storage.multipartUploads.create", "storage.multipartUploads.abort")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What to grant and where (`title`), and the document or commands to paste (`text`)."""

    title: str
    text: str


def grants_for(connection: Connection) -> Grant:
    """The least that this connection needs. Holds no secret; never fails."""
    if connection.provider == "folder":
        return _folder(connection)
    if connection.provider == "azure":
        return _azure(connection)
    if connection.provider == "gcs":
        return _gcs(connection)
    if connection.provider == "s3":
        return _aws(connection)
    return _compatible(connection)


def permissions(connection: Connection) -> Mapping[str, str]:
    """What each check of the connection test (`write`, `create_only`, `read`, `list`, `clean_up`) needs to
    be allowed, as the provider calls it."""
    if connection.provider == "folder":
        return _by_check("write permission on the folder", "read permission on the folder", "read permission")
    if connection.provider == "azure":
        return _azure_permissions(connection)
    if connection.provider == "gcs":
        return _by_check(*_GCS_PERMISSIONS, delete="storage.objects.delete")
    kms = _option(connection, "sse") == "kms"
    return _by_check(
        "s3:PutObject" + " and, for the key, kms:GenerateDataKey" * kms,
        "s3:GetObject" + " and, for the key, kms:Decrypt" * kms,
        "s3:ListBucket",
        delete="s3:DeleteObject",
    )


def aws_policy(connection: Connection) -> dict[str, Any]:
    """The IAM policy of the user or role that reaches the bucket."""
    bucket = f"arn:{_partition(connection)}:s3:::{_option(connection, 'bucket', 'BUCKET')}"
    prefix = _pattern_safe(_option(connection, "prefix").strip("/"))
    listing = _allow("LogkeepList", _LIST, bucket)
    if prefix:
        # Listings name the prefix with its slash, alone or with a folder below it: both match.
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}/*"}}
    below = f"{bucket}/{prefix}/*" if prefix else f"{bucket}/*"
    statements = [
        _allow("LogkeepWriteAndRead", _WRITE_AND_READ, below),
        _allow("LogkeepClearFailedUploads", _CLEAR_FAILED, below),
        listing,
    ]
    if _option(connection, "sse") == "kms" and _option(connection, "kms_key_id"):
        statements.append(_kms(connection))
    return {"Version": "2012-10-17", "Statement": statements}


def aws_trust(connection: Connection) -> dict[str, Any]:
    """The trust policy of the role: who may assume it, and with which external id."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{_partition(connection)}:iam::ACCOUNT_OF_LOGKEEP:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id := _option(connection, "external_id"):
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _aws(connection: Connection) -> Grant:
    policy = _json(aws_policy(connection))
    if _option(connection, "credentials") != "role":
        who = "role of this machine" if _option(connection, "credentials") == "machine" else "user"
        return Grant(title=f"AWS: attach this IAM policy to the {who} ({_THAW})", text=policy)
    return Grant(
        title=f"AWS: give the role this permissions policy and this trust policy ({_THAW})",
        text=f"Permissions policy of {_option(connection, 'role_arn', 'the role')}:\n\n{policy}\n"
        f"Trust policy of the role (ACCOUNT_OF_LOGKEEP is the AWS account that logkeep runs in):\n\n"
        f"{_json(aws_trust(connection))}",
    )


def _kms(connection: Connection) -> dict[str, Any]:
    key = _option(connection, "kms_key_id")
    if key.startswith("arn:") and ":alias/" not in key:
        return _allow("LogkeepEncryption", _KMS, key)
    region = _option(connection, "region", "REGION")
    keys = f"arn:{_partition(connection)}:kms:{region}:ACCOUNT_OF_THE_KEY:key"
    alias = key[key.index("alias/") :] if "alias/" in key else ""
    if not alias:
        return _allow("LogkeepEncryption", _KMS, f"{keys}/{key}")
    # A policy cannot name a key by its alias, only ask for the alias of the key.
    by_alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return _allow("LogkeepEncryption", _KMS, f"{keys}/*") | {"Condition": by_alias}


def _azure(connection: Connection) -> Grant:
    account = _option(connection, "account_name", "ACCOUNT")
    container = _option(connection, "container", "CONTAINER")
    kind = _option(connection, "credentials")
    if kind == "key":
        return Grant(
            title="Azure: an account key may do everything already",
            text=f"# prints the keys; there is nothing to grant\n"
            f"az storage account keys list --account-name {shlex.quote(account)} --output table\n",
        )
    if kind == "sas":
        return Grant(
            title="Azure: make a SAS token for this container (read, create, write, list)",
            text=f"az storage container generate-sas --account-name {shlex.quote(account)} "
            f"--name {shlex.quote(container)} \\\n"
            f"  --permissions {_SAS_LETTERS} --expiry EXPIRY --https-only --output tsv\n",
        )
    return _azure_role(account, container, _option(connection, "client_id", "PRINCIPAL_ID"))


def _azure_role(account: str, container: str, assignee: str) -> Grant:
    role = {
        "Name": "logkeep archive",
        "Description": "Write, read and list blobs; no deletion",
        "Actions": [],
        "DataActions": list(_BLOB_ACTIONS),
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION_ID"],
    }
    below = shlex.quote(f"/blobServices/default/containers/{container}")
    assign = (
        f"scope=$(az storage account show --name {shlex.quote(account)} --query id --output tsv){below}\n"
        f'az role assignment create --assignee {shlex.quote(assignee)} --scope "$scope" \\\n'
    )
    return Grant(
        title="Azure: assign a role on the container (it may take some minutes to be in force)",
        text=f"{assign}  --role 'Storage Blob Data Contributor'\n\n"
        f"# or, without the right to delete, a role of your own:\n"
        f"cat > logkeep-role.json <<'EOF'\n{_json(role)}EOF\n"
        f"az role definition create --role-definition @logkeep-role.json\n"
        f"{assign}  --role 'logkeep archive'\n",
    )


def _azure_permissions(connection: Connection) -> Mapping[str, str]:
    if _option(connection, "credentials") == "sas":
        return _by_check(
            "the SAS permissions create and write (c, w)",
            "the SAS permission read (r)",
            "the SAS permission list (l)",
            delete="the SAS permission delete (d)",
        )
    if _option(connection, "credentials") == "key":
        # The key may do everything: what remains are network rules and locks.
        reason = (
            "this machine in the network settings of the storage account, and writing, if a lock forbids it"
        )
        return _by_check(reason, reason, reason, delete=reason)
    role = "the role Storage Blob Data Contributor, or "
    return _by_check(
        f"{role}{_BLOBS}/write and {_BLOBS}/add/action",
        f"{role}{_BLOBS}/read",
        f"{role}{_BLOBS}/read on the whole container",
        delete=f"{_BLOBS}/delete",
    )


def _gcs(connection: Connection) -> Grant:
    bucket = shlex.quote(f"gs://{_option(connection, 'bucket', 'BUCKET')}")
    member = shlex.quote(f"serviceAccount:{_service_account(connection)}")
    bind = f"gcloud storage buckets add-iam-policy-binding {bucket} --member={member} --role="
    hmac = _option(connection, "credentials") == "hmac"
    allowed = ",".join(_GCS_PERMISSIONS + _GCS_PARTS * hmac)
    text = (
        f"{bind}roles/storage.objectCreator\n{bind}roles/storage.objectViewer\n\n"
        f"# or a role of your own with just this:\n"
        f"gcloud iam roles create logkeepArchive --project=PROJECT \\\n  --permissions={allowed}\n"
        f"{bind}projects/PROJECT/roles/logkeepArchive\n"
    )
    if key := _option(connection, "kms_key_name"):
        text += (
            "\n# the bucket's project must be allowed to use the key:\n"
            f"gcloud storage service-agent --project=PROJECT --authorize-cmek={shlex.quote(key)}\n"
        )
    return Grant(title="Google Cloud: grant the service account two roles on the bucket", text=text)


def _service_account(connection: Connection) -> str:
    """The address in the service account's key, which is no secret."""
    try:
        return str(json.loads(connection.secrets["service_account_key"])["client_email"])
    except (KeyError, TypeError, ValueError):
        return "SERVICE_ACCOUNT_EMAIL"


def _folder(connection: Connection) -> Grant:
    folder = shlex.quote(str(Path(_option(connection, "path", "FOLDER")).expanduser()))
    return Grant(
        title="Folder: let the user that logkeep runs as write there (here: logkeep)",
        text=f"mkdir -p -- {folder}\nchown logkeep: {folder}\nchmod u=rwx,go= {folder}\n",
    )


def _compatible(connection: Connection) -> Grant:
    bucket = _option(connection, "bucket", "BUCKET")
    prefix = _option(connection, "prefix").strip("/")
    quoted = shlex.quote(bucket)
    policy = _json(aws_policy(connection))
    if connection.provider == "minio":
        return Grant(
            title="MinIO: make a policy and attach it to the user whose access key logkeep has",
            text=f"cat > logkeep-archive.json <<'EOF'\n{policy}EOF\n"
            "mc admin policy create ALIAS logkeep-archive logkeep-archive.json\n"
            "mc admin policy attach ALIAS logkeep-archive --user USER\n",
        )
    if connection.provider == "backblaze":
        below = f" --name-prefix {shlex.quote(prefix + '/')}" if prefix else ""
        return Grant(
            title="Backblaze B2: make an application key for this bucket",
            text=f"b2 key create --bucket {quoted}{below} logkeep-archive "
            "listBuckets,listFiles,readFiles,writeFiles\n",
        )
    if connection.provider == "digitalocean":
        return Grant(
            title="DigitalOcean: make a Spaces key with limited access to this bucket "
            "(Spaces has no permission to write without one to delete)",
            text="doctl spaces keys create logkeep-archive "
            f"--grants {shlex.quote(f'bucket={bucket};permission=readwrite')}\n",
        )
    if connection.provider == "ibm":
        return Grant(
            title="IBM Cloud: give a service id two roles on the bucket, and HMAC credentials",
            text="ibmcloud iam service-policy-create SERVICE_ID --roles 'Object Writer,Content Reader' \\\n"
            "  --service-name cloud-object-storage --service-instance INSTANCE_GUID \\\n"
            f"  --resource-type bucket --resource {quoted}\n"
            "ibmcloud resource service-key-create logkeep-archive --instance-id INSTANCE_ID \\\n"
            "  --service-id SERVICE_ID --parameters '{\"HMAC\":true}'\n",
        )
    if connection.provider == "swift":
        return Grant(
            title="OpenStack Swift: let a user read and write the container, and make its S3 keys",
            text=f"swift post --read-acl PROJECT:USER --write-acl PROJECT:USER {quoted}\n"
            "openstack ec2 credentials create --user USER --project PROJECT\n",
        )
    if connection.provider == "r2":
        return Grant(
            title="Cloudflare R2: make an API token",
            text="In the dashboard: R2 > Manage API tokens > Create API token\n"
            f"Permissions: Object Read & Write\nSpecify buckets: Apply to specific buckets only: {bucket}\n",
        )
    if connection.provider == "wasabi":
        return Grant(title="Wasabi: attach this policy to the user (console: Policies)", text=policy)
    return Grant(
        title="S3-compatible: allow this where the server takes policies; else read and write on the bucket",
        text=policy,
    )


def _by_check(write: str, read: str, listing: str, *, delete: str = "write permission") -> Mapping[str, str]:
    return {"write": write, "create_only": write, "read": read, "list": listing, "clean_up": delete}


def _allow(sid: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def _pattern_safe(prefix: str) -> str:
    """The prefix as a policy must write it to mean just that text."""
    return "".join(f"${{{letter}}}" if letter in "*?$" else letter for letter in prefix)


def _partition(connection: Connection) -> str:
    region = _option(connection, "region")
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _option(connection: Connection, name: str, otherwise: str = "") -> str:
    return connection.options.get(name) or otherwise


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
