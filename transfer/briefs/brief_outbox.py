"""Sending the briefs that are due, each at most once.

A brief becomes a row, one a day and way for each user. The row is taken in a transaction of its own that commits before
anybody is called: a worker that is killed after that leaves a row that says "perhaps sent", and it is never sent again.
What certainly did not go out is tried again after a pause, until noon.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.models import Channel, StaffNumber
from contacts.services import staff_messages, staff_numbers
from labelcrm.core import audit, mails, notices
from labelcrm.core.wakeups import publish
from labelcrm.lib.failures import error_sentence
from transfer.briefs import brief_settings
from transfer.briefs.brief_text import BriefWords, brief_words
from transfer.briefs.models import TOO_LATE, BriefMessage, BriefPlan
from webhooks.gateways.sending import SendAnswer, SendOutcome

SEND_BRIEFS = "transfer.send_briefs"  # the Celery task
PAUSES = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1))  # between tries
GIVEN_UP = timedelta(minutes=10)  # a try that is older was its sender's last
KEPT = timedelta(days=90)  # after a brief's day
TURN = 30.0  # seconds after which others of the queue come first
State, Way = BriefMessage.State, BriefMessage.Way

logger = logging.getLogger(__name__)


# -- Who gets one today -----------------------------------------------------------------------------------------------


def queue_due(now: datetime) -> int:
    """Make a row of each brief whose hour has come today and that has none; how many.

    Any number of callers at once make one row. Whose clock was wrong for a while makes none twice either.
    """
    local = timezone.localtime(now)
    if local.hour >= TOO_LATE:
        return 0
    channel = brief_settings.sending_channel()
    known = set(BriefMessage.objects.filter(day=local.date()).values_list("user_id", "way"))
    rows = (row for plan in _due_plans(local) for row in _rows(plan, local.date(), now, channel))
    new = [row for row in rows if (row.user_id, row.way) not in known]
    BriefMessage.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _due_plans(local: datetime) -> Iterator[BriefPlan]:
    plans = BriefPlan.objects.filter(weekdays__contains=[local.weekday()], hour__lte=local.hour, user__is_active=True)
    for plan in plans.select_related("user"):
        due = timezone.make_aware(datetime.combine(local.date(), time_of_day(plan.hour)))
        if plan.changed_at <= due:
            yield plan


def _rows(plan: BriefPlan, day: date, now: datetime, channel: Channel | None) -> Iterator[BriefMessage]:
    if plan.by_mail:
        yield BriefMessage(user=plan.user, day=day, way=Way.MAIL, due_at=now)
    if plan.by_whatsapp and channel is not None and (number := _confirmed(plan.user)) is not None:
        yield BriefMessage(user=plan.user, day=day, way=Way.WHATSAPP, number=number, channel=channel, due_at=now)


def _confirmed(user: Any) -> StaffNumber | None:
    return StaffNumber.objects.filter(user_id=user.pk, verified_at__isnull=False).first()


def ask_now(user: Any) -> list[BriefMessage]:
    """Send a user today's brief at once by the ways of their plan. Raises ValidationError when it was sent already.

    One that certainly did not go out today is tried again.
    """
    now = timezone.now()
    day, plan = timezone.localdate(now), brief_settings.plan_of(user)
    wanted = list(_rows(plan, day, now, brief_settings.sending_channel()))
    if not wanted:
        raise ValidationError(_("Choose a way first and save."))
    with transaction.atomic():
        BriefMessage.objects.bulk_create(wanted, ignore_conflicts=True)
        rows = BriefMessage.objects.select_for_update().filter(user=user, day=day, way__in=[row.way for row in wanted])
        again = [row for row in rows if row.state in (State.WAITING, State.FAILED)]
        if not again:
            raise ValidationError(_("Today's brief was sent already. The next one comes on its day."))
        BriefMessage.objects.filter(pk__in=[row.pk for row in again]).update(
            state=State.WAITING, due_at=now, tries=0, error="", http_status=0, asked=True
        )
        audit.record(actor=user, action="brief.asked", rows=len(again))
        transaction.on_commit(lambda: publish(SEND_BRIEFS))
    return again


# -- Sending ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakenBrief:
    """A row that is this sender's alone, committed as being sent, and what it says."""

    row: BriefMessage
    words: BriefWords


def send_due(*, seconds: float = TURN) -> int:
    """Send what is due, for about `seconds`; how many went out."""
    give_up()
    queue_due(timezone.now())
    deadline, sent = time.monotonic() + seconds, 0
    for pk in list(_due(timezone.now()).values_list("pk", flat=True)):
        if time.monotonic() > deadline:
            break
        taken = take(pk)
        if taken is not None:
            sent += _send(taken)
    return sent


def give_up() -> None:
    """Say of briefs whose sender vanished that nobody knows."""
    lost = BriefMessage.objects.filter(state=State.SENDING, at__lt=timezone.now() - GIVEN_UP)
    lost.update(state=State.UNKNOWN, error="stopped_its_worker")


