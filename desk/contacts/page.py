"""What the contact page shows: labels now, their timeline and history, the chat, notes and campaign touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from contacts.models import (
    Campaign,
    CampaignTouch,
    Consent,
    Contact,
    ContactIdentity,
    IdentityKind,
    Message,
    Note,
)
from contacts.selectors.recognizing import MANUAL
from contacts.selectors.viewing import viewer_of
from desk.base.keyset import Keyset
from desk.contacts.opt_out import OptOut, opt_out_of
from desk.templatetags.labelcrm import person, tone
from labelcrm.core.viewer import Viewer
from labels.models import LabelAssignment, Method, RemovedReason
from labels.selectors.suggestions import LabelSuggestion, suggestions_for

SETTING_BY_HAND = "by_hand"  # in the address: the form for it is open
CHAT_SIZE = 50
MAX_INTERVALS = 500
MAX_NOTES = 100
TICKS = 6
HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 336)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 1200)
LAST_TICK = 0.95  # of the time line: behind it there is no room for a date
NARROWEST = 0.6  # per cent of the time line, so that a mistap is still seen
CHAT = Keyset("at", "id")


@dataclass(slots=True)
class Bar:
    """One interval on the time line, in per cent of its width."""

    x: str
    width: str
    tone: str
    title: str
    open: bool


@dataclass(slots=True)
class TimelineLane:
    """One WhatsApp label of one channel on the time line."""

    assignment: LabelAssignment
    bars: list[Bar] = field(default_factory=list)


@dataclass(slots=True)
class ShownChange:
    """One line of the history: a label came or went."""

    at: datetime
    added: bool
    assignment: LabelAssignment
    who: str
    how: str
    origin: str
    reason: str
    source: str


@dataclass(slots=True)
class ChatPage:
    """A page of the messages, oldest first, with the cursors of the pages before and after."""

    messages: list[Message]
    older: str
    newer: str
    several_channels: bool


@dataclass
class ContactPage:
    contact: Contact
    intervals: list[LabelAssignment]
    identities: list[ContactIdentity]
    chat: ChatPage
    notes: list[Note]
    touches: list[CampaignTouch]
    opt_out: OptOut
    now: datetime
    setting_by_hand: bool
    suggestion: LabelSuggestion | None = None

    @cached_property
    def labels_now(self) -> list[LabelAssignment]:
        return [interval for interval in self.intervals if interval.removed_at is None]

    @cached_property
    def lanes(self) -> list[TimelineLane]:
        return lanes(self.intervals, start=self.start, now=self.now)

    @cached_property
    def several_channels(self) -> bool:
        return len({interval.channel_id for interval in self.intervals}) > 1

    @cached_property
    def start(self) -> datetime:
        first = min((interval.added_at for interval in self.intervals), default=self.now)
        return min(first, self.now - timedelta(days=1))

    @cached_property
    def ticks(self) -> list[tuple[str, str]]:
        """Places (per cent) along the time line, and the days or hours that begin there."""
        span = self.now - self.start
        placed = [((at - self.start) / span, words) for at, words in ticks(self.start, self.now)]
        return [(f"{100 * place:.2f}%", words) for place, words in placed if place <= LAST_TICK]

    @cached_property
    def history(self) -> list[ShownChange]:
        changes = [change for interval in self.intervals for change in changes_of(interval)]
        return sorted(changes, key=lambda change: (change.at, not change.added), reverse=True)

    @cached_property
    def by_hand(self) -> CampaignTouch | None:
        """The touch that a person or a file said; it goes before all others."""
        return next((touch for touch in self.touches if touch.method == MANUAL), None)

    @cached_property
    def campaigns(self) -> list[Campaign]:
        """What may be said to have brought the contact; asked for only by who may say so."""
        return list(Campaign.objects.order_by("name", "id"))

    @cached_property
    def cut(self) -> bool:
        """True when there are more intervals than the page shows."""
        return len(self.intervals) >= MAX_INTERVALS


def with_rarities(contacts: QuerySet[Any]) -> QuerySet[Any]:
    """Each with whether it has what most have not, so that nobody asks for it in vain: `has_notes`, `has_consents`."""
    notes, consents = (model.objects.filter(contact=OuterRef("pk")) for model in (Note, Consent))
    return contacts.annotate(has_notes=Exists(notes), has_consents=Exists(consents))


def contact_page(request: HttpRequest, contact: Any) -> ContactPage:
    """Everything the page shows of a contact `with_rarities`. Only what happened on channels the viewer sees.

    Six queries, one each for notes and consents where there are some, and one for the words of whoever opted out.
    """
    viewer = viewer_of(request.user)
    return ContactPage(
        contact=contact,
        intervals=list(_intervals(viewer, contact)),
        identities=_identities(contact),
        chat=chat_of(
            Message.objects.visible_to(viewer).filter(contact=contact),
            older_than=request.GET.get("older"),
            newer_than=request.GET.get("newer"),
        ),
        notes=list(contact.notes.select_related("author")[:MAX_NOTES]) if contact.has_notes else [],
        touches=list(_touches(viewer, contact)),
        opt_out=opt_out_of(contact, viewer=viewer) if contact.has_consents else OptOut([]),
        now=timezone.now(),
        setting_by_hand=SETTING_BY_HAND in request.GET,
        suggestion=suggestions_for([contact.pk], viewer).get(contact.pk),
    )


def _identities(contact: Contact) -> list[ContactIdentity]:
    """Phones first, and of each kind the one that leads, which each of them knows of itself as `leads`."""
    found: list[Any] = list(contact.identities.all())
    for identity in found:
        identity.leads = identity.value == getattr(contact, identity.kind, "")
    kinds = IdentityKind.values
    return sorted(found, key=lambda one: (kinds.index(one.kind), not one.leads, one.pk))


def _intervals(viewer: Viewer, contact: Contact) -> Iterable[LabelAssignment]:
    rows = LabelAssignment.objects.visible_to(viewer).filter(contact=contact, channel_label__hidden=False)
    people = ("added_by", "added_by_user", "removed_by", "removed_by_user")
    rows = rows.select_related("label", "label__category", "channel_label", "channel", *people)
    return reversed(rows.order_by("-added_at", "-id")[:MAX_INTERVALS])


def _touches(viewer: Viewer, contact: Contact) -> Iterable[CampaignTouch]:
    """Those that the viewer sees. Of several each knows whether it is the first of all, by hand before others, or last.

    Which they are, those that the viewer does not see decide as well.
    """
    found: list[Any] = list(contact.touches.select_related("campaign", "channel"))
    first = next((touch for touch in found if touch.method == MANUAL), found[0] if found else None)
    for touch in found:
        touch.is_first, touch.is_last = (len(found) > 1 and touch is end for end in (first, found[-1]))
    return [t for t in found if viewer.everything or t.channel_id is None or t.channel_id in viewer.channels]


def chat_of(rows: QuerySet[Message], *, older_than: str | None, newer_than: str | None) -> ChatPage:
    """A page of these messages, the latest where no cursor names another. One query. Raises BadRequest."""
    rows = rows.select_related("channel")
    found, newer, older = CHAT.page(rows, size=CHAT_SIZE, after=older_than, before=newer_than)
    return ChatPage(
        messages=found[::-1],
        older=CHAT.cursor(found[-1]) if older and found else "",
        newer=CHAT.cursor(found[0]) if newer and found else "",
        several_channels=len({message.channel_id for message in found}) > 1,
    )


def ticks(start: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    """Where hours, days or months of the business begin between two moments, at most TICKS of them, and their names."""
    first, last = (timezone.make_naive(at) for at in (start, end))
    hours = next((hours for hours in HOURS if last - first <= TICKS * timedelta(hours=hours)), None)
    for at in _months(first, last) if hours is None else _hours(first, last, hours):
        name = "YEAR_MONTH_FORMAT" if hours is None else "TIME_FORMAT" if at.hour else "MONTH_DAY_FORMAT"
        yield timezone.make_aware(at), str(format_date(at, name))


def _hours(first: datetime, last: datetime, hours: int) -> Iterator[datetime]:
    """Every so many hours, counted from the midnight of a Monday."""
    step = timedelta(hours=hours)
    at = datetime.combine(first.date() - timedelta(days=first.weekday()), time.min)
    at += -((at - first) // step) * step
    while at <= last:
        yield at
        at += step


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    """The first days of every so many months, counted from a January."""
    begin, end = (at.year * 12 + at.month - 1 for at in (first, last))
    step = next(months for months in MONTHS if end - begin <= TICKS * months)
    for month in range(begin // step * step + step, end + 1, step):
        yield datetime(month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - made aware by who asks


def lanes(intervals: list[LabelAssignment], *, start: datetime, now: datetime) -> list[TimelineLane]:
    """One lane per WhatsApp label, in the order of first appearance."""
    found: dict[int, TimelineLane] = {}
    for interval in intervals:
        lane = found.setdefault(interval.channel_label_id, TimelineLane(interval))
        lane.assignment = interval  # the latest says what the label means
        lane.bars.append(_bar(interval, start=start, now=now))
    return list(found.values())


def _bar(interval: LabelAssignment, *, start: datetime, now: datetime) -> Bar:
    span = (now - start).total_seconds()
    end = interval.removed_at or now
    x = 100 * (interval.added_at - start).total_seconds() / span
    width = max(100 * (end - interval.added_at).total_seconds() / span, NARROWEST)
    x = min(x, 100 - NARROWEST)
    until = _time(interval.removed_at) if interval.removed_at else _("now")
    title = f"{interval.channel_label_name}: {_time(interval.added_at)} – {until}"
    return Bar(
        x=f"{x:.3f}%",
        width=f"{min(width, 100 - x):.3f}%",
        tone=tone(interval.label),
        title=title,
        open=interval.removed_at is None,
    )


def changes_of(interval: LabelAssignment) -> Iterator[ShownChange]:
    """The one or two lines of the history that an interval is made of."""
    yield ShownChange(
        at=interval.added_at,
        added=True,
        assignment=interval,
        who=who(interval.added_by_user, interval.added_by),
        how=how(interval.added_by_method),
        origin=interval.get_origin_display(),
        reason="",
        source=interval.get_added_at_source_display(),
    )
    if interval.removed_at:
        yield ShownChange(
            at=interval.removed_at,
            added=False,
            assignment=interval,
            who=who(interval.removed_by_user, interval.removed_by),
            how=how(interval.removed_by_method),
            origin=interval.get_removed_origin_display() if interval.removed_origin else "",
            reason=_reason(interval),
            source="",
        )


def _reason(interval: LabelAssignment) -> str:
    """Why the label is gone; "" where somebody took it off, which the line says already."""
    return "" if interval.removed_reason == RemovedReason.REMOVED else interval.get_removed_reason_display()


def who(user: Any, agent: Any) -> str:
    """The person credited, "" when nobody knows."""
    if user is not None:
        return person(user)
    return agent.name if agent is not None else ""


def how(method: str) -> str:
    return str(Method(method).label) if method in Method.values and method != Method.UNKNOWN else ""


def _time(at: datetime) -> str:
    return format_date(timezone.localtime(at), "DATETIME_FORMAT")
