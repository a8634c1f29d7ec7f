"""Labels that have been on a contact for too long: the flags, and what people answered to them."""

from __future__ import annotations

from datetime import time, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Contact, Team
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
    # What a day over the limit costs (`labels.rules.urgency`). It follows the label's settings while the flag is open.
    worth = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    age_at_least = models.BooleanField(_("age is at least"), default=False)
    flagged_at = models.DateTimeField(_("flagged at"))
    escalated_at = models.DateTimeField(_("with the lead since"), null=True, blank=True)
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
        indexes = [
            # What waits for the lead; there are few of them.
            models.Index(
                fields=["escalated_at"],
                condition=Q(closed_at__isnull=True, escalated_at__isnull=False),
                name="stale_flag_escalated",
            ),
            # Today: of each label those that have been over its limit the longest.
            models.Index(
                fields=["label", "clock_started_at"], condition=Q(closed_at__isnull=True), name="open_flag_by_clock"
            ),
            # The stale list, the oldest first, whatever the label.
            models.Index(fields=["clock_started_at"], condition=Q(closed_at__isnull=True), name="open_flag_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.label} · {self.contact}"


class StaleSum(models.Model):
    """What the open flags of a contact come to, so that the most urgent of a million are found by an index.

    At the moment t a contact is as urgent as `worth * t - due`, in microseconds: of contacts of one worth, who is due
    the longest is the most urgent, today and tomorrow. `due` adds up worth times the moment at which each label's limit
    was over. No service writes this: triggers of the table of flags do, with each statement that changes flags,
    whoever's it is. A contact without open flags has no row.
    """

    contact = models.OneToOneField(
        Contact, on_delete=models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )
    flags = models.IntegerField()
    worth = models.IntegerField()
    due = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index("worth", "due", F("contact").desc(), name="stale_sum_by_worth")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.worth}"


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


class TeamLimit(models.Model):
    """How long a label may stay on the numbers of one team, in place of the label's own limit; empty = as long as ever.

    A label is a team's when it came to the contact on a number of that team.
    """

    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.CASCADE, related_name="team_limits")
    team = models.ForeignKey(Team, verbose_name=_("team"), on_delete=models.CASCADE, related_name="+")
    stale_after_days = models.PositiveSmallIntegerField(_("stale after (days)"), null=True, blank=True)

    class Meta:
        verbose_name = _("limit of a team")
        verbose_name_plural = _("limits of teams")
        default_permissions = ()  # who may change a label may change them
        constraints = [models.UniqueConstraint(fields=["label", "team"], name="one_limit_per_label_and_team")]

    def __str__(self) -> str:
        return f"{self.label} · {self.team}"


def six_days() -> list[int]:
    return [1, 2, 3, 4, 5, 6]


class StaleClock(models.Model):
    """The one row that says which time counts for limits: all of it, or working hours alone. None: all of it."""

    working_time = models.BooleanField(_("count working hours only"), default=False)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("working days"), default=six_days)
    opens = models.TimeField(_("opens"), default=time(8))
    closes = models.TimeField(_("closes"), default=time(17))
    public_holidays = models.BooleanField(_("closed on Indonesian public holidays"), default=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("working hours")
        verbose_name_plural = _("working hours")
        default_permissions = ("change", "view")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_stale_clock")]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    def clean(self) -> None:
        if self.opens >= self.closes:
            raise ValidationError({"closes": _("Closing comes after opening.")}, code="hours")
        if not self.weekdays or not set(self.weekdays) <= set(range(1, 8)):
            raise ValidationError({"weekdays": _("Choose at least one working day.")}, code="weekdays")


class FreeDay(models.Model):
    """A day on which the business is closed besides public holidays: days off around Lebaran, an outing."""

    day = models.DateField(_("day"), unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("free day")
        verbose_name_plural = _("free days")
        ordering = ["day"]

    def __str__(self) -> str:
        return self.name or str(self.day)
