"""The Today page: who waits, why, since when, and whose it is; what waiting costs most comes first.

A contact is one line with all their reasons. The worst SLICE of each kind are looked at, by index, so that a page costs
the same whatever waits; where a kind has more, its numbers are "at least". Cost: `labels.rules.waiting`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import BooleanField, Count, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from contacts.models import Agent, Channel, Contact, ContactChannel
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.ownership import NumberNow, numbers_now
from labelcrm.core.viewer import Viewer
from labels.models import ContradictionFlag, Label, TodayAction, TodayKind
from labels.rules.waiting import cost
from labels.selectors.contradictions import to_take_off
from labels.selectors.stale_contacts import FLAGGED_LABELS, last_messages, value_of
from reports.selectors.today_kinds import BY_CODE, KINDS, TodayScope, WaitingKind

SHOWN = 50  # lines of "today"; the rest is backlog
STEP = 200  # reasons that a job works off at once
LEADS = "reports.view_report"
NOBODYS = 0  # stands for a CS where a contact is nobody's


class TodayRow(NamedTuple):
    """One reason of a contact as it comes from the database (`today_kinds.COLUMNS`)."""

    kind: str
    contact: int
    since: datetime
    newest: datetime
    label: int | None
    limit: int | None
    ref: int | None
    assigned: int | None
    part: int


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """Why a contact stands on the page: since when, how late that is, and what it costs.

    Of a contradiction `labels` are those at odds, and `going` those of them that should come off.
    """

    kind: WaitingKind
    row: TodayRow
    late: timedelta
    cost: float
    label: Label | None
    labels: tuple[Label, ...] = ()
    going: tuple[Label, ...] = ()

    @property
    def age(self) -> timedelta:
        return self.late + timedelta(days=self.row.limit or 0)

    @property
    def asks_reason(self) -> bool:
        """Whether "still right" must say why the first time (`labels.rules.urgency`)."""
        is_high = self.row.kind == TodayKind.STALE and bool(self.label and self.label.high_quality)
        return is_high or self.kind.code.asks_reason or self.row.kind == TodayKind.CONTRADICTION


@dataclass(slots=True)
class TodayLine:
    """A contact with their reasons, the costliest first. `owner` is the id of whose they are, NOBODYS for nobody's."""

    contact_id: int
    reasons: list[WaitingReason]
    owner: int
    contact: Any = None
    last: Any = None

    @property
    def cost(self) -> float:
        return sum(reason.cost for reason in self.reasons)

    @property
    def since(self) -> datetime:
        return min(reason.row.since for reason in self.reasons)

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(reason.row.kind for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Load:
    """How many lines one CS has, and since when the oldest waits."""

    agent: int
    lines: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class TodayQueue:
    """All lines that were looked at, the costliest first. `full`: kinds of which there are more than that."""

    lines: list[TodayLine]
    full: frozenset[str]
    scope: TodayScope
    values: Mapping[int, int] = field(default_factory=dict, repr=False)

    def per_kind(self) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for line in self.lines:
            for kind in line.kinds:
                counts[kind] += 1
        return counts

    def loads(self) -> list[Load]:
        """By CS, the most first."""
        mine: dict[int, list[TodayLine]] = defaultdict(list)
        for line in self.lines:
            mine[line.owner].append(line)
        loads = [Load(agent, len(lines), min(line.since for line in lines)) for agent, lines in mine.items()]
        return sorted(loads, key=lambda load: (-load.lines, load.agent))

    def narrowed(self, *, kind: str = "", agent: int | None = None) -> TodayQueue:
        """The lines that have this reason, and are this CS's (NOBODYS: nobody's)."""
        lines = [
            line for line in self.lines if (not kind or kind in line.kinds) and (agent is None or line.owner == agent)
        ]
        return replace(self, lines=lines, full=self.full & {kind} if kind else self.full)


# -- Reading ----------------------------------------------------------------------------------------------------------


def scope_of(viewer: Viewer, *, now: datetime | None = None, agent: int | None = None) -> TodayScope:
    """Whose lines a viewer reads: all they see, or one CS's. Two queries."""
    now = now or timezone.now()
    channels = Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY)
    flagged = RawSQL(f"labels_label.id IN ({FLAGGED_LABELS})", [], output_field=BooleanField())  # noqa: S611
    return TodayScope(
        viewer=viewer,
        now=now,
        numbers=numbers_now(channels, now=now, zone=settings.TIME_ZONE),
        labels=Label.all_objects.annotate(flagged=flagged).in_bulk(),
        agent=agent,
    )


