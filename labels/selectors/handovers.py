"""What a CS who leaves has open: labels, contacts who wait, follow-ups; what is stale comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from contacts.models import Agent, Channel, ChannelOwnership, Contact
from contacts.selectors.ownership import numbers_now, owned_by
from contacts.selectors.unanswered import waiting_links
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, Label, StaleFlag

SETTLED = (Label.Meaning.WON, Label.Meaning.LOYAL)
"""Who has no other label than these wants nothing just now."""


class OpenMatter(NamedTuple):
    """One contact of a CS: who is assigned, the label that is furthest along, and why they need somebody now."""

    contact: int
    assigned: int | None
    label: int | None
    step: int | None
    is_stale: bool
    is_unanswered: bool
    is_due: bool
    has_follow_up: bool

    @property
    def is_open(self) -> bool:
        return self.label is not None or self.is_stale or self.is_unanswered or self.has_follow_up


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterCounts:
    """How many contacts a handover is about, and how many of them are stale, unanswered, due or only labelled."""

    contacts: int
    open: int
    stale: int
    unanswered: int
    due: int


def matters(agent: Agent, *, viewer: Viewer, now: datetime) -> QuerySet[Any]:
    """Contacts that are the agent's, stale ones first, then who waits, who is due, and who is furthest along.

    Assigned to them; or to nobody, with something open, and known on a number that is the agent's now. Only whom the
    viewer sees.
    """
    spells = CleanSpell.objects.filter(contact=OuterRef("pk"), ended_at__isnull=True).exclude(
        label__meaning__in=SETTLED
    )
    spells = spells if viewer.everything else spells.filter(channel__in=viewer.channels)
    spells = spells.order_by(F("label__step").desc(nulls_last=True), "-started_at")
    waiting = waiting_links(viewer, now=now).filter(contact=OuterRef("pk"))
    mine = owned_by(agent.pk, numbers_of(agent, viewer=viewer, now=now))
    found = Contact.objects.visible_to(viewer).filter(mine)
    found = found.annotate(
        open_label=Subquery(spells.values("label")[:1]),
        open_step=Subquery(spells.values("label__step")[:1]),
        is_stale=Exists(StaleFlag.objects.filter(contact=OuterRef("pk"), closed_at__isnull=True)),
        is_unanswered=Exists(waiting),
        is_due=Case(When(follow_up_at__lte=now, then=True), default=False),
        has_follow_up=Case(When(follow_up_at__isnull=False, then=True), default=False),
    )
    is_open = Q(open_label__isnull=False) | Q(is_stale=True) | Q(is_unanswered=True) | Q(has_follow_up=True)
    return found.filter(Q(assigned_to=agent) | is_open).order_by(
        *(_first(name) for name in ("is_stale", "is_unanswered", "is_due")),
        F("open_step").desc(nulls_last=True),
        "pk",
    )


def _first(name: str) -> Any:
    return Case(When(**{name: True}, then=Value(0)), default=Value(1), output_field=IntegerField())


def listed(found: QuerySet[Any]) -> list[OpenMatter]:
    """These contacts as plain rows, in their order."""
    columns = (
        "pk",
        "assigned_to_id",
        "open_label",
        "open_step",
        "is_stale",
        "is_unanswered",
        "is_due",
        "has_follow_up",
    )
    return [OpenMatter(*row) for row in found.values_list(*columns)]


def counted(found: Iterable[OpenMatter]) -> MatterCounts:
    """How many there are of each kind."""
    rows = list(found)
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(open=row.is_open, stale=row.is_stale, unanswered=row.is_unanswered, due=row.is_due)
    return MatterCounts(
        contacts=len(rows),
        open=counts["open"],
        stale=counts["stale"],
        unanswered=counts["unanswered"],
        due=counts["due"],
    )


def numbers_of(agent: Agent, *, viewer: Viewer, now: datetime) -> list[int]:
    """The channels that are the agent's now, as far as the viewer sees them."""
    channels = Channel.objects.visible_to(viewer).filter(ownerships__agent=agent).distinct()
    seen = Channel.objects.filter(pk__in=channels.values("pk"))
    return [
        pk for pk, number in numbers_now(seen, now=now, zone=settings.TIME_ZONE).items() if number.owner == agent.pk
    ]


def ownerships_of(agent: Agent, *, viewer: Viewer, now: datetime) -> QuerySet[ChannelOwnership]:
    """What the agent holds now of the numbers that the viewer sees: whole numbers, and shifts."""
    held = ChannelOwnership.objects.filter(agent=agent, channel__in=Channel.objects.visible_to(viewer))
    now_held = held.filter(Q(since__isnull=True) | Q(since__lte=now), Q(until__isnull=True) | Q(until__gt=now))
    return now_held.select_related("channel").order_by("channel__name", "pk")
