"""Archives, accounts, keys, rules, audit and tail, through the API and the commands of a real server."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.s3_servers import GuardedS3
from tests.e2e.server import DEADLINE_S, Server, archived_lines, eventually

HOUR = "2026-04-05T07"
SPAN = {"from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"}
ALL_OF_S3 = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
READ_ONLY = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]


def cli(
    server: Server, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LOGKEEP_")}
    return subprocess.run(
        [sys.executable, "-m", "logkeep.cli.main", *arguments, "--data", str(server.data)],
        input=stdin,
        capture_output=True,
        text=True,
        env={**environment, **(variables or {})},
        check=False,
    )


def done(server: Server, *arguments: str, **how: Any) -> list[Any]:
    """What a command that must go well prints with --json."""
    ended = cli(server, *arguments, "--json", **how)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


class Tenant:
    """An account of its own on a shared server, with a folder for its archive."""

    def __init__(self, server: Server, folder: Path, name: str, key: str) -> None:
        self.server, self.folder, self.name, self.key = server, folder, name, key

    def post(self, *texts: str, key: str = "") -> int:
        """Send lines of the hour; the answer's status."""
        lines = [f'{{"time":"{HOUR}:{n % 60:02d}:00Z","msg":"{text}"}}' for n, text in enumerate(texts)]
        answer = self.server.http.post(
            "/v1/ingest",
            content="\n".join(lines),
            headers={"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/x-ndjson"},
            params={"host": "web-1"},
        )
        return answer.status_code

    def send(self, *texts: str) -> None:
        assert self.post(*texts) == 200

    def searched(self) -> list[str]:
        self.server.wait_until_indexed()
        return sorted(json.loads(line)["msg"] for line in self.server.lines(account=self.name))

    def archived(self, folder: Path | None = None) -> list[str]:
        """The texts that the folder's objects hold."""
        found: list[str] = []
        for path in (folder or self.folder).rglob("*.json.gz"):
            records = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
            found += [json.loads(record["_line"])["msg"] for record in records]
        return sorted(found)

    def seal(self) -> None:
        answer = self.server.post("/v1/archive/seal", {"account": self.name, "now": True})
        assert answer["failed"] == []

    def configure(self, **body: object) -> dict[str, Any]:
        folder = {"provider": "folder", "options": {"path": str(self.folder)}}
        return self.server.post("/v1/archives", {"account": self.name, **folder, **body})

    def archive(self, path: str = "") -> dict[str, Any]:
        return self.server.get(f"/v1/archives/{self.name}{path}")

    def switch(self, switch: str) -> str:
        return str(self.server.post(f"/v1/archives/{self.name}/{switch}", {})["state"])


@pytest.fixture
def tenant(server: Server, tmp_path: Path) -> Tenant:
    return make_tenant(server, tmp_path / "archive")


def make_tenant(server: Server, folder: Path, **body: object) -> Tenant:
    name = f"t-{secrets.token_hex(4)}"
    made = server.post("/v1/accounts", {"name": name, "archive": "none", **body})
    return Tenant(server, folder, name, made["ingest_key"])


