"""Changing who gets a brief, when and by which way, and what sends it; each with its audit row."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Channel, StaffNumber
from contacts.selectors.viewing import has_left
from contacts.services import staff_messages
from labelcrm.core import audit, notices
from labelcrm.core.viewer import Viewer
from transfer.briefs.models import FIRST_HOUR, LAST_HOUR, BriefPlan, BriefSettings
from webhooks.gateways.clients import CLIENTS

SETS_BRIEFS = "core.change_setting"
READS_BRIEFS = ("contacts.view_contact", "contacts.add_note")  # who works with the Today page


def brief_settings() -> BriefSettings:
    """What an owner decided; off where nobody did."""
    return BriefSettings.objects.select_related("channel").first() or BriefSettings(pk=1)


def sending_channel() -> Channel | None:
    """The number that sends briefs by WhatsApp now; None while that is off."""
    row = brief_settings()
    return row.channel if row.whatsapp else None


def channels_that_send(viewer: Viewer) -> list[Channel]:
    """The living numbers behind a gateway that can send a text, as far as the viewer sees them."""
    return list(Channel.objects.visible_to(viewer).filter(gateway__in=CLIENTS))


def may_have_brief(user: Any) -> bool:
    """Whether there is anything that a brief could tell this user."""
    return bool(user.is_active and user.has_perms(READS_BRIEFS) and not has_left(user))


def lacks_in_words(code: str) -> str:
    """What a number needs before it can send, from the codes of `staff_messages.lacks`."""
    return {
        "gateway_cannot_send": _("labelcrm cannot send through this gateway."),
        "archived": _("This number is archived."),
        "no_access": _("Enter the gateway's address and API key of this number first."),
        "host_not_allowed": _(
            "Calls may not go there: whoever runs the server adds the host to GATEWAY_HOSTS and restarts."
        ),
    }[code]


def change_settings(*, whatsapp: bool, channel: Channel | None, actor: Any) -> BriefSettings:
    """Switch briefs by WhatsApp on or off, and choose the number that sends. Raises ValidationError."""
    with transaction.atomic():
        row = BriefSettings.objects.select_for_update().first() or BriefSettings(pk=1)
        if (row.whatsapp, row.channel) == (whatsapp, channel) and row.pk and not row._state.adding:
            return row
        if whatsapp and channel is None:
            raise ValidationError({"channel": _("Choose the number that sends.")})
        if whatsapp and channel is not None and (code := staff_messages.lacks(channel)):
            raise ValidationError({"channel": ValidationError(lacks_in_words(code), code=code)})
        row.whatsapp, row.channel = whatsapp, channel
        row.save()
        sender = channel.pk if channel else None
        audit.record(actor=actor, action="briefsettings.changed", obj=row, whatsapp=whatsapp, channel=sender)
    return row


def plan_of(user: Any) -> BriefPlan:
    """A user's plan; one that sends nothing where they have none."""
    return BriefPlan.objects.filter(user_id=user.pk).first() or BriefPlan(user=user, changed_at=timezone.now())


def change_plan(
    user: Any, *, hour: int, weekdays: Collection[int], by_mail: bool, by_whatsapp: bool, actor: Any
) -> BriefPlan:
    """When a user gets their brief and by which ways. Raises ValidationError."""
    days = sorted({day for day in weekdays if 0 <= day <= 6})
    if not FIRST_HOUR <= hour <= LAST_HOUR:
        raise ValidationError({"hour": _("Choose an hour in the morning.")})
    if (by_mail or by_whatsapp) and not days:
        raise ValidationError({"weekdays": _("Choose at least one day.")})
    with transaction.atomic():
        row = BriefPlan.objects.select_for_update().filter(user_id=user.pk).first() or plan_of(user)
        _check_ways(user, row, by_mail=by_mail, by_whatsapp=by_whatsapp)
        values = {"hour": hour, "weekdays": days, "by_mail": by_mail, "by_whatsapp": by_whatsapp}
        if all(getattr(row, name) == value for name, value in values.items()) and not row._state.adding:
            return row
        for name, value in values.items():
            setattr(row, name, value)
        row.changed_at = timezone.now()
        row.save()
        audit.record(actor=actor, action="briefplan.changed", obj=row, user=user.pk, **values)
    return row


def _check_ways(user: Any, row: BriefPlan, *, by_mail: bool, by_whatsapp: bool) -> None:
    """A way can be switched on when it leads somewhere; one that is on already may stay so."""
    if by_mail and not row.by_mail and not user.email:
        raise ValidationError({"by_mail": _("You have no e-mail address here; an owner can enter it.")})
    if by_mail and not row.by_mail and not notices.mail_is_set_up():
        raise ValidationError({"by_mail": _("This installation sends no e-mail; whoever runs it can set that up.")})
    if by_whatsapp and not row.by_whatsapp and sending_channel() is None:
        raise ValidationError({"by_whatsapp": _("An owner has to switch briefs by WhatsApp on first.")})
    if by_whatsapp and not row.by_whatsapp and not _has_number(user):
        raise ValidationError({"by_whatsapp": _("Confirm your number first.")})


def _has_number(user: Any) -> bool:
    return StaffNumber.objects.filter(user_id=user.pk, verified_at__isnull=False).exists()


def stop_plan(plan: BriefPlan, *, actor: Any) -> BriefPlan:
    """Send this user no more briefs, until they switch them on again."""
    return change_plan(
        plan.user, hour=plan.hour, weekdays=plan.weekdays, by_mail=False, by_whatsapp=False, actor=actor
    )  # fmt: skip
