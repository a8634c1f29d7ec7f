"""What left the house: each export with what it meant, and of contacts who was in its file, and who was not and why."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from reports.models import Segment
from reports.services.segments import ADMINISTERS
from transfer.briefs.models import BriefMessage, BriefPlan, BriefSettings
from transfer.conversions.models import (
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    ConversionFile,
    ConversionValue,
    MetaConnection,
)
from transfer.export_settings import ExportSettings
from transfer.schedule_models import ExportSchedule, RunRefusal, ScheduledRun

__all__ = [
    "EXCLUSIONS",
    "BriefMessage",
    "BriefPlan",
    "BriefSettings",
    "Conversion",
    "ConversionDelivery",
    "ConversionEvent",
    "ConversionFile",
    "ConversionValue",
    "Export",
    "ExportSchedule",
    "ExportedPerson",
    "MetaConnection",
    "Reason",
    "RunRefusal",
    "ScheduledRun",
    "SealedExport",
]


class ExportKind(models.TextChoices):
    """What the rows of an export are."""

    PEOPLE = "people", _("contacts")
    INTERVALS = "intervals", _("labels on contacts")
    EVENTS = "events", _("label events")
    REPORT = "report", _("report")


# What somebody needs to export it, and to look at what came of it. Rows about people leave the house with the right
# to export contacts only, whatever stands in them; a report is figures, and whoever reads it may keep it.
_OF_PEOPLE = ("contacts.view_contact", "contacts.export_contact")
EXPORT_RIGHTS: dict[ExportKind, tuple[str, ...]] = {
    ExportKind.PEOPLE: _OF_PEOPLE,
    ExportKind.INTERVALS: (*_OF_PEOPLE, "labels.view_labelassignment"),
    ExportKind.EVENTS: (*_OF_PEOPLE, "labels.view_labelevent"),
    ExportKind.REPORT: ("reports.view_report",),
}


def export_kinds(viewer: Viewer) -> list[ExportKind]:
    """What somebody may export, and so see exports of."""
    return [kind for kind, rights in EXPORT_RIGHTS.items() if viewer.may(*rights)]


class SealedExport(Exception):
    """Somebody tried to change an export that is done: what left the house stays written down as it was."""


class ExportQuerySet(models.QuerySet[Any]):
    def visible_to(self, viewer: Viewer) -> Self:
        """One's own; everybody's for who looks after people. Whom an export shows is up to the viewer as well."""
        exportable = self.filter(kind__in=export_kinds(viewer))
        return exportable if viewer.may(ADMINISTERS) else exportable.filter(owner_id=viewer.user)

    def done(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def note_cancelled(self, job: Job) -> None:
        """Write down that the export of this job was stopped: the job is forgotten after a while."""
        self.filter(job=job).update(cancelled_at=Now())

    def update(self, **values: Any) -> int:
        self._refuse_sealed()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_sealed()
        return super().delete()

    def _refuse_sealed(self) -> None:
        if self.done().exists():
            raise SealedExport


class Export(ExportSettings):
    """One export of a segment, of a list of contacts (`segment` and `definition` are empty), or of another `kind`.

    Everything that was asked for is frozen when it is asked for, and who is in it by the first step of the job, at
    `computed_at`. With `finished_at` it is sealed: nothing of it changes any more, nor of its snapshot
    (`ExportedPerson`). The job does the work and is forgotten after a while; the export stays. Of another kind than
    contacts `definition` says what was asked for (`filters`, and of a report which), and there is no snapshot.
    """

    kind = models.CharField(
        _("kind"), max_length=10, choices=ExportKind, default=ExportKind.PEOPLE, db_default=ExportKind.PEOPLE
    )
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="export")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, on_delete=models.PROTECT, related_name="exports"
    )
    name = models.CharField(_("name"), max_length=120, blank=True)  # of the segment, at that time
    definition = models.JSONField(_("definition"), null=True)
    sentence = models.TextField(_("whom it meant"), blank=True)
    scope = models.TextField(_("whose contacts"), blank=True)  # what its owner saw, in words
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    computed_at = models.DateTimeField(_("computed at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True)
    matched = models.BigIntegerField(_("matched"), null=True)
    excluded = models.JSONField(_("left out"), default=dict)  # {"complaint": 3, …}: each person once
    rows = models.BigIntegerField(_("rows"), null=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["segment", "-id"], name="export_by_segment"),
            models.Index(fields=["owner", "-id"], name="export_by_owner"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="export_by_end"),
        ]

    def __str__(self) -> str:
        return self.name or str(ExportKind(self.kind).label)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_sealed()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self._refuse_sealed()
        return super().delete(*args, **kwargs)

    def _refuse_sealed(self) -> None:
        if self.pk and Export.objects.filter(pk=self.pk).done().exists():
            raise SealedExport

    @property
    def state(self) -> str:
        """The job's; of an export whose job was forgotten, whether it was done or cancelled."""
        if self.finished_at is not None:
            return str(Job.State.DONE)
        if self.job is not None:
            return str(self.job.state)
        return str(Job.State.FAILED if self.cancelled_at is None else Job.State.CANCELLED)

    def is_visible_to(self, viewer: Viewer) -> bool:
        """What `ExportQuerySet.visible_to` says of one that was read already."""
        return viewer.may(*EXPORT_RIGHTS[ExportKind(self.kind)]) and (
            viewer.may(ADMINISTERS) or self.owner_id == viewer.user
        )

    @property
    def is_of_people(self) -> bool:
        return self.kind == ExportKind.PEOPLE

    @property
    def state_title(self) -> str:
        return str(Job.State(self.state).label)

    @property
    def left_out(self) -> int:
        """How many were meant and are not in the file."""
        return sum(self.excluded.values())


class Reason(models.IntegerChoices):
    """Why somebody is not in the file: the first of these that holds. FILE: they are in it."""

    FILE = 0, _("in the file")
    COMPLAINT = 1, _("open complaint")
    OPTED_OUT = 2, _("opted out")
    RECENTLY_EXPORTED = 3, _("exported recently")
    NO_PHONE = 4, _("no number")
    NOT_NEW = 5, _("was in an earlier file")
    HOLD_OUT = 6, _("held out to compare")
    GONE = 7, _("no longer there")  # merged, archived, or out of the owner's sight while the file was written

    @property
    def code(self) -> str:
        return self.name.lower()


# In the order of the funnel. Who is gone by the time their row is written no longer matches.
EXCLUSIONS = tuple(reason for reason in Reason if reason not in (Reason.FILE, Reason.GONE))


class ExportedPerson(models.Model):
    """Somebody whom an export meant: in its file, or left out of it.

    A million of them are written by one statement, and read through the key alone. The database checks neither
    foreign key: that would double the price of a row, and both were read from their tables a moment ago. A contact
    that is merged keeps its row here; who reads asks whom it belongs to now (`transfer.snapshots`).
    """

    pk = models.CompositePrimaryKey("export_id", "contact_id")
    export = models.ForeignKey(
        Export, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    reason = models.PositiveSmallIntegerField(_("why"), choices=Reason)

    class Meta:
        default_permissions = ()
        verbose_name = _("exported person")
        verbose_name_plural = _("exported people")

    def __str__(self) -> str:
        return f"{self.contact_id} of {self.export_id}"
