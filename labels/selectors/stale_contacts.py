"""Who has stale labels, the most urgent first or as asked (docs/metrics.md, "Stale and contradictions", Urgency)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Extract, Greatest, Left
from django.utils import timezone

from contacts.models import Agent, Contact, Message
from labelcrm.core.bulk import array, fetch, positional
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, Label, StaleFlag, StaleSnooze, StaleSum
from labels.rules import urgency

# The ids of the labels of which any flag is open: one entry of an index each, and not all flags.
FLAGGED_LABELS = """
    WITH RECURSIVE next (label) AS (
        SELECT min(label_id) FROM labels_staleflag WHERE closed_at IS NULL
        UNION ALL SELECT (SELECT min(f.label_id) FROM labels_staleflag f
                          WHERE f.closed_at IS NULL AND f.label_id > next.label)
                  FROM next WHERE next.label IS NOT NULL
    ) SELECT label FROM next WHERE label IS NOT NULL
"""
EXCERPT = 90  # characters of the last message
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# How the list may be sorted; each is a score of which the highest comes first.
URGENCY, AGE, SILENCE = "urgency", "age", "silence"


class Place(NamedTuple):
    """Where a page ends or begins: the moment all its scores are of, and the last contact's score and id."""

    moment: datetime
    score: int = 0
    contact: int = 0


class Part(Enum):
    """Which flags a list is of: all that somebody sees, many of them, or few, which are read faster than looked up."""

    ALL = auto()
    MANY = auto()
    FEW = auto()


@dataclass(frozen=True, slots=True)
class StaleLabel:
    """One stale label of a contact at the moment of the page; `asks_reason` says what "still right" needs."""

    flag: StaleFlag
    age: timedelta
    asks_reason: bool

    @property
    def label(self) -> Label:
        return self.flag.label

    @property
    def usual(self) -> timedelta | None:
        """Within how long 8 of 10 contacts went on from this label; None where too little is known."""
        learned = getattr(self.flag.label, "learned_limit", None)
        return timedelta(days=learned.days) if learned is not None and self.flag.label.step is not None else None

    @property
    def over(self) -> timedelta:
        return self.age - timedelta(days=self.flag.limit_days)


@dataclass(slots=True)
class StaleContact:
    """A contact with all their stale labels, the most urgent first, and the last message that the viewer may read.

    owners: CS whose labels they are, as far as the viewer sees them.
    """

    contact: Contact
    score: int
    labels: list[StaleLabel] = field(default_factory=list)
    last: Any = None  # a Message with `excerpt`
    owners: list[str] = field(default_factory=list)

    @property
    def over(self) -> timedelta:
        """How long the most urgent label has been over its limit."""
        return self.labels[0].over if self.labels else timedelta()

    @property
    def has_several(self) -> bool:
        return len(self.labels) > 1

    @property
    def asks_reason(self) -> bool:
        return any(stale.asks_reason for stale in self.labels)


@dataclass(frozen=True, slots=True)
class StaleCounts:
    """How many contacts there are, how many labels, and how many of these are with the lead.

    `per_owner` and `per_label` are contacts by the id of whose label it is, and of the label.
    """

    contacts: int = 0
    labels: int = 0
    escalated: int = 0
    per_owner: dict[int, int] = field(default_factory=dict)
    per_label: dict[int, int] = field(default_factory=dict)


_COUNT = """
    WITH flag AS MATERIALIZED ({flags})
    SELECT 'contacts', NULL::bigint, count(*) FROM (SELECT contact_id FROM flag GROUP BY contact_id) AS whom
    UNION ALL SELECT 'labels', NULL, count(*) FROM flag
    UNION ALL SELECT 'escalated', NULL, count(escalated_at) FROM flag
    UNION ALL SELECT 'label', label_id, count(*) FROM flag GROUP BY label_id
    UNION ALL SELECT 'owner', owner_id, count(*)
              FROM (SELECT owner_id, contact_id FROM flag GROUP BY owner_id, contact_id) AS whose
              WHERE owner_id IS NOT NULL GROUP BY owner_id
"""


def count(flags: QuerySet[StaleFlag]) -> StaleCounts:
    """Of open flags, all at once. A contact has one open flag of a label. One query."""
    try:
        rows = flags.order_by().values("contact_id", "label_id", "owner_id", "escalated_at")
        statement, values = rows.query.sql_with_params()
    except EmptyResultSet:  # somebody without a team
        return StaleCounts()
    found: dict[str, dict[Any, int]] = defaultdict(dict)
    for what, key, number in fetch(_COUNT.format(flags=statement), list(values)):
        found[what][key] = number
    contacts, labels, escalated = (found[what][None] for what in ("contacts", "labels", "escalated"))
    return StaleCounts(contacts, labels, escalated, found["owner"], found["label"])


