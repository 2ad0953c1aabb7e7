from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from logkeep.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "http"], "the command line sets port to 'http', which cannot be used"),
        (["--config", "missing.toml"], "the settings file missing.toml cannot be read"),
    ],
)
def test_a_bad_setting_is_named_and_stops_the_start(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "data"), *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_bad_setting_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOGKEEP_RETENTION", "soon")
    done = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "data")])
    assert done.exit_code == 2
    assert "the environment sets retention to 'soon'" in done.stderr
