from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.errors import BadSetting
from logkeep.notify.build import build_notifier
from logkeep.notify.notifier import Notifier
from logkeep.settings import Settings
from tests.unit.notify.receivers import NOW, hook, mail_box, restore


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield opened
    opened.close()


def built(settings: Settings, catalog: Catalog) -> Notifier:
    return build_notifier(
        settings, notices=catalog.notices, restores=catalog.restores.list, clock=lambda: NOW
    )


def test_the_settings_say_whom_to_tell_what(catalog: Catalog) -> None:
    with hook() as receiver, mail_box() as box:
        notifier = built(
            Settings(
                notify_url=receiver.url,
                notify_secret="0123456789abcdef",
                notify_email="ops@example.org,jane@example.org",
                notify_subject="{{name}}!",
                notify_template="{{url}}",
                smtp_url=f"smtp://{box.host}:{box.port}",
                smtp_from="logkeep@example.org",
                public_url="https://logs.test",
            ),
            catalog,
        )
        notifier.ended(restore())
        assert notifier.round() is None
    (posted,) = receiver.posted
    assert posted.headers["x-logkeep-signature"].startswith(f"t={NOW // 1000},v1=")
    assert json.loads(posted.body)["text"] == "https://logs.test/v1/restores/ab12cd34ef56"
    assert [one.receivers for one in box.mails] == [["ops@example.org"], ["jane@example.org"]]
    assert {one.sender for one in box.mails} == {"logkeep@example.org"}
    assert all(b"Subject: one!\r\n" in one.content for one in box.mails)


def test_without_settings_only_the_webhooks_of_restores_are_told(catalog: Catalog) -> None:
    with hook() as receiver:
        notifier = built(Settings(), catalog)
        notifier.ended(restore(notify_url=receiver.url))
        assert notifier.round() is None
    assert json.loads(receiver.posted[0].body)["text"].startswith("The restore one is ready.\n\nAccount: ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(notify_email="ops@example.org"), "notify_email is set without smtp_url"),
        (Settings(smtp_url="smtp://localhost"), "smtp_url is set without smtp_from"),
    ],
)
def test_a_setting_that_needs_another_is_named(catalog: Catalog, settings: Settings, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        built(settings, catalog)
