"""E-mail through a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import errno
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from logkeep.notify.addresses import MailServer, Tls
from logkeep.notify.channel import Try
from logkeep.notify.email import Email, mail
from tests.contract.s3_servers import free_port
from tests.unit.notify.receivers import NOW, PASSWORD, USER, MailBox, mail_box, notice

SENDER = "logkeep@example.org"
SENT = notice("ops@example.org", channel="email", body="The restore één is ready.\n".encode())


def server(box: MailBox, tls: Tls = "none", *, user: str = "", password: str = "") -> MailServer:
    return MailServer(host=box.host, port=box.port, tls=tls, user=user, password=password)


def test_a_notice_is_sent_as_plain_text() -> None:
    with mail_box() as box:
        assert Email(server(box), SENDER).send(SENT, NOW) == Try()
    (taken,) = box.mails
    assert (taken.sender, taken.receivers, taken.encrypted) == (SENDER, ["ops@example.org"], False)
    message = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "The restore één is ready.\n"
    wanted = {
        "From": SENDER,
        "To": "ops@example.org",
        "Subject": "one is ready",
        "Date": "Wed, 18 Nov 2026 11:06:40 +0000",
        "Message-ID": "<ab12cd34ef56-7@example.org>",
        "Auto-Submitted": "auto-generated",
        "X-Logkeep-Notice": "ab12cd34ef56-7",
    }
    assert {name: message[name] for name in wanted} == wanted


def test_a_server_with_starttls_gets_user_and_password_encrypted_only(
    serving_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext
) -> None:
    with mail_box(starttls=serving_tls) as box:
        known = server(box, "starttls", user=USER, password=PASSWORD)
        assert Email(known, SENDER, tls=trusting_tls).send(SENT, NOW) == Try()
        (taken,) = box.mails
        assert (taken.encrypted, taken.user) == (True, USER)
        # A certificate that nobody vouches for gets no password.
        assert "CERTIFICATE_VERIFY_FAILED" in Email(known, SENDER).send(SENT, NOW).error
        assert len(box.mails) == 1


def test_a_server_without_the_starttls_that_is_asked_for_gets_nothing() -> None:
    with mail_box() as box:
        told = Email(server(box, "starttls", user=USER, password=PASSWORD), SENDER).send(SENT, NOW)
    assert told == Try(error="127.0.0.1 cannot be used: STARTTLS extension not supported by server.")
    assert box.mails == []


def test_a_wrong_password_is_tried_again_as_the_settings_may_be_set_right(
    serving_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext
) -> None:
    with mail_box(starttls=serving_tls) as box:
        unknown = server(box, "starttls", user=USER, password="hush hush")
        told = Email(unknown, SENDER, tls=trusting_tls).send(SENT, NOW)
    assert told.error.startswith("127.0.0.1 answered 535 ")
    assert told.most_tries == Try().most_tries


def test_a_server_may_speak_tls_from_the_first_byte(
    serving_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext
) -> None:
    with mail_box(tls=serving_tls) as box:
        assert Email(server(box, "tls"), SENDER, tls=trusting_tls).send(SENT, NOW) == Try()
        assert len(box.mails) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_what_the_server_refuses_for_good_is_given_up_and_for_now_is_not(step: str) -> None:
    with mail_box() as box:
        box.refusals[step] = "550 no such user"
        told = Email(server(box), SENDER).send(SENT, NOW)
        assert told == Try(error="127.0.0.1 answered 550 no such user", most_tries=1)
        box.refusals[step] = "451 try later"
        assert Email(server(box), SENDER).send(SENT, NOW) == Try(error="127.0.0.1 answered 451 try later")
    assert box.mails == []


def test_a_server_that_is_away_is_tried_again() -> None:
    away = MailServer(host="127.0.0.1", port=free_port(), tls="none", user=USER, password=PASSWORD)
    told = Email(away, SENDER).send(SENT, NOW)
    assert told == Try(error=f"127.0.0.1 cannot be used: [Errno {errno.ECONNREFUSED}] Connection refused")
    assert PASSWORD not in repr((away, Email(away, SENDER)))


def test_an_error_that_repeats_the_password_is_told_without() -> None:
    with mail_box() as box:
        box.refusals["MAIL"] = f"550 {PASSWORD} is wrong"
        told = Email(server(box, password=PASSWORD), SENDER).send(SENT, NOW)
    assert told.error == "127.0.0.1 answered 550 ... is wrong"


def test_no_name_can_add_a_header() -> None:
    crafted = replace(SENT, subject="one\r\nBcc: all@example.org\r\n\r\nbody\x00\u2028Bcc: x@example.org")
    message = mail(crafted, SENDER, NOW)
    assert message["Subject"] == "one Bcc: all@example.org body Bcc: x@example.org"
    lines = message.as_bytes().partition(b"\n\n")[0].split(b"\n")
    assert [line for line in lines if re.match(rb"(?i)bcc", line)] == []


@pytest.mark.parametrize("receiver", ["ops@example.org\nBcc: all@example.org", "ops", "ops@a..b", ""])
def test_what_is_no_address_is_given_up_at_once(receiver: str) -> None:
    with mail_box() as box:
        told = Email(server(box), SENDER).send(replace(SENT, receiver=receiver), NOW)
    assert (told, box.mails) == (Try(error="its address cannot be used", most_tries=1), [])


def test_a_long_subject_in_any_script_comes_back_as_it_was() -> None:
    subject = "wiederhergestellt 復元 " * 9 + "ready"
    message = mail(replace(SENT, subject=subject), SENDER, NOW)
    parsed = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert parsed["Subject"] == subject


@contextmanager
def answering(answers: dict[str, str]) -> Iterator[MailServer]:
    """A mail server for one conversation that answers these commands in its own way; "": it hangs up."""
    usual = {"EHLO": "250-odd\r\n250 AUTH PLAIN CRAM-MD5", "DATA": "354 go on", "QUIT": "221 bye"}
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb", 0) as lines:
                lines.write(b"220 odd\r\n")
                in_data = False
                for line in lines:
                    command = line[:4].decode().strip().upper()
                    in_data = line != b".\r\n" if in_data else command == "DATA"
                    if in_data and command != "DATA":
                        continue
                    answer = (usual | answers).get(command, "250 OK")
                    if not answer:
                        break
                    lines.write(answer.encode() + b"\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            host, port = listening.getsockname()
            yield MailServer(host=host, port=port, tls="none")
        finally:
            thread.join()


def test_a_password_that_cannot_be_sent_is_a_try_that_failed() -> None:
    with answering({}) as odd:
        told = Email(replace(odd, user="ops", password="päss"), SENDER).send(SENT, NOW)
    assert told.error.startswith("127.0.0.1 cannot be used: 'ascii' codec can't encode")
    assert "päss" not in told.error


def test_a_server_whose_challenge_is_no_base64_is_a_try_that_failed() -> None:
    with answering({"AUTH": "334 a"}) as odd:
        told = Email(replace(odd, user="ops", password="hush"), SENDER).send(SENT, NOW)
    assert told.error.startswith("127.0.0.1 cannot be used: ")


@pytest.mark.parametrize("farewell", ["500 what?", "nonsense", ""])
def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_at_the_end(farewell: str) -> None:
    with answering({"QUIT": farewell}) as odd:
        assert Email(odd, SENDER).send(SENT, NOW) == Try()
