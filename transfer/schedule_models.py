"""Exports that repeat: what is exported when and to whom the link goes, and each time that it was due."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labelcrm.core.models import Job
from labelcrm.core.soft_deletion import Archivable, ArchivableQuerySet, LivingManager
from labelcrm.core.viewer import Viewer
from reports.models import Segment
from reports.services.segments import ADMINISTERS
from transfer import due_times
from transfer.due_times import Rhythm
from transfer.export_settings import ExportSettings


class RunRefusal(models.TextChoices):
    """Why a schedule made no file and has paused: nothing but a person can put it right."""

    OWNER_GONE = "owner_gone", _("Whoever set it up can no longer log in.")
    EXPORT_RIGHT = "export_right_required", _("Whoever set it up may no longer export contacts.")
    SEGMENT_ARCHIVED = "segment_archived", _("Its segment is archived.")
    SEGMENT_HIDDEN = "segment_hidden", _("Whoever set it up no longer sees its segment.")
    SEGMENT_UNREADABLE = "segment_unreadable", _("Its segment was saved in a form that cannot be read any more.")


class ExportScheduleQuerySet(ArchivableQuerySet):
    def visible_to(self, viewer: Viewer) -> Self:
        """One's own; everybody's for who looks after people, as with exports."""
        return self if viewer.may(ADMINISTERS) else self.filter(owner_id=viewer.user)

    def due(self, now: datetime) -> Self:
        return self.filter(deleted_at=None, is_on=True, next_due_at__lte=now)


class ExportSchedule(ExportSettings, Archivable):
    """An export of a segment that repeats. `transfer.schedules` begins it when it is due, with its owner's rights.

    With `only_new` a file has nobody who was in an earlier one of this schedule, or was held out of one.
    `recipients` get the link by e-mail. `paused_because` says why it was switched off by itself.
    """

    class Every(models.TextChoices):
        DAILY = due_times.DAILY, _("every day")
        WEEKLY = due_times.WEEKLY, _("every week")
        MONTHLY = due_times.MONTHLY, _("every month")

    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), on_delete=models.PROTECT, related_name="export_schedules"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    every = models.CharField(_("how often"), max_length=10, choices=Every)
    weekday = models.PositiveSmallIntegerField(_("weekday"), default=0, validators=[MaxValueValidator(6)])
    day = models.PositiveSmallIntegerField(_("day of the month"), default=1)
    hour = models.PositiveSmallIntegerField(_("hour"), default=8, validators=[MaxValueValidator(23)])
    recipients = models.ManyToManyField(
        settings.AUTH_USER_MODEL, verbose_name=_("who gets the link"), blank=True, related_name="+"
    )
    is_on = models.BooleanField(_("switched on"), default=True)
    next_due_at = models.DateTimeField(_("next run"), null=True, editable=False)
    paused_because = models.CharField(max_length=30, choices=RunRefusal, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = LivingManager.over(ExportScheduleQuerySet)
    all_objects = ExportScheduleQuerySet.as_manager()

    class Meta(Archivable.Meta):
        default_permissions = ()
        verbose_name = _("scheduled export")
        verbose_name_plural = _("scheduled exports")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_due_at"], condition=Q(is_on=True, deleted_at=None), name="export_schedule_due"
            ),
            models.Index(fields=["owner", "-id"], name="export_schedule_by_owner"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.segment.name

    def clean(self) -> None:
        if not 1 <= self.day <= 31:
            raise ValidationError({"day": ValidationError(_("A month has the days 1 to 31."), code="invalid")})

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(every=self.every, hour=self.hour, weekday=self.weekday, day=self.day)

    def due_after(self, moment: datetime) -> datetime:
        """The first due time after `moment` on the business's clock."""
        return self.rhythm.after(moment, _business_zone())

    def latest_due(self, moment: datetime) -> datetime:
        """The last due time that is not after `moment`."""
        return self.rhythm.latest(moment, _business_zone())


def _business_zone() -> ZoneInfo:
    return ZoneInfo(timezone.get_default_timezone_name())


class ScheduledRunQuerySet(models.QuerySet[Any]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Those of the schedules that the viewer sees."""
        return self.filter(schedule__in=ExportSchedule.all_objects.visible_to(viewer))


class ScheduledRun(models.Model):
    """One time that a schedule was due, or was run by hand: the export it began, or why it began none.

    The unique pair makes a second tick harmless. `missed` counts the due times before it that nobody was there for:
    they are made up for by this one run.
    """

    schedule = models.ForeignKey(ExportSchedule, on_delete=models.CASCADE, related_name="runs", db_index=False)
    due_at = models.DateTimeField(_("due"))
    by_hand = models.BooleanField(_("by hand"), default=False)
    missed = models.PositiveSmallIntegerField(_("missed before"), default=0)
    export = models.OneToOneField("transfer.Export", null=True, on_delete=models.SET_NULL, related_name="run")
    refused = models.CharField(max_length=30, choices=RunRefusal, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScheduledRunQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("run of a scheduled export")
        verbose_name_plural = _("runs of scheduled exports")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="one_run_per_due_time")]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at}"

    @property
    def state(self) -> str:
        """The export's; of a run that began none it is a failure."""
        return str(self.export.state) if self.export is not None else str(Job.State.FAILED)

    @property
    def state_title(self) -> str:
        return str(Job.State(self.state).label)

    @property
    def why_it_failed(self) -> str:
        """In words; "" while it has not."""
        if self.refused:
            return str(RunRefusal(self.refused).label)
        if self.export is None or self.state != Job.State.FAILED or self.export.job is None:
            return ""
        return str(self.export.job.result.get("sentence") or self.export.job.error)