def forget_old() -> int:
    """Delete the briefs of long ago, whatever became of them; how many. The audit trail keeps that they were sent."""
    return BriefMessage.objects.filter(day__lt=timezone.localdate() - KEPT).delete()[0]


def _due(now: datetime) -> Any:
    return BriefMessage.objects.filter(state=State.WAITING, due_at__lte=now).order_by("due_at", "pk")


def take(pk: int) -> TakenBrief | None:
    """Make a waiting brief this caller's and commit that; None when it is another's, or may not be sent.

    That its number is still a colleague's and nobody else's is asked here, while the row is locked.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = _due(now).select_for_update(skip_locked=True, of=("self",)).filter(pk=pk)
        row = rows.select_related("user", "number", "channel").first()
        if row is None:
            return None
        if row.way == Way.WHATSAPP:
            row.channel = brief_settings.sending_channel() or row.channel
        if why := _refusal(row, now):
            BriefMessage.objects.filter(pk=pk).update(state=State.FAILED, error=why, at=now)
            return None
        words = brief_words(row.user, now=now)
        row.state, row.at, row.tries = State.SENDING, now, row.tries + 1
        row.save(update_fields=["state", "at", "tries", "channel"])
    return TakenBrief(row, words)


def _refusal(row: BriefMessage, now: datetime) -> str:
    """Why a brief may not be sent at all, as a code; "" when it may."""
    local = timezone.localtime(now)
    if row.day != local.date() or (local.hour >= TOO_LATE and not row.asked):
        return "too_late"
    if not brief_settings.may_have_brief(row.user):
        return "no_access"
    plan = brief_settings.plan_of(row.user)
    if row.way == Way.MAIL:
        if not row.user.email or not notices.mail_is_set_up():
            return "no_mail"
        return "" if plan.by_mail else "switched_off"
    return _refusal_by_whatsapp(row) if plan.by_whatsapp else "switched_off"


def _refusal_by_whatsapp(row: BriefMessage) -> str:
    if brief_settings.sending_channel() is None:
        return "switched_off"
    if row.number is None or not row.number.is_verified or row.number.user_id != row.user_id:
        return "no_number"
    return staff_numbers.refusal(row.number.phone, lid=row.number.lid)


def _send(taken: TakenBrief) -> bool:
    """Whether it went out."""
    row = taken.row
    answer = _by_mail(taken) if row.way == Way.MAIL else _by_whatsapp(taken)
    with transaction.atomic():
        held = BriefMessage.objects.select_for_update().filter(pk=row.pk, state=State.SENDING, tries=row.tries)
        if held.update(**_what_follows(row, answer, timezone.now())) and answer.outcome is SendOutcome.SENT:
            audit.record(
                actor=None, action="brief.sent", obj=row, user=row.user_id, way=row.way, channel=row.channel_id
            )
    if answer.outcome is not SendOutcome.SENT:
        logger.warning("brief %s by %s: %s (HTTP %s)", row.pk, row.way, answer.code, answer.status)
    return answer.outcome is SendOutcome.SENT


def _what_follows(row: BriefMessage, answer: SendAnswer, now: datetime) -> dict[str, Any]:
    found = {"error": answer.code, "http_status": answer.status, "at": now}
    if answer.outcome is SendOutcome.LATER and row.tries <= len(PAUSES):
        return found | {"state": State.WAITING, "due_at": now + PAUSES[row.tries - 1]}
    state = {SendOutcome.SENT: State.SENT, SendOutcome.UNKNOWN: State.UNKNOWN}.get(answer.outcome, State.FAILED)
    return found | {"state": state}


def _by_whatsapp(taken: TakenBrief) -> SendAnswer:
    row = taken.row
    assert row.number is not None, "asked when it was taken"
    assert row.channel is not None, "asked when it was taken"
    return staff_messages.deliver(row.number, taken.words.text, channel=row.channel)


# -- E-mail -----------------------------------------------------------------------------------------------------------


def _by_mail(taken: TakenBrief) -> SendAnswer:
    try:
        _mail(taken).send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
        logger.warning("brief %s: %s", taken.row.pk, error_sentence(error)[:300])
        return SendAnswer(
            SendOutcome.REFUSED if mails.is_refused_for_good(error) else SendOutcome.LATER, "mail_refused"
        )
    except TimeoutError:
        return SendAnswer(SendOutcome.UNKNOWN, "too_slow")
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("brief %s: %s", taken.row.pk, error_sentence(error)[:300])
        return SendAnswer(SendOutcome.LATER, "mail_unreachable")
    return SendAnswer(SendOutcome.SENT)


def _mail(taken: TakenBrief) -> EmailMultiAlternatives:
    row, words = taken.row, taken.words
    with translation.override(row.user.language):
        context = {"words": words, "settings_link": mails.absolute(reverse("admin:my-brief"))}
        return mails.message(row.user, "brief", subject=words.title, context=context, key=f"brief-{row.pk}")
