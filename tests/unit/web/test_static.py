"""Static files, kept by browsers under a path that changes with any of them; headers of all answers."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.applications import Starlette

from logkeep.web.headers import SecureHeaders
from logkeep.web.static import FOLDER, Static

from .asking import get


def test_a_changed_file_has_another_address(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    before = Static(tmp_path).url("a.js")
    assert Static(tmp_path).url("a.js") == before
    (tmp_path / "b.js").write_text("2")
    assert Static(tmp_path).url("a.js") != before


def test_files_are_served_for_long_and_with_strict_headers() -> None:
    static = Static()
    application = Starlette(routes=[static.mount])
    application.add_middleware(SecureHeaders)
    answer = get(application, static.url("js/base.js"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert get(application, static.url("../site.py")).status_code == 404
    assert get(application, "/elsewhere").headers["Cache-Control"] == "no-store"


def test_templates_and_files_load_nothing_from_elsewhere() -> None:
    texts = [*FOLDER.rglob("*.css"), *FOLDER.rglob("*.js"), *(FOLDER.parent / "templates").rglob("*.html")]
    elsewhere = re.compile(
        r"""(?:src|href)="(?:https?:)?//|@import|url\(["']?(?:https?:)?//|import .*["']https?:"""
    )
    assert [str(path) for path in texts if elsewhere.search(path.read_text())] == []


def test_templates_have_no_inline_code_or_style() -> None:
    inline = re.compile(r"""<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=["']|javascript:""")
    found = [
        str(path) for path in (FOLDER.parent / "templates").rglob("*.html") if inline.search(path.read_text())
    ]
    assert found == []


def test_templates_turn_no_text_into_markup() -> None:
    found = [
        str(path)
        for path in (FOLDER.parent / "templates").rglob("*.html")
        if re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text())
    ]
    assert found == []
