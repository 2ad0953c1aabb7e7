"""Setting up an archive, and reaching one in another way: provider, credentials, connection test, policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web import archive_words, fragments
from logkeep.web.archive_form import CHECKS, LAYOUT, SettingsForm, placed, settings_body
from logkeep.web.connection_form import ConnectionForm, build_form
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.views.archive_settings import SETTINGS
from logkeep.web.visit import Visit, action, page

_NEW = f"{SETTINGS}/new"
_OF_ONE = f"{SETTINGS}/{{archive}}/connection"

# As they are looked for.
_ORDER = (
    *("s3", "gcs", "azure", "ibm", "digitalocean", "swift"),
    *("r2", "wasabi", "backblaze", "minio", "s3-compatible", "folder"),
)

Shown = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A form that is being filled in: what it is about, and what stands in it."""

    path: str  # of the form
    account: str
    archive: Shown | None  # whose connection is changed; None: a new archive
    foreign: bool  # another system's archive, which is only read
    providers: Sequence[Shown]
    layouts: Sequence[Shown]
    external_id: str
    connection: ConnectionForm
    settings: SettingsForm
    typed: Form | None

    def choose(self, provider: str, kind: str = "") -> str:
        """The form for another provider, or another kind of credentials."""
        params = {"account": self.account, "provider": provider, "kind": kind}
        given = {name: value for name, value in params.items() if value}
        if self.foreign and self.archive is None:
            given["foreign"] = "1"
        return f"{self.path}?{urlencode(given)}"

    def whose(self) -> dict[str, Any]:
        """What a test, a grant or a search for the layout is about."""
        return {"archive": self.archive["id"]} if self.archive else {"account": self.account}

    @property
    def layout(self) -> str:
        return self.settings.text("layout") if self.foreign else ""

    def placed(self, problem: Problem | None) -> Problem | None:
        """The problem with the name of the input that it is about. Layouts and providers may have options of
        the same name; where both are in the form, it is the provider's."""
        if problem is None:
            return None
        problem = placed(problem)
        names = {one.name for one in (*self.connection.inputs, *self.connection.advanced)}
        if problem.field in names or problem.field not in self.layout_options():
            return problem
        return replace(problem, members={**problem.members, "field": LAYOUT + problem.field})

    def layout_options(self) -> Sequence[str]:
        return [
            option["name"]
            for one in self.layouts
            if one["layout"] == self.layout
            for option in one["options"]
        ]


async def show_new(visit: Visit) -> Response:
    return await _rendered(visit, await _new(visit))


async def create(visit: Visit) -> Response:
    """One form, several buttons: test, what to grant, which layout, save, and save and start."""
    form = await visit.form()
    setup = await _new(visit, form)
    if asked := await _asked(visit, setup, form.text("do")):
        return await _rendered(visit, setup, **asked)
    body = {
        "account": setup.account,
        **setup.connection.body(),
        **settings_body(form, foreign=setup.foreign, options=setup.layout_options()),
        "id": form.text("id"),
        "untested": form.checked("untested"),
        "take_over": form.checked("take_over"),
        "start": form.text("do") == "start",
    }
    try:
        made = await visit.api.post("/v1/archives", body)
    except Problem as problem:
        return await _rendered(visit, setup, problem=problem, told=await _grant(visit, setup, problem))
    notice = "Archiving is on." if made["state"] == "on" else "The archive is saved."
    return fragments.go(visit, f"{SETTINGS}/{quote(made['id'], safe='')}", notice)


async def show_connection(visit: Visit) -> Response:
    return await _rendered(visit, await _of_archive(visit))


async def change_connection(visit: Visit) -> Response:
    form = await visit.form()
    setup = await _of_archive(visit, form)
    if asked := await _asked(visit, setup, form.text("do")):
        return await _rendered(visit, setup, **asked)
    body = {
        **setup.connection.body(),
        "replan": form.checked("replan"),
        "untested": form.checked("untested"),
    }
    try:
        await visit.api.patch(f"/v1/archives/{visit.path['archive']}", body)
    except Problem as problem:
        return await _rendered(visit, setup, problem=problem, told=await _grant(visit, setup, problem))
    return fragments.go(visit, f"{SETTINGS}/{visit.path['archive']}", "The connection is saved.")


