"""Labels that have been on a contact longer than their limit (docs/metrics.md, "Stale and contradictions").

The clock of a label on a contact starts with its clean spell. "Still right" restarts it, and so does a message
from the contact where the label says so. A flag is open as long as the clock shows more than the limit, which is the
label's, or that of the team on whose number the label came. A flag that is open too long is the lead's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from labelcrm.core.audit import record
from labels.models import CleanSpell, FreeDay, Label, StaleClock, StaleFlag, StaleSnooze, TeamLimit
from labels.rules.urgency import needs_reason
from labels.selectors import working_time
from labels.selectors.stale_contacts import value_of
from labels.services import stale_notices


@dataclass(frozen=True, slots=True)
class StaleResult:
    """Flags set and closed by this look, and how many are open after it; `escalated` went to the lead now."""

    flagged: int
    closed: int
    open: int
    escalated: int = 0


def flag_stale(now: datetime) -> StaleResult:
    """Close the flags that no longer hold at `now`, bring the others up to date, and flag what is stale.

    Set-wise and repeatable: a second look at the same time, or two at once, change nothing more.
    """
    with transaction.atomic():
        closed = close_settled(now)
        with connection.cursor() as cursor:
            cursor.execute(_FLAG, {"now": now, **_limits(now), **_worths()})
            flagged = cursor.rowcount
            cursor.execute(_ESCALATE, {"now": now})
            escalated = cursor.rowcount
        if escalated:
            stale_notices.tell_leads(now)
    return StaleResult(flagged, closed, StaleFlag.objects.filter(closed_at__isnull=True).count(), escalated)


def close_settled(now: datetime, *, contact_ids: Collection[int] | None = None) -> int:
    """Close the open flags, of these contacts or all, whose label is no longer stale; the number closed.

    Cheap for a few contacts: services call it where a label came off, so that lists need not wait for the night.
    """
    chosen: dict[str, Any] = {"now": now, "contacts": None if contact_ids is None else sorted(contact_ids)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK_FLAGS, chosen)
        if not cursor.rowcount:
            return 0
        chosen |= _limits(now) | _worths()
        cursor.execute(_CLOSE, chosen)
        closed: int = cursor.rowcount
        cursor.execute(_UPDATE, chosen)
    return closed


def snooze(*, contact: Contact, label: Label, actor: Any, reason: str) -> StaleSnooze:
    """ "Still right": restart the clock of an active label now and close its flag.

    Raises ValidationError without a reason where one is needed (`labels.rules.urgency`), or when the label is not on
    the contact.
    """
    reason = reason.strip()
    now = timezone.now()
    with transaction.atomic():
        spell = CleanSpell.objects.filter(contact=contact, label=label, ended_at__isnull=True).first()
        if spell is None:
            raise ValidationError(_("The contact does not have this label now."), code="label_not_active")
        if not reason and _needs_reason(spell, label):
            raise ValidationError(_("Say why the label is still right."), code="reason_missing")
        found = StaleSnooze.objects.create(contact=contact, label=label, at=now, user=actor, reason=reason)
        StaleFlag.objects.filter(contact=contact, label=label, closed_at__isnull=True).update(
            closed_at=now, closed_reason=StaleFlag.Closed.SNOOZED, closed_by=actor
        )
        record(actor=actor, action="label.snoozed", obj=contact, label=label.pk, snooze=found.pk)
    return found


def snooze_all(labels: Iterable[tuple[Contact, Label]], *, actor: Any, reason: str) -> None:
    """ "Still right" of several labels at once, all or none. Raises ValidationError as `snooze` does."""
    with transaction.atomic():
        for contact, label in labels:
            snooze(contact=contact, label=label, actor=actor, reason=reason)


def clock_row() -> StaleClock:
    """The row that says which time counts; made when somebody looks at it first."""
    return StaleClock.objects.get_or_create(pk=1)[0]


def remove_free_day(day: FreeDay, *, actor: Any) -> None:
    """People work on that day after all; limits follow at the next look."""
    with transaction.atomic():
        record(actor=actor, action="freeday.removed", obj=day, day=day.day.isoformat(), name=day.name)
        day.delete()


def _limits(now: datetime) -> dict[str, Any]:
    """Of each limit that a label or a team has: the moment before which a clock must have started to be over it.

    One moment per limit, so that no row is counted by itself whatever hours count.
    """
    own = Label.all_objects.filter(stale_after_days__isnull=False).order_by()
    teams = TeamLimit.objects.filter(stale_after_days__isnull=False).order_by()
    days = sorted({*own.values_list("stale_after_days", flat=True), *teams.values_list("stale_after_days", flat=True)})
    hours = working_time.in_use(now)
    moments = [now - timedelta(days=limit) if hours is None else hours.moment_before(now, days=limit) for limit in days]
    return {"limit_days": days, "limit_moments": moments}


def follow_worth(label: Label) -> None:
    """Give the open flags of a label what it is worth now, where that was changed."""
    worth = value_of(label)
    StaleFlag.objects.filter(label=label, closed_at__isnull=True).exclude(worth=worth).update(worth=worth)


def _worths() -> dict[str, Any]:
    """Of each label, archived ones too, what a day over its limit costs."""
    labels = Label.all_objects.order_by("pk")
    worths = {label.pk: value_of(label) for label in labels}
    return {"labels": [*worths], "worths": [*worths.values()]}


def _needs_reason(spell: CleanSpell, label: Label) -> bool:
    said = StaleSnooze.objects.filter(contact=spell.contact_id, label=label, at__gte=spell.started_at)
    return needs_reason(high_quality=label.high_quality, said_before=said.count())


# -- SQL --------------------------------------------------------------------------------------------------------------

# Whose the label is now: the one who has its number without hours, else the only one who has it on some shift.
_OWNER = """
    (SELECT min(o.agent_id) FROM contacts_channelownership o
     WHERE o.channel_id = s.channel_id AND (o.since IS NULL OR o.since <= %(now)s)
       AND (o.until IS NULL OR o.until > %(now)s) {hours}
     HAVING count(DISTINCT o.agent_id) = 1)
