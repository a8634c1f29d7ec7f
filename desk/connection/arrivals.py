"""What arrived at a channel: its latest posts and what they said, and the posts that were turned away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import Channel
from desk.base.reasons import sentence
from webhooks.drain.parsing import ChannelFacts, JudgedRow, RawEvent, channel_facts, read
from webhooks.gateways.events import (
    ChannelStatus,
    ContactSeen,
    Event,
    IdentityChanged,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
)
from webhooks.models import InboundEvent, PostCounter
from webhooks.selectors import DUPLICATE_POST

LATEST = 60  # posts of each state that are looked at
REFUSED_DAYS = 14
State = InboundEvent.State
LOOKED_AT = (State.APPLIED, State.DUPLICATE, State.IGNORED, State.PARKED, State.PENDING)

MESSAGE, LABEL_ON_CHAT, LABEL_ITSELF, STATUS, CONTACT = "message", "label_on_chat", "label_itself", "status", "contact"
CHANGED = "changed"
UNKNOWN_MESSAGE = "unknown_message"
KINDS: dict[str, str | Promise] = {
    LABEL_ON_CHAT: _("label put on or taken off"),
    LABEL_ITSELF: _("label created, renamed or deleted"),
    MESSAGE: _("message"),
    UNKNOWN_MESSAGE: _("message of an unknown type"),
    STATUS: _("connection of the number"),
    CONTACT: _("name of a contact"),
    CHANGED: _("change of a number or an id"),
}
_KIND_OF: dict[type[Event], str] = {
    LabelOnChat: LABEL_ON_CHAT,
    LabelSaved: LABEL_ITSELF,
    LabelDeleted: LABEL_ITSELF,
    MessageSeen: MESSAGE,
    ChannelStatus: STATUS,
    ContactSeen: CONTACT,
    IdentityChanged: CHANGED,
}
IGNORED: dict[str, str | Promise] = {
    "group": _("in a group"),
    "status": _("a status"),
    "broadcast": _("a broadcast"),
    "newsletter": _("a WhatsApp channel"),
    "own_number": _("about the number itself"),
    "staff_number": _("a chat with somebody who works here"),
    "message_label": _("a label on a single message"),
    "empty": _("without content"),
    "message_status": _("delivered or read"),
    "history_declined": _("history, which the owner of the app does not share"),
    "history_without_chat": _("media of the history, whose message came before"),
}
NOTICE = "notice:"  # begins the reason of what WhatsApp and its clients tell each other, a deleted message say


@dataclass(frozen=True, slots=True)
class Arrival:
    """One stored post: what it said in `kinds`, what became of it, and how far its clock was from ours, in seconds.

    `reason` is a code wherever code asks for it, `why` the same for people.
    """

    id: int
    at: datetime
    state: str
    reason: str
    why: str
    kinds: tuple[str, ...] = ()
    lag: float | None = None
    capped: bool = False

    @property
    def said(self) -> list[str | Promise]:
        return [KINDS[kind] for kind in self.kinds]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Posts that were turned away for one reason; `days` counts them by day, newest first."""

    outcome: str
    count: int
    last_at: datetime
    days: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The latest posts of a channel, newest first, and what was refused in the last days."""

    posts: tuple[Arrival, ...]
    refusals: tuple[Refusal, ...] = ()
    last_of_kind: dict[str, datetime] = field(default_factory=dict)

    @property
    def last_stored(self) -> datetime | None:
        return self.posts[0].at if self.posts else None

    @property
    def last_refused(self) -> Refusal | None:
        return max(self.refusals, key=lambda refusal: refusal.last_at, default=None)

    def of_state(self, state: str) -> list[Arrival]:
        return [post for post in self.posts if post.state == state]

    def ignored_reasons(self) -> Counter[str]:
        return Counter(post.reason for post in self.of_state(State.IGNORED))


def arrivals(channel: Channel) -> Arrivals:
    """What arrived lately: five short index scans, however long the channel has been connected."""
    posts = tuple(_posts(channel))
    last: dict[str, datetime] = {}
    for post in posts:
        for kind in post.kinds:
            last.setdefault(kind, post.at)
    return Arrivals(posts, tuple(refusals(channel)), last)


def _posts(channel: Channel) -> list[Arrival]:
    facts = channel_facts(channel)
    rows = [row for state in LOOKED_AT for row in _latest(channel, state)]
    return [_arrival(row, facts) for row in sorted(rows, key=lambda row: row.pk, reverse=True)]


def _latest(channel: Channel, state: str) -> Iterable[InboundEvent]:
    return InboundEvent.objects.filter(channel=channel, state=state).order_by("-id")[:LATEST]


def _arrival(row: InboundEvent, channel: ChannelFacts) -> Arrival:
    body = bytes(row.body)
    why = why_ignored(row.reason) if row.state == State.IGNORED else sentence(row.reason, session=channel.session)
    if row.state not in (State.APPLIED, State.DUPLICATE) or not body:
        return Arrival(row.pk, row.received_at, row.state, row.reason, why)
    judged = read(RawEvent(row.pk, row.received_at, row.dedupe_key, row.headers, body), channel)
    return Arrival(
        row.pk,
        row.received_at,
        row.state,
        row.reason,
        why,
        _kinds(judged),
        _lag(judged),
        any(parsed.when.capped for parsed in judged.events),
    )


def why_ignored(reason: str) -> str:
    """What a parser's code says, as far as it stands in IGNORED; else its words."""
    if reason.startswith(NOTICE):
        words = reason.removeprefix(NOTICE).replace("_", " ")
        return _("a notice of WhatsApp, not a message: %(told)s") % {"told": words}
    return str(IGNORED.get(reason, reason.replace("_", " ")))


def _kinds(judged: JudgedRow) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for parsed in judged.events if (kind := _kind(parsed.event))))


def _kind(event: Event) -> str | None:
    if isinstance(event, MessageSeen) and event.kind == "unknown":
        return UNKNOWN_MESSAGE
    return _KIND_OF.get(type(event))


def _lag(judged: JudgedRow) -> float | None:
    """Seconds from the gateway's or WhatsApp's time to receipt; None where no time was told."""
    times = [parsed.when.at for parsed in judged.events if parsed.when.source != "received"]
    return (judged.row.received_at - min(times)).total_seconds() if times else None


def refusals(channel: Channel) -> list[Refusal]:
    """Refused posts of the last `REFUSED_DAYS` days by reason, the latest first."""
    since = timezone.localdate() - timedelta(days=REFUSED_DAYS - 1)
    rows = PostCounter.objects.filter(channel=channel, day__gte=since).exclude(outcome=DUPLICATE_POST)
    found: dict[str, list[PostCounter]] = {}
    for row in rows.order_by("-day"):
        found.setdefault(row.outcome, []).append(row)
    refused = [
        Refusal(outcome, sum(day.count for day in days), max(day.last_at for day in days),
                tuple((day.day, day.count) for day in days))
        for outcome, days in found.items()
    ]  # fmt: skip
    return sorted(refused, key=lambda refusal: refusal.last_at, reverse=True)