async def _asked(visit: Visit, setup: Setup, what: str) -> dict[str, Any] | None:
    """What a button that saves nothing asks for; None for one that saves."""
    body = {**setup.whose(), **setup.connection.body()}
    try:
        if what == "test":
            return {"told": {"tested": await visit.api.post("/v1/archives/test", body | _read_as(setup))}}
        if what == "grant":
            return {"told": {"grant": await visit.api.post("/v1/archives/grant", body)}}
        if what == "detect":
            return {"told": {"detected": await visit.api.post("/v1/archives/detect", body)}}
    except Problem as problem:
        return {"problem": problem}
    return None


async def _grant(visit: Visit, setup: Setup, problem: Problem) -> dict[str, Any]:
    """What to allow, where the connection test failed."""
    if "verdicts" not in problem.members:
        return {}
    return {"grant": await visit.api.post("/v1/archives/grant", {**setup.whose(), **setup.connection.body()})}


def _read_as(setup: Setup) -> dict[str, str]:
    """Of another system's archive only what reading needs is tried."""
    return {"layout": setup.layout or "lines"} if setup.foreign and not setup.archive else {}


async def _new(visit: Visit, form: Form | None = None) -> Setup:
    account = (form.text("account") if form else visit.param("account")) or "main"
    foreign = form.checked("foreign") if form else visit.param("foreign") == "1"
    return await _setup(visit, _NEW, account=account, foreign=foreign, form=form)


async def _of_archive(visit: Visit, form: Form | None = None) -> Setup:
    archive = await visit.api.get(f"/v1/archives/{visit.path['archive']}")
    path = f"{SETTINGS}/{visit.path['archive']}/connection"
    foreign = bool(archive["layout"])
    return await _setup(visit, path, account=archive["account"], foreign=foreign, form=form, archive=archive)


async def _setup(
    visit: Visit,
    path: str,
    *,
    account: str,
    foreign: bool,
    form: Form | None,
    archive: Shown | None = None,
) -> Setup:
    known = await visit.api.get("/v1/providers", account=account)
    chosen = form.text("provider") if form else visit.param("provider")
    name = chosen or (str(archive["provider"]) if archive else "")
    connection = build_form(known["providers"], name, kind=visit.param("kind"), typed=form, saved=archive)
    return Setup(
        path=path,
        account=account,
        archive=archive,
        foreign=foreign,
        providers=sorted(known["providers"], key=_place),
        layouts=(await visit.api.get("/v1/layouts"))["layouts"] if foreign else [],
        external_id=known["external_id"],
        connection=connection,
        settings=SettingsForm(typed=form, archive=archive),
        typed=form,
    )


def _place(provider: Shown) -> int:
    """Where a provider's card stands; one that is new comes last."""
    name = provider["provider"]
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


async def _rendered(
    visit: Visit, setup: Setup, *, problem: Problem | None = None, told: Mapping[str, Any] | None = None
) -> Response:
    """The page with its form; for the page's module only what is told below the form."""
    status = problem.status if problem else 200
    problem = setup.placed(problem)
    told = {"tested": None, "grant": None, "detected": None, **(told or {})}
    if fragments.wanted(visit):
        return visit.render(
            "archive_settings/_told.html", problem=problem, checks=CHECKS, status=status, **told
        )
    accounts = (await visit.api.get("/v1/accounts"))["accounts"] if setup.archive is None else []
    return visit.render(
        "archive_settings/connection.html",
        setup=setup,
        accounts=[one for one in accounts if one["kind"] == "live"],
        words=archive_words,
        problem=problem,
        checks=CHECKS,
        status=status,
        **told,
    )


ROUTES: list[BaseRoute] = [
    page(_NEW, show_new, role=Role.ADMIN),
    action(_NEW, create, role=Role.ADMIN),
    page(_OF_ONE, show_connection, role=Role.ADMIN),
    action(_OF_ONE, change_connection, role=Role.ADMIN),
]
