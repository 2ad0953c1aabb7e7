"""One archive, several places after each other: a restore and a verify see all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, make_bucket
from tests.e2e.server import Server

HOURS = {"from": "2026-05-06T00:00:00Z", "to": "2026-05-07T00:00:00Z"}


def line(hour: int, number: int) -> str:
    return f'{{"time":"2026-05-06T{hour:02d}:00:{number:02d}Z","msg":"line {hour}-{number}"}}'


def s3_settings(bucket: str, endpoint: str) -> dict[str, object]:
    return {
        "provider": "s3-compatible",
        "options": {
            "bucket": bucket,
            "prefix": "logs",
            "endpoint": endpoint,
            "credentials": "keys",
            "access_key_id": ACCESS_KEY,
        },
        "secrets": {"secret_access_key": SECRET_KEY},
    }


def test_a_restore_reads_what_was_written_before_and_after_a_move(
    make_server: Callable[..., Server], moto_s3: str, tmp_path: Path
) -> None:
    bucket = make_bucket(moto_s3)
    server = make_server().start()
    sent = []
    for hour, place in enumerate(["", "s3", "folder"]):
        if place == "s3":
            wanted = s3_settings(bucket, moto_s3)
        elif place:
            wanted = {"provider": "folder", "options": {"path": str(tmp_path / "third")}}
        if place:
            assert server.http.patch("/v1/archives/main", json=wanted).status_code == 200
        lines = [line(hour, number) for number in range(20)]
        lines.append(line(5, hour))  # an hour that all three places have something of
        server.send(lines)
        sent += lines
        assert len(server.seal()) == 2

    server.stop()
    server.start()
    restore = server.restore(name="all places", **HOURS)

    assert (restore["state"], restore["lines"], restore["duplicates"]) == ("ACTIVE", len(sent), 0)
    assert sorted(server.lines(account=restore["account"])) == sorted(sent)
    places = [str(server.data / "archive"), f"s3://{bucket}/logs", str(tmp_path / "third")]
    for place in places:
        options = ["--storage", f"endpoint={moto_s3}", "--storage", f"access_key_id={ACCESS_KEY}"]
        options += ["--storage", f"secret_access_key={SECRET_KEY}"]
        command = [sys.executable, "-m", "logkeep.cli.main", "verify", place]
        done = subprocess.run(
            [*command, *(options if place.startswith("s3") else [])], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_place_that_another_server_marked_is_neither_written_nor_read_unless_told(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    shared = (tmp_path / "shared").as_uri()
    first = make_server(archive=shared).start()
    first.send([line(7, 1)])
    first.seal()
    first.stop()
    for name in ("catalog.sqlite", "spool.sqlite"):  # another server: it has neither of the first one's
        for path in first.data.glob(f"{name}*"):
            path.unlink()
    second = make_server(archive=shared).start()
    second.send([line(8, 1)])

    assert second.seal() == []
    assert second.http.post("/v1/restores", json={"name": "not ours", **HOURS}).status_code == 409

    told = second.restore(name="on purpose", any_marker=True, **HOURS)
    assert (told["state"], told["lines"]) == ("ACTIVE", 1)
    second.post("/v1/archives/main/start", {"take_over": True})
    assert len(second.seal()) == 1
    assert second.restore(name="ours now", **HOURS)["lines"] == 2


def test_an_hour_that_another_catalog_counted_has_no_count_and_raises_no_alarm(
    make_server: Callable[..., Server],
) -> None:
    server = make_server().start()
    server.send([line(7, 1), line(7, 2)])
    server.seal()
    server.stop()
    for path in server.data.glob("catalog.sqlite*"):
        path.unlink()
    server.start()
    server.post("/v1/archives/main/start", {"take_over": True})
    server.send([line(7, 3), line(8, 1)])
    server.seal()

    hours = {one["hour"][11:13]: one for one in server.get("/v1/archives/main/hours")["hours"]}

    assert (hours["07"]["accepted"], hours["07"]["archived"]) == (None, 1)
    assert (hours["08"]["accepted"], hours["08"]["archived"]) == (1, 1)
    assert server.get("/v1/archives/main")["status"]["state"] == "ok"
    table = subprocess.run(
        [sys.executable, "-m", "logkeep.cli.main", "archive", "hours", "main", "--data", str(server.data)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "  -  " in next(row for row in table.stdout.splitlines() if "T07:" in row)
