from __future__ import annotations

from pathlib import Path

import pytest

from logkeep.web import text
from logkeep.web.logs.levels import WORDS, kind_of
from tests.unit.web.modules import run_module

LEVELS_JS = Path(text.__file__).parent / "static" / "js" / "logs" / "levels.js"


@pytest.mark.parametrize(
    ("level", "kind"),
    [("ERROR", "error"), (" Warning ", "warn"), ("notice", "info"), ("", "none"), ("<u>odd</u>", "none")],
)
def test_levels_are_of_few_kinds_however_they_are_written(level: str, kind: str) -> None:
    assert kind_of(level) == kind


def test_the_browser_knows_the_same_words() -> None:
    levels = [*WORDS, "ERROR", " Warning ", "", "odd"]
    told = run_module(LEVELS_JS, "console.log(JSON.stringify(given.map(module.kindOf)));", levels)
    assert told == [kind_of(level) for level in levels]
