"""A new restore as its form has it, and as the API takes it. Fields are called as the API calls them, so that
what it refuses is told at its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.restores.choices import Archive, Choices

LOG, PIPELINE = "log", "pipeline"  # which kind of archive is read
ACCOUNT, FILES = "account", "files"  # where to; PIPELINE is the third
FORMATS = ("ndjson.gz", "ndjson", "parquet")
_USUAL = "main"  # the account that every server begins with
_FILE_OPTION = "files."  # begins the names of the fields of a place for files
# What a link to the form may fill in.
_LINKED = (
    *("name", "reason", "from", "to", "query", "expiry_s", "limit_lines", "limit_bytes", "on_limit", "thaw"),
    *("skip_damaged", "rate", "notify_email"),
)


def form_of_link(params: Mapping[str, str], choices: Choices, *, into_pipeline: bool) -> Form:
    """The form as a link to it asks for: `archive`, `account` and `pipeline` (with `source`) say where from
    and where to; the rest are fields."""
    fields = [(name, params[name]) for name in _LINKED if params.get(name)]
    fields += _where_from(choices, params.get("archive", ""), params.get("account", ""))
    if pipeline := params.get("pipeline", ""):
        fields += [("source", _source(choices, pipeline, params.get("source", "")))]
    into = params.get("into", PIPELINE if into_pipeline else ACCOUNT)
    return Form([("on_limit", "keep"), ("into", into), *fields])


def link_params(restore: Mapping[str, Any]) -> dict[str, str]:
    """The same restore once more, as a link to the form."""
    destination = restore["destination"] or {"pipeline": "", "source": ""}
    known = {
        "name": restore["name"],
        "reason": restore["reason"],
        "from": restore["from"],
        "to": restore["to"],
        "query": restore["query"],
        "account": restore["source"],
        "archive": restore["archive"],
        "pipeline": destination["pipeline"],
        "source": destination["source"],
        "rate": restore["rate"] or "",
        "limit_lines": restore["limit_lines"] or "",
        "limit_bytes": restore["limit_bytes"] or "",
        "on_limit": restore["on_limit"],
        "skip_damaged": "1" if restore["skip_damaged"] else "",
        "thaw": restore["thaw"],
        "into": FILES if restore["files"] else "",
    }
    return {name: str(value) for name, value in known.items() if value}


def chosen_archives(form: Form, choices: Choices) -> Sequence[Archive]:
    """Those that are to be read."""
    if form.text("which") == PIPELINE:
        return _only(choices, form.text("pipeline_archive"))
    account, _, one = form.text("log_archive").partition("/")
    return _only(choices, one) if one else choices.of_account(account)


def body_of(form: Form, choices: Choices) -> dict[str, Any]:
    """What the API is asked. Raises Problem for what only the form knows: nothing chosen, no number."""
    body: dict[str, Any] = {
        **{name: form.text(name) for name in ("from", "to", "name", "reason", "on_limit", "thaw")},
        "query": form.raw("query"),
        "skip_damaged": form.checked("skip_damaged"),
        "any_marker": form.checked("any_marker"),
        "limit_lines": _number(form, "limit_lines"),
        "limit_bytes": form.text("limit_bytes") or 0,
        "notify_email": form.text("notify_email"),
        "notify_url": form.text("notify_url"),
        **_source_of(form, choices),
        **_destination_of(form),
    }
    for name in ("from", "to"):
        if not body[name]:
            raise _missing(name, f"'{name}' is missing", "write a time, or choose days in the calendar")
    return body


def _where_from(choices: Choices, archive_id: str, account: str) -> list[tuple[str, str]]:
    archive = choices.archive(archive_id)
    if archive and archive["pipeline"]:
        return [("which", PIPELINE), ("pipeline_archive", archive["id"])]
    if archive:
        alone = len(choices.of_account(archive["account"])) == 1
        value = archive["account"] if alone else f"{archive['account']}/{archive['id']}"
        return [("which", LOG), ("log_archive", value)]
    known = [value for value, _ in choices.log_options]
    usual = _USUAL if _USUAL in known else next(iter(known), "")
    value = account if account in known else usual
    return [("which", LOG if value or not choices.of_pipelines else PIPELINE), ("log_archive", value)]


def _source(choices: Choices, pipeline: str, source: str) -> str:
    of_it = [value for value, _ in choices.source_options if value.startswith(f"{pipeline}/")]
    wanted = f"{pipeline}/{source}"
    return wanted if wanted in of_it else next(iter(of_it), "")


def _only(choices: Choices, archive_id: str) -> Sequence[Archive]:
    archive = choices.archive(archive_id)
    return [archive] if archive else []


def _source_of(form: Form, choices: Choices) -> dict[str, str]:
    if form.text("which") == PIPELINE:
        found = _only(choices, form.text("pipeline_archive"))
        if not found:
            raise _missing("pipeline_archive", "no archive of a pipeline is chosen", "choose one")
        return {"account": found[0]["account"], "archive": found[0]["id"]}
    account, _, archive = form.text("log_archive").partition("/")
    if not account:
        raise _missing("log_archive", "no archive is chosen", "choose one, or set one up")
    return {"account": account, "archive": archive}


def _destination_of(form: Form) -> dict[str, Any]:
    match form.text("into"):
        case "pipeline":
            pipeline, _, source = form.text("source").partition("/")
            if not pipeline:
                raise _missing("source", "no pipeline is chosen", "choose one of its restoration sources")
            return {"pipeline": {"id": pipeline, "source": source}, "rate": _number(form, "rate")}
        case "files":
            return {"files": _files_of(form)}
        case _:
            return {"expiry_s": form.text("expiry_s")} if form.text("expiry_s") else {}


def _files_of(form: Form) -> dict[str, Any]:
    given = [(name, value.strip()) for name, value in form if name.startswith(_FILE_OPTION)]
    return {
        "provider": form.text("files_provider"),
        "format": form.text("files_format", FORMATS[0]),
        "options": _named(given, "option."),
        "secrets": _named(given, "secret."),
    }


def _named(given: Iterable[tuple[str, str]], kind: str) -> dict[str, str]:
    prefix = _FILE_OPTION + kind
    return {name.removeprefix(prefix): value for name, value in given if value and name.startswith(prefix)}


def _number(form: Form, name: str) -> int:
    text = form.text(name).replace(",", "").replace("_", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _missing(name, f"{name} is {text[:32]!r}, not a whole number", "write a number, or nothing")
    return int(text)


def _missing(field: str, detail: str, hint: str) -> Problem:
    return Problem(
        status=400, code="bad-setting", title="", detail=detail, hint=hint, members={"field": field}
    )
