"""An account with archived lines, for tests that restore them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.server import Server, eventually

DAY = "2026-05-06"
WHOLE_DAY = {"from": f"{DAY}T00:00Z", "to": "2026-05-07T00:00Z"}


@dataclass(frozen=True)
class Stored:
    """`account` has one archive, in `folder`."""

    server: Server
    account: str
    key: str
    folder: Path

    def send(self, hour: int, texts: Sequence[str], **fields: object) -> None:
        """Lines of an hour of DAY, a second apart."""
        lines = [
            json.dumps({"time": f"{DAY}T{hour:02d}:00:{number % 60:02d}Z", "msg": text, **fields})
            for number, text in enumerate(texts)
        ]
        answer = self.server.http.post(
            "/v1/ingest",
            content="\n".join(lines),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"},
        )
        assert answer.status_code == 200, answer.text

    def seal(self) -> None:
        answer = self.server.post("/v1/archive/seal", {"account": self.account, "now": True})
        assert answer["failed"] == []

    def objects(self) -> list[Path]:
        return sorted(self.folder.rglob("*.json.gz"))

    def restore(self, **wanted: object) -> dict[str, Any]:
        """A restore of the whole day, when it is no longer IN_PROGRESS."""
        return self.server.restore(account=self.account, **{**WHOLE_DAY, **wanted})

    def now(self, restore: dict[str, Any]) -> dict[str, Any]:
        return self.server.get(f"/v1/restores/{restore['id']}")

    def wait(self, restore: dict[str, Any], state: str) -> dict[str, Any]:
        eventually(lambda: self.now(restore)["state"] == state, f"the restore to be {state}")
        return self.now(restore)


@pytest.fixture
def stored(site: Server, tmp_path: Path) -> Iterator[Stored]:
    """Three hours with forty lines each, one of ten an error; the account goes with the test."""
    account, folder = f"kept-{secrets.token_hex(4)}", tmp_path / "kept"
    made = site.post("/v1/accounts", {"name": account, "archive": "none"})
    site.post(
        "/v1/archives",
        {
            "account": account,
            "id": account,
            "title": "Kept lines",
            "provider": "folder",
            "options": {"path": str(folder)},
            "start": True,
        },
    )
    kept = Stored(site, account, made["ingest_key"], folder)
    for hour in (7, 8, 11):
        kept.send(hour, [f"line {hour}-{number}" for number in range(36)], level="info")
        kept.send(hour, [f"broken {hour}-{number}" for number in range(4)], level="error")
    kept.seal()
    yield kept
    site.http.delete(f"/v1/accounts/{account}", params={"discard": "true"})


def fill_in(page: Page, stored: Stored, **more: str) -> None:
    """The form of a new restore of this account, over the whole day."""
    page.get_by_label("Archive of an account").select_option(stored.account)
    for label, text in {"From": WHOLE_DAY["from"], "To": WHOLE_DAY["to"], **more}.items():
        box(page, label).fill(text)


def box(page: Page, label: str) -> Locator:
    """The field with this label."""
    return page.get_by_role("textbox", name=re.compile(rf"^{re.escape(label)}( \(needed\))?$"))


def press(page: Page, name: str, *, javascript: bool = True) -> None:
    """Without JavaScript, waits for the page that the button leads to: it can be reloaded then."""
    button = page.get_by_role("button", name=name, exact=True)
    if javascript:
        button.click()
        return
    with page.expect_navigation():
        button.click()


def becomes(page: Page, word: str, *, javascript: bool = True) -> None:
    """The restore's page tells this state: by itself, or when it is looked at again."""
    badge = page.locator("[data-badge]").first
    if javascript:
        expect(badge).to_have_text(word)
        return

    def looked() -> bool:
        page.reload()
        return badge.inner_text() == word

    eventually(looked, f"the page to say {word}")