"""

# The owners of all channels as `own`, to be joined: looked up once per channel, and not for each of many labels on it.
OWNERS_NOW = f"""
    (SELECT s.channel_id, coalesce({_OWNER.format(hours="AND o.weekdays = '[]' AND o.hour_from IS NULL")},
                                   {_OWNER.format(hours="")}) AS agent_id
     FROM (SELECT id AS channel_id FROM contacts_channel) AS s OFFSET 0) AS own
"""  # noqa: S608

# Every active label that has a limit: since when, by which clock, and whose. Served by open_clean_spell_by_contact.
_CLOCKS = f"""
    SELECT s.contact_id, s.label_id, s.started_at, s.found, m.days AS stale_after_days, m.moment, v.worth,
           greatest(s.started_at, z.at, CASE WHEN l.stale_reset_by_inbound THEN c.last_inbound_at END) AS clock,
           coalesce(own.agent_id, c.assigned_to_id) AS owner_id
    FROM labels_cleanspell s
    JOIN labels_label l ON l.id = s.label_id AND l.deleted_at IS NULL
    JOIN unnest(%(labels)s::bigint[], %(worths)s::int[]) AS v (label_id, worth) ON v.label_id = l.id
    JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
    JOIN contacts_channel n ON n.id = s.channel_id
    LEFT JOIN {OWNERS_NOW} ON own.channel_id = s.channel_id
    LEFT JOIN labels_teamlimit t ON t.label_id = s.label_id AND t.team_id = n.team_id
    JOIN unnest(%(limit_days)s::int[], %(limit_moments)s::timestamptz[]) AS m (days, moment)
      ON m.days = CASE WHEN t.id IS NULL THEN l.stale_after_days ELSE t.stale_after_days END
    LEFT JOIN LATERAL (
        SELECT max(at) AS at FROM labels_stalesnooze
        WHERE contact_id = s.contact_id AND label_id = s.label_id AND at <= %(now)s
    ) z ON true
    WHERE s.ended_at IS NULL AND s.started_at < m.moment
"""  # noqa: S608
_STALE = f"""
    SELECT * FROM ({_CLOCKS}) AS clocks WHERE clock < moment
