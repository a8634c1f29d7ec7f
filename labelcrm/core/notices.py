"""What one user is told once, in the app and by e-mail: an export is done, a schedule has stopped.

Whoever finds out calls `tell` in the transaction in which it came to be. The row says whom and of what; the words are
made when somebody reads it, in their language and with what they may see by then. An app declares its topics with
`register`. The e-mail is sent by `labelcrm.core.mails`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils import timezone

from labelcrm.core.models import Notice
from labelcrm.core.wakeups import publish

SEND_MAILS = "core.send_mails"  # the Celery task
KEPT = timedelta(days=90)
SHOWN = 3  # on a page


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """A notice in the reader's language. `link` leads to a file, `page` to where one reads more of it."""

    title: str
    text: str = ""
    link: str = ""
    page: str = ""
    is_good: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAudience:
    """Whom to tell, by the ids of users: `seen_by` in the app, `mailed` by e-mail as well, not before `mail_after`."""

    seen_by: Iterable[int] = ()
    mailed: Iterable[int] = ()
    mail_after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class NoticeTopic:
    """`words` says what a user is told of a subject; None when it is not theirs to know any more."""

    name: str
    words: Callable[[int, Any], NoticeText | None]


TOPICS: dict[str, NoticeTopic] = {}


def register(topic: NoticeTopic) -> NoticeTopic:
    """Make a topic known; rows call it by its name for ever."""
    TOPICS[topic.name] = topic
    return topic


def mail_is_set_up() -> bool:
    """Whether this installation sends e-mail at all."""
    return bool(settings.EMAIL_HOST)


def tell(topic: NoticeTopic, subject: int, audience: NoticeAudience) -> None:
    """Tell everybody of the audience of this subject, each once, in the caller's transaction."""
    mailed = frozenset(audience.mailed) if mail_is_set_up() else frozenset()
    due = timezone.now() + audience.mail_after
    Notice.objects.bulk_create(
        [
            Notice(
                user_id=user, topic=topic.name, subject=subject,
                mail=Notice.Mail.WAITING if user in mailed else Notice.Mail.NONE, mail_at=due,
            )
            for user in sorted({*audience.seen_by, *audience.mailed})
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    if mailed and not audience.mail_after:
        transaction.on_commit(lambda: publish(SEND_MAILS))


def words(notice: Notice, user: Any) -> NoticeText | None:
    """What a notice says to its user; None when there is nothing to say any more."""
    topic = TOPICS.get(notice.topic)
    return topic.words(notice.subject, user) if topic is not None else None


# -- On pages ---------------------------------------------------------------------------------------------------------


def unseen_of_user() -> Combinable:
    """To annotate users with: how many notices each has not seen."""
    theirs = Notice.objects.filter(user=OuterRef("pk"), seen_at=None).order_by().values("user")
    return Coalesce(Subquery(theirs.annotate(unseen=Count("pk")).values("unseen")), 0, output_field=IntegerField())


def unseen(user: Any) -> list[tuple[Notice, NoticeText]]:
    """The latest that a user has not seen, the latest first. Those that say nothing any more count as seen."""
    rows = list(_unseen(user).order_by("-id")[:SHOWN])
    said = [(row, words(row, user)) for row in rows]
    if silent := [row.pk for row, text in said if text is None]:
        _mark(Notice.objects.filter(pk__in=silent))
    return [(row, text) for row, text in said if text is not None]


def forget(topic: NoticeTopic, subject: int) -> None:
    """Whoever was told of this subject may be told again. An e-mail that is being sent right now stays."""
    Notice.objects.filter(topic=topic.name, subject=subject).exclude(mail=Notice.Mail.SENDING).delete()


def see(user: Any, *, topic: NoticeTopic, subjects: Iterable[int] | None = None) -> None:
    """A user has seen what there is to know of these subjects of a topic, or of all; it needs no e-mail any more."""
    rows = _unseen(user).filter(topic=topic.name)
    _mark(rows.filter(subject__in=subjects) if subjects is not None else rows)


def put_away(user: Any, pk: int) -> None:
    """A user has seen this notice of theirs."""
    _mark(_unseen(user).filter(pk=pk))


def _unseen(user: Any) -> QuerySet[Notice]:
    return Notice.objects.filter(user_id=user.pk, seen_at=None)


def _mark(rows: QuerySet[Notice]) -> None:
    rows.update(seen_at=timezone.now())


def forget_old() -> int:
    """Delete what was told long ago; how many."""
    old = Notice.objects.filter(created_at__lt=timezone.now() - KEPT)
    return old.exclude(Q(mail=Notice.Mail.SENDING)).delete()[0]
