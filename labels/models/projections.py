"""What reports read: spells, clean spells, stage stays and day sums, kept in step by `labels.services.projections`.

What they mean: docs/metrics.md, "Ground rules", "Label activity" and "Stage and movement".

`LabelSpell`, `CleanSpell` and `StageStay` are what the whole business sees. A team or a channel sees the same of every
contact who is known nowhere else (`reach`); what it sees of the others stands in the tables that begin with `Scoped`.
`labels.rules.scopes` says who that is and how a scope is written: 0 the whole business, n team n, -n channel n.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Channel, Contact, Team
from labels.models.canonical import Label
from labels.models.words import Method


def _copied(to: Any, *, null: bool = False, related_name: str = "+") -> models.ForeignKey[Any, Any]:
    """A foreign key whose value comes from a table that checks it."""
    return models.ForeignKey(
        to, null=null, on_delete=models.DO_NOTHING, related_name=related_name, db_index=False, db_constraint=False
    )


class Spell(models.Model):
    """The time for which "contact has canonical label L" in `[started_at, ended_at)`, whatever channels said so.

    `found`: it was there already, nobody is credited. `lost`: it ended without anybody's doing. `channel`, `agent`,
    `user` and `method` are those of the label that began it.
    """

    # Only `contact` is checked by the database: the others are copied from intervals, where they are checked, and
    # checking them again was measured at half the price of writing a spell. Prefixes of the indexes below serve
    # as the foreign keys' own.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="%(class)ss", db_index=False)
    label = _copied(Label, related_name="%(class)ss")
    channel = _copied(Channel)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    found = models.BooleanField()
    lost = models.BooleanField(default=False)
    import_or_resync = models.BooleanField(default=False)
    agent = _copied(Agent, null=True)
    user = _copied(settings.AUTH_USER_MODEL, null=True)
    method = models.CharField(max_length=15, choices=Method)
    removed_by = _copied(Agent, null=True)

    class Meta:
        abstract = True


def _reach() -> models.PositiveSmallIntegerField[Any, Any]:
    """How far the contact's history reaches: 1 one channel, 2 channels of one team, 3 farther."""
    return models.PositiveSmallIntegerField(default=1, db_default=1)


class Observed(Spell):
    """A spell as it was observed.

    `mistap` marks one that was put on and taken off by mistake. `added_before` is when the contact got the same label
    the last time before, empty for the first time and for a spell that was found: contacts who got a label in a period
    are the spells that were added, less those whose contact had got it in the period before.
    """

    mistap = models.BooleanField(default=False)
    added_before = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class LabelSpell(Observed):
    """A spell as the whole business sees it."""

    reach = _reach()

    class Meta:
        verbose_name = _("label spell")
        verbose_name_plural = _("label spells")
        constraints = [
            models.UniqueConstraint(fields=["contact", "label", "started_at"], name="spell_once"),
        ]
        indexes = [
            models.Index(fields=["label", "started_at"], include=["contact", "agent"], name="spell_by_label"),
            BrinIndex(fields=["started_at"], name="spell_started_brin"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="spell_by_end"),
            # Which contacts got a label more than once in a period, from the index alone.
            models.Index(
                fields=["started_at"],
                include=["label", "added_before", "channel", "reach"],
                condition=Q(added_before__isnull=False),
                name="spell_added_again",
            ),
            # What is on now, by who put it on, of all and of a team, from the index alone.
            models.Index(
                fields=["channel", "agent", "contact"],
                include=["started_at", "reach"],
                condition=Q(ended_at__isnull=True),
                name="spell_open_covered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id}"


class ScopedLabelSpell(Observed):
    """A spell as a team or a channel sees it, of a contact who is known elsewhere too."""

    scope = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["contact", "scope", "label", "started_at"], name="scoped_spell_once"),
        ]
        indexes = [models.Index(fields=["scope", "started_at"], name="scoped_spell_by_scope")]

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id} for {self.scope}"


class Clean(Spell):
    """A spell without the noise: short interruptions bridged, mistaps dropped.

    It is a return when its contact came back with it to the label of an exclusive group that it had before the last
    change (`labels.rules.returns`); `return_to` is the label come back to by its end.
    """

    is_return = models.BooleanField(default=False, db_default=False)
    return_to = _copied(Label, null=True)

    class Meta:
        abstract = True


