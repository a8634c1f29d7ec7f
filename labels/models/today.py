"""What people did about the lines of the Today page: what hides a line, what was done today, and how it is undone."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact


class TodayKind(models.TextChoices):
    """Why a contact stands on the Today page. `reports.selectors.today_kinds` says what each means."""

    WAITING = "waiting", _("Waiting for payment too long")
    HIGH = "high", _("High quality, not followed up")
    UNANSWERED = "unanswered", _("Unanswered")
    FOLLOW_UP = "follow_up", _("Follow-up due")
    NEVER = "never", _("Never labelled")
    STALE = "stale", _("Stale label")
    CONTRADICTION = "contradiction", _("Contradictory labels")

    @property
    def asks_reason(self) -> bool:
        """Whether to put it off must be explained: what is worth most is not pushed aside in passing."""
        return self in (TodayKind.WAITING, TodayKind.HIGH)

    @property
    def is_flag(self) -> bool:
        """Whether it is a stale flag that says so."""
        return self in (TodayKind.WAITING, TodayKind.STALE)


class TodayAction(models.Model):
    """One thing a person did about one reason of a contact on the Today page.

    While `hides`, the reason stays away until `until`, or without it until something newer happens; for everybody, or
    with `for_user_only` for whoever did it. What was done at once has one `batch`, which is undone at once. `before`
    holds ids and times that undoing brings back.
    """

    class Action(models.TextChoices):
        SNOOZE = "snooze", _("snoozed")
        ASSIGN = "assign", _("assigned")
        FOLLOW = "follow", _("follow-up set")
        SETTLE = "settle", _("still right, or settled")
        FIX = "fix", _("fixed")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=15, choices=TodayKind)
    action = models.CharField(max_length=10, choices=Action)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    batch = models.UUIDField()
    hides = models.BooleanField(default=False)
    until = models.DateTimeField(null=True)
    for_user_only = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    before = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            # Whether a reason is hidden.
            models.Index(fields=["contact", "kind", "at"], name="today_action_by_contact"),
            # What somebody did today, and what to undo.
            models.Index(fields=["user", "at"], name="today_action_by_user"),
            models.Index(fields=["batch"], condition=Q(undone_at__isnull=True), name="today_action_by_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} of {self.contact_id}"
