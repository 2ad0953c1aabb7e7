from __future__ import annotations

import pytest
from jinja2 import Environment

from logkeep.timeline import parse_time
from logkeep.web.logs import filters


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-30T05:10:00Z", "05:10"),
        ("2026-11-30T05:10:07Z", "05:10:07"),
        ("2026-11-30T05:10:07.008Z", "05:10:07.008"),
    ],
)
def test_a_time_of_day_is_as_short_as_it_is_exact(moment: str, shown: str) -> None:
    ms = parse_time(moment, now=0)
    assert filters.clock(ms, dated=False) == shown
    assert filters.clock(ms, dated=True) == f"11-30 {shown}"


def test_templates_have_them() -> None:
    environment = Environment(autoescape=True)
    filters.install(environment)
    template = environment.from_string("{{ 0 | clock(False) }} {{ value | cell(4) }}")
    assert template.render(value="<\x00 longer") == "00:00 &lt;⟨NUL⟩ …"