def own_agent(viewer: Viewer, user: Any) -> int | None:
    """The agent (id) whose lines alone somebody reads: a CS's own; None for who looks after others' chats too, whose
    role reads reports, or who is no CS.
    """
    agent = None if viewer.may(LEADS) else getattr(user, "agent", None)
    return agent.pk if agent is not None else None


def narrow(scope: TodayScope, agent: int | None) -> TodayScope:
    """The scope of one CS's contacts; NOBODYS: of nobody's."""
    return replace(scope, agent=agent or None, nobodys=agent == NOBODYS)


def only(scope: TodayScope, contacts: Iterable[int]) -> TodayScope:
    """The scope of some of its contacts (ids)."""
    return replace(scope, only=tuple(contacts))


def read_queue(scope: TodayScope, *, kinds: Iterable[WaitingKind] = KINDS) -> TodayQueue:
    """Every line of the scope, as far as it is looked at. Three queries."""
    parts = [(kind, part) for kind in kinds for part in kind.parts(scope)]
    rows = _rows([part for _kind, part in parts])
    full = _full(rows, scope)
    rows = _once(rows)
    contacts = {row.contact for row in rows}
    owners = _owners(rows, scope.numbers)
    values = _values(scope, contacts)
    lines: dict[int, TodayLine] = {}
    for row in rows:
        line = lines.setdefault(row.contact, TodayLine(row.contact, [], owners.get(row.contact, NOBODYS)))
        line.reasons.append(_reason(row, scope, values))
    for line in lines.values():
        line.reasons.sort(key=lambda reason: -reason.cost)
    # Of equals who began to wait last comes first: they may still be there.
    ordered = sorted(lines.values(), key=lambda line: (line.cost, line.since, line.contact_id), reverse=True)
    return TodayQueue(ordered, full, scope, values)


def count_waiting(scope: TodayScope, *, most: int) -> int:
    """How many contacts wait, as far as `most` matters: exact below it. One query."""
    rows = _rows([part for kind in KINDS for part in kind.parts(replace(scope, slice=2 * most))])
    return len({row.contact for row in rows})


def next_rows(scope: TodayScope, kind: WaitingKind) -> list[TodayRow]:
    """The next STEP rows of one kind in the order of contacts, for a scope `by_contact`; no contact is cut."""
    rows = sorted(_once(_rows(list(kind.parts(scope)))), key=lambda row: row.contact)
    return rows[:STEP] + [row for row in rows[STEP:] if row.contact == rows[STEP - 1].contact]


def _rows(parts: Sequence[QuerySet[Any]]) -> list[TodayRow]:
    if not parts:
        return []
    together = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    return [TodayRow._make(row) for row in together]


def _full(rows: Iterable[TodayRow], scope: TodayScope) -> frozenset[str]:
    """The kinds of which a part was cut."""
    counts = Counter((row.kind, row.part) for row in rows)
    return frozenset(kind for (kind, _part), count in counts.items() if count >= scope.most(TodayKind(kind)))


def _once(rows: Iterable[TodayRow]) -> list[TodayRow]:
    """Each reason once: a contact may come by two parts."""
    found: dict[tuple[str, int, int | None], TodayRow] = {}
    for row in rows:
        key = (row.kind, row.contact, row.label)
        if key not in found or row.since < found[key].since:
            found[key] = row
    return list(found.values())


