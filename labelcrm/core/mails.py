"""Sending the e-mails of notices, each once.

A row is taken for sending in a transaction of its own before the server is spoken to. One whose sender was killed in
between stays taken and is given up: perhaps the e-mail went out, and none is better than two. What the server refuses
for now is tried again a few times, with the same Message-ID, by which a mailbox knows a second copy.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation

from labelcrm.core import notices
from labelcrm.core.models import Notice
from labelcrm.core.notices import NoticeText
from labelcrm.lib.failures import error_sentence

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))  # between tries
GIVEN_UP = timedelta(minutes=10)  # a try that is older was its sender's last
TURN = 15.0  # seconds after which others of the queue come first
PERMANENT = 500  # codes of SMTP from here on say that a second try is no use
Mail = Notice.Mail

logger = logging.getLogger(__name__)


def send_due(*, seconds: float = TURN) -> int:
    """Send what is due, for about `seconds`; how many e-mails went out."""
    give_up()
    deadline, sent = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and (notice := _take()) is not None:
        sent += _send(notice)
    return sent


def give_up() -> None:
    """Say of e-mails whose sender vanished that nobody knows."""
    lost = Notice.objects.filter(mail=Mail.SENDING, mail_at__lt=timezone.now() - GIVEN_UP)
    lost.update(mail=Mail.FAILED, mail_error="stopped_its_worker")


def _take() -> Notice | None:
    """The next that is due, and nobody else's from now on."""
    now = timezone.now()
    while pk := _due(now).values_list("pk", flat=True).first():
        taken = _due(now).filter(pk=pk).update(mail=Mail.SENDING, mail_at=now, mail_tries=F("mail_tries") + 1)
        if taken:
            return Notice.objects.select_related("user").get(pk=pk)
    return None


def _due(now: Any) -> Any:
    return Notice.objects.filter(mail=Mail.WAITING, mail_at__lte=now).order_by("mail_at", "pk")


def _send(notice: Notice) -> bool:
    """Whether it went out. Nothing is sent to who has seen it in the app, or is not to be told any more."""
    user = notice.user
    with translation.override(user.language):
        text = notices.words(notice, user) if user.is_active and user.email and not notice.seen_at else None
        if text is None:
            _note(notice, mail=Mail.NONE)
            return False
        try:
            _message(notice, text).send()
        except (OSError, smtplib.SMTPException) as error:
            _note_failure(notice, error)
            return False
    _note(notice, mail=Mail.SENT, mail_at=timezone.now(), mail_error="")
    return True


def _message(notice: Notice, text: NoticeText) -> EmailMultiAlternatives:
    context = {"text": text, "link": absolute(text.link), "page": absolute(text.page)}
    key = f"{notice.topic}-{notice.subject}-{notice.pk}"
    return message(notice.user, "notice", subject=text.title, context=context, key=key)


def message(user: Any, name: str, *, subject: str, context: Mapping[str, Any], key: str) -> EmailMultiAlternatives:
    """An e-mail to a user from the templates `mail/<name>`, as text and as HTML, in the language of the moment.

    `key` tells it from all others of ours: by it a mailbox knows a second copy.
    """
    known = {**context, "user": user}
    made = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"mail/{name}.txt", known),
        to=[user.email],
        headers={
            "Auto-Submitted": "auto-generated",
            "Message-ID": f"<{key}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        },
    )
    made.attach_alternative(render_to_string(f"mail/{name}.html", known), "text/html")
    return made


def absolute(path: str) -> str:
    """An address of ours as somebody opens it from elsewhere; "" for none."""
    return f"{settings.PUBLIC_URL}{path}" if path else ""


def _note_failure(notice: Notice, error: Exception) -> None:
    sentence = error_sentence(error)[:300]
    logger.warning("the e-mail of notice %s: %s", notice.pk, sentence)
    if notice.mail_tries > len(PAUSES) or is_refused_for_good(error):
        _note(notice, mail=Mail.FAILED, mail_error=sentence)
    else:
        again = timezone.now() + PAUSES[notice.mail_tries - 1]
        _note(notice, mail=Mail.WAITING, mail_at=again, mail_error=sentence)


def is_refused_for_good(error: Exception) -> bool:
    """Whether the server said that it will never take this e-mail. A wrong password can be put right."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= PERMANENT


def _note(notice: Notice, **values: Any) -> None:
    Notice.objects.filter(pk=notice.pk, mail=Mail.SENDING).update(**values)
