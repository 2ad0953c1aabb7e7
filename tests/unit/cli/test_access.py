from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from logkeep.cli.access import Access, admin_access, ingest_access
from logkeep.errors import BadSetting

FILE = {"url": "http://127.0.0.1:9", "account": "main", "ingest_key": "ik", "admin_token": "at"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "first-start.json").write_bytes(msgspec.json.encode(FILE))
    return tmp_path


def test_without_anything_it_is_the_default_server_and_no_secret(tmp_path: Path) -> None:
    assert admin_access(data=tmp_path) == Access(url="http://127.0.0.1:7280", secret="")


def test_first_start_json_gives_address_and_secrets(data: Path) -> None:
    assert admin_access(data=data) == Access(url="http://127.0.0.1:9", secret="at")
    assert ingest_access(data=data) == Access(url="http://127.0.0.1:9", secret="ik")


def test_what_is_given_comes_first(data: Path) -> None:
    assert admin_access(token="mine", data=data) == Access(url="http://127.0.0.1:9", secret="mine")
    assert ingest_access(key="mine", data=data) == Access(url="http://127.0.0.1:9", secret="mine")


def test_the_files_secret_goes_to_no_other_server(data: Path) -> None:
    assert admin_access(url="https://elsewhere", data=data) == Access(url="https://elsewhere", secret="")
    assert admin_access(url="http://127.0.0.1:9/", data=data) == Access(url="http://127.0.0.1:9", secret="at")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "first-start.json").write_text("{")
    with pytest.raises(BadSetting, match=r"first-start\.json is not what a server writes"):
        admin_access(data=tmp_path)