def on_numbers_of(teams: QuerySet[Any]) -> Exists:
    """The condition that a flag's label came on a number of one of these teams."""
    spells = CleanSpell.objects.filter(contact=OuterRef("contact"), label=OuterRef("label"), ended_at__isnull=True)
    return Exists(spells.filter(channel__team__in=teams))


def page(
    flags: QuerySet[StaleFlag],
    *,
    viewer: Viewer,
    place: Place,
    size: int,
    forward: bool = True,
    order: str = URGENCY,
    part: Part = Part.MANY,
    agents: Mapping[int, Agent] | None = None,
) -> tuple[list[StaleContact], bool]:
    """The next `size` contacts beyond a place, and whether there are more in that direction.

    `order`: most urgent first (URGENCY), whose label has been on longest (AGE), or who has been without a message
    longest (SILENCE). All scores are of the place's moment, so a list keeps its order while its pages are turned, and
    of the given flags; a contact's line shows all their stale labels. `part` says what they are of all that the viewer
    sees. Seven queries, and up to four more of MANY; one less where all the `agents` whom the viewer sees are known.
    """
    found = _StaleWalk(flags, viewer, place, forward=forward, limit=size + 1).found(order, part)
    more, found = len(found) > size, found[:size] if forward else found[:size][::-1]
    return _lines(found, viewer=viewer, moment=place.moment, agents=agents), more


# -- The order --------------------------------------------------------------------------------------------------------

Scored = list[tuple[int, int]]  # contacts and their scores
NEAR = (2_000, 20_000)  # of so many the first are looked at; where that is not enough for a page, of all
DAY = 86_400_000_000  # microseconds
_WORTHS = """
    WITH RECURSIVE next (worth) AS (
        SELECT min(worth) FROM labels_stalesum
        UNION ALL SELECT (SELECT min(s.worth) FROM labels_stalesum s WHERE s.worth > next.worth)
                  FROM next WHERE next.worth IS NOT NULL
    ) SELECT worth, {seen} FROM next WHERE worth IS NOT NULL
"""
FEW_SEEN = 20_000  # so many contacts are sorted faster than they are looked for among all
_SEEN = """
    SELECT contact_id FROM contacts_contactchannel WHERE channel_id = ANY(%(channels)s::bigint[])
    UNION ALL SELECT c.id FROM contacts_contact c JOIN contacts_agent a ON a.id = c.assigned_to_id
              WHERE a.team_id = ANY(%(teams)s::bigint[]) OR a.id = %(agent)s
"""


