"""Programs of other authors read what we write: every line, byte for byte."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import duckdb
import pytest
import zstandard
from moto.server import ThreadedMotoServer

from logkeep.archive.writer import write_object
from logkeep.record import Record, bytes_of, encode_lines, text_of
from logkeep.spool.base import Frame
from logkeep.storage.base import GZIP
from logkeep.storage.open import open_bucket
from logkeep.timeline import hour_of, hour_start

HOUR = hour_of(1_795_165_200_000)  # 2026-11-20T09:00:00Z
KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
FRAMES, LINES = 30, 500

TEXTS = [
    b"Failed password for root from 203.0.113.9 port 52114 ssh2 " + b"." * 80,
    '{"status":503,"path":"/api/v1/ü","msg":"🔥 \\" quoted"}'.encode(),
    b"caf\xe9 \xff latin-1",
    b"",
    b'tab\t quote " backslash \\ \x00 \x1b[31m',
]


def record(number: int) -> Record:
    text, raw = text_of(TEXTS[number % len(TEXTS)])
    lid = str(914_000_000_000_000_000 + number)
    return Record(lid=lid, ts=hour_start(HOUR) + number, rx=5, account="main", line=text, raw=raw)


RECORDS = [record(number) for number in range(FRAMES * LINES)]
CONTENT = encode_lines(RECORDS)


def frame(number: int) -> Frame:
    of = RECORDS[number * LINES : (number + 1) * LINES]
    lines = encode_lines(of)
    return Frame(
        seq=number + 1,
        account="main",
        archive="main",
        indexed=True,
        hour=HOUR,
        lines=LINES,
        raw_bytes=len(lines),
        min_ts=of[0].ts,
        max_ts=of[-1].ts,
        first_lid=int(of[0].lid),
        last_lid=int(of[-1].lid),
        rx=5,
        data=zstandard.ZstdCompressor(level=1).compress(lines),
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one object of several blocks."""
    folder = tmp_path_factory.mktemp("readers")
    manifest = write_object(map(frame, range(FRAMES)), folder / "o", account="main", hour=HOUR, part=0)
    assert len(manifest.blocks) > 1
    open_bucket(str(folder / "archive")).put_new(KEY, folder / "o", GZIP)
    return folder / "archive"


def output(*command: str | Path, **environment: str) -> bytes:
    done = subprocess.run(command, capture_output=True, timeout=60, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_zcat_reads_every_line(archive: Path) -> None:
    assert output("zcat", archive / KEY) == CONTENT


def test_gzip_finds_the_file_whole(archive: Path) -> None:
    assert output("gzip", "--test", archive / KEY) == b""


def test_python_reads_every_line_and_the_bytes_as_they_came(archive: Path) -> None:
    with gzip.open(archive / KEY) as file:
        lines = [json.loads(line) for line in file]

    assert [line["_lid"] for line in lines] == [one.lid for one in RECORDS]
    assert [bytes_of(one) for one in RECORDS] == TEXTS * (len(RECORDS) // len(TEXTS))


def test_duckdb_reads_every_line(archive: Path) -> None:
    query = (
        "SELECT _lid, _ts, coalesce(_line, '') FROM read_json(?, format = 'newline_delimited',"
        " columns = {_lid: 'VARCHAR', _ts: 'BIGINT', _line: 'VARCHAR'}) ORDER BY _lid"
    )
    rows = duckdb.execute(query, [str(archive / KEY)]).fetchall()

    assert rows == [(one.lid, one.ts, one.line) for one in RECORDS]


def test_chdb_reads_every_line(archive: Path) -> None:
    # in a process of its own, because a process has one engine for all its tests
    program = (
        "import chdb, sys; sys.stdout.buffer.write(chdb.query(sys.argv[1], 'JSONCompactEachRow').bytes())"
    )
    query = (
        f"SELECT toString(_lid), _ts, _line FROM file('{archive / KEY}', JSONEachRow,"
        " '_lid UInt64, _ts Int64, _line String') ORDER BY _lid"
        " SETTINGS output_format_json_quote_64bit_integers = 0"
    )
    rows = [json.loads(row) for row in output(sys.executable, "-c", program, query).splitlines() if row]

    assert rows == [[one.lid, one.ts, one.line] for one in RECORDS]


@pytest.fixture
def s3() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def test_rclone_reads_what_is_put_into_s3(archive: Path, s3: str, tmp_path: Path) -> None:
    beside = Path(sys.executable).parent / "rclone"
    rclone = str(beside) if beside.exists() else shutil.which("rclone")
    if rclone is None:
        pytest.skip("rclone is not installed")
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3, **keys).create_bucket(Bucket="logs")
    options = {"endpoint": s3, "access_key_id": "id", "secret_access_key": "secret", "region": "us-east-1"}
    open_bucket("s3://logs/keep", options).put_new(KEY, archive / KEY, GZIP)

    remote = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": s3}
    remote |= {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret"}
    environment = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in remote.items()}
    stored = output(
        rclone, "cat", f"store:logs/keep/{KEY}", "--config", os.devnull, "--retries", "1", **environment
    )

    assert gzip.decompress(stored) == CONTENT
