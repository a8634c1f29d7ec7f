"""What changed the past, when and by whom (docs/metrics.md, "Ground rules", Restated).

Every figure uses today's knowledge for the whole past. What is here made figures of days that were over different from
what they were: read from the audit trail, where services write every decision, and from label events that came late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from contacts.models import Channel, Contact
from labelcrm.core.bulk import fetch
from labelcrm.core.models import AuditEntry
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel
from reports.selectors.periods import Period

DECISIONS = (
    "label.remapped", "label.remap_taken_back", "label.merged", "label.unmerged", "label.changed", "channel.changed",
)  # fmt: skip
ABOUT_CONTACTS = ("contact.merged", "contact.unmerged", "contact.archived", "contact.restored")
LATE = "late"
HISTORY = "history"  # late because the number was only connected then
# Of a label and of a channel, what figures of the past are counted by.
OF_LABEL = frozenset(
    {"step", "meaning", "high_quality", "low_quality", "stale_after_days", "stale_reset_by_inbound", "exclusive_group",
     "category"}
)  # fmt: skip
OF_CHANNEL = frozenset({"timezone", "team", "used_by_one"})
LATE_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """One line of the log: a decision, or what of one kind happened on one business day.

    `kind` is the action of the audit trail, LATE or HISTORY. `entry` is the decision; `contacts` (ids, the first few)
    and `count` say whom else it was about; `channel` (id) and `oldest` where late events came and how far back they go.
    """

    at: datetime
    kind: str
    actor: int | None = None
    entry: AuditEntry | None = None
    count: int = 1
    contacts: list[int] = field(default_factory=list)
    channel: int | None = None
    oldest: timedelta | None = None


def log(viewer: Viewer, period: Period, *, channels: frozenset[int] | None) -> list[Restatement]:
    """What changed the past in the period, as far as the viewer sees whom and what; the newest first."""
    found = [*_decisions(viewer, period), *_of_contacts(viewer, period), *_late(period, channels)]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _entries(period: Period) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(at__gte=period.start, at__lt=period.end)


def _decisions(viewer: Viewer, period: Period) -> Iterator[Restatement]:
    """What people decided about labels and channels, where it changes figures of before."""
    entries = _entries(period).filter(action__in=DECISIONS).select_related("actor").order_by("-id")
    numbers = Q(object_type="labels.channellabel")
    channels = Q(object_type="contacts.channel")
    if not viewer.everything:
        numbers &= Q(object_id__in=ChannelLabel.objects.visible_to(viewer).values("pk"))
        channels &= Q(object_id__in=Channel.all_objects.visible_to(viewer).values("pk"))
    for entry in entries.filter(Q(object_type="labels.label") | numbers | channels):
        if _changes_the_past(entry):
            yield Restatement(at=entry.at, kind=entry.action, actor=entry.actor_id, entry=entry)


def _changes_the_past(entry: AuditEntry) -> bool:
    """A meaning from today on does not, nor does a name, a colour or an address."""
    changes = entry.details.get("changes", {})
    if entry.action == "label.changed":
        return bool(OF_LABEL & changes.keys())
    if entry.action == "channel.changed":
        return bool(OF_CHANNEL & changes.keys())
    since = entry.details.get("since")
    told = parse_datetime(since) if since else None
    return told is None or told < entry.at


def _of_contacts(viewer: Viewer, period: Period) -> Iterator[Restatement]:
    """Contacts that became one, were parted, left the figures or came back: by business day, kind and person."""
    seen = None if viewer.everything else Contact.all_objects.visible_to(viewer).values("pk")
    entries = _entries(period).filter(action__in=ABOUT_CONTACTS)
    entries = entries if seen is None else entries.filter(object_id__in=seen)
    grouped: dict[tuple[date, str, int | None], list[Any]] = {}
    for at, action, actor, pk in (
        entries.order_by("-id").values_list("at", "action", "actor_id", "object_id").iterator()
    ):
        group = grouped.setdefault((timezone.localtime(at).date(), action, actor), [at, 0, []])
        group[1] += 1
        if len(group[2]) < FEW and pk not in group[2]:
            group[2].append(pk)
    for (_day, kind, who), (at, count, contacts) in grouped.items():
        yield Restatement(at=at, kind=kind, actor=who, count=count, contacts=contacts)


FEW = 3  # contacts of a line that are named


def _late(period: Period, channels: frozenset[int] | None) -> Iterator[Restatement]:
    """Label events with an effect that came more than a day after they happened, by day and channel."""
    values = {
        "start": period.start,
        "end": period.end,
        "late": LATE_AFTER,
        "zone": settings.TIME_ZONE,
        "channels": None if channels is None else sorted(channels),
    }
    for at, channel, before, count, oldest in fetch(_LATE_EVENTS, values):
        kind = HISTORY if before else LATE
        yield Restatement(at=at, kind=kind, count=count, channel=channel, oldest=oldest)


_LATE_EVENTS = """
    SELECT max(e.received_at), e.channel_id, e.occurred_at < h.connected_at AS before, count(*),
           max(e.received_at - e.occurred_at)
    FROM labels_labelevent e
    JOIN contacts_contact c ON c.id = e.contact_id AND c.deleted_at IS NULL
    JOIN contacts_channel h ON h.id = e.channel_id
    WHERE e.received_at >= %(start)s AND e.received_at < %(end)s AND e.received_at - e.occurred_at > %(late)s
      AND e.effect IN ('opened', 'closed')
      AND (%(channels)s::bigint[] IS NULL OR e.channel_id = ANY(%(channels)s::bigint[]))
    GROUP BY (e.received_at AT TIME ZONE %(zone)s)::date, e.channel_id, before
"""
