"""The notifier of a server, as its settings say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from logkeep.catalog.notices import Notices
from logkeep.catalog.values import Restore
from logkeep.errors import BadSetting
from logkeep.notify.addresses import mail_addresses, mail_server
from logkeep.notify.channel import Channel
from logkeep.notify.email import Email
from logkeep.notify.notifier import EMAIL, WEBHOOK, Notifier, Wording
from logkeep.notify.template import DEFAULT_SUBJECT, DEFAULT_TEXT, Template
from logkeep.notify.webhook import Webhook
from logkeep.settings import Settings
from logkeep.timeline import Clock


def build_notifier(
    settings: Settings, *, notices: Notices, restores: Callable[[], Sequence[Restore]], clock: Clock
) -> Notifier:
    """Raises BadSetting for settings that need another one beside them."""
    channels: dict[str, Channel] = {WEBHOOK: Webhook(settings.notify_secret)}
    if settings.smtp_url:
        if not settings.smtp_from:
            raise _lacks("smtp_url", "smtp_from", "the address that mail comes from")
        channels[EMAIL] = Email(mail_server(settings.smtp_url), settings.smtp_from)
    elif settings.notify_email:
        raise _lacks("notify_email", "smtp_url", "the server that takes mail")
    return Notifier(
        notices=notices,
        restores=restores,
        channels=channels,
        wording=Wording(
            subject=Template(settings.notify_subject or DEFAULT_SUBJECT),
            text=Template(settings.notify_template or DEFAULT_TEXT),
            public_url=settings.public_url,
            url=settings.notify_url,
            addresses=mail_addresses(settings.notify_email) if settings.notify_email else (),
        ),
        clock=clock,
    )


def _lacks(name: str, other: str, what: str) -> BadSetting:
    return BadSetting(f"{name} is set without {other}", hint=f"set {other}: {what}", field=other)
