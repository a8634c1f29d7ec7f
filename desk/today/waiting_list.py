"""What the Today page shows of the queue: whose it is, its lines, its chips, and one contact in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from contacts.models import Agent, Message, Note
from contacts.selectors.viewing import viewer_of
from desk.contacts.page import ChatPage, chat_of
from desk.home.todos import ANSWERS_CHATS
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import LabelAssignment
from labels.services.today import morning
from reports.selectors import today
from reports.selectors.today import NOBODYS, SHOWN, TodayLine, TodayQueue
from reports.selectors.today_kinds import BY_CODE, KINDS, TodayScope

CHAT = 30  # messages beside the queue
MOST_CHIPS = 12  # CS that are named; a list chooses among all


@dataclass(frozen=True, slots=True)
class TodayAsked:
    """How the page is narrowed: to one kind, and to one CS (NOBODYS: contacts of nobody)."""

    kind: str = ""
    agent: int | None = None

    @classmethod
    def of(cls, given: QueryDict, *, leads: bool) -> TodayAsked:
        kind = given.get("kind", "")
        agent = NOBODYS if given.get("cs") == str(NOBODYS) else row_id(given.get("cs"))
        return cls(kind if kind in BY_CODE else "", agent if leads else None)

    def query(self, **changed: Any) -> str:
        """As the query of an address."""
        return as_query({"kind": self.kind, "cs": self.agent} | changed)


@dataclass(frozen=True, slots=True)
class TodayChip:
    """A choice above the queue: what it is called, how many lines it has, and since when the oldest waits."""

    name: str
    count: str
    query: str
    chosen: bool
    oldest: timedelta | None = None


@dataclass(slots=True)
class TodayPage:
    """The queue as the reader sees it: the `whole`, and the `queue` that the address narrows it to."""

    viewer: Viewer
    asked: TodayAsked
    whole: TodayQueue
    queue: TodayQueue
    agents: Mapping[int, Agent]
    leads: bool
    lines: list[TodayLine] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.whole.scope.now

    @property
    def has_numbers(self) -> bool:
        """Whether the reader sees any number that could tell of somebody who waits."""
        return bool(self.whole.scope.numbers)

    @property
    def total(self) -> str:
        return counted(len(self.queue.lines), more=bool(self.queue.full))

    @property
    def backlog(self) -> int:
        return max(0, len(self.queue.lines) - SHOWN)

    @property
    def backlog_shown(self) -> str:
        return counted(self.backlog, more=bool(self.queue.full)) if self.backlog or self.queue.full else ""

    @property
    def kinds(self) -> list[TodayChip]:
        counts, asked = self.whole.narrowed(agent=self.asked.agent).per_kind(), self.asked
        return [
            TodayChip(
                str(kind.title),
                counted(counts[kind.code], more=kind.code in self.whole.full),
                asked.query(kind="" if asked.kind == kind.code else kind.code.value),
                asked.kind == kind.code,
            )
            for kind in KINDS
            if counts.get(kind.code) or asked.kind == kind.code
        ]

    @property
    def kind_choices(self) -> list[tuple[str, str]]:
        counts = self.whole.narrowed(agent=self.asked.agent).per_kind()
        return [(kind.code.value, str(kind.title)) for kind in KINDS if counts.get(kind.code)]

    @property
    def people(self) -> list[TodayChip]:
        """Every CS with lines, the most first; only for who leads."""
        if not self.leads:
            return []
        more = bool(self.whole.full)
        return [
            TodayChip(
                self.name_of(load.agent),
                counted(load.lines, more=more),
                self.asked.query(cs=None if self.asked.agent == load.agent else load.agent),
                self.asked.agent == load.agent,
                self.now - load.oldest,
            )
            for load in self.whole.loads()[:MOST_CHIPS]
        ]

    def name_of(self, agent: int) -> str:
        if agent == NOBODYS:
            return _("Without a CS")
        return self.agents[agent].name if agent in self.agents else _("A CS you do not see")


def as_query(given: Mapping[str, Any]) -> str:
    """What was given, as the query of an address."""
    return urlencode({name: value for name, value in given.items() if value is not None and value != ""})


def counted(count: int, *, more: bool = False) -> str:
    """A number as people read it; "500+" where there are more than were looked at."""
    return number_format(count, force_grouping=True) + ("+" if more and count else "")


def may_open(viewer: Viewer) -> bool:
    return viewer.may(*ANSWERS_CHATS)


def leads(viewer: Viewer, user: Any) -> bool:
    """Whether somebody looks after others' chats too: their roles read reports, or they are no CS themselves."""
    return today.own_agent(viewer, user) is None


def scope_of(request: HttpRequest) -> TodayScope:
    """Whose lines the reader sees at all. Raises PermissionDenied."""
    viewer, user = viewer_of(request.user), request.user
    if not may_open(viewer):
        raise PermissionDenied
    return today.scope_of(viewer, agent=today.own_agent(viewer, user))


def read_page(request: HttpRequest) -> TodayPage:
    """The queue as its address narrows it, its first lines in full."""
    scope, viewer = scope_of(request), viewer_of(request.user)
    is_lead = leads(viewer, request.user)
    asked = TodayAsked.of(request.GET, leads=is_lead)
    whole = today.read_queue(scope)
    queue = _narrowed(whole, asked)
    page = TodayPage(viewer, asked, whole, queue, today.agents_of(viewer), is_lead, queue.lines[:SHOWN])
    today.complete(page.lines, scope)
    return page


def _narrowed(whole: TodayQueue, asked: TodayAsked) -> TodayQueue:
    """What was looked at, narrowed; where a kind was cut, the same looked for anew: its own worst may not be in it."""
    if asked == TodayAsked() or not whole.full:
        return whole.narrowed(kind=asked.kind, agent=asked.agent)
    scope = whole.scope if asked.agent is None else today.narrow(whole.scope, asked.agent)
    if not asked.kind:
        return today.read_queue(scope)
    return today.read_queue(scope, kinds=[BY_CODE[asked.kind]])


# -- One contact ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class TodayContact:
    """A line in full: what the contact has and said last, as far as the reader sees it."""

    line: TodayLine
    labels: list[LabelAssignment]
    chat: ChatPage
    notes: list[Note]

    @property
    def contact(self) -> Any:
        return self.line.contact

    @property
    def asks_reason(self) -> bool:
        """Whether to put this contact off must be explained."""
        return any(reason.kind.code.asks_reason for reason in self.line.reasons)


def in_full(line: TodayLine, viewer: Viewer) -> TodayContact:
    """Three queries."""
    rows = LabelAssignment.objects.visible_to(viewer).filter(contact=line.contact_id, removed_at=None)
    labels = rows.filter(channel_label__hidden=False).select_related("label", "channel").order_by("added_at", "id")
    said = Message.objects.visible_to(viewer).filter(contact=line.contact_id)
    chat = chat_of(said, older_than=None, newer_than=None)
    chat.messages = chat.messages[-CHAT:]
    notes = Note.objects.filter(contact=line.contact_id).select_related("author")[:3]
    return TodayContact(line, list(labels), chat, list(notes))


def lines_of(scope: TodayScope, contacts: Iterable[int]) -> list[TodayLine]:
    """The lines of these contacts now, in full; those who have no reason any more are missing."""
    queue = today.read_queue(today.only(scope, contacts))
    today.complete(queue.lines, scope)
    return queue.lines


def next_monday(now: datetime) -> datetime:
    """Monday morning, never today."""
    return morning(now, days=7 - timezone.localtime(now).weekday())
