"""The figures of the home page: labels active now, what changed lately, what waits. Meanings: docs/metrics.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.aggregates import BitOr
from django.core.exceptions import EmptyResultSet
from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from contacts.models import Agent, Channel, Contact
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labels.models import Category, ChannelLabel, CleanSpell, Label, LabelAssignment, LabelDay, StaleFlag
from labels.models.querysets import UNMAPPED
from labels.rules.scopes import WHOLE
from reports.limits import ReportLimits
from reports.selectors import unanswered_chats
from reports.selectors.filtered_spells import hidden_contacts
from reports.selectors.periods import Period
from reports.selectors.spell_counts import SpellCounts, count_days, count_spells
from webhooks.models import InboundEvent, PostCounter, UnknownChannel
from webhooks.selectors import DUPLICATE_POST

WEEK = timedelta(days=7)
DAYS = 14  # of which the home page draws a picture, today among them
WAITS_LONG = timedelta(minutes=2)
BROKEN = (Channel.Status.STOPPED, Channel.Status.FAILED, Channel.Status.PAIRING)


@dataclass(frozen=True, slots=True)
class LabelLine:
    """One label and the contacts that have it now. `shown` is what equality looks at instead of the row."""

    label: Label = field(compare=False)
    active: int
    shown: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """One category, the contacts that have one of its labels now, and its labels; `category` None for the rest.

    `shown` is what equality looks at instead of the row. All labels that nobody has mapped yet are one line, without
    their names.
    """

    category: Category | None = field(compare=False)
    active: int
    labels: tuple[LabelLine, ...]
    unmapped: bool = False
    shown: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class StaleLine:
    """Open stale flags of one agent's labels; `agent` None for those of nobody, and of agents the viewer does not see.

    `shown` is what equality looks at instead of the row.
    """

    agent: Agent | None = field(compare=False)
    flags: int
    shown: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingCounts:
    """What people settle here, so that nobody announces it: read anew for every page."""

    follow_ups: int = 0
    opted_out: int = 0  # lately
    undecided: int = 0  # WhatsApp labels that nobody has sorted
    numbers: int = 0
    broken: int = 0  # of these numbers
    unknown: int = 0  # channels that post here and that nobody has set up


@dataclass(frozen=True, slots=True)
class PostCounts:
    """Posts that were parked, that wait longer than usual, and that were refused today."""

    parked: int = 0
    pending: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Tiles:
    """All figures of one viewer at `now`. `before` is the same weekday last week up to the same time, `week_ago`.

    `days` are the last business days, oldest first, today among them.
    """

    now: datetime = field(compare=False)
    week_ago: datetime = field(compare=False)
    today: SpellCounts
    before: SpellCounts
    days: tuple[tuple[date, SpellCounts], ...]
    never_labelled: int
    unanswered: int
    stale: tuple[StaleLine, ...]
    waiting: WaitingCounts
    posts: PostCounts
    labelled: int
    hidden: int
    categories: tuple[CategoryLine, ...]
    never_after: timedelta = timedelta(minutes=60)  # how long ago who counts as never labelled must have written

    @property
    def widest(self) -> int:
        """What the longest bar of all labels stands for: they share one scale."""
        return max((line.active for category in self.categories for line in category.labels), default=0)

    @property
    def stale_flags(self) -> int:
        return sum(line.flags for line in self.stale)

    @property
    def most_stale(self) -> int:
        """What the longest bar of the stale labels stands for."""
        return max((line.flags for line in self.stale), default=0)

    @property
    def numbers_at_work(self) -> int:
        return self.waiting.numbers - self.waiting.broken


def read_tiles(viewer: Viewer, _last: Tiles | None = None) -> Tiles:
    """The figures of a viewer, read now; nothing of the last reading is needed."""
    now = timezone.now()
    periods = [today_until(now), today_until(now, weeks_ago=1)]
    today, before = count_spells(viewer, periods)
    labelled, per_category = _per_category(viewer)
    return Tiles(
        now=now,
        week_ago=periods[1].end,
        today=today,
        before=before,
        days=_days(viewer, now),
        never_labelled=never_labelled(Contact.objects.visible_to(viewer), now=now).count(),
        unanswered=unanswered_chats.count(viewer, now=now),
        stale=_stale(viewer),
        waiting=read_waiting(viewer),
        posts=read_posts(viewer, now=now),
        labelled=labelled,
        hidden=hidden_contacts(viewer),
        categories=tuple(_categories(viewer, per_category)),
        never_after=ReportLimits.now().never_labelled,
    )


def rename_tiles(viewer: Viewer, kept: Tiles) -> Tiles:
    """The same figures with what labels, categories and people are called now, and with what waits now."""
    labels, categories = Label.all_objects.in_bulk(), Category.objects.in_bulk()
    agents = Agent.all_objects.in_bulk([line.agent.pk for line in kept.stale if line.agent])
    lines = []
    for line in kept.categories:
        pk = line.category.pk if line.category else None
        named = tuple(_line(labels.get(one.label.pk, one.label), one.active) for one in line.labels)
        lines.append(_category_line(categories.get(pk, line.category), line.active, named, unmapped=line.unmapped))
    return replace(
        kept,
        categories=tuple(lines),
        stale=tuple(_stale_line(agents.get(line.agent.pk) if line.agent else None, line.flags) for line in kept.stale),
        waiting=read_waiting(viewer),
        never_after=ReportLimits.now().never_labelled,
    )


def _days(viewer: Viewer, now: datetime) -> tuple[tuple[date, SpellCounts], ...]:
    last = timezone.localdate(now)
    days = [last - timedelta(days=n) for n in reversed(range(DAYS))]
    return tuple(zip(days, count_days(viewer, days[0], last + timedelta(days=1)), strict=True))


def today_until(now: datetime, *, weeks_ago: int = 0) -> Period:
    """The business day of `now` up to now; or the same weekday some weeks ago up to the same time of day."""
    local = timezone.localtime(now).replace(tzinfo=None) - weeks_ago * WEEK
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(timezone.make_aware(midnight), timezone.make_aware(local) if weeks_ago else now)


def never_labelled(contacts: QuerySet[Contact], *, now: datetime) -> QuerySet[Contact]:
    """Contacts who first wrote a while ago and never had a label, mistaps aside (docs/metrics.md, Never labelled).

    What they wrote before their number was connected waits for nobody.
    """
    spells = CleanSpell.objects.filter(contact=OuterRef("pk"))
    before = now - ReportLimits.now().never_labelled
    wrote = Q(has_history=False, first_inbound_at__lt=before) | Q(has_history=True, first_live_inbound_at__lt=before)
    return contacts.filter(wrote, ~Exists(spells))


def opted_out_lately(contacts: QuerySet[Contact], *, now: datetime) -> QuerySet[Contact]:
    """Contacts who opted out within a week: whoever writes to them should know by then."""
    return contacts.filter(opted_out_at__gte=now - WEEK)


def open_stale(viewer: Viewer) -> QuerySet[StaleFlag]:
    """Open stale flags of living contacts that the viewer sees."""
    flags: QuerySet[StaleFlag] = StaleFlag.objects.visible_to(viewer)
    return flags.filter(closed_at__isnull=True, contact__deleted_at__isnull=True)


def _stale(viewer: Viewer) -> tuple[StaleLine, ...]:
    """Open stale flags by whose labels they are, most first; what names nobody whom the viewer sees comes last."""
    counts = dict(open_stale(viewer).order_by().values_list("owner").annotate(n=Count("id")))
    agents = Agent.all_objects.visible_to(viewer).in_bulk([pk for pk in counts if pk])
    lines = [_stale_line(agent, counts.pop(pk)) for pk, agent in agents.items()]
    lines.sort(key=lambda line: (-line.flags, line.shown))
    return (*lines, *([_stale_line(None, sum(counts.values()))] if counts else []))


def _stale_line(agent: Agent | None, flags: int) -> StaleLine:
    return StaleLine(agent, flags, (agent.name, agent.pk) if agent else ())


# -- What waits -------------------------------------------------------------------------------------------------------


def read_waiting(viewer: Viewer) -> WaitingCounts:
    """What waits for people among what the viewer sees, in one query."""
    contacts, now = Contact.objects.visible_to(viewer), timezone.now()
    living = ChannelLabel.objects.visible_to(viewer).filter(hidden=False, deleted_at__isnull=True)
    numbers = Channel.objects.visible_to(viewer).exclude(gateway=CRM_GATEWAY)
    counts = {
        "follow_ups": contacts.filter(follow_up_at__lte=now),
        "opted_out": opted_out_lately(contacts, now=now),
        "undecided": living.filter(label__reviewed=False),
        "numbers": numbers,
        "broken": numbers.filter(status__in=BROKEN),
        "unknown": UnknownChannel.objects.all(),
    }
    return WaitingCounts(**_together({name: (rows, Count("pk")) for name, rows in counts.items()}))


def read_posts(viewer: Viewer, *, now: datetime) -> PostCounts:
    """How the posts to the numbers of a viewer fare, in one query."""
    events = InboundEvent.objects.visible_to(viewer)
    numbers = Channel.objects.visible_to(viewer)
    refused = PostCounter.objects.filter(channel__in=numbers, day=timezone.localdate(now))
    parts: dict[str, tuple[QuerySet[Any], Any]] = {
        "parked": (events.filter(state=InboundEvent.State.PARKED), Count("pk")),
        "pending": (events.filter(state=InboundEvent.State.PENDING, received_at__lt=now - WAITS_LONG), Count("pk")),
        "refused": (refused.exclude(outcome=DUPLICATE_POST), Coalesce(Sum("count"), 0)),
    }
    return PostCounts(**_together(parts))


def _together(parts: dict[str, tuple[QuerySet[Any], Any]]) -> dict[str, int]:
    """One number of each set of rows, asked for in one query; of what nobody sees there is none."""
    first, *others = (
        rows.order_by().annotate(what=Value(name)).values("what").annotate(number=number).values_list("what", "number")
        for name, (rows, number) in parts.items()
    )
    return dict(first.union(*others, all=True))


# -- Active now -------------------------------------------------------------------------------------------------------


def _active(viewer: Viewer) -> QuerySet[LabelAssignment]:
    active: QuerySet[LabelAssignment] = LabelAssignment.objects.active().visible_to(viewer).order_by()
    return active


NOT_MAPPED = 0  # where a category's id stands otherwise


def _per_category(viewer: Viewer) -> tuple[int, Counter[int | None]]:
    """Contacts that have any label now, and by category (None = labels without one); each contact once in each.

    One pass: contacts are grouped by the set of their categories, a bit for each, and there are few such sets.
    """
    places: list[int | None] = [None, NOT_MAPPED, *Category.objects.values_list("id", flat=True)]
    bits = [When(label__category=pk, then=Value(1 << place)) for place, pk in enumerate(places) if pk]
    bits.append(When(label__reviewed=False, then=Value(1 << places.index(NOT_MAPPED))))
    bit = Case(*bits, default=Value(1), output_field=BigIntegerField())
    labelled, counts = 0, Counter[int | None]()
    try:
        sets, parameters = _active(viewer).values("contact").annotate(places=BitOr(bit)).query.sql_with_params()
    except EmptyResultSet:  # somebody without a team
        return labelled, counts
    counted = f"SELECT places, count(*) FROM ({sets}) AS contacts GROUP BY places"  # noqa: S608 - Django's own SQL
    for found, contacts in fetch(counted, list(parameters)):
        labelled += contacts
        counts.update({pk: contacts for place, pk in enumerate(places) if found >> place & 1})
    return labelled, counts


def _categories(viewer: Viewer, per_category: Counter[int | None]) -> Iterable[CategoryLine]:
    """Living categories in their order, then what has none, then what nobody has mapped yet."""
    per_label = _per_label(viewer)
    labels = Label.all_objects.exclude(UNMAPPED).filter(
        Q(deleted_at__isnull=True) | Q(pk__in=[pk for pk, n in per_label.items() if n])
    )
    lines: dict[int | None, list[LabelLine]] = {}
    for label in labels.order_by(F("step").asc(nulls_last=True), "name"):
        lines.setdefault(label.category_id, []).append(_line(label, per_label.get(label.pk, 0)))
    for category in [*Category.objects.all(), None]:
        pk = category.pk if category else None
        if category or any(line.active for line in lines.get(None, [])):
            yield _category_line(category, per_category[pk], tuple(lines.get(pk, [])))
    if per_category[NOT_MAPPED]:
        yield _category_line(None, per_category[NOT_MAPPED], (), unmapped=True)


def _category_line(
    category: Category | None, active: int, labels: tuple[LabelLine, ...], *, unmapped: bool = False
) -> CategoryLine:
    shown = (category.pk, category.name, category.name_en, category.color) if category else ()
    return CategoryLine(category, active, labels, unmapped, shown)


def _line(label: Label, active: int) -> LabelLine:
    return LabelLine(label, active, (label.pk, label.name, label.name_en, label.color, label.is_unmapped))


def _per_label(viewer: Viewer) -> dict[int, int]:
    """Contacts that have each label now: the sum of all days, where those days are everybody's."""
    if viewer.everything:
        net = F("added") + F("found") - F("removed") - F("lost")
        return dict(LabelDay.objects.filter(scope=WHOLE).order_by().values_list("label").annotate(n=Sum(net)))
    return dict(_active(viewer).values_list("label").annotate(n=Count("contact", distinct=True)))
