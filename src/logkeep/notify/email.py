"""E-mail: a notice as a plain text message through one SMTP server, tried once."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime

from logkeep.catalog.values import Notice
from logkeep.notify.addresses import MailServer, mail_addresses
from logkeep.notify.channel import SENDING_ERRORS, Try
from logkeep.notify.message import notice_id
from logkeep.notify.template import one_line
from logkeep.timeline import as_datetime

_TIMEOUT_S = 10.0  # for each step of the conversation
_LONGEST_ERROR = 200


class Email:
    """What the server says against a message or an address (5xx) is final. What it says against us, when we
    sign in, is not: the settings may be set right while the notice waits."""

    def __init__(self, server: MailServer, sender: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._sender = sender
        self._tls = tls

    def send(self, notice: Notice, now: int) -> Try:
        try:
            mail_addresses(notice.receiver)
        except ValueError:
            return Try(error="its address cannot be used", most_tries=1)
        message = mail(notice, self._sender, now)
        try:
            with self._signed_in() as smtp:
                smtp.send_message(message, self._sender, [notice.receiver])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, words),) = error.recipients.values()
            return self._answered(code, words, final=code >= 500)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            return self._answered(error.smtp_code, error.smtp_error, final=error.smtp_code >= 500)
        except smtplib.SMTPResponseException as error:
            return self._answered(error.smtp_code, error.smtp_error, final=False)
        except SENDING_ERRORS as error:
            return Try(error=self._words(f"{self._server.host} cannot be used: {error}"))
        return Try()

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        tls = None if server.tls == "none" else self._tls or ssl.create_default_context()
        if server.tls == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=tls)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=tls)  # raises when the server does not offer it: nothing goes in clear
            if server.user:
                smtp.login(server.user, server.password)
            yield smtp
            with suppress(*SENDING_ERRORS):
                smtp.quit()  # the server has taken the message, whatever it says to this
        finally:
            smtp.close()

    def _answered(self, code: int, words: bytes | str, *, final: bool) -> Try:
        text = words.decode(errors="replace") if isinstance(words, bytes) else words
        error = self._words(f"{self._server.host} answered {code} {text}")
        return Try(error=error, most_tries=1) if final else Try(error=error)

    def _words(self, text: str) -> str:
        secret = self._server.password
        return one_line(text.replace(secret, "...") if secret else text)[:_LONGEST_ERROR]


def mail(notice: Notice, sender: str, now: int) -> EmailMessage:
    """The message of a notice. Its Message-ID is the same at every try, so that doubles can be told."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = notice.receiver
    message["Subject"] = one_line(notice.subject)
    message["Date"] = format_datetime(as_datetime(now))
    message["Message-ID"] = f"<{notice_id(notice)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message["X-Logkeep-Notice"] = notice_id(notice)
    message.set_content(notice.body.decode())
    return message
