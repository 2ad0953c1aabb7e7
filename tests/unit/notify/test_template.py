from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from logkeep.notify.template import DEFAULT_SUBJECT, DEFAULT_TEXT, FIELDS, Template, one_line

EMPTY = dict.fromkeys(FIELDS, "")


def test_fields_are_put_where_they_are_named() -> None:
    template = Template("{{name}} of {{ source }}: {{lines}}/{{lines}}\n\n  {not a field} 100 %s {0}\n")
    filled = template.text(EMPTY | {"name": "one", "source": "main", "lines": "5"})
    assert filled == "one of main: 5/5\n\n  {not a field} 100 %s {0}"


def test_a_line_whose_fields_are_all_empty_is_left_out() -> None:
    template = Template("first\nError: {{error}}\nQuery: {{query}} {{reason}}\n\nlast")
    assert template.text(EMPTY) == "first\n\nlast"
    assert template.text(EMPTY | {"reason": "why"}) == "first\nQuery:  why\n\nlast"


def test_what_a_field_holds_is_never_a_template() -> None:
    template = Template("{{name}} {{error}}")
    assert template.text(EMPTY | {"name": "{{error}}", "error": r"\1 {0} {{name}}"}) == (
        r"{{error}} \1 {0} {{name}}"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{nmae}}", "fields that there are, not 'nmae': id, name, "),
        ("{{name.__class__}}", "not 'name.__class__'"),
        ("{{name!r}}", "not 'name!r'"),
        ("{{name:>99}}", "not 'name:>99'"),
        ("{{}}", "not ''"),
        ("{{na\nme}}", "each field between"),
        ("{{\nname\n}}", "each field between"),
        ("{{name", "each field between"),
        ("name}}", "each field between"),
        ("{{name}} {{", "each field between"),
        ("x" * 20_001, "at most 20000 characters"),
    ],
)
def test_a_template_with_anything_but_known_fields_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Template(text)


def test_a_subject_is_one_line_and_not_too_long() -> None:
    template = Template("{{name}}\nand {{error}}")
    assert template.line(EMPTY | {"name": "a\r\nBcc: b", "error": "\x00c\u202e"}) == "a Bcc: b and c"
    assert len(template.line(EMPTY | {"name": "x" * 999})) == 200
    assert one_line("a\t\n b\u2028c\u00a0d ") == "a b c d"


def test_a_long_field_is_cut() -> None:
    assert Template("{{query}}").text(EMPTY | {"query": "x" * 2001}) == "x" * 2000 + "…"


def test_the_defaults_are_templates() -> None:
    values = EMPTY | {"name": "one", "outcome": "is ready"}
    assert Template(DEFAULT_SUBJECT).line(values) == "logkeep: restore one is ready"
    assert Template(DEFAULT_TEXT).text(values) == "The restore one is ready."


def test_the_documentation_names_every_field_and_its_example_is_a_template() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    section = page.partition("### Templates\n")[2].partition("\n## ")[0]
    (listed,) = re.findall(r"The fields are (.*?)A line whose", section, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed.replace("`public_url`", "")) == list(FIELDS)
    shown = tomllib.loads("\n".join(re.findall(r"^    (.*)$", section, re.MULTILINE)))
    values = EMPTY | {"name": "one", "outcome": "is ready"}
    assert Template(shown["notify_subject"]).line(values) == "[logs] one is ready"
    assert "{{error}}" in shown["notify_template"]
    Template(shown["notify_template"])