@dataclass(frozen=True)
class _StaleWalk:
    """`limit` contacts of `flags` beyond a place, each with its score."""

    flags: QuerySet[StaleFlag]
    viewer: Viewer
    place: Place
    forward: bool
    limit: int

    def found(self, order: str, part: Part) -> Scored:
        """Of whom an index names first, as far as that is enough for a page; else of everybody."""
        if part == Part.ALL and order == URGENCY:
            return self._all_by_urgency()
        looked_at = {} if part == Part.FEW else {URGENCY: self._near_the_most_urgent, AGE: self._near_the_oldest}
        found = looked_at[order]() if order in looked_at else None
        return self._scored(self.flags, order) if found is None else found

    def _all_by_urgency(self) -> Scored:
        """Of the sums of all whom the viewer sees. Two queries."""
        known, seen = _worths_and_seen(self.viewer)
        if seen > FEW_SEEN or self.viewer.everything:
            return self._of_worths(known, _seen_sums(self.viewer), self.place if self.place.contact else None)
        ids = RawSQL(*positional(_SEEN, _parameters(self.viewer)))  # noqa: S611 - SQL from this module
        sums = StaleSum.objects.filter(contact__in=ids, contact__deleted_at__isnull=True)
        return self._beyond(sums.annotate(score=self._score_of_sum()))

    def _near_the_most_urgent(self) -> Scored | None:
        """None where somebody else may stand among them.

        Nobody is more urgent by some of their flags than by all, but for flags that were not due at the moment of the
        list: each has become due since then.
        """
        known = worths()
        slack = max(known, default=0) * _microseconds(max(timezone.now() - self.place.moment, timedelta()))
        for number in NEAR:
            first = replace(self, forward=True, limit=number)._of_worths(known, StaleSum.objects.all(), None)
            found = self._among(first, URGENCY)
            if len(first) < number:
                return found
            edge = first[-1][1] + slack
            if len(found) == self.limit and found[-1][1] > edge if self.forward else self.place.score > edge:
                return found
        return None

    def _near_the_oldest(self) -> Scored | None:
        """None where somebody else may stand among them."""
        try:
            at = self.place.moment - timedelta(microseconds=self.place.score)
        except OverflowError:  # nobody's age
            return None
        beyond = {"clock_started_at__gte" if self.forward else "clock_started_at__lte": at}
        flags = self.flags.filter(**beyond) if self.place.contact else self.flags
        age = _microseconds_since(F("clock_started_at"), self.place.moment)
        by_clock = flags.order_by("clock_started_at" if self.forward else "-clock_started_at").annotate(score=age)
        for number in NEAR:
            first = list(by_clock.values_list("contact_id", "score")[:number])
            found = self._among(first, AGE)
            if len(first) < number:
                return found
            edge, last = first[-1][1], found[-1][1] if len(found) == self.limit else first[-1][1]
            if last > edge if self.forward else last < edge:
                return found
        return None

    def _among(self, contacts: Scored, order: str) -> Scored:
        ids = array({contact for contact, _score in contacts})
        chosen = RawSQL("SELECT unnest(%s::bigint[])", [ids])
        return self._scored(self.flags.filter(contact__in=chosen), order)

    def _scored(self, flags: QuerySet[StaleFlag], order: str) -> Scored:
        """Of flags that are all read."""
        return self._beyond(flags.order_by().values("contact").annotate(score=_score(order, self.place.moment)))

    def _beyond(self, scored: QuerySet[Any]) -> Scored:
        if self.place.contact:
            word = "lt" if self.forward else "gt"
            tie = Q(score=self.place.score) & Q(**{f"contact__{word}": self.place.contact})
            scored = scored.filter(Q(**{f"score__{word}": self.place.score}) | tie)
        direction = ("-score", "-contact") if self.forward else ("score", "contact")
        return list(scored.order_by(*direction).values_list("contact", "score")[: self.limit])

    def _score_of_sum(self) -> Any:
        at = Value(_microseconds(self.place.moment - EPOCH))
        return ExpressionWrapper(F("worth") * at - F("due"), output_field=BigIntegerField())

    def _of_worths(self, known: Sequence[int], sums: QuerySet[StaleSum], place: Place | None) -> Scored:
        """The first of `sums` beyond `place`, of each worth by the index and then of all."""
        at, score = _microseconds(self.place.moment - EPOCH), self._score_of_sum()
        parts = []
        for worth in known:
            rows = sums.filter(worth=worth)
            if place is not None:
                due = worth * at - place.score
                way, other = ("gt", "lt") if self.forward else ("lt", "gt")
                tie = Q(**{f"due__{way}": due}) | Q(**{f"contact_id__{other}": place.contact})
                rows = rows.filter(tie, **{f"due__{way}e": due})
            order = ("due", "-contact_id") if self.forward else ("-due", "contact_id")
            parts.append(rows.annotate(score=score).order_by(*order).values_list("contact_id", "score")[: self.limit])
        if len(parts) < 2:
            return list(parts[0]) if parts else []
        order = ("-score", "-contact_id") if self.forward else ("score", "contact_id")
        return list(parts[0].union(*parts[1:], all=True).order_by(*order)[: self.limit])


def worths() -> list[int]:
    """What a day over all limits of a contact costs: each sum that there is, ascending. One query."""
    return [worth for worth, _seen in fetch(_WORTHS.format(seen=0), [])]


def _worths_and_seen(viewer: Viewer) -> tuple[list[int], int]:
    """The same, and how many contacts the viewer sees, as far as FEW_SEEN matters; 0 for who sees everybody."""
    if viewer.everything:
        return worths(), 0
    counted = f"(SELECT count(*) FROM (SELECT FROM ({_SEEN}) AS whom LIMIT {FEW_SEEN + 1}) AS seen)"  # noqa: S608
    found = fetch(_WORTHS.format(seen=counted), _parameters(viewer))
    return [worth for worth, _seen in found], found[0][1] if found else 0


def _parameters(viewer: Viewer) -> dict[str, Any]:
    return {"channels": sorted(viewer.channels), "teams": sorted(viewer.teams), "agent": viewer.agent}


