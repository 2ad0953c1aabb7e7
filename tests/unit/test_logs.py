from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from logkeep.logs import MASK, JsonFormatter, MaskSecrets, Seldom, masked
from logkeep.timeline import iso


def logged(script: str, log_format: str) -> tuple[int, list[str]]:
    """Exit status and standard error of a process that logs."""
    prelude = "import logging, threading, warnings\nfrom logkeep.logs import *\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{prelude}set_up_logging({log_format!r})\n{script}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def entry_of(record: logging.LogRecord) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return entry


def record(message: str, *args: object, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("logkeep", logging.WARNING, "file.py", 1, message, args, exc_info)


def test_as_text_a_line_has_time_level_name_and_message() -> None:
    status, (line,) = logged("logging.getLogger('logkeep').warning('spool of %d bytes', 5)", "text")
    assert (status, line[23:]) == (0, " WARNING logkeep: spool of 5 bytes")


def test_as_json_a_line_is_one_object() -> None:
    one = record("spool of %d bytes\nand %s", 5, "ü")
    assert entry_of(one) == {
        "ts": iso(int(one.created * 1000)),
        "level": "warning",
        "logger": "logkeep",
        "message": "spool of 5 bytes\nand ü",
    }


def test_half_of_a_surrogate_pair_does_not_keep_a_message_from_being_logged() -> None:
    assert entry_of(record("file %s", "\udcff"))["message"] == "file \\udcff"


def test_an_exception_is_logged_with_its_traceback_as_text() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        entry = entry_of(record("a defect", exc_info=sys.exc_info()))
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("\nValueError: broken")


@pytest.mark.parametrize(
    ("script", "expected", "status"),
    [
        ("warnings.warn('old way')", {"level": "warning", "logger": "py.warnings"}, 0),
        ("raise ValueError('x')", {"level": "critical", "message": "a defect: ValueError"}, 1),
        (
            "from logkeep.worker import end_process_on_defect\n"
            "end_process_on_defect()\n"
            "thread = threading.Thread(target=int, args=('x',))\n"
            "thread.start()\n"
            "thread.join()",
            {"level": "critical", "message": "a defect: ValueError"},
            70,
        ),
    ],
)
def test_warnings_and_what_ends_the_process_are_json_too(
    script: str, expected: dict[str, str], status: int
) -> None:
    ended, lines = logged(script, "json")
    (entry,) = [json.loads(line) for line in lines]
    assert (ended, {name: entry[name] for name in expected}) == (status, expected)


def test_what_other_libraries_say_is_logged_from_warning_on_and_ours_from_info_on() -> None:
    script = (
        "for name in ('uvicorn', 'logkeep'):\n"
        "    logging.getLogger(name).info('info')\n"
        "    logging.getLogger(name).warning('warning')"
    )
    _, lines = logged(script, "json")
    said = [(entry["logger"], entry["level"]) for entry in map(json.loads, lines)]
    assert said == [("uvicorn", "warning"), ("logkeep", "info"), ("logkeep", "warning")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key lki_AbC-d_9 and lka_xyz.", f"key lki_{MASK} and lka_{MASK}."),
        ("GET https://h/c?se=2026&sig=a%2Fb&sp=r", f"GET https://h/c?se=2026&sig={MASK}&sp=r"),
        ("?X-Amz-Signature=00ff&X-Amz-Expires=9", f"?X-Amz-Signature={MASK}&X-Amz-Expires=9"),
        ("secret_access_key=abc/+d= and more", f"secret_access_key={MASK} and more"),
        ("CLIENT_SECRET='a' PASSWORD=b", f"CLIENT_SECRET='{MASK}' PASSWORD={MASK}"),
        ("/v1/ingest?apikey=abc", f"/v1/ingest?apikey={MASK}"),
        ("design=fine, no secret = here, signal=9", "design=fine, no secret = here, signal=9"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secrets_are_masked_in_messages_arguments_and_tracebacks(log_format: str) -> None:
    script = (
        "logging.getLogger('other').error('%s', 'lka_one')\n"
        "try:\n"
        "    raise ValueError('lka_two')\n"
        "except ValueError:\n"
        "    logging.getLogger('other').exception('lka_three')"
    )
    _, lines = logged(script, log_format)
    text = "\n".join(lines)
    assert [name for name in ("_one", "_two", "_three") if name in text] == []
    assert f"ValueError: lka_{MASK}" in text


def test_the_filter_leaves_a_record_that_any_handler_can_show() -> None:
    one = record("key %s of %d", "lki_abc", 7)
    assert MaskSecrets().filter(one)
    assert one.getMessage() == f"key lki_{MASK} of 7"


@pytest.fixture
def seldom(caplog: pytest.LogCaptureFixture) -> tuple[Seldom, Callable[[float], None]]:
    now = [0.0]
    logger = logging.getLogger("test.seldom")
    return Seldom(logger, every_s=60, clock_s=lambda: now[0]), lambda s: now.__setitem__(0, s)


def test_the_same_warning_is_logged_once_a_minute_with_how_many_were_left_out(
    seldom: tuple[Seldom, Callable[[float], None]], caplog: pytest.LogCaptureFixture
) -> None:
    full, set_clock = seldom
    for second in (0, 1, 59, 60, 61, 500):
        set_clock(second)
        full.warning("full: %d bytes", second)
    assert caplog.messages == [
        "full: 0 bytes",
        "full: 60 bytes (2 more since the last such message)",
        "full: 500 bytes (1 more since the last such message)",
    ]
