"""The feed of label changes: who put which label on whom, when, on which number; newest first.

A reading keeps which events are listed, which never change; whom and what they name is read anew every time, for
names, numbers, teams and rights do change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Max, Model, QuerySet
from django.utils import timezone

from contacts.models import Agent, Channel, Contact
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, Effect, Label, LabelAssignment, LabelEvent, Origin

SHOWN = 50
# Lanes commit in another order than they number their events: each reading looks this many numbers back.
LOOK_BACK = 20_000
FILL_BACK = 100_000
FULL_AFTER = timedelta(seconds=60)  # so often what left the list is filled up from before
LATE = timedelta(minutes=10)
# A person did these. What a pull, a pairing or an import found is counted on the tiles, it would drown the feed.
BY_PEOPLE = (Origin.LIVE.value, Origin.CRM.value)
CHANGES = (Effect.OPENED.value, Effect.CLOSED.value)

# What a row shows, and all that is loaded of it: the key of each thing, then its fields. "" is the event itself.
_LOADED: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "": (LabelEvent, ("id", "kind", "occurred_at", "occurred_at_source", "received_at", "actor_method")),
    "contact": (Contact, ("id", "name", "phone", "lid", "user_id", "username")),
    "channel": (Channel, ("id", "name", "connected_at")),
    "channel_label": (ChannelLabel, ("id", "name", "external_id", "is_placeholder")),
    "channel_label__label": (Label, ("id", "name", "name_en", "category_id", "color", "reviewed")),
    "actor_agent": (Agent, ("id", "name")),
    "actor_user": (User, ("id", "username", "first_name", "last_name")),
}
_FIELDS = [f"{thing}__{name}".removeprefix("__") for thing, (_, names) in _LOADED.items() for name in names]
_ID, _OCCURRED_AT, _RECEIVED_AT, _CONNECTED_AT = map(
    _FIELDS.index, ("id", "occurred_at", "received_at", "channel__connected_at")
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One change of one label; `shown` is all that is loaded of it. Rows that show the same are equal."""

    shown: tuple[Any, ...]

    @property
    def id(self) -> int:
        found: int = self.shown[_ID]
        return found

    @property
    def received_at(self) -> datetime:
        found: datetime = self.shown[_RECEIVED_AT]
        return found

    @property
    def event(self) -> LabelEvent:
        """The event with what belongs to it. Made when a line is drawn, which few readings lead to."""
        values, made = iter(self.shown), {}
        for thing, (model, names) in _LOADED.items():
            row = dict(zip(names, values, strict=False))
            # What is not loaded would be asked for when used, which a test of the drawn line would see.
            made[thing] = model.from_db(DEFAULT_DB_ALIAS, names, row.values()) if row["id"] is not None else None
        event: Any = made.pop("")
        for thing, one in made.items():
            holder, _, name = thing.rpartition("__")
            setattr(made[holder] if holder else event, name, one)
        found: LabelEvent = event
        return found

    @property
    def delay(self) -> timedelta | None:
        """How long after it happened the change was told; None unless that was late.

        What happened before its number was connected could not be told in time: it is history, and not late.
        """
        occurred_at: datetime = self.shown[_OCCURRED_AT]
        delay = self.received_at - occurred_at
        return delay if delay > LATE and occurred_at >= self.shown[_CONNECTED_AT] else None

    @property
    def drawn(self) -> LabelAssignment:
        """What the badge draws: the label that it was."""
        event = self.event
        return LabelAssignment(label=event.channel_label.label, channel_label=event.channel_label)


@dataclass(frozen=True, slots=True)
class Feed:
    """The latest rows of a viewer, newest first. `high` is the highest event number that was seen by anybody."""

    rows: tuple[FeedRow, ...]
    high: int = field(compare=False)
    full_at: datetime = field(compare=False)

    def since(self, last: int, *, now: datetime) -> list[FeedRow]:
        """Rows that a page which knows event `last` may not know: higher ones, and any that came in just now."""
        return [row for row in self.rows if row.id > last or now - row.received_at < timedelta(seconds=30)]


def read_feed(viewer: Viewer, before: Feed | None = None) -> Feed:
    """The feed of a viewer; where `before` is fresh enough only what was added to it is looked for."""
    now = timezone.now()
    high = LabelEvent.objects.aggregate(high=Max("id"))["high"] or 0
    if before is None or now - before.full_at > FULL_AFTER:
        return Feed(_rows(_events(viewer).filter(id__gt=high - FILL_BACK)), high, now)
    fresh = _events(viewer).filter(id__gt=before.high - LOOK_BACK).order_by("-id").values_list("id", flat=True)[:SHOWN]
    ids = sorted({*fresh, *(row.id for row in before.rows)}, reverse=True)[:SHOWN]
    return Feed(_rows(_events(viewer).filter(id__in=ids)), high, before.full_at)


def rename_feed(viewer: Viewer, kept: Feed) -> Feed:
    """The same events as they are now: with the names of now, and without those that the viewer no longer sees."""
    return replace(kept, rows=_rows(_events(viewer).filter(id__in=[row.id for row in kept.rows])))


def _events(viewer: Viewer) -> QuerySet[LabelEvent]:
    events: QuerySet[LabelEvent] = LabelEvent.objects.visible_to(viewer)
    return events.filter(
        effect__in=CHANGES,
        origin__in=BY_PEOPLE,
        contact__deleted_at__isnull=True,
        channel_label__hidden=False,
    )


def _rows(events: QuerySet[LabelEvent]) -> tuple[FeedRow, ...]:
    return tuple(map(FeedRow, events.order_by("-id").values_list(*_FIELDS)[:SHOWN]))
