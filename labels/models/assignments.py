"""Who put which label on whom and when: events as they came, and the intervals folded from them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import LessThan
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Channel, Contact, ContactIdentity
from labels.models.canonical import Label
from labels.models.querysets import AssignmentQuerySet, OnContactQuerySet
from labels.models.whatsapp import ChannelLabel
from labels.models.words import Effect, Method, Origin, RemovedReason, TimeSource


class LabelEvent(models.Model):
    """One label put on or taken off one chat, as it was told. Rows are added and never deleted.

    Kind, time and identity stay as they were told. Actor and origin are decided when the row is recorded; an add
    that later turns out to be part of a resync is marked as found then, with nobody as its actor
    (`labels.services.resync`). `contact` follows the identity through merges, `channel_label` the generation that
    covers the time, and `effect` is what the fold made of it.
    """

    class Kind(models.TextChoices):
        ADD = "add", _("added")
        REMOVE = "remove", _("removed")

    # Where `db_index` is off, an index or a constraint below begins with the same column.
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="label_events", db_index=False
    )
    identity = models.ForeignKey(ContactIdentity, null=True, on_delete=models.SET_NULL, related_name="+")
    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="label_events", db_index=False
    )
    channel_label = models.ForeignKey(
        ChannelLabel,
        verbose_name=_("WhatsApp label"),
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    occurred_at = models.DateTimeField(_("time"))
    occurred_at_source = models.CharField(_("source of the time"), max_length=10, choices=TimeSource)
    capped = models.BooleanField(_("time was in the future"), default=False)
    received_at = models.DateTimeField(_("received at"))
    actor_agent = models.ForeignKey(
        Agent, verbose_name=_("agent"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_method = models.CharField(_("how we know"), max_length=15, choices=Method, default=Method.UNKNOWN)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.LIVE)
    effect = models.CharField(_("effect"), max_length=6, choices=Effect, default=Effect.NONE)
    event_key = models.CharField(max_length=64)
    inbox_id = models.BigIntegerField(null=True)

    objects = OnContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("label event")
        verbose_name_plural = _("label events")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "event_key"], name="label_event_once")]
        indexes = [
            # The fold loads one key's events in order; the contact page one contact's.
            models.Index(fields=["contact", "channel_label", "occurred_at"], name="label_event_by_key"),
            models.Index(fields=["channel_label", "occurred_at"], name="label_event_by_label"),
            BrinIndex(fields=["occurred_at"], name="label_event_at_brin"),
            # Data health: what came in a period. Rows come in this order, so a few pages tell all.
            BrinIndex(fields=["received_at"], name="label_event_received_brin"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel_label_id} @ {self.occurred_at:%Y-%m-%d %H:%M:%S}"


# A difference, and not `added_at` plus a second, which PostgreSQL takes to depend on the time zone.
_IS_INSTANT = Q(LessThan(F("removed_at") - F("added_at"), timedelta(seconds=1)))


class LabelAssignment(models.Model):
    """An interval `[added_at, removed_at)` in which a contact had a WhatsApp label; open when still on.

    Derived from LabelEvents by `labels.rules.fold`, written by `labels.services` only. `label` is the canonical label
    that the WhatsApp label means now, or meant when the interval ended, and `channel_label_name` its name likewise;
    both follow when meanings or names change.
    """

    contact = models.ForeignKey(  # indexed by interval_by_contact
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="assignments", db_index=False
    )
    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="+")
    channel_label = models.ForeignKey(
        ChannelLabel, verbose_name=_("WhatsApp label"), on_delete=models.PROTECT, related_name="assignments"
    )
    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="assignments")
    channel_label_name = models.CharField(_("name in WhatsApp"), max_length=200)
    added_at = models.DateTimeField(_("added at"))
    added_at_source = models.CharField(_("source of the time"), max_length=10, choices=TimeSource)
    added_by = models.ForeignKey(
        Agent, verbose_name=_("added by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    added_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("added by user"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    added_by_method = models.CharField(_("how we know"), max_length=15, choices=Method)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    removed_at = models.DateTimeField(_("removed at"), null=True)
    removed_by = models.ForeignKey(
        Agent, verbose_name=_("removed by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    removed_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("removed by user"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    removed_by_method = models.CharField(max_length=15, choices=Method, blank=True)
    removed_origin = models.CharField(max_length=10, choices=Origin, blank=True)
    removed_reason = models.CharField(_("reason of the removal"), max_length=15, choices=RemovedReason, blank=True)
    added_event = models.ForeignKey(LabelEvent, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    updated_at = models.DateTimeField(_("changed at"))

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("label on a contact")
        verbose_name_plural = _("labels on contacts")
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "channel_label"], condition=Q(removed_at__isnull=True), name="one_open_interval"
            ),
            models.UniqueConstraint(fields=["added_event"], name="one_interval_per_opening_event"),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(removed_at__gte=F("added_at")),
                name="interval_ends_after_start",
            ),
        ]
        indexes = [
            # Who has label X, since when, by whom: segments, stale list, label filters. Answered from the index alone,
            # whether the channel may be seen and the WhatsApp label is shown included.
            models.Index(
                fields=["label", "added_at"],
                include=["contact", "added_by", "channel", "channel_label"],
                condition=Q(removed_at__isnull=True),
                name="active_by_label",
            ),
            # Timeline of one contact, and loading the intervals of a batch of keys.
            models.Index(fields=["contact", "added_at"], name="interval_by_contact"),
            # `updated_since` of the API, by keyset.
            models.Index(fields=["updated_at", "id"], name="interval_by_update"),
            BrinIndex(fields=["added_at"], name="interval_added_brin"),
            # Quick undos that make no spell, which reports of label activity count apart.
            models.Index(fields=["added_at"], condition=_IS_INSTANT, name="interval_of_an_instant"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_label_name} on {self.contact_id}"

    @property
    def is_active(self) -> bool:
        return self.removed_at is None
