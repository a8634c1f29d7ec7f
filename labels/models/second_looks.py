"""A second look at grades: a sample of every week, and what somebody who did not see the grade would have chosen."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Channel, Contact
from labels.models.canonical import Label
from labels.models.querysets import SampledGradeQuerySet
from labels.models.words import Method


class LookSample(models.Model):
    """The grades that were drawn of what one agent graded in one week.

    `seed` and `wanted` decide who was drawn (`labels.rules.sampling`), of `graded` contacts.
    """

    agent = models.ForeignKey(
        Agent, verbose_name=_("CS"), on_delete=models.PROTECT, related_name="look_samples", db_index=False
    )
    week = models.DateField(_("week"))  # its Monday
    seed = models.BigIntegerField()
    wanted = models.PositiveSmallIntegerField()
    graded = models.PositiveIntegerField()
    drawn_at = models.DateTimeField(_("drawn at"))
    drawn_by = models.ForeignKey(  # nobody: by itself
        settings.AUTH_USER_MODEL, verbose_name=_("drawn by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("sample for a second look")
        verbose_name_plural = _("samples for a second look")
        default_permissions = ("add", "view")
        constraints = [models.UniqueConstraint(fields=["agent", "week"], name="one_look_sample_a_week")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.week}"


class SampledGrade(models.Model):
    """One grade of a sample: which label the agent put on whom, on which number, when.

    It keeps what was drawn, whatever becomes of the label on the contact or of what it means; only the contact follows
    merges. `shown_to` took back a second look: who did so has seen the grade.
    """

    sample = models.ForeignKey(LookSample, on_delete=models.CASCADE, related_name="grades", db_index=False)
    place = models.PositiveSmallIntegerField()
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="sampled_grades"
    )
    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="+")
    method = models.CharField(_("how we know"), max_length=15, choices=Method)
    graded_at = models.DateTimeField(_("graded at"))
    shown_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    objects = SampledGradeQuerySet.as_manager()

    class Meta:
        verbose_name = _("sampled grade")
        verbose_name_plural = _("sampled grades")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["sample", "place"], name="sampled_grade_place_once")]
        # Reports: what was graded in a period. Pages: the latest disagreements.
        indexes = [models.Index(fields=["graded_at", "id"], name="sampled_grade_by_time")]

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id}"


class SecondLook(models.Model):
    """What a reviewer would have chosen; no label where nobody could tell.

    `blind` is False where the reviewer had seen the grade before: such a look is in no figure of agreement.
    """

    grade = models.OneToOneField(SampledGrade, on_delete=models.CASCADE, related_name="look")
    label = models.ForeignKey(Label, verbose_name=_("label"), null=True, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("reviewer"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(_("time"))
    blind = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("second look")
        verbose_name_plural = _("second looks")
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return f"{self.grade_id}: {self.label_id}"

    @property
    def agrees(self) -> bool:
        return self.label_id is not None and self.label_id == self.grade.label_id
