"""The WhatsApp numbers we hear of, whose they were when, and when they were silent."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from contacts.models.agents import Agent, Team
from contacts.models.querysets import ChannelQuerySet
from labelcrm.core.encryption import EncryptedTextField
from labelcrm.core.soft_deletion import Archivable, LivingManager

CRM_GATEWAY = "crm"  # the built-in channel, for labels that exist only here


class Channel(Archivable):
    """One WhatsApp account, reached through one gateway.

    `key` is our name for it in webhook URLs, `session` the gateway's. `timezone` corrects a gateway that
    tells local time; empty means its local times are not believed.
    """

    class Status(models.TextChoices):
        NEVER = "never", _("no event yet")
        WORKING = "working", _("working")
        STARTING = "starting", _("starting")
        PAIRING = "pairing", _("waits for pairing")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    key = models.SlugField(_("key"), max_length=60)
    gateway = models.CharField(_("gateway"), max_length=20)
    name = models.CharField(_("name"), max_length=100)
    session = models.CharField(_("session at the gateway"), max_length=200, blank=True)
    team = models.ForeignKey(
        Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.PROTECT, related_name="channels"
    )
    used_by_one = models.BooleanField(_("used by one person"), default=True)
    timezone = models.CharField(_("time zone of the gateway"), max_length=64, blank=True)
    base_url = models.CharField(_("gateway address"), max_length=300, blank=True)
    api_key = EncryptedTextField(_("gateway API key"), blank=True, default="")
    verify_token = EncryptedTextField(_("verify token"), blank=True, default="")
    default_campaign = models.ForeignKey(
        "contacts.Campaign",
        verbose_name=_("default campaign"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    own_phone = models.CharField(_("own number"), max_length=20, blank=True)
    own_lid = models.CharField(_("own LID"), max_length=40, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.NEVER)
    status_at = models.DateTimeField(_("status since"), null=True, blank=True)
    connected_at = models.DateTimeField(_("connected at"), auto_now_add=True)
    last_event_at = models.DateTimeField(_("last event"), null=True, blank=True)
    last_label_event_at = models.DateTimeField(_("last label event"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = LivingManager.over(ChannelQuerySet)
    all_objects = ChannelQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering = ["name", "id"]
        constraints = [
            # The receiver finds a channel by its key: one living row per key.
            models.UniqueConstraint(fields=["key"], condition=Q(deleted_at__isnull=True), name="channel_key_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelSecret(models.Model):
    """A secret that a channel's posts are signed with, or carry in their address. Older ones may be valid until
    `expires_at` beside the newest.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="secrets")
    value = EncryptedTextField(_("secret"))
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("channel secret")
        verbose_name_plural = _("channel secrets")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.channel_id}/{self.pk}"


class ChannelOwnership(models.Model):
    """Whose channel it was in `[since, until)`; an empty `since` means from the beginning.

    `weekdays` (0 = Monday) and hours limit it to a shift. A new owner ends the row of the one before; what was decided
    about events that are recorded already stays as it is.
    """

    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="ownerships")
    agent = models.ForeignKey(Agent, verbose_name=_("agent"), on_delete=models.PROTECT, related_name="ownerships")
    since = models.DateTimeField(_("since"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    weekdays = models.JSONField(_("weekdays"), default=list, blank=True)
    hour_from = models.TimeField(_("from hour"), null=True, blank=True)
    hour_to = models.TimeField(_("to hour"), null=True, blank=True)

    class Meta:
        verbose_name = _("channel owner")
        verbose_name_plural = _("channel owners")
        ordering = ["channel", F("since").asc(nulls_first=True), "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__isnull=True) | Q(until__gt=F("since")),
                name="ownership_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} @ {self.channel_id}"

    @property
    def has_hours(self) -> bool:
        return bool(self.weekdays) or self.hour_from is not None


class ChannelGap(models.Model):
    """A time in which a channel told us nothing although it should have; a pull may have repaired it.

    Reports leave such times out. Nothing writes them down yet: the gaps of reports come from ChannelStatusEvent.
    """

    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="gaps")
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=40)
    repaired_at = models.DateTimeField(_("repaired at"), null=True, blank=True)

    class Meta:
        verbose_name = _("gap")
        verbose_name_plural = _("gaps")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "started_at"], name="gap_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.started_at:%Y-%m-%d %H:%M}"


class ChannelStatusEvent(models.Model):
    """What a gateway said about the connection: resyncs are recognised by it, gaps are counted from it.

    Old rows that repeat the one before them are deleted (`contacts.services.connections`).
    """

    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="status_events", db_index=False
    )
    state = models.CharField(_("status"), max_length=10, choices=Channel.Status)
    paired = models.BooleanField(_("newly paired"), default=False)
    at = models.DateTimeField(_("time"))
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("connection event")
        verbose_name_plural = _("connection events")
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "at", "state"], name="status_event_once")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.state}"