"""  # noqa: S608

# What is flagged already is left out by one join, not refused row by row: a fifth of a night's look at 750,000 flags.
_FLAG = f"""
    INSERT INTO labels_staleflag
        (contact_id, label_id, owner_id, spell_started_at, clock_started_at, limit_days, worth, age_at_least,
         flagged_at, closed_reason)
    SELECT contact_id, label_id, owner_id, started_at, clock, stale_after_days, worth, found, %(now)s, ''
    FROM ({_STALE}) AS stale
    WHERE NOT EXISTS (SELECT FROM labels_staleflag f WHERE f.contact_id = stale.contact_id
                                                        AND f.label_id = stale.label_id AND f.closed_at IS NULL)
    ORDER BY contact_id, label_id
    ON CONFLICT (contact_id, label_id) WHERE closed_at IS NULL DO NOTHING
"""  # noqa: S608

_CHOSEN = "f.closed_at IS NULL AND (%(contacts)s::bigint[] IS NULL OR f.contact_id = ANY(%(contacts)s::bigint[]))"

# In one order, so that two looks at once wait for each other instead of for each other's rows.
_LOCK_FLAGS = f"SELECT 1 FROM labels_staleflag f WHERE {_CHOSEN} ORDER BY f.id FOR UPDATE"  # noqa: S608

# A clock that was restarted after the flag was set ends it, even when the new time is over the limit again.
_CLOSE = f"""
    UPDATE labels_staleflag f SET closed_at = %(now)s, closed_reason = CASE
        WHEN c.deleted_at IS NOT NULL OR l.deleted_at IS NOT NULL THEN 'other'
        WHEN NOT EXISTS (
            SELECT FROM labels_cleanspell s
            WHERE s.contact_id = f.contact_id AND s.label_id = f.label_id
              AND s.ended_at IS NULL AND s.started_at <= f.flagged_at
        ) THEN 'removed'
        WHEN EXISTS (
            SELECT FROM labels_stalesnooze z
            WHERE z.contact_id = f.contact_id AND z.label_id = f.label_id AND z.at >= f.flagged_at AND z.at <= %(now)s
        ) THEN 'snoozed'
        WHEN l.stale_reset_by_inbound AND c.last_inbound_at > f.clock_started_at THEN 'inbound'
        WHEN f.limit_days IS DISTINCT FROM (
            SELECT CASE WHEN t.id IS NULL THEN l.stale_after_days ELSE t.stale_after_days END
            FROM labels_cleanspell s JOIN contacts_channel n ON n.id = s.channel_id
            LEFT JOIN labels_teamlimit t ON t.label_id = s.label_id AND t.team_id = n.team_id
            WHERE s.contact_id = f.contact_id AND s.label_id = f.label_id AND s.ended_at IS NULL
        ) THEN 'limit'
        ELSE 'other' END
    FROM contacts_contact c, labels_label l
    WHERE {_CHOSEN} AND c.id = f.contact_id AND l.id = f.label_id AND NOT EXISTS (
        SELECT FROM ({_STALE}) AS stale
        WHERE stale.contact_id = f.contact_id AND stale.label_id = f.label_id AND stale.clock <= f.flagged_at
    )
"""  # noqa: S608

_UPDATE = f"""
    UPDATE labels_staleflag f
    SET owner_id = stale.owner_id, spell_started_at = stale.started_at, clock_started_at = stale.clock,
        limit_days = stale.stale_after_days, worth = stale.worth, age_at_least = stale.found
    FROM ({_STALE}) AS stale
    WHERE {_CHOSEN} AND stale.contact_id = f.contact_id AND stale.label_id = f.label_id
      AND (f.owner_id, f.spell_started_at, f.clock_started_at, f.limit_days, f.worth, f.age_at_least) IS DISTINCT FROM
          (stale.owner_id, stale.started_at, stale.clock, stale.stale_after_days, stale.worth, stale.found)
"""  # noqa: S608

# The calendar's days: whoever is on the list too long is so on Sunday, too.
_ESCALATE = """
    UPDATE labels_staleflag f SET escalated_at = %(now)s
    FROM labels_label l
    WHERE l.id = f.label_id AND f.closed_at IS NULL AND f.escalated_at IS NULL
      AND f.flagged_at < %(now)s - make_interval(days => l.escalate_after_days)
"""