def refused(server: Server, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    answer = server.http.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()


def test_lines_that_came_while_the_archive_was_off_are_archived_by_a_backfill_only(tenant: Tenant) -> None:
    server, name = tenant.server, tenant.name
    (made,) = done(server, "archive", "configure", name, f"{tenant.folder}/", "--title", "all of it")
    assert (made["id"], made["state"], made["place"]) == (name, "off", tenant.folder.as_uri())
    tenant.send("before")
    assert [one["state"] for one in done(server, "archive", "start", name)] == ["on"]
    tenant.send("on 1", "on 2")
    assert [one["state"] for one in done(server, "archive", "stop", name)] == ["off"]
    tenant.send("after")
    tenant.seal()
    assert tenant.archived() == ["on 1", "on 2"]

    span = ("--from", SPAN["from"], "--to", SPAN["to"])
    assert done(server, "archive", "backfill", name, *span) == [{"retained": 4, "lines": 2, "hours": 1}]
    assert done(server, "archive", "backfill", name, *span) == [{"retained": 4, "lines": 0, "hours": 1}]
    tenant.seal()
    assert tenant.archived() == tenant.searched() == ["after", "before", "on 1", "on 2"]
    assert done(server, "archive", "backfill", name, *span) == [{"retained": 4, "lines": 0, "hours": 1}]
    (hour,) = done(server, "archive", "hours", name)
    assert (hour["hour"], hour["state"]) == ("2026-04-05T07:00:00.000Z", "sealed")
    assert (hour["accepted"], hour["archived"], hour["waiting"], hour["objects"]) == (4, 4, 0, 2)


def test_a_paused_archive_keeps_what_comes_and_writes_it_when_it_goes_on(tenant: Tenant) -> None:
    tenant.configure(start=True)
    assert tenant.switch("pause") == "paused"
    tenant.send("waits 1", "waits 2")
    tenant.seal()
    assert tenant.archived() == []
    (hour,) = tenant.archive("/hours")["hours"]
    assert (hour["state"], hour["waiting"], hour["archived"]) == ("waiting", 2, 0)
    assert tenant.archive()["status"]["waiting_lines"] == 2
    assert tenant.switch("start") == "on"
    tenant.seal()
    assert tenant.archived() == ["waits 1", "waits 2"]


@pytest.fixture
def aws_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("aws_free")
def test_a_bucket_is_tested_before_it_is_saved_and_no_secret_is_ever_shown(
    make_server: Callable[..., Server], guarded_s3: GuardedS3, capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server().start()
    bucket = guarded_s3.make_bucket()
    reader, writer = guarded_s3.make_user(READ_ONLY), guarded_s3.make_user(ALL_OF_S3)
    told: list[str] = []  # everything that anyone was told

    def command(*arguments: str, key: tuple[str, str], secret: str = "") -> subprocess.CompletedProcess[str]:
        place = ("--option", f"bucket={bucket}", "--option", "prefix=logs")
        options = (
            *place,
            "--option",
            f"endpoint={guarded_s3.endpoint}",
            "--option",
            f"access_key_id={key[0]}",
        )
        ended = cli(
            server, *arguments, *options, "--secret", "secret_access_key", stdin=f"{secret or key[1]}\n"
        )
        told.extend((ended.stdout, ended.stderr))
        return ended

    # One may not write, the other's secret is wrong: nothing is saved.
    denied = command("archive", "configure", "main", "s3", key=reader)
    assert denied.returncode == 2
    assert "write        FAILED" in denied.stderr
    assert '"s3:PutObject"' in denied.stderr
    wrong = "wrong" * 8
    mistaken = command("archive", "configure", "main", "s3", key=writer, secret=wrong)
    assert mistaken.returncode == 2
    assert "FAILED" in mistaken.stderr
    assert [one["id"] for one in server.get("/v1/archives")["archives"]] == ["main"]
    tried = command("archive", "test", "--provider", "s3", key=reader)
    assert (tried.returncode, "write        FAILED" in tried.stdout) == (1, True)
    assert "s3:PutObject" in tried.stdout

    # The archive moves from its folder into the bucket.
    server.send([f'{{"time":"{HOUR}:00:00Z","msg":"folder"}}'])
    server.seal()
    moved = command("archive", "update", "main", "--provider", "s3", key=writer)
    assert moved.returncode == 0, moved.stderr
    server.send([f'{{"time":"{HOUR}:01:00Z","msg":"bucket"}}'])
    assert len(server.seal()) == 1
    keys = [one["Key"] for one in guarded_s3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.startswith("logs/year=2026/month=04/day=05/main.") for key in keys)
    restore = server.restore(name="both places", **SPAN)
    assert (restore["state"], restore["lines"]) == ("ACTIVE", 2)

    # A change keeps the secret that is not named; the test of the saved archive uses it.
    changed = server.http.patch("/v1/archives/main", json={"options": {"storage_class": "STANDARD_IA"}})
    told.append(changed.text)
    assert changed.json()["secrets"] == {"secret_access_key": "********"}
    tested = server.http.post("/v1/archives/main/test")
    told.append(tested.text)
    assert tested.json()["usable"]
    bad = server.http.patch("/v1/archives/main", json={"secrets": {"secret_access_key": wrong}})
    told.append(bad.text)
    assert (bad.status_code, bad.json()["type"]) == (400, "urn:logkeep:connection-test-failed")
    assert [one["ok"] for one in bad.json()["verdicts"] if one["check"] != "clean_up"] != [True] * 5
    assert server.post("/v1/archives/main/test", {})["usable"]

    # Without its secret it stops; what waits stays; a new secret heals it.
    server.send([f'{{"time":"{HOUR}:02:00Z","msg":"waits"}}'])
    forgotten = server.http.post("/v1/archives/main/forget-secrets")
    told.append(forgotten.text)
    assert (forgotten.json()["state"], forgotten.json()["secrets"]) == ("off", {})
    assert server.http.patch("/v1/archives/main", json={"title": "no secret needed"}).status_code == 200
    assert "s3:PutObject" in server.get("/v1/archives/main/grant")["text"]
    failed = server.post("/v1/archive/seal", {"now": True})["failed"]
    told.append(json.dumps(failed))
    assert [one["archive"] for one in failed] == ["main"]
    again = cli(
        server,
        *("archive", "update", "main", "--secret", "secret_access_key=env:SECRET"),
        variables={"SECRET": writer[1]},
    )
    told += [again.stdout, again.stderr]
    assert again.returncode == 0, again.stderr
    assert server.post("/v1/archives/main/start", {})["state"] == "on"
    server.seal()  # or the server did so by itself, now that it can
    eventually(
        lambda: server.get("/v1/archives/main")["status"]["waiting_lines"] == 0, "what waits to be written"
    )

    for path in ("/v1/archives", "/v1/archives/main", "/v1/archives/main/grant", "/v1/archive/status"):
        told.append(server.http.get(path).text)
    told.append(json.dumps(done(server, "audit", "--limit", "1000")))
    server.stop()
    told.append(capfd.readouterr().err)
    for secret in (reader[1], writer[1], wrong):
        assert not [text for text in told if secret in text]
        assert not [
            path for path in server.data.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
        ]

    # The move and the settings are there after a restart.
    server.start()
    assert server.get("/v1/archives/main")["place"] == f"s3://{bucket}/logs?endpoint={guarded_s3.endpoint}"


def test_a_secret_on_the_command_line_is_refused(tenant: Tenant) -> None:
    place = ("archive", "configure", tenant.name, "s3", "--option", "bucket=logs")
    refused_at_once = cli(tenant.server, *place, "--secret", "secret_access_key=hunter2")
    assert refused_at_once.returncode == 2
    assert "hunter2" not in refused_at_once.stderr + refused_at_once.stdout
    assert tenant.server.get("/v1/archives", account=tenant.name) == {"archives": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "s4"}, "provider"),
        ({"options": {"bucket": "Not_A_Bucket!"}, "provider": "s3"}, "bucket"),
        ({"options": {"bucket": "logs", "region": "mars"}, "provider": "s3"}, "region"),
        ({"options": {"bucket": "logs", "endpoint": "http://s3.example.com"}, "provider": "s3"}, "endpoint"),
        ({"options": {"bucket": "logs", "access_key_id": "AK"}, "provider": "s3"}, "secret_access_key"),
        ({"options": {"path": "relative"}, "provider": "folder"}, "path"),
        ({"options": {"surprise": "x"}, "provider": "folder"}, "surprise"),
        ({"seal_after": "soon"}, "seal_after"),
        ({"max_object_bytes": "1 parsec"}, "max_object_bytes"),
        ({"title": "x" * 201}, "title"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name_and_nothing_is_saved(
    tenant: Tenant, body: dict[str, Any], field: str
) -> None:
    folder = {"provider": "folder", "options": {"path": str(tenant.folder)}}
    status, problem = refused(
        tenant.server, "POST", "/v1/archives", {"account": tenant.name, **folder, **body}
    )
    assert (status, problem.get("field")) == (400, field)
    assert problem["hint"]
    assert tenant.server.get("/v1/archives", account=tenant.name) == {"archives": []}
    assert not tenant.folder.exists()


def test_archives_take_what_their_queries_ask_for_the_first_or_all_that_match(
    tenant: Tenant, tmp_path: Path
) -> None:
    server, name = tenant.server, tenant.name
    rest = {"provider": "folder", "options": {"path": str(tmp_path / "rest")}}
    tenant.configure(query="error", start=True)
    server.post("/v1/archives", {"account": name, "id": f"{name}-rest", **rest, "start": True})
    tenant.send("an error", "fine")
    tenant.seal()
    assert (tenant.archived(), tenant.archived(tmp_path / "rest")) == (["an error"], ["fine"])
    assert [one["match"] for one in done(server, "account", "match", name, "all")] == ["all"]
    tenant.send("another error")
    tenant.seal()
    assert tenant.archived() == ["an error", "another error"]
    assert tenant.archived(tmp_path / "rest") == ["another error", "fine"]
    assert len(server.get(f"/v1/archives/{name}-rest/objects")["objects"]) == 2
    assert tenant.searched() == ["an error", "another error", "fine"]
    one = server.restore(name="one", account=name, archive=name, **SPAN)
    assert (one["state"], one["lines"]) == ("ACTIVE", 2)


def test_a_rule_drops_lines_counts_them_and_can_be_previewed(tenant: Tenant) -> None:
    server, name = tenant.server, tenant.name
    tenant.configure(start=True)
    tenant.send("GET /healthz", "GET /index", "POST /order")
    server.wait_until_indexed()
    (found,) = done(server, "rule", "preview", name, "--query", "healthz", "--host", "web-1")
    assert (found["lines"], found["of_lines"], found["share"]) == (1, 3, 0.333333)
    assert [json.loads(record["_line"])["msg"] for record in found["samples"]] == ["GET /healthz"]

    (rule,) = done(server, "rule", "create", name, "--title", "health checks", "--query", "healthz")
    tenant.send("GET /healthz", "GET /index 2")
    (kept,) = done(server, "rule", "ls", name)
    text = json.dumps({"time": f"{HOUR}:00:00Z", "msg": "GET /healthz"}, separators=(",", ":"))
    assert (kept["lines"], kept["bytes"]) == (1, len(text))
    done(server, "rule", "update", rule["id"], "--inactive")
    tenant.send("GET /healthz after")
    assert server.http.delete(f"/v1/rules/{rule['id']}").json()["lines"] == 1
    expected = ["GET /healthz", "GET /healthz after", "GET /index", "GET /index 2", "POST /order"]
    assert tenant.searched() == expected
    tenant.seal()
    assert tenant.archived() == expected
    status, problem = refused(server, "POST", f"/v1/accounts/{name}/rules", {"title": "all"})
    assert (status, problem["field"]) == (400, "query")


def test_a_suspended_account_takes_nothing_in_until_it_is_resumed(tenant: Tenant) -> None:
    assert done(tenant.server, "account", "suspend", tenant.name)[0]["suspended"] is True
    assert tenant.post("no") == 403
    assert done(tenant.server, "account", "resume", tenant.name)[0]["suspended"] is False
    assert tenant.post("yes") == 200
    assert tenant.searched() == ["yes"]


def test_each_key_of_an_account_is_revoked_by_itself(tenant: Tenant) -> None:
    server, name = tenant.server, tenant.name
    (made,) = done(server, "key", "create", name, "--name", "second shipper")
    assert [tenant.post("a"), tenant.post("b", key=made["ingest_key"])] == [200, 200]
    listed = done(server, "key", "ls", name)
    assert [one["name"] for one in listed] == ["first", "second shipper"]
    assert made["ingest_key"] not in json.dumps(listed)
    done(server, "key", "revoke", listed[0]["id"])
    assert [tenant.post("a"), tenant.post("b", key=made["ingest_key"])] == [401, 200]
    assert refused(server, "DELETE", f"/v1/keys/{listed[0]['id']}")[0] == 404


def test_admin_tokens_are_several_and_the_last_one_stays(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    first = server.get("/v1/admin-tokens")["admin_tokens"][0]["id"]
    second = server.post("/v1/admin-tokens", {"name": "second"})
    assert refused(server, "DELETE", "/v1/keys/nobody")[0] == 404
    by_second = {"Authorization": f"Bearer {second['admin_token']}"}
    assert server.http.delete(f"/v1/keys/{first}", headers=by_second).status_code == 200
    assert server.http.get("/v1/accounts").status_code == 401
    last = server.http.delete(f"/v1/keys/{second['id']}", headers=by_second)
    assert (last.status_code, last.json()["type"]) == (409, "urn:logkeep:conflict")
    audit = server.http.get("/v1/audit", headers=by_second).json()["entries"]
    assert [(one["actor"], one["action"], one["subject"]) for one in audit] == [
        (second["id"], "key.revoke", first),
        (first, "key.create", second["id"]),
    ]


def test_a_sub_account_is_an_account_below_another(server: Server, tmp_path: Path) -> None:
    parent = make_tenant(server, tmp_path / "parent", title="Parent")
    child = make_tenant(server, tmp_path / "child", parent=parent.name, retention="30d")
    shown = server.get(f"/v1/accounts/{child.name}")
    assert (shown["parent"], shown["retention"]) == (parent.name, 30 * 86_400)
    grandchild = {"name": "nobody-here", "parent": child.name}
    assert refused(server, "POST", "/v1/accounts", grandchild)[0] == 400
    assert refused(server, "DELETE", f"/v1/accounts/{parent.name}")[0] == 409
    assert parent.post("still there") == 200

    child.configure(start=True)
    child.send("archived", "when deleted")
    assert child.searched() == ["archived", "when deleted"]
    done(server, "account", "delete", child.name)
    assert child.archived() == ["archived", "when deleted"]
    assert child.post("gone") == 401
    assert refused(server, "GET", f"/v1/archives/{child.name}")[0] == 404
    assert refused(server, "GET", f"/v1/search?account={child.name}")[0] == 404
    # Another one of the same name begins with nothing.
    again = server.post("/v1/accounts", {"name": child.name, "archive": "none"})
    assert Tenant(server, child.folder, child.name, again["ingest_key"]).searched() == []
    assert server.http.delete(f"/v1/accounts/{child.name}").status_code == 200
    assert server.http.delete(f"/v1/accounts/{parent.name}").status_code == 200


def test_the_first_account_may_go_like_any_other(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    server.post("/v1/accounts", {"name": "shop"})
    server.send([f'{{"time":"{HOUR}:00:00Z","msg":"kept in the archive"}}'])
    assert server.http.delete("/v1/accounts/main").status_code == 200
    assert len(archived_lines(server.data)) == 1
    assert [one["account"] for one in server.get("/v1/accounts")["accounts"]] == ["shop"]
    server.stop()
    server.start()
    assert [one["account"] for one in server.get("/v1/accounts")["accounts"]] == ["shop"]


def test_a_restored_account_goes_with_its_restore_only(tenant: Tenant) -> None:
    tenant.configure(start=True)
    tenant.send("once")
    tenant.seal()
    restore = tenant.server.restore(name="x", account=tenant.name, **SPAN)
    status, problem = refused(tenant.server, "DELETE", f"/v1/accounts/{restore['account']}")
    assert (status, f"restore delete {restore['id']}" in problem["hint"]) == (409, True)


def test_an_archive_that_cannot_be_written_is_removed_only_with_its_lines_given_up(
    server: Server, tmp_path: Path
) -> None:
    tenant = make_tenant(server, tmp_path / "archive")
    tenant.configure(start=True)
    tenant.send("written")
    tenant.seal()
    for path in sorted(tenant.folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    tenant.folder.rmdir()
    tenant.folder.write_text("a file where the folder was")
    tenant.send("waits")
    status, problem = refused(server, "DELETE", f"/v1/archives/{tenant.name}")
    assert (status, "1 lines wait" in problem["detail"]) == (409, True)
    assert tenant.archive()["status"]["alarm"] is True
    assert server.get("/v1/archive/status")["alarm"] is True
    assert cli(server, "archive", "remove", tenant.name, "--discard").returncode == 0
    assert refused(server, "GET", f"/v1/archives/{tenant.name}")[0] == 404
    assert tenant.post("not archived") == 200


def test_a_removed_archive_writes_what_waits_first_and_leaves_its_objects(tenant: Tenant) -> None:
    tenant.configure(start=True)
    tenant.send("waits")
    done(tenant.server, "archive", "remove", tenant.name)
    assert tenant.archived() == ["waits"]
    assert tenant.server.get("/v1/archives", account=tenant.name) == {"archives": []}


def test_a_place_of_another_server_is_taken_over_on_request_only(
    server: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    other = make_server().start()
    theirs = make_tenant(other, tmp_path / "archive")
    theirs.configure(start=True)
    other.stop()
    server.post("/v1/accounts", {"name": theirs.name, "archive": "none"})
    ours = Tenant(server, theirs.folder, theirs.name, "")
    ours.configure()
    status, problem = refused(server, "POST", f"/v1/archives/{ours.name}/start", {})
    assert (status, "another server" in problem["detail"]) == (409, True)
    assert ours.archive()["state"] == "off"
    again = {
        "account": ours.name,
        "id": "again",
        "provider": "folder",
        "options": {"path": str(theirs.folder)},
    }
    server.http.delete(f"/v1/archives/{ours.name}")
    status, _ = refused(server, "POST", "/v1/archives", {**again, "start": True})
    assert (status, server.http.get("/v1/archives/again").status_code) == (409, 404)
    ours.configure()
    taken = server.post(f"/v1/archives/{ours.name}/start", {"take_over": True})
    assert taken["state"] == "on"


def test_no_archive_is_called_as_a_page_is(tenant: Tenant) -> None:
    wanted = {"id": "new", "account": tenant.name, "provider": "folder"}
    status, problem = refused(
        tenant.server, "POST", "/v1/archives", {**wanted, "options": {"path": str(tenant.folder)}}
    )
    assert (status, problem["field"], problem["detail"]) == (400, "id", "no archive can be called 'new'")
    told = cli(tenant.server, "archive", "configure", tenant.name, f"{tenant.folder}/", "--id", "new")
    assert (told.returncode == 0, "no archive can be called 'new'" in told.stderr) == (False, True)


def test_checks_run_on_request_and_their_results_stay(tenant: Tenant) -> None:
    tenant.configure(start=True)
    tenant.send("checked")
    tenant.seal()
    for kind in ("verify", "drill"):
        (check,) = done(tenant.server, "archive", kind, tenant.name)
        assert (check["kind"], check["ok"]) == (kind, True)
    assert {one["kind"] for one in tenant.archive("/checks")["checks"]} == {"verify", "drill"}
    next(tenant.folder.rglob("*.json.gz")).unlink()
    damaged = cli(tenant.server, "archive", "verify", tenant.name)
    assert (damaged.returncode, "FAILED" in damaged.stdout) == (1, True)
    assert [one["ok"] for one in tenant.archive()["checks"] if one["kind"] == "verify"] == [False]


def test_a_tail_shows_lines_as_they_come(tenant: Tenant) -> None:
    command = [sys.executable, "-m", "logkeep.cli.main", "tail", "shown", "--account", tenant.name]
    command += ["--limit", "2", "--json", "--data", str(tenant.server.data)]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LOGKEEP_")}
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def ended() -> bool:
        tenant.send("hidden", "shown")
        return watching.poll() is not None

    eventually(ended, "two lines to be shown")
    assert watching.stdout is not None
    with watching.stdout as output:
        records = [json.loads(line) for line in output]
    assert watching.returncode == 0
    assert [json.loads(record["_line"])["msg"] for record in records] == ["shown", "shown"]
    assert {record["_account"] for record in records} == {tenant.name}


def test_a_tail_shows_what_a_rule_drops_where_the_rule_says_so(tenant: Tenant) -> None:
    body = {"title": "noise", "query": "noise", "live_tail": True}
    tenant.server.post(f"/v1/accounts/{tenant.name}/rules", body)
    with tenant.server.http.stream("GET", "/v1/tail", params={"account": tenant.name}) as stream:
        assert stream.headers["content-type"].startswith("application/x-ndjson")
        tenant.send("noise", "kept")
        lines = stream.iter_lines()
        shown = [json.loads(next(lines)) for _ in range(2)]
    assert [json.loads(record["_line"])["msg"] for record in shown] == ["noise", "kept"]
    assert tenant.searched() == ["kept"]


def test_an_open_tail_does_not_hold_up_the_end_of_the_server(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    with server.http.stream("GET", "/v1/tail") as stream:
        process = server.process
        assert process is not None
        process.terminate()
        assert list(stream.iter_lines()) == []  # it comes to its end, and is not cut off
    assert process.wait(DEADLINE_S) == 0


def test_every_change_is_in_the_audit_log(tenant: Tenant) -> None:
    server, name = tenant.server, tenant.name
    tenant.configure(start=True)
    server.http.patch(f"/v1/archives/{name}", json={"seal_after": "5m"})
    for switch in ("pause", "stop", "start", "forget-secrets"):
        tenant.switch(switch)
    server.post(f"/v1/archives/{name}/backfill", SPAN)
    server.http.patch(f"/v1/accounts/{name}", json={"title": "New", "retention": None})
    server.http.delete(f"/v1/archives/{name}")
    entries = [one for one in server.get("/v1/audit", limit=1000)["entries"] if one["subject"] == name]
    assert [one["action"] for one in entries] == [
        *("archive.remove", "account.update", "archive.backfill", "archive.forget-secrets"),
        *("archive.start", "archive.stop", "archive.pause", "archive.update", "archive.create"),
        "account.create",
    ]
    actor = server.get("/v1/admin-tokens")["admin_tokens"][0]["id"]
    assert {one["actor"] for one in entries} == {actor}
    assert entries[7]["details"] == {"seal_after": "5m"}
    assert entries[1]["details"] == {"title": "New", "retention_s": 0}
    newest = server.get("/v1/audit", limit=1)
    older = server.get("/v1/audit", limit=1, before=newest["before"])
    assert older["entries"][0]["id"] < newest["entries"][0]["id"]


def test_only_an_administrator_gets_in(tenant: Tenant) -> None:
    by_shipper = {"Authorization": f"Bearer {tenant.key}"}
    for method, path in (
        ("GET", "/v1/archives"),
        ("POST", "/v1/archives/test"),
        ("GET", "/v1/providers"),
        ("GET", "/v1/audit"),
        ("GET", "/v1/tail"),
        ("PATCH", f"/v1/accounts/{tenant.name}"),
        ("GET", f"/v1/accounts/{tenant.name}/rules"),
        ("POST", "/v1/admin-tokens"),
    ):
        assert tenant.server.http.request(method, path, headers=by_shipper).status_code == 403
        assert tenant.server.http.request(method, path, headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/archives/nobody", None, 404),
        ("GET", "/v1/archives?account=nobody", None, 404),
        ("PATCH", "/v1/archives/nobody", {}, 404),
        ("DELETE", "/v1/archives/nobody", None, 404),
        ("DELETE", "/v1/archives/nobody?discard=1", None, 400),
        ("POST", "/v1/archives/nobody/start", {}, 404),
        ("POST", "/v1/archives/nobody/start", {"surprise": 1}, 400),
        ("POST", "/v1/archives/nobody/verify", None, 404),
        ("GET", "/v1/archives/nobody/hours", None, 404),
        ("GET", "/v1/archives/main/hours?limit=0", None, 400),
        ("GET", "/v1/archives/main/hours?from=soon", None, 400),
        ("POST", "/v1/archives/main/backfill", {"from": "-1h", "to": "-2h"}, 400),
        ("POST", "/v1/archives", {"account": "nobody", "provider": "folder", "options": {"path": "/x"}}, 404),
        ("POST", "/v1/archives", {"account": "main", "provider": "folder", "state": "on"}, 400),
        ("POST", "/v1/archives/test", {}, 400),
        ("POST", "/v1/archives/test", {"archive": "nobody"}, 404),
        ("PATCH", "/v1/archives/main", {"query": "a AND"}, 400),
        ("PATCH", "/v1/archives/main", {"compression_level": 9}, 400),
        ("GET", "/v1/accounts/nobody", None, 404),
        ("PATCH", "/v1/accounts/nobody", {"title": "x"}, 404),
        ("PATCH", "/v1/accounts/main", {"retention": "0"}, 400),
        ("PATCH", "/v1/accounts/main", {"match": "some"}, 400),
        ("POST", "/v1/accounts", {"name": "Nobody Here"}, 400),
        ("POST", "/v1/accounts", {"name": "nobody", "archive": "mine"}, 400),
        ("GET", "/v1/accounts/nobody/keys", None, 404),
        ("POST", "/v1/accounts/nobody/keys", {}, 404),
        ("POST", "/v1/accounts/main/keys", {"name": "x" * 201}, 400),
        ("GET", "/v1/rules/nobody", None, 404),
        ("GET", "/v1/accounts/nobody/rules", None, 404),
        ("POST", "/v1/accounts/main/rules", {"title": "x", "query": "(("}, 400),
        ("POST", "/v1/accounts/main/rules/preview", {"query": "x", "last": "soon"}, 400),
        ("GET", "/v1/audit?limit=1001", None, 400),
        ("GET", "/v1/tail?query=a+AND", None, 400),
        ("GET", "/v1/tail?account=nobody", None, 404),
    ],
)
def test_a_request_that_cannot_be_is_refused_in_one_shape(
    server: Server, method: str, path: str, body: object, status: int
) -> None:
    before = server.get("/v1/archives"), server.get("/v1/accounts")
    assert refused(server, method, path, body)[0] == status
    assert (server.get("/v1/archives"), server.get("/v1/accounts")) == before


def test_providers_are_told_with_their_fields(server: Server) -> None:
    providers = {one["provider"]: one for one in server.get("/v1/providers")["providers"]}
    assert providers.keys() >= {"folder", "s3", "azure", "gcs", "minio"}
    fields = {one["name"]: one for one in providers["s3"]["fields"]}
    assert (fields["bucket"]["required"], fields["secret_access_key"]["secret"]) == (True, True)
    assert [one["name"] for one in providers["s3"]["credentials"]] == ["keys", "role", "machine"]


def test_layouts_are_told_and_found_out(tenant: Tenant, tmp_path: Path) -> None:
    layouts = {one["layout"]: one for one in tenant.server.get("/v1/layouts")["layouts"]}
    assert layouts["datadog"] == {"layout": "datadog", "title": "Datadog log archive", "options": []}
    options = {one["name"]: one for one in layouts["custom"]["options"]}
    assert (options["path"]["required"], options["format"]["choices"][0]) == (True, "ndjson")
    folder = tmp_path / "old" / "dt=20260405" / "hour=07"
    folder.mkdir(parents=True)
    line = b'{"date":"2026-04-05T07:01:00Z","message":"from elsewhere","service":"web"}\n'
    (folder / "archive_070000.1234.ab.json.gz").write_bytes(gzip.compress(line))
    body = {"account": tenant.name, "provider": "folder", "options": {"path": str(tmp_path / "old")}}
    found = tenant.server.post("/v1/archives/detect", body)
    assert (found["layout"], found["keys"]) == ("datadog", 1)
    assert [one["_line"] for one in found["sample"]] == ["from elsewhere"]


def test_a_role_is_granted_with_the_accounts_own_external_id(tenant: Tenant) -> None:
    role = {"bucket": "logs", "role_arn": "arn:aws:iam::123456789012:role/logkeep"}
    body = {"provider": "s3", "options": role, "account": tenant.name}
    grants = [
        tenant.server.post("/v1/archives/grant", {**body, "account": one}) for one in (tenant.name, "main")
    ]
    made = tenant.server.post("/v1/archives", {**body, "untested": True})
    assert len(made["external_id"]) == 32
    assert [made["external_id"] in grant["text"] for grant in grants] == [True, False]
    assert made["options"]["external_id"] == made["external_id"]
    known = tenant.server.get("/v1/providers", account=tenant.name)
    assert known["external_id"] == made["external_id"]