def _owners(rows: Iterable[TodayRow], numbers: Mapping[int, NumberNow]) -> dict[int, int]:
    """Whose each contact is: whom they are assigned to, else who has the number they are known on."""
    found = {row.contact: row.assigned for row in rows if row.assigned}
    free = {row.contact for row in rows if not row.assigned}
    owned = {pk: number.owner for pk, number in numbers.items() if number.owner is not None}
    links = ContactChannel.objects.filter(contact__in=free, channel__in=owned).order_by("-channel_id")
    for contact, channel in links.values_list("contact_id", "channel_id"):
        found[contact] = owned[channel]
    return found


def _values(scope: TodayScope, contacts: Iterable[int]) -> dict[int, int]:
    """The value of the highest label that each contact has now; contacts without one are missing."""
    worth = {pk: value_of(label) for pk, label in scope.labels.items()}
    values: dict[int, int] = {}
    for contact, label in scope.spells().filter(contact__in=contacts).values_list("contact_id", "label_id"):
        values[contact] = max(values.get(contact, 0), worth[label])
    return values


def _reason(row: TodayRow, scope: TodayScope, values: Mapping[int, int]) -> WaitingReason:
    kind, label = BY_CODE[row.kind], scope.labels.get(row.label or 0)
    patience = kind.patience or timedelta(days=row.limit or 1)
    late = scope.now - row.since - timedelta(days=row.limit or 0)
    value = value_of(label) if label is not None else values.get(row.contact, 1)
    return WaitingReason(kind, row, late, cost(value=value, over=late, patience=patience), label)


# -- What a page shows besides ----------------------------------------------------------------------------------------


def complete(lines: Sequence[TodayLine], scope: TodayScope) -> None:
    """Give lines their contact, the last message, and the labels that contradict each other. Two queries or three."""
    contacts = Contact.objects.in_bulk([line.contact_id for line in lines])
    last = last_messages(list(contacts), scope.viewer)
    at_odds = _at_odds(lines, scope.labels)
    for line in lines:
        line.contact, line.last = contacts[line.contact_id], last.get(line.contact_id)
        line.reasons = [
            replace(reason, labels=at_odds[reason.row.ref].labels, going=at_odds[reason.row.ref].going)
            if reason.row.kind == TodayKind.CONTRADICTION and reason.row.ref in at_odds
            else reason
            for reason in line.reasons
        ]


class AtOdds(NamedTuple):
    """Labels that contradict each other, and which of them should go."""

    labels: tuple[Label, ...]
    going: tuple[Label, ...]


def _at_odds(lines: Sequence[TodayLine], labels: Mapping[int, Label]) -> dict[int | None, AtOdds]:
    """The labels of each contradiction among the lines, by the id of its flag."""
    rows = (reason.row for line in lines for reason in line.reasons)
    flags = {row.ref or 0 for row in rows if row.kind == TodayKind.CONTRADICTION}
    found = ContradictionFlag.objects.filter(pk__in=flags).values_list("pk", "rule__kind", "labels") if flags else ()
    named = {pk: (kind, tuple(labels[label] for label in ids if label in labels)) for pk, kind, ids in found}
    return {pk: AtOdds(those, tuple(to_take_off(kind, those))) for pk, (kind, those) in named.items() if those}


def done_today(user: Any, *, now: datetime) -> dict[str, int]:
    """How many contacts a user settled, put off, assigned ... since midnight, by action."""
    since = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    done = TodayAction.objects.filter(user=user, at__gte=since, undone_at=None).order_by()
    return dict(done.values_list("action").annotate(n=Count("contact", distinct=True)))


def agents_of(viewer: Viewer) -> dict[int, Agent]:
    """The living CS whom the viewer sees, by id, in the order of their names."""
    return {agent.pk: agent for agent in Agent.objects.visible_to(viewer).order_by("name", "pk")}