class CleanSpell(Clean):
    """A clean spell as the whole business sees it."""

    reach = _reach()

    class Meta:
        verbose_name = _("clean spell")
        verbose_name_plural = _("clean spells")
        constraints = [
            models.UniqueConstraint(fields=["contact", "label", "started_at"], name="clean_spell_once"),
        ]
        indexes = [
            models.Index(fields=["label", "started_at"], include=["contact", "agent"], name="clean_spell_by_label"),
            # Who has label X now, since when and by whom, as the whole business or a team sees it: segments, from the
            # index alone and in the order of contacts, so that several labels are merged. The stale job: open spells.
            models.Index(
                fields=["label", "contact"],
                include=["started_at", "agent", "channel", "reach"],
                condition=Q(ended_at__isnull=True),
                name="open_clean_spell_by_contact",
            ),
            BrinIndex(fields=["started_at"], name="clean_spell_started_brin"),
            # Flip-flops of a period.
            models.Index(fields=["started_at"], condition=Q(is_return=True), name="clean_spell_returns"),
            models.Index(fields=["ended_at"], condition=Q(return_to__isnull=False), name="clean_spell_returned"),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id}"


class ScopedCleanSpell(Clean):
    """A clean spell as a team or a channel sees it, of a contact who is known elsewhere too."""

    scope = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["contact", "scope", "label", "started_at"], name="scoped_clean_spell_once"),
        ]
        indexes = [
            models.Index(fields=["scope", "started_at"], name="scoped_clean_by_scope"),
            # As open_clean_spell_by_contact, of whom a team or a channel sees in part.
            models.Index(
                fields=["scope", "label", "contact"],
                include=["started_at", "agent"],
                condition=Q(ended_at__isnull=True),
                name="open_scoped_spell_by_contact",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id} for {self.scope}"


class Stay(models.Model):
    """The stage of a contact in `[started_at, ended_at)`. No row means no stage.

    `channel` is that of the label that was the stage when it began. Who sees a contact whole sees the stay by it.
    `is_return` says that its contact came back with it to the stage before the last one (`labels.rules.returns`).
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="%(class)ss", db_index=False)
    label = _copied(Label)
    step = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    start_by_repair = models.BooleanField(default=False)
    end_by_repair = models.BooleanField(default=False)
    agent = _copied(Agent, null=True)
    channel = _copied(Channel, null=True)
    is_return = models.BooleanField(default=False, db_default=False)

    class Meta:
        abstract = True


class StageStay(Stay):
    """The stage of a contact as the whole business sees it."""

    reach = _reach()

    class Meta:
        verbose_name = _("stage stay")
        verbose_name_plural = _("stage stays")
        constraints = [models.UniqueConstraint(fields=["contact", "started_at"], name="one_stage_at_a_time")]
        indexes = [
            models.Index(fields=["label", "started_at"], name="stay_by_label"),
            # The stage of a contact. Movement and time in stage: who is still where, from the index alone.
            models.Index(
                fields=["contact"],
                include=["label", "started_at", "channel", "reach"],
                condition=Q(ended_at__isnull=True),
                name="stage_now_covered",
            ),
            # Stays that began or ended in a period: rows are written in this order, so a few pages tell all.
            BrinIndex(fields=["started_at", "ended_at"], name="stay_times_brin"),
            # Flip-flops of a period.
            models.Index(fields=["started_at"], condition=Q(is_return=True), name="stay_returns"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.label_id}"


class ScopedStageStay(Stay):
    """The stage of a contact as a team or a channel sees it, of a contact who is known elsewhere too."""

    scope = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["contact", "scope", "started_at"], name="scoped_stay_once")]
        indexes = [models.Index(fields=["scope", "started_at"], name="scoped_stay_by_scope")]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.label_id} for {self.scope}"


class ChannelScope(models.Model):
    """The team that projections count a channel in. It follows the channel's own team through a job.

    A channel without a row is counted in its own team: nothing was derived before it joined.
    """

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, primary_key=True, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.channel_id} in {self.team_id}"


class LabelDay(models.Model):
    """Spells that started and ended on one business day, per scope and label (docs/metrics.md, "Label activity").

    A row is a difference, which may be negative: of one scope, label and day there are as many as changes were written
    since they were last `compacted` into one (`labels.services.day_sums`). Add them up.
    """

    scope = models.BigIntegerField(default=0, db_default=0)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    added = models.IntegerField(default=0)
    mistaps = models.IntegerField(default=0)
    found = models.IntegerField(default=0)
    removed = models.IntegerField(default=0)
    lost = models.IntegerField(default=0)
    compacted = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("label day")
        verbose_name_plural = _("label days")
        # Sums of a period, and of a label; compacting.
        indexes = [
            models.Index(fields=["scope", "day"], name="label_day_by_day"),
            models.Index(
                fields=["scope", "label", "day"],
                include=["added", "mistaps", "found", "removed", "lost"],
                name="label_day_covered",
            ),
            models.Index(fields=["id"], condition=Q(compacted=False), name="label_day_new"),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} {self.day}"
