"""The labels WhatsApp knows: one per number and id, in generations, each meaning something since some time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Channel
from contacts.models.querysets import OfChannelQuerySet
from labels.models.canonical import Label
from labels.models.words import TimeSource


class ChannelLabel(models.Model):
    """One WhatsApp label of one channel, from its creation to its deletion.

    WhatsApp re-uses ids: deleting ends a generation, and whatever comes later under the same id is the next
    one. `label` is what it means now (the latest ChannelLabelMeaning). `hidden` marks WhatsApp's system lists
    (Favourites, Unread, ...), which count nowhere, and what a person said is no label that counts (`ignored`).
    """

    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="labels")
    external_id = models.CharField(_("WhatsApp id"), max_length=100)
    generation = models.PositiveIntegerField(_("generation"), default=1)
    name = models.CharField(_("name"), max_length=200)
    named_at = models.DateTimeField(null=True, blank=True, editable=False)
    name_is_saved = models.BooleanField(default=False, editable=False)  # by the label's own event, not in passing
    is_placeholder = models.BooleanField(_("name not known yet"), default=False)
    color = models.SmallIntegerField(_("colour"), null=True, blank=True)
    list_type = models.CharField(_("list type"), max_length=30, blank=True)
    hidden = models.BooleanField(_("system list"), default=False)
    ignored = models.BooleanField(_("not counted"), default=False, db_default=False)
    label = models.ForeignKey(Label, verbose_name=_("means"), on_delete=models.PROTECT, related_name="channel_labels")
    first_seen_at = models.DateTimeField(_("first seen"))
    deleted_at = models.DateTimeField(_("deleted in WhatsApp"), null=True, blank=True)

    objects = OfChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("WhatsApp label")
        verbose_name_plural = _("WhatsApp labels")
        ordering = ["channel", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id", "generation"], name="channel_label_once"),
            models.UniqueConstraint(
                fields=["channel", "external_id"], condition=Q(deleted_at__isnull=True), name="one_living_generation"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelLabelEvent(models.Model):
    """What was said about a label itself: it was saved (created, renamed, recoloured), deleted, or named in passing.

    Said by WhatsApp, but for the name that a person gives a placeholder, which is kept as said in passing. Append-only.
    ChannelLabel names are derived from it, generations from it and from the LabelEvents that show a label alive.
    """

    class Kind(models.TextChoices):
        SAVED = "saved", _("saved")
        DELETED = "deleted", _("deleted")
        HINT = "hint", _("named in passing")  # on an add or remove, or by a person; believed only until it is saved

    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(_("WhatsApp id"), max_length=100)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=200, null=True, blank=True)  # noqa: DJ001 - null is "not said"
    color = models.SmallIntegerField(_("colour"), null=True, blank=True)
    list_type = models.CharField(_("list type"), max_length=30, blank=True)
    occurred_at = models.DateTimeField(_("time"))
    occurred_at_source = models.CharField(_("source of the time"), max_length=10, choices=TimeSource)
    received_at = models.DateTimeField(_("received at"))
    event_key = models.CharField(max_length=64)
    inbox_id = models.BigIntegerField(null=True)

    objects = OfChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("label definition event")
        verbose_name_plural = _("label definition events")
        constraints = [models.UniqueConstraint(fields=["channel", "event_key"], name="definition_event_once")]
        indexes = [models.Index(fields=["channel", "external_id", "occurred_at"], name="definition_by_label")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class ChannelLabelMeaning(models.Model):
    """What a WhatsApp label means since when. An empty `since` holds from the beginning of the generation.

    `name` is the WhatsApp name that started it. `decided_at` is empty where the name decided. What a person decided
    stands, with what was there then; only another name that is told later, of a later time, starts a new meaning.
    """

    channel_label = models.ForeignKey(
        ChannelLabel, verbose_name=_("WhatsApp label"), on_delete=models.CASCADE, related_name="meanings"
    )
    label = models.ForeignKey(Label, verbose_name=_("means"), on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name then"), max_length=200)
    since = models.DateTimeField(_("since"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("meaning of a WhatsApp label")
        verbose_name_plural = _("meanings of WhatsApp labels")
        ordering = ["channel_label", models.F("since").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["channel_label", "since"], nulls_distinct=False, name="one_meaning_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_label_id} = {self.label_id}"
