"""Who has stale labels, the most urgent first or as asked (docs/metrics.md, "Stale and contradictions", Urgency)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
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
    When,
)
from django.db.models.functions import Cast, Coalesce, Extract, Greatest, Left

from contacts.models import Agent, Contact, Message
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, Label, StaleFlag, StaleSnooze
from labels.rules import urgency

EXCERPT = 90  # characters of the last message


# How the list may be sorted; each is a score of which the highest comes first.
URGENCY, AGE, SILENCE = "urgency", "age", "silence"


class Place(NamedTuple):
    """Where a page ends or begins: the moment all its scores are of, and the last contact's score and id."""

    moment: datetime
    score: int = 0
    contact: int = 0


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


def count(flags: QuerySet[StaleFlag]) -> tuple[int, int]:
    """How many contacts, and how many labels."""
    found = flags.order_by().aggregate(contacts=Count("contact", distinct=True), labels=Count("pk"))
    return found["contacts"], found["labels"]


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
    labels: Collection[Label] | None = None,
    agents: Mapping[int, Agent] | None = None,
) -> tuple[list[StaleContact], bool]:
    """The next `size` contacts beyond a place, and whether there are more in that direction.

    `order`: most urgent first (URGENCY), whose label has been on longest (AGE), or who has been without a message
    longest (SILENCE). All scores are of the place's moment, so a list keeps its order while its pages are turned, and
    of the given flags; a contact's line shows all their stale labels. Seven queries, one less for each that is known
    already: all `labels`, and the `agents` whom the viewer sees, by id, of all who have open flags.
    """
    scored = flags.order_by().values("contact").annotate(score=_score(order, place.moment, labels))
    if place.contact:
        word = "lt" if forward else "gt"
        tie = Q(score=place.score) & Q(**{f"contact__{word}": place.contact})
        scored = scored.filter(Q(**{f"score__{word}": place.score}) | tie)
    direction = ("-score", "-contact") if forward else ("score", "contact")
    found = list(scored.order_by(*direction).values_list("contact", "score")[: size + 1])
    more, found = len(found) > size, found[:size] if forward else found[:size][::-1]
    return _lines(found, viewer=viewer, moment=place.moment, agents=agents), more


def _score(order: str, moment: datetime, labels: Collection[Label] | None) -> Any:
    """What a contact's flags come to, in SQL: whole numbers, which compare exactly."""
    if order == AGE:
        return Max(_seconds_since(F("clock_started_at"), moment))
    if order == SILENCE:
        said = (F(f"contact__{name}") for name in ("last_inbound_at", "last_outbound_at", "first_seen_at"))
        return Max(_seconds_since(Greatest(*said), moment))
    return Sum(_cost(moment, labels))


def _seconds_since(at: Any, moment: datetime) -> Any:
    passed = ExpressionWrapper(Value(moment) - at, output_field=DurationField())
    return Greatest(Cast(Extract(passed, "epoch"), BigIntegerField()), Value(0), output_field=BigIntegerField())


def _cost(moment: datetime, labels: Collection[Label] | None) -> Any:
    """Value × seconds over the limit of a flag."""
    over = _seconds_since(F("clock_started_at"), moment) - F("limit_days") * 86400
    worth = [When(label__in=ids, then=Value(value)) for value, ids in labels_by_value(labels).items()]
    return Greatest(over, Value(0), output_field=BigIntegerField()) * Case(
        *worth, default=Value(1), output_field=BigIntegerField()
    )


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
