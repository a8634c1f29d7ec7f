"""Labels that have been on a contact for too long: the flags, and what people answered to them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Contact
from labels.models.canonical import Label
from labels.models.querysets import StaleFlagQuerySet


class StaleFlag(models.Model):
    """A label that has been on a contact longer than its limit. Closed when that no longer holds, kept for ever."""

    class Closed(models.TextChoices):
        REMOVED = "removed", _("label taken off")
        SNOOZED = "snoozed", _("still right")
        INBOUND = "inbound", _("contact wrote again")
        LIMIT = "limit", _("limit changed")
        OTHER = "other", _("no longer holds")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="stale_flags"
    )
    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="stale_flags")
    owner = models.ForeignKey(
        Agent, verbose_name=_("agent"), null=True, on_delete=models.PROTECT, related_name="stale_flags"
    )
    spell_started_at = models.DateTimeField(_("label since"))
    clock_started_at = models.DateTimeField(_("clock since"))
    limit_days = models.PositiveSmallIntegerField(_("limit (days)"))
    age_at_least = models.BooleanField(_("age is at least"), default=False)
    flagged_at = models.DateTimeField(_("flagged at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_reason = models.CharField(_("closed because"), max_length=10, choices=Closed, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("closed by"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip

    objects = StaleFlagQuerySet.as_manager()

    class Meta:
        verbose_name = _("stale label")
        verbose_name_plural = _("stale labels")
        ordering = ["-flagged_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "label"], condition=Q(closed_at__isnull=True), name="one_open_stale_flag"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} · {self.contact}"


class StaleSnooze(models.Model):
    """A "still right": a person restarts the clock of a label on a contact, and says why."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="snoozes")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(_("reason"), max_length=200)

    class Meta:
        verbose_name = _("still right")
        verbose_name_plural = _("still right")
        indexes = [models.Index(fields=["contact", "label", "at"], name="snooze_by_label")]

    def __str__(self) -> str:
        return self.reason


class LearnedLimit(models.Model):
    """How long a stage label stayed before 8 of 10 contacts went on to a higher step.

    Written by `labels.services.learned_limits`. Only labels of which enough is known have a row.
    """

    label = models.OneToOneField(Label, on_delete=models.CASCADE, primary_key=True, related_name="learned_limit")
    stays = models.PositiveIntegerField()  # how many it was learned from
    p80 = models.DurationField()
    computed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.label_id}: {self.days}"

    @property
    def days(self) -> int:
        """The limit in whole days, which a label is set to: the first that is not shorter."""
        return max(1, -(-self.p80 // timedelta(days=1)))
