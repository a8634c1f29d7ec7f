"""Who gets a morning brief, when and by which way; and each brief that was to be sent, with what became of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Channel, StaffNumber

FIRST_HOUR, LAST_HOUR = 5, 11  # of the business's day, that one may choose
TOO_LATE = 12  # the hour from which on a brief that is due is not sent any more that day


def working_days() -> list[int]:
    """Monday to Saturday, as most shops work."""
    return [0, 1, 2, 3, 4, 5]


class BriefSettings(models.Model):
    """What an owner decided for everybody: whether briefs go by WhatsApp, and which number sends them. One row."""

    whatsapp = models.BooleanField(_("briefs by WhatsApp"), default=False)
    channel = models.ForeignKey(
        Channel, verbose_name=_("number that sends them"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="+",
    )  # fmt: skip

    class Meta:
        default_permissions = ()
        verbose_name = _("settings of morning briefs")
        verbose_name_plural = _("settings of morning briefs")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_row_of_brief_settings")]

    def __str__(self) -> str:
        return str(_("morning brief"))


class BriefPlan(models.Model):
    """When a user wants their brief, and by which ways. Without a row they get none.

    `weekdays` counts from Monday, 0. A plan holds from `changed_at` on: an hour that had passed by then waits for the
    next day.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="brief_plan"
    )
    hour = models.PositiveSmallIntegerField(_("hour"), default=7)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("days"), default=working_days)
    by_mail = models.BooleanField(_("by e-mail"), default=False)
    by_whatsapp = models.BooleanField(_("by WhatsApp"), default=False)
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        default_permissions = ()
        verbose_name = _("plan of a morning brief")
        verbose_name_plural = _("plans of morning briefs")
        constraints = [
            models.CheckConstraint(condition=Q(hour__range=(FIRST_HOUR, LAST_HOUR)), name="brief_hour_in_the_morning"),
        ]

    def __str__(self) -> str:
        return f"brief of {self.user_id}"

    @property
    def is_on(self) -> bool:
        return bool(self.weekdays) and (self.by_mail or self.by_whatsapp)


class BriefMessage(models.Model):
    """One day's brief to one user by one way. There is never a second one: the database sees to that.

    By WhatsApp the recipient is a staff number and nothing else. `error` is a code, `http_status` what the gateway
    answered with. `asked` is one that its user asked for at that moment.
    """

    class Way(models.TextChoices):
        MAIL = "mail", _("e-mail")
        WHATSAPP = "whatsapp", "WhatsApp"

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("not sent")
        UNKNOWN = "unknown", _("perhaps sent")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField(_("day"))
    way = models.CharField(_("way"), max_length=10, choices=Way)
    number = models.ForeignKey(StaffNumber, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False)
    channel = models.ForeignKey(
        Channel, verbose_name=_("sent by"), null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(_("due"))
    at = models.DateTimeField(_("time"), null=True)  # of the last try
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("reason"), max_length=30, blank=True)
    http_status = models.PositiveSmallIntegerField(default=0)
    asked = models.BooleanField(_("asked for"), default=False)

    objects: Any = models.Manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = _("message of a brief")
        verbose_name_plural = _("messages of briefs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "day", "way"], name="one_brief_a_day_and_way"),
            models.CheckConstraint(condition=Q(way="mail") | Q(number__isnull=False), name="whatsapp_brief_to_staff"),
        ]
        indexes = [
            # What is due, and whose sender vanished.
            models.Index(fields=["due_at"], condition=Q(state__in=("waiting", "sending")), name="brief_unfinished"),
        ]

    def __str__(self) -> str:
        return f"brief {self.pk}"
