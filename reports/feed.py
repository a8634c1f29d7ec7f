"""The feed of label changes: who put which label on whom, when, on which number; newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from labels.models import Effect, LabelAssignment, LabelEvent, Origin

from .scope import Scope

SHOWN = 50
# Lanes commit in another order than they number their events: each reading looks this many numbers back.
LOOK_BACK = 20_000
FILL_BACK = 100_000
FULL_AFTER = timedelta(seconds=60)  # names change and people are erased: so often everything is read anew
LATE = timedelta(minutes=10)
# A person did these. What a pull, a pairing or an import found is counted on the tiles, it would drown the feed.
BY_PEOPLE = (Origin.LIVE.value, Origin.CRM.value)
CHANGES = (Effect.OPENED.value, Effect.CLOSED.value)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One change of one label. Two rows of one event are equal, whoever read them."""

    id: int
    event: LabelEvent = field(compare=False)

    @property
    def drawn(self) -> LabelAssignment:
        """What the badge draws: our label in WhatsApp's colour."""
        return LabelAssignment(label=self.event.channel_label.label, channel_label=self.event.channel_label)

    @property
    def is_late(self) -> bool:
        return self.event.received_at - self.event.occurred_at > LATE


@dataclass(frozen=True, slots=True)
class Feed:
    """The latest rows of a scope, newest first. `high` is the highest event number that was seen by anybody."""

    rows: tuple[FeedRow, ...]
    high: int = field(compare=False)
    full_at: datetime = field(compare=False)

    def since(self, last: int, *, now: datetime) -> list[FeedRow]:
        """Rows that a page which knows event `last` may not know: higher ones, and any that came in just now."""
        return [row for row in self.rows if row.id > last or now - row.event.received_at < timedelta(seconds=30)]


def read_feed(scope: Scope, before: Feed | None = None) -> Feed:
    """The feed of a scope; where `before` is fresh enough only what was added to it is read."""
    now = timezone.now()
    high = LabelEvent.objects.aggregate(high=Max("id"))["high"] or 0
    if before is None or now - before.full_at > FULL_AFTER:
        return Feed(tuple(_rows(scope, after=high - FILL_BACK)), high, now)
    fresh = {row.id: row for row in _rows(scope, after=before.high - LOOK_BACK)}
    merged = {row.id: row for row in before.rows} | fresh
    return Feed(tuple(merged[pk] for pk in sorted(merged, reverse=True)[:SHOWN]), high, before.full_at)


def _rows(scope: Scope, *, after: int) -> list[FeedRow]:
    events = LabelEvent.objects.visible_to(scope).filter(
        id__gt=after,
        effect__in=CHANGES,
        origin__in=BY_PEOPLE,
        contact__deleted_at__isnull=True,
        channel_label__hidden=False,
    )
    people = ("contact", "channel", "channel_label__label", "actor_agent", "actor_user")
    return [FeedRow(event.pk, event) for event in events.select_related(*people).order_by("-id")[:SHOWN]]