def _seen_sums(viewer: Viewer) -> QuerySet[StaleSum]:
    """Of living contacts whom the viewer sees. Asked row by row: PostgreSQL would list all contacts of a team first."""
    if viewer.everything:
        return StaleSum.objects.filter(contact__deleted_at__isnull=True)
    contact = Contact.objects.visible_to(viewer).filter(pk=OuterRef("contact_id")).annotate(seen=Value(True))
    return StaleSum.objects.filter(Subquery(contact.values("seen")[:1], output_field=BooleanField()))


def _score(order: str, moment: datetime) -> Any:
    """What a contact's flags come to, in SQL: whole microseconds, which compare exactly."""
    if order == AGE:
        return Max(_microseconds_since(F("clock_started_at"), moment))
    if order == SILENCE:
        said = (F(f"contact__{name}") for name in ("last_inbound_at", "last_outbound_at", "first_seen_at"))
        return Max(_microseconds_since(Greatest(*said), moment))
    over = _microseconds_since(F("clock_started_at"), moment) - F("limit_days") * Value(DAY)
    return Sum(F("worth") * over, output_field=BigIntegerField())


def _microseconds_since(at: Any, moment: datetime) -> Any:
    passed = ExpressionWrapper(Value(moment) - at, output_field=DurationField())
    return Cast(Extract(passed, "epoch") * Value(1_000_000), BigIntegerField())


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def labels_by_value(labels: Collection[Label] | None = None) -> dict[int, list[int]]:
    """The ids of the labels of each value, archived ones too. No query where all `labels` are known."""
    found: dict[int, list[int]] = defaultdict(list)
    for label in Label.all_objects.order_by("pk") if labels is None else labels:
        found[value_of(label)].append(label.pk)
    return found


def value_of(label: Label) -> int:
    return urgency.value(
        step=label.step, high_quality=label.high_quality, low_quality=label.low_quality, meaning=label.meaning
    )


def lines_of(contacts: Sequence[int], *, viewer: Viewer, moment: datetime) -> list[StaleContact]:
    """The lines of contacts (ids) that the viewer sees, without their score."""
    seen = Contact.objects.visible_to(viewer).filter(pk__in=contacts).values_list("pk", flat=True)
    return _lines([(pk, 0) for pk in seen], viewer=viewer, moment=moment)


def _lines(
    found: Sequence[tuple[int, int]], *, viewer: Viewer, moment: datetime, agents: Mapping[int, Agent] | None = None
) -> list[StaleContact]:
    ids = [pk for pk, _ in found]
    contacts = Contact.all_objects.in_bulk(ids)
    last = last_messages(ids, viewer)
    lines = {pk: StaleContact(contacts[pk], score, last=last.get(pk)) for pk, score in found}
    said = _said_before()
    flags = list(
        StaleFlag.objects.filter(contact__in=ids, closed_at__isnull=True)
        .select_related("label__learned_limit")
        .annotate(said=said)
    )
    for flag in flags:
        asks = urgency.needs_reason(high_quality=flag.label.high_quality, said_before=flag.said)
        lines[flag.contact_id].labels.append(StaleLabel(flag, moment - flag.clock_started_at, asks))
    named_by = {flag.owner_id for flag in flags if flag.owner_id}
    owners = Agent.all_objects.visible_to(viewer).in_bulk(named_by) if agents is None else agents
    for line in lines.values():
        line.labels.sort(key=lambda stale: stale.over * value_of(stale.label), reverse=True)
        theirs = (owners.get(stale.flag.owner_id or 0) for stale in line.labels)
        line.owners = list(dict.fromkeys(agent.name for agent in theirs if agent is not None))
    return list(lines.values())


def _said_before() -> Any:
    """How often somebody said "still right" of a flag's label since it was put on."""
    snoozes = StaleSnooze.objects.filter(
        contact=OuterRef("contact"), label=OuterRef("label"), at__gte=OuterRef("spell_started_at")
    )
    counted = snoozes.order_by().values("contact").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def last_messages(contacts: Sequence[int], viewer: Viewer) -> dict[int, Message]:
    """The last counted message of each contact on a number that the viewer sees; its text is cut."""
    newest = Message.objects.visible_to(viewer).counted().filter(contact=OuterRef("pk")).order_by("-at", "-id")
    wanted = Contact.objects.filter(pk__in=contacts).annotate(last=Subquery(newest.values("pk")[:1])).values("last")
    rows = Message.objects.filter(pk__in=wanted).defer("text").annotate(excerpt=Left("text", EXCERPT + 1))
    return {row.contact_id: row for row in rows}
