"""Labels that do not go together on one contact: the rules, what they found, and what people did about it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Contact
from labels.models.canonical import Label
from labels.models.querysets import StaleFlagQuerySet


class ContradictionRule(models.Model):
    """Which labels do not go together. All but pairs take their labels from what is set on each label.

    `label` and `other` are those of a pair; `name` is what people call the rule, empty for its kind's own words.
    """

    class Kind(models.TextChoices):
        OLDER = "older", _("older than done")
        EXCLUSIVE = "exclusive", _("exclude each other")
        LOYAL_NEW = "loyal_new", _("loyal and new")
        PAIR = "pair", _("do not go together")
        COLOR = "color", _("colour against convention")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.PAIR)
    name = models.CharField(_("name"), max_length=100, blank=True)
    name_en = models.CharField(_("name in English"), max_length=100, blank=True)
    label = models.ForeignKey(
        Label, verbose_name=_("label"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    other = models.ForeignKey(
        Label, verbose_name=_("other label"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    active = models.BooleanField(_("in use"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("rule for contradictions")
        verbose_name_plural = _("rules for contradictions")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=~Q(kind="pair"), name="one_rule_of_a_kind"),
            models.CheckConstraint(
                condition=Q(kind="pair", label__isnull=False, other__isnull=False) & ~Q(label=F("other"))
                | ~Q(kind="pair") & Q(label__isnull=True, other__isnull=True),
                name="a_pair_has_two_labels",
            ),
        ]

    def __str__(self) -> str:
        named = self.name_en if self.name_en and get_language() == "en" else self.name
        return named or (
            f"{self.label} × {self.other}" if self.kind == self.Kind.PAIR else str(self.get_kind_display())
        )


class ContradictionFlag(models.Model):
    """Labels on a contact that a rule forbids together, from when the job or a change of labels found them.

    `labels` are ids, the oldest on the contact first; `since` is when the last of them came that it takes; `group` is
    the exclusive group, where the rule has several. `owner` owns the number of the oldest label. While `awaited` is
    set somebody said that they take this label off in WhatsApp. Closed when it no longer holds, kept for ever:
    `taken_off` is the label that went, `closed_through` the page that it was done on, empty where it came by itself.
    """

    class Closed(models.TextChoices):
        FIXED = "fixed", _("label taken off from here")
        REMOVED = "removed", _("label taken off in WhatsApp")
        RIGHT = "right", _("both are right")
        RULE = "rule", _("rule changed")
        OTHER = "other", _("no longer holds")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="contradiction_flags"
    )
    rule = models.ForeignKey(
        ContradictionRule, verbose_name=_("rule"), on_delete=models.PROTECT, related_name="flags", db_index=False
    )
    group = models.CharField(_("exclusive group"), max_length=30, blank=True)
    labels = ArrayField(models.BigIntegerField(), verbose_name=_("labels"))
    owner = models.ForeignKey(
        Agent, verbose_name=_("agent"), null=True, on_delete=models.PROTECT, related_name="contradiction_flags"
    )
    since = models.DateTimeField(_("since"))
    flagged_at = models.DateTimeField(_("flagged at"))
    awaited = models.ForeignKey(
        Label, verbose_name=_("to be taken off in WhatsApp"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="+", db_index=False,
    )  # fmt: skip
    awaited_at = models.DateTimeField(_("waiting since"), null=True, blank=True)
    awaited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("told by"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_reason = models.CharField(_("closed because"), max_length=10, choices=Closed, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("closed by"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    closed_through = models.CharField(_("closed through"), max_length=20, blank=True)
    taken_off = models.ForeignKey(
        Label, verbose_name=_("label that went"), null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        db_index=False,
    )  # fmt: skip
    remark = models.CharField(_("reason"), max_length=200, blank=True)

    objects = StaleFlagQuerySet.as_manager()

    class Meta:
        verbose_name = _("contradiction")
        verbose_name_plural = _("contradictions")
        ordering = ["-flagged_at"]
        constraints = [
            # The job asks it which findings are new; with the rule first it counts them by rule, too.
            models.UniqueConstraint(
                fields=["rule", "contact", "group"],
                condition=Q(closed_at__isnull=True),
                name="one_open_contradiction",
            ),
        ]
        indexes = [
            # A CS's open ones, the oldest first.
            models.Index(
                fields=["owner", "since"], condition=Q(closed_at__isnull=True), name="open_contradiction_by_owner"
            ),
            # Everybody's open ones by age, and those of a team by their contacts.
            models.Index(
                fields=["since", "contact"], condition=Q(closed_at__isnull=True), name="open_contradiction_by_age"
            ),
            # What people called right, which every search for contradictions leaves out.
            models.Index(
                fields=["contact", "rule"], condition=Q(closed_reason="right"), name="contradiction_said_right"
            ),
            # The history of fixes, the latest first.
            models.Index(
                fields=["-closed_at", "-id"], condition=Q(closed_at__isnull=False), name="contradiction_closed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} · {self.contact}"
