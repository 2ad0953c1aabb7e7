"""Where secrets come from: anywhere but the command line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from logkeep.cli.connection import connection_body
from logkeep.cli.secret import read_secrets
from logkeep.errors import BadSetting

SECRET = "hunter2-hunter2"


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    environ = {"MY_TOKEN": "from-environment"}
    assert read_secrets([f"secret_access_key=@{file}", "session_token=env:MY_TOKEN"], environ) == {
        "secret_access_key": SECRET,
        "session_token": "from-environment",
    }


def test_a_bare_name_reads_a_line_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\nsecond\n"))
    assert read_secrets(["secret_access_key", "session_token"]) == {
        "secret_access_key": SECRET,
        "session_token": "second",
    }


def test_an_empty_value_takes_a_saved_secret_away() -> None:
    assert read_secrets(["session_token="]) == {"session_token": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"secret_access_key={SECRET}", "the value of secret_access_key stands on the command line"),
        ("secret_access_key=@/no/such/file", "No such file"),
        ("secret_access_key=env:NO_SUCH_VARIABLE", "is not set"),
        (SECRET, "names no secret"),
        (f"{SECRET}=@x", "names no secret"),
        ("bucket=@x", "names no secret"),
        ("account_key", "standard input has no line"),
    ],
)
def test_anything_else_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(BadSetting, match=message) as caught:
        read_secrets([text], {})
    assert SECRET not in str(caught.value)


def test_a_provider_is_named_with_options_or_by_a_url(tmp_path: Path) -> None:
    assert connection_body("s3", ["bucket=logs", "storage_class="], []) == {
        "provider": "s3",
        "options": {"bucket": "logs", "storage_class": None},
        "secrets": {},
    }
    assert connection_body("", ["prefix=a"], []) == {"options": {"prefix": "a"}, "secrets": {}}
    folder = connection_body(str(tmp_path), [], [])
    assert (folder["provider"], folder["options"]) == ("folder", {"path": str(tmp_path)})
    environment = ["secret_access_key=env:HOME"]
    by_url = connection_body("s3://logs/a", ["access_key_id=AK"], environment)
    assert by_url["provider"] == "s3"
    assert by_url["options"]["prefix"] == "a"
    assert by_url["secrets"].keys() == {"secret_access_key"}


@pytest.mark.parametrize(
    ("place", "options"),
    [("s4", []), ("s3", ["bucket"]), ("s3", [f"secret_access_key={SECRET}"]), ("s3://logs", ["surprise=1"])],
)
def test_a_place_or_an_option_that_cannot_be_is_refused(place: str, options: list[str]) -> None:
    with pytest.raises(BadSetting) as caught:
        connection_body(place, options, [])
    assert SECRET not in str(caught.value)
