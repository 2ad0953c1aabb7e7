"""Every page of the site, and where it is to be found when the site is furnished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.routing import Route

from logkeep.web.site import ROUTES
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, READER, Person


@dataclass(frozen=True)
class Example:
    """A URL of a page."""

    name: str  # in the names of tests and screenshots
    url: Callable[[Furnished], str]
    who: Person | None = ADMIN  # None: nobody is signed in
    status: int = 200


def at(name: str, url: str, who: Person | None = ADMIN, *, status: int = 200) -> Example:
    return Example(name, lambda _: url, who, status)


def _day(furnished: Furnished, hours_back: int) -> str:
    return furnished.site.at(hours_back)[:10]


def _clock(furnished: Furnished, hours_back: int) -> str:
    return furnished.site.at(hours_back)[11:13]


def _object(furnished: Furnished, archive: str, *, number: int) -> str:
    """The page of one of an archive's objects, counted from the oldest."""
    one = furnished.site.get(f"/v1/archives/{archive}/objects")["objects"][number]
    return f"/archiving/browse/{archive}/object?key={quote(one['key'], safe='')}&target={one['target']}"


def _account_of(furnished: Furnished, restore: str) -> str:
    return str(furnished.site.get(f"/v1/restores/{furnished.restores[restore]}")["account"])


def _line(furnished: Furnished, query: str) -> str:
    """The page of the newest line that matches."""
    (record,) = furnished.site.get("/v1/search", query=query, limit=1)["records"]
    return f"/logs/line?account=main&ts={record['_ts']}&id={record['_lid']}"


def _restore(name: str, of: str, who: Person | None = ADMIN) -> Example:
    """The page of a restore by its name; from where it is no page of its own, it leads there."""
    return Example(name, lambda furnished: f"/archiving/restore/{furnished.restores[of]}", who)


# What answers GET and is no page, and why.
NOT_PAGES: Mapping[str, str] = {
    "/logs/export": "leads to a download",
    "/logs/histogram": "a part of the page of logs that came later",
    "/logs/line/text": "a download",
    "/logs/values": "a part of the page of logs that came later",
    "/": "leads to the first page",
    "/archiving/browse": "leads to the first archive",
    "/oidc/start": "leads to the identity provider",
    "/oidc/callback": "leads to the first page, or back to the page for signing in",
}

