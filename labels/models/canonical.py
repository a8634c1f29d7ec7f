"""The labels a business means: one per meaning, whatever each number calls it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from labelcrm.core.soft_deletion import Archivable, LivingManager
from labels.models.querysets import LabelQuerySet


class ColorFamily(models.TextChoices):
    """A WhatsApp colour, judged by its family and never by its exact hex."""

    NEUTRAL = "neutral", _("grey")
    YELLOW = "yellow", _("yellow")
    GREEN = "green", _("green")
    RED = "red", _("red")
    BLUE = "blue", _("blue")
    PURPLE = "purple", _("purple")


class Category(models.Model):
    """A group of labels that answers one question about a contact."""

    code = models.SlugField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True)
    color = models.CharField(_("colour"), max_length=10, choices=ColorFamily, default=ColorFamily.NEUTRAL)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name_en if self.name_en and get_language() == "en" else self.name


class Label(Archivable):
    """One canonical label.

    `step` is its place in the customer's journey (empty = not a stage); labels of one `exclusive_group`
    contradict each other; `stale_after_days` is how long it may stay before somebody should look, and
    `escalate_after_days` how long it may be on the stale list before that is the lead's.
    `reviewed` is False for labels that a WhatsApp name created and nobody has looked at yet.
    """

    class Meaning(models.TextChoices):
        NEW = "new", _("new inquiry")
        COLD = "cold", _("cold prospect")
        HOT = "hot", _("hot prospect")
        GRADE = "grade", _("grade")
        WAITING = "waiting", _("waiting for payment")
        WON = "won", _("done")
        AFTER_SALES = "after_sales", _("after sales")
        COMPLAINT = "complaint", _("complaint")
        URGENT = "urgent", _("urgent")
        LOYAL = "loyal", _("loyal")
        OTHER = "other", _("other")

    name = models.CharField(_("name"), max_length=200)
    name_en = models.CharField(_("name in English"), max_length=200, blank=True)
    category = models.ForeignKey(
        Category, verbose_name=_("category"), null=True, blank=True, on_delete=models.PROTECT, related_name="labels"
    )
    color = models.CharField(_("colour"), max_length=10, choices=ColorFamily, default=ColorFamily.NEUTRAL)
    meaning = models.CharField(_("meaning"), max_length=15, choices=Meaning, default=Meaning.OTHER)
    high_quality = models.BooleanField(_("high quality"), default=False)
    low_quality = models.BooleanField(_("low quality"), default=False)
    step = models.PositiveSmallIntegerField(_("step"), null=True, blank=True)
    exclusive_group = models.CharField(_("exclusive group"), max_length=30, blank=True)
    stale_after_days = models.PositiveSmallIntegerField(_("stale after (days)"), null=True, blank=True)
    stale_reset_by_inbound = models.BooleanField(_("a message in restarts the clock"), default=False)
    escalate_after_days = models.PositiveSmallIntegerField(_("to the lead after (days)"), null=True, blank=True)
    reviewed = models.BooleanField(_("reviewed"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = LivingManager.over(LabelQuerySet)
    all_objects = LabelQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering = ["category__position", "step", "name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at__isnull=True), name="label_name_once"),
            models.CheckConstraint(
                condition=~Q(high_quality=True, low_quality=True), name="label_is_not_both_high_and_low"
            ),
        ]

    def __str__(self) -> str:
        return self.name_en if self.name_en and get_language() == "en" else self.name

    @property
    def is_unmapped(self) -> bool:
        """`labels.models.querysets.UNMAPPED` of one label."""
        return not self.reviewed and self.category_id is None


class LabelAlias(models.Model):
    """A spelling of a canonical label, its own name among them. WhatsApp names are matched by `normalized`."""

    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.CASCADE, related_name="aliases")
    text = models.CharField(_("spelling"), max_length=200)
    normalized = models.CharField(max_length=200, unique=True, editable=False)

    class Meta:
        verbose_name = _("alias")
        verbose_name_plural = _("aliases")
        ordering = ["text"]

    def __str__(self) -> str:
        return self.text
