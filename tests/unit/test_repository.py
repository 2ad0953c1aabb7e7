"""The repository's own rules: which module may import which, and a lock file that holds anywhere."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "logkeep"

# From low to high; a module imports only from its own layer and those below. First match counts.
LAYERS = (
    r"errors|timeline|instants|surrogates|record|settings|declared|faults|retry|sample|vault|turn|outgoing|passwords|attempts|watching|plurals"
    r"|notify\.(addresses|template)|oidc\.values|oidc"
    r"|notify|__init__",
    r"query\..*|query",
    r"(archive|storage|spool|catalog)(\..*)?",
    r"index(\..*)?",
    r"receivers(\..*)?|intake|routing|exclusion|tail|sealing|archiver|archives|backfill|targets|defaults|indexer"
    r"|retention|browse(\..*)?|verify(\..*)?|drill|checks|restore(\..*)?|inplace(\..*)?|notify\..*|convert(\..*)?|worker"
    r"|firststart|oidc\..*|metrics|metric_families|logs|pipeline(\..*)?",
    r"api(\..*)?",
    r"web(\..*)?",
    r"app",
    r"cli(\..*)?",
)
# What stands for an outside system. Only app.py may choose one, and none knows of another.
ADAPTERS = frozenset(
    {
        *("spool.sqlite", "pipeline.sqlite_outbox", "index.engine"),
        *("storage.folder", "storage.s3", "storage.azure", "storage.gcs"),
    }
)
# Commands work on a bucket without a server, so they open it themselves, by its URL, and a large scan has an
# engine of its own.
COMPOSERS = frozenset({"app", "cli.in_place"})


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def imports_of(path: Path) -> Iterator[str]:
    """Modules of logkeep that the file imports, without `logkeep.`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name[8:] for alias in node.names if alias.name.startswith("logkeep."))
        elif isinstance(node, ast.ImportFrom) and node.module == "logkeep":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("logkeep."):
            base = (node.module or "")[8:]
            for alias in node.names:
                inner = SOURCE / base.replace(".", "/") / f"{alias.name}.py"
                yield f"{base}.{alias.name}" if inner.exists() else base


def layer_of(module: str) -> int:
    for number, pattern in enumerate(LAYERS):
        if re.fullmatch(pattern, module):
            return number
    raise AssertionError(f"{module} belongs to no layer; give it one in LAYERS")


def test_every_module_imports_only_its_own_layer_and_those_below() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in modules()
        for imported in imports_of(path)
        if layer_of(imported) > layer_of(module)
    ]
    assert wrong == []


def test_only_app_imports_adapters() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in modules()
        for imported in imports_of(path)
        if imported in ADAPTERS and not allowed(module)
    ]
    assert wrong == []


def allowed(module: str) -> bool:
    # storage.open turns a URL into an adapter, for app.py and for commands without a server.
    return module in COMPOSERS or module == "storage.open"


def test_adapters_do_not_import_each_other() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in modules()
        if module in ADAPTERS
        for imported in imports_of(path)
        if imported in ADAPTERS
    ]
    assert wrong == []


def test_nothing_imports_by_star() -> None:
    stars = [
        module
        for module, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


def lock_text() -> str:
    return (ROOT / "requirements.lock").read_text()


def test_the_lock_names_no_index_host_or_path() -> None:
    assert re.findall(r"https?://|file://|--(?:extra-)?index-url|--find-links|@ ", lock_text()) == []


def test_every_locked_package_has_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", lock_text().split("\n", 2)[2])
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("list_name", ["dependencies", "dev"])
def test_every_dependency_of_the_project_is_locked(list_name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (
        project["project"]["dependencies"]
        if list_name == "dependencies"
        else project["dependency-groups"]["dev"]
    )
    locked = set(re.findall(r"^([a-z0-9._-]+)==", lock_text(), re.MULTILINE))
    names = {re.split(r"[\[<>=~! ]", text)[0].lower() for text in wanted}
    assert names - locked == set()


def test_make_help_shows_every_target_a_user_needs() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = {line.split()[1] for line in shown.stdout.splitlines()}
    assert {"setup", "demo", "test", "serve", "check", "bench"} <= targets


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 == 0o111
    assert script.read_text().rstrip().endswith("make check")