# Pages with something to choose: examples of what can be chosen.
GIVEN: Mapping[str, Sequence[Example]] = {
    "/logs": (
        at("logs", "/logs?from=-24h"),
        at("logs-found", "/logs?query=refused+status%3A%3E%3D500&from=-7d&top=status"),
        at("logs-hostile", "/logs?query=app%3Ahostile&from=all&wrap=1"),
        at("logs-refused", "/logs?query=failed+AND+%28%3Cb%3E", status=400),
        at("logs-without-lines", "/logs?account=closed"),
        at("logs-nothing-found", "/logs?query=nowhere"),
        at("logs-around-a-time", "/logs?from=-24h&at=-6h"),
        at("logs-in-place", "/logs?archive=main&query=failed&from=-7d"),
        at("logs-in-place-read", "/logs?archive=errors&from=all&read=1"),
        Example("logs-restored", lambda f: f"/logs?account={_account_of(f, 'incident 7')}"),
    ),
    "/logs/line": (
        Example("logs-line", lambda f: _line(f, "checkout")),
        Example("logs-line-hostile", lambda f: _line(f, "app:hostile ansi")),
        Example("logs-line-long", lambda f: _line(f, "app:hostile long")),
    ),
    "/sign-in": (at("sign-in", "/sign-in?next=/logs", None),),
    "/archiving/settings/{archive}": (
        at("archive-settings-of-one", "/archiving/settings/main"),
        at("archive-settings-failing", "/archiving/settings/broken"),
        at("archive-settings-another-system", "/archiving/settings/old-datadog"),
        at("archive-settings-of-a-pipeline", "/archiving/settings/shop-kept"),
        at("archive-settings-read-only", "/archiving/settings/errors", READER),
    ),
    "/archiving/settings/{archive}/connection": (
        at("archive-connection", "/archiving/settings/checkout/connection"),
        at("archive-connection-moved", "/archiving/settings/main/connection?provider=azure&kind=sas"),
    ),
    "/archiving/settings/new": (
        at("archive-new", "/archiving/settings/new"),
        at("archive-new-s3-role", "/archiving/settings/new?provider=s3&kind=role"),
        at("archive-new-gcs", "/archiving/settings/new?provider=gcs&account=team-a"),
        at("archive-new-another-system", "/archiving/settings/new?provider=folder&foreign=1"),
    ),
    "/archiving/browse/{archive}": (
        at("browse", "/archiving/browse/main"),
        at("browse-damaged", "/archiving/browse/errors"),
        at("browse-another-system", "/archiving/browse/old-datadog"),
        at("browse-empty", "/archiving/browse/spare", READER),
    ),
    "/archiving/browse/{archive}/{day}": (
        Example("browse-day", lambda f: f"/archiving/browse/main/{_day(f, 30)}"),
        Example("browse-day-another-system", lambda f: f"/archiving/browse/old-datadog/{_day(f, 48)}"),
    ),
    "/archiving/browse/{archive}/{day}/{hour}": (
        Example("browse-hour", lambda f: f"/archiving/browse/main/{_day(f, 30)}/{_clock(f, 30)}"),
        # with lines that want to be more than text
        Example("browse-hour-hostile", lambda f: f"/archiving/browse/main/{_day(f, 0)}/{_clock(f, 0)}"),
        Example("browse-hour-of-nothing", lambda f: f"/archiving/browse/main/{_day(f, 500)}/03", READER),
    ),
    "/archiving/browse/{archive}/object": (
        Example("browse-object", lambda f: _object(f, "main", number=-3)),
        Example("browse-object-missing", lambda f: _object(f, "errors", number=1)),
        Example("browse-object-damaged", lambda f: _object(f, "errors", number=-2)),
        Example("browse-object-another-system", lambda f: _object(f, "old-datadog", number=0)),
    ),
    "/archiving/restore": (
        at("restores", "/archiving/restore"),
        at("restores-none", "/archiving/restore?text=nothing+is+called+this", READER),
    ),
    "/archiving/restore/new": (
        at("restore-new", "/archiving/restore/new"),
        at("restore-new-another-system", "/archiving/restore/new?archive=old-datadog"),
        at("restore-new-damaged", "/archiving/restore/new?archive=errors"),
    ),
    "/archiving/restore/{id}": (
        _restore("restore", "incident 7"),
        _restore("restore-at-its-limit", "asks at its limit"),
        _restore("restore-failed", "over a spoiled object"),
        _restore("restore-in-part", "what can be read"),
        _restore("restore-hostile", "<script>alert(1)</script>"),
        _restore("restore-deleted", "gone again"),
        _restore("restore-into-files", "files for the auditor"),
        _restore("restore-to-look-at", "first hundred", READER),
    ),
    "/archiving/pipeline-restoration/{id}": (
        _restore("pipeline-restore-running", "slowly into the shop"),
        _restore("pipeline-restore-done", "replayed"),
    ),
    "/setup/{token}": (at("setup-used", "/setup/used-before", None, status=404),),
    "/pipelines/{id}": (
        at("pipeline", "/pipelines/shop"),
        at("pipeline-without-processors", "/pipelines/copies"),
    ),
    "/pipelines/{id}/edit": (at("pipeline-edit", "/pipelines/shop/edit"),),
    "/pipelines/{id}/form": (at("pipeline-form", "/pipelines/shop/form"),),
    "/pipelines/{id}/test": (at("pipeline-test", "/pipelines/shop/test"),),
    "/pipelines/{id}/versions": (at("pipeline-versions", "/pipelines/shop/versions"),),
    "/pipelines/{id}/versions/{version}": (at("pipeline-version", "/pipelines/shop/versions/1"),),
    "/pipelines/{id}/destinations/{destination}/dead-letters": (
        at("dead-letters", "/pipelines/acme-clean/destinations/account/dead-letters"),
        at("no-dead-letters", "/pipelines/shop/destinations/failed/dead-letters"),
    ),
    "/invite/{token}": (Example("invitation", lambda f: f.invitation, None),),
    "/settings/accounts/{id}": (at("account", "/settings/accounts/main"),),
    "/settings/accounts/{id}/keys": (at("ingest-keys", "/settings/accounts/main/keys"),),
    "/settings/accounts/{id}/rules": (at("rules", "/settings/accounts/main/rules"),),
    "/settings/accounts/{id}/rules/new": (at("rule-new", "/settings/accounts/main/rules/new"),),
    "/settings/accounts/{id}/rules/{rule}": (
        Example(
            "rule", lambda f: f"/settings/accounts/main/rules/{_first(f, 'accounts/main/rules', 'rules')}"
        ),
    ),
    "/settings/users/{id}": (Example("user", lambda f: f"/settings/users/{_first(f, 'users', 'users')}"),),
}


def _first(furnished: Furnished, path: str, member: str) -> str:
    """The id of the first one of a list."""
    return str(furnished.server.get(f"/v1/{path}")[member][0]["id"])


def page_routes() -> Iterator[str]:
    """The paths of all pages, as the site has them."""
    for route in ROUTES:
        assert isinstance(route, Route), f"{route} is no plain route: pages.py has to be told what it is"
        if "GET" in (route.methods or ()) and route.path not in NOT_PAGES:
            yield route.path


def examples_of(route: str) -> Sequence[Example]:
    """A page without a choice needs no example: it is where its route says."""
    if route in GIVEN:
        return GIVEN[route]
    name = route.strip("/").replace("/", "-")
    return () if "{" in route else (at(name, route),)


EXAMPLES: Sequence[Example] = [one for route in page_routes() for one in examples_of(route)]
