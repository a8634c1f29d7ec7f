"""How it comes in: the inbox of raw events, what was refused, and the progress of each channel's lane."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from contacts.models import Channel
from contacts.models.querysets import OfChannelQuerySet

# Reasons of inbox rows that code asks for. People read a sentence, which is made where it is shown. Beside these stand
# the parsers' own codes of ignored posts, and sentences about what could not be read or applied: no code asks for them.
KNOWN = "known"  # of a duplicate: all it says was known
APPLIED_BEFORE = "applied_before"  # of a row that waits to be processed again and had its effect before
OTHER_SESSION = "session:"  # of a parked row: the post names a session that is not the channel's; its name follows
MAX_REASON = 300


def session_reason(named: str) -> str:
    """The reason of a post that names another session than its channel's."""
    return f"{OTHER_SESSION}{named}"[:MAX_REASON]


def session_named(reason: str) -> str | None:
    """The session that the post of a row names which is parked for it; None for every other reason."""
    return reason.removeprefix(OTHER_SESSION) if reason.startswith(OTHER_SESSION) else None


class InboundEvent(models.Model):
    """One accepted post, as it came. This table is the queue: `pending` rows are drained oldest first.

    `body` is the JSON with credentials taken out; it is emptied at once for ignored events and after
    `INBOX_BODY_DAYS` for applied and duplicate ones.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("ignored")
        DUPLICATE = "duplicate", _("duplicate")
        PARKED = "parked", _("parked")

    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="inbox", db_index=False
    )
    received_at = models.DateTimeField(_("received at"), db_default=Now())
    dedupe_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - null is "no dedupe"
    headers = models.JSONField(_("headers"), db_default=models.Value({}, output_field=models.JSONField()))
    body = models.BinaryField(_("body"))
    state = models.CharField(_("state"), max_length=9, choices=State, db_default=State.PENDING)
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True, db_default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0)
    settled_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    objects = OfChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook log")
        ordering = ["-id"]
        constraints = [
            # A gateway that repeats itself is answered 200 and stored once.
            models.UniqueConstraint(
                fields=["channel", "dedupe_key"], condition=Q(dedupe_key__isnull=False), name="inbox_event_once"
            ),
        ]
        indexes = [
            # The drain: the oldest pending rows of one lane.
            models.Index(fields=["channel", "id"], condition=Q(state="pending"), name="inbox_pending"),
            # Inbox list filtered by channel or state, newest first.
            models.Index(fields=["channel", "state", "-id"], name="inbox_by_channel"),
            models.Index(fields=["-id"], condition=Q(state="parked"), name="inbox_parked"),
            # Retention: bodies that have served their purpose, however many rows have lost theirs before.
            models.Index(
                fields=["settled_at"],
                condition=Q(state__in=["applied", "duplicate"]) & ~Q(body=b""),
                name="inbox_with_body",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class UnknownChannel(models.Model):
    """Posts for a channel nobody has set up. Never a body: whoever sent it has proved nothing."""

    gateway = models.CharField(_("gateway"), max_length=20)
    key = models.CharField(_("key"), max_length=60)
    count = models.PositiveIntegerField(_("posts"), default=0)
    first_at = models.DateTimeField(_("first post"), auto_now_add=True)
    last_at = models.DateTimeField(_("last post"))

    class Meta:
        verbose_name = _("unknown channel")
        verbose_name_plural = _("unknown channels")
        ordering = ["-last_at"]
        constraints = [models.UniqueConstraint(fields=["gateway", "key"], name="unknown_channel_once")]

    def __str__(self) -> str:
        return f"{self.gateway}/{self.key}"


class PostCounter(models.Model):
    """Posts that left no row of their own, per channel, day and outcome ("duplicate", "wrong_signature", ...)."""

    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="post_counters"
    )
    day = models.DateField(_("day"))
    outcome = models.CharField(_("outcome"), max_length=30)
    count = models.PositiveBigIntegerField(_("posts"), default=0)
    last_at = models.DateTimeField(_("last post"))

    class Meta:
        verbose_name = _("post counter")
        verbose_name_plural = _("post counters")
        constraints = [models.UniqueConstraint(fields=["channel", "day", "outcome"], name="post_counter_once")]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.count}"


class LaneMark(models.Model):
    """What the drain of a channel is about to try, committed before it tries: how a poison row is found out."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, primary_key=True, related_name="lane_mark")
    first_id = models.BigIntegerField()
    size = models.PositiveIntegerField()
    tries = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("lane mark")
        verbose_name_plural = _("lane marks")

    def __str__(self) -> str:
        return f"{self.channel_id} from #{self.first_id} x {self.size}"


class ReconcileRun(models.Model):
    """One full pull of a channel's labels, and what it mended. Nothing pulls yet, so its page is empty."""

    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="reconcile_runs"
    )
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    trigger = models.CharField(_("trigger"), max_length=20)
    state = models.CharField(_("state"), max_length=10)
    checked = models.PositiveIntegerField(_("checked"), default=0)
    added = models.PositiveIntegerField(_("added"), default=0)
    removed = models.PositiveIntegerField(_("removed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    message = models.CharField(_("message"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reconcile run")
        verbose_name_plural = _("reconcile runs")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.started_at:%Y-%m-%d %H:%M}"
