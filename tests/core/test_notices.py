"""What users are told once, in the app and by e-mail: to whom, in which language, and never the same e-mail twice."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import override_settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from labelcrm.core import mails, notices
from labelcrm.core.models import Notice, User
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

WITH_MAIL = {
    "EMAIL_HOST": "smtp.test",
    "PUBLIC_URL": "https://crm.test/x",
    "DEFAULT_FROM_EMAIL": "labelcrm <c@crm.test>",
}
SECRET = 13  # a subject that nobody is to know of any more


def words(subject: int, user: User) -> NoticeText | None:
    return None if subject == SECRET else NoticeText(title=f"{_('Export')} {subject}\n!", text="a < b", link="/f/1/")


@pytest.fixture(autouse=True)
def topic(monkeypatch: pytest.MonkeyPatch) -> NoticeTopic:
    topic = NoticeTopic("test", words)
    monkeypatch.setitem(notices.TOPICS, topic.name, topic)
    return topic


@pytest.fixture
def mail_server() -> Iterator[None]:
    with override_settings(**WITH_MAIL):
        yield


@pytest.fixture
def sari(db: None) -> User:
    return UserFactory(email="sari@toko.test", language="id")


def tell(topic: NoticeTopic, subject: int, *users: User, after: timedelta = timedelta(0)) -> None:
    ids = [user.pk for user in users]
    notices.tell(topic, subject, NoticeAudience(seen_by=ids, mailed=ids, mail_after=after))


# -- In the app -------------------------------------------------------------------------------------------------------


def test_everybody_is_told_once_of_one_thing(topic: NoticeTopic, sari: User) -> None:
    other = UserFactory()
    tell(topic, 1, sari, sari, other)
    tell(topic, 1, sari)
    tell(topic, 2, sari)
    assert [notice.subject for notice, _text in notices.unseen(sari)] == [2, 1]
    assert [notice.subject for notice, _text in notices.unseen(other)] == [1]


def test_what_was_seen_is_told_no_more(topic: NoticeTopic, sari: User) -> None:
    for subject in (1, 2, 3):
        tell(topic, subject, sari)
    notices.see(sari, topic=topic, subjects=[2])
    assert [notice.subject for notice, _text in notices.unseen(sari)] == [3, 1]
    notices.put_away(UserFactory(), Notice.objects.get(subject=3).pk)
    notices.put_away(sari, Notice.objects.get(subject=1).pk)
    assert [notice.subject for notice, _text in notices.unseen(sari)] == [3]
    notices.see(sari, topic=topic)
    assert notices.unseen(sari) == []


def test_what_says_nothing_any_more_is_not_asked_for_again(topic: NoticeTopic, sari: User) -> None:
    tell(topic, SECRET, sari)
    assert notices.unseen(sari) == []
    assert Notice.objects.get().seen_at is not None


def test_what_was_told_long_ago_is_forgotten(topic: NoticeTopic, sari: User) -> None:
    tell(topic, 1, sari)
    Notice.objects.update(created_at=timezone.now() - notices.KEPT - timedelta(days=1))
    tell(topic, 2, sari)
    assert notices.forget_old() == 1
    assert Notice.objects.get().subject == 2


# -- By e-mail --------------------------------------------------------------------------------------------------------


def test_without_a_mail_server_nothing_waits_to_be_sent(topic: NoticeTopic, sari: User) -> None:
    tell(topic, 1, sari)
    assert (mails.send_due(), Notice.objects.get().mail) == (0, Notice.Mail.NONE)


@pytest.mark.usefixtures("mail_server")
def test_an_e_mail_is_in_the_reader_s_language_and_its_link_is_absolute(topic: NoticeTopic, sari: User) -> None:
    tell(topic, 7, sari, UserFactory(email="eve@toko.test", language="en"))
    with translation.override("en"):
        assert mails.send_due() == 2
    sent = {message.to[0]: message for message in mail.outbox}
    indonesian, english = sent["sari@toko.test"], sent["eve@toko.test"]
    assert (indonesian.subject, english.subject) == ("Ekspor 7 !", "Export 7 !")
    assert "https://crm.test/x/f/1/" in str(english.body)
    html = str(english.alternatives[0][0])
    assert '<a href="https://crm.test/x/f/1/">' in html
    assert "a &lt; b" in html
    assert "a < b" in str(english.body)
    assert english.from_email == "labelcrm <c@crm.test>"
    assert english.message()["Auto-Submitted"] == "auto-generated"
    assert english.message()["Message-ID"] != indonesian.message()["Message-ID"]


@pytest.mark.usefixtures("mail_server")
def test_the_same_e_mail_is_sent_once(topic: NoticeTopic, sari: User) -> None:
    tell(topic, 1, sari)
    assert [mails.send_due(), mails.send_due()] == [1, 0]
    tell(topic, 1, sari)
    assert mails.send_due() == 0
    notice = Notice.objects.get()
    assert (notice.mail, notice.mail_tries) == (Notice.Mail.SENT, 1)


@pytest.mark.usefixtures("mail_server")
def test_who_saw_it_in_time_gets_no_e_mail(topic: NoticeTopic, sari: User) -> None:
    tell(topic, 1, sari, after=timedelta(minutes=1))
    assert mails.send_due() == 0
    notices.see(sari, topic=topic)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert mails.send_due() == 0
    assert (Notice.objects.get().mail, mail.outbox) == (Notice.Mail.NONE, [])


@pytest.mark.usefixtures("mail_server")
def test_nothing_is_sent_to_who_may_not_know_has_no_address_or_was_switched_off(topic: NoticeTopic, sari: User) -> None:
    tell(topic, SECRET, sari)
    tell(topic, 1, UserFactory(email=""), UserFactory(email="a@b.test", is_active=False))
    assert mails.send_due() == 0
    assert set(Notice.objects.values_list("mail", flat=True)) == {Notice.Mail.NONE}


@pytest.mark.usefixtures("mail_server")
def test_a_sender_who_was_killed_sends_nothing_twice(
    topic: NoticeTopic, sari: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether the e-mail went out: it is given up, and the row says so."""
    tell(topic, 1, sari)

    def die(self: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMultiAlternatives, "send", die)
        with pytest.raises(SystemExit):
            mails.send_due()
    assert mails.send_due() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert mails.send_due() == 0
    notice = Notice.objects.get()
    assert (notice.mail, notice.mail_error) == (Notice.Mail.FAILED, "stopped_its_worker")


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ConnectionRefusedError("nobody listens"), 5),
        (TimeoutError("timed out"), 5),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), 5),
        (smtplib.SMTPRecipientsRefused({"sari@toko.test": (450, b"mailbox busy")}), 5),
        (smtplib.SMTPRecipientsRefused({"sari@toko.test": (550, b"no such user")}), 1),
        (smtplib.SMTPDataError(554, b"spam"), 1),
    ],
)
@pytest.mark.usefixtures("mail_server")
def test_what_fails_is_tried_again_where_that_may_help(
    topic: NoticeTopic, sari: User, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    asked = []

    def refuse(self: Any) -> None:
        asked.append(1)
        raise error

    monkeypatch.setattr(mail.EmailMultiAlternatives, "send", refuse)
    tell(topic, 1, sari)
    start = timezone.now()
    for hour in range(12):
        with time_machine.travel(start + timedelta(hours=3 * hour)):
            mails.send_due()
    notice = Notice.objects.get()
    assert (len(asked), notice.mail) == (tries, Notice.Mail.FAILED)
    assert type(error).__name__ in notice.mail_error


# -- A server that speaks SMTP ----------------------------------------------------------------------------------------


class SmtpServer(socketserver.ThreadingTCPServer):
    """Takes every e-mail but the first `busy` ones, which it puts off."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, busy: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.busy, self.taken = busy, list[bytes]()


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self._take()
            elif word == b"RCPT" and self.server.busy:
                self.server.busy -= 1
                self._say("451 try again later")
            else:
                self._say("221 bye" if word == b"QUIT" else "250 fine")

    def _take(self) -> None:
        self._say("354 go on")
        body = b""
        while (line := self.rfile.readline()) != b".\r\n":
            body += line
        self.server.taken.append(body)
        self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def smtp(**how: int) -> Iterator[SmtpServer]:
    with SmtpServer(**how) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        backend = {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_USE_TLS": False,
            "EMAIL_PORT": server.server_address[1], "EMAIL_HOST": "127.0.0.1",
        }  # fmt: skip
        with override_settings(**WITH_MAIL | backend):
            yield server
        server.shutdown()


def test_a_real_server_takes_the_e_mail_at_the_second_try(topic: NoticeTopic, sari: User) -> None:
    with smtp(busy=1) as server:
        tell(topic, 1, sari)
        assert mails.send_due() == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert [mails.send_due(), mails.send_due()] == [1, 0]
    [body] = server.taken
    message: Any = message_from_bytes(body, policy=policy.default)
    assert (message["To"], message["Subject"]) == ("sari@toko.test", "Ekspor 1 !")
    assert [part.get_content_type() for part in message.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
    ]
    assert "https://crm.test/x/f/1/" in message.get_body(("plain",)).get_content()


def test_a_server_that_is_away_costs_nothing_but_the_e_mail(topic: NoticeTopic, sari: User) -> None:
    with smtp() as server:
        pass
    with (
        override_settings(**WITH_MAIL, EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_TIMEOUT=2),
        override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=server.server_address[1]),
    ):
        tell(topic, 1, sari)
        assert mails.send_due() == 0
    notice = Notice.objects.get()
    assert (notice.mail, notice.mail_tries) == (Notice.Mail.WAITING, 1)
    assert "ConnectionRefusedError" in notice.mail_error
