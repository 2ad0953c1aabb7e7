"""The tables of docs/storage.md, from the table of providers. Run as a module, it writes them anew."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from logkeep.storage.providers import HTTP_FIELDS, PROVIDERS, Field, Provider

PAGE = Path(__file__).parents[3] / "docs" / "storage.md"
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """The page with each table between `<!-- table: NAME -->` and `<!-- end -->` as it should be."""
    return _TABLE.sub(lambda match: match[1] + _table(match[2]) + match[3], text)


def _table(name: str) -> str:
    if name == "providers":
        return _lines(
            "| provider | | endpoint | conditional put | credentials |", map(_row, PROVIDERS.values())
        )
    if name == "http":
        return _lines("| option | what it is |", map(_option, HTTP_FIELDS))
    fields = [one for one in PROVIDERS[name].fields if one not in HTTP_FIELDS]
    return _lines("| option | what it is | needed |", map(_field, fields))


def _lines(header: str, rows: Iterable[str]) -> str:
    columns = header.count("|") - 1
    return "\n".join([header, "|" + "---|" * columns, *rows, ""])


def _row(provider: Provider) -> str:
    endpoint = f"`{provider.endpoint}`" if provider.endpoint else ""
    if provider.field_named("endpoint") and not endpoint:
        endpoint = "given" if any(one.name == "endpoint" and one.required for one in provider.fields) else ""
    put = {"true": "yes", "false": "no: logkeep looks first"}.get(
        provider.defaults.get("atomic_create", "true")
    )
    kinds = ", ".join(f"`{kind.name}`" for kind in provider.credentials)
    return f"| `{provider.name}` | {provider.title} | {endpoint} | {put} | {kinds} |"


def _option(one: Field) -> str:
    return f"| `{one.name}` | {one.help}{_choices(one)} |"


def _field(one: Field) -> str:
    needed = "yes" if one.required else " or ".join(f"with `{kind}`" for kind in one.required_for)
    secret = " **Secret.**" if one.secret else ""
    return f"| `{one.name}` | {one.help}{_choices(one)}{secret} | {needed} |"


def _choices(one: Field) -> str:
    if not one.choices or one.choices == ("true", "false"):
        return ""
    return " One of " + ", ".join(f"`{choice}`" for choice in one.choices) + "."


def write() -> None:
    PAGE.write_text(with_tables(PAGE.read_text()))


if __name__ == "__main__":
    write()
