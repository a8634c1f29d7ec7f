"""Label budget: how many labels each number keeps, which of them nobody needs, and what dropping them costs.

docs/metrics.md, "Over-labelling". Everything about labels that are on together is read off one list: how many contacts
have exactly which labels of a number. There are a million contacts, and some hundred such sets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from django.db.models import Q
from django.utils import timezone

from contacts.models import Agent, Channel, ChannelOwnership
from contacts.selectors.counting import is_living
from labelcrm.core.bulk import fetch
from labels.models import ChannelLabel
from labels.rules.naming import normalize
from labels.selectors.spell_inputs import limits_now
from reports.selectors.facts import Facts
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from reports.selectors.row_keys import LABEL_PAIRS, pair_of
from reports.selectors.shares import Share, share

LIMIT = 20  # so many labels WhatsApp lets a number have
NEVER, UNUSED, DUPLICATE = "never", "unused", "duplicate"
KNOWN_FOR = timedelta(days=14)  # nobody is asked to drop a label that is younger
TOGETHER = 0.8  # so large a share of the contacts of either of two labels has both, where they are near-duplicates
FEWEST_TOGETHER = 5
OPENS_ON = "last_60"

LabelSet = frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBudgetRow:
    """One WhatsApp label of one number. `active` and what follows from it are of the end of the period.

    `counted` is false for one that a person said not to count: it takes a place in WhatsApp, and that is all.
    `twin` is the near-duplicate, None where there is none. `proposal` says why the label can go: never, unused,
    duplicate, or "" where it stays; `coverage_lost_so_far` what it costs to drop it with all that come before it.
    """

    channel_label: int
    name: str
    counted: bool
    channel: str
    channel_name: str
    team: int | None
    label: int
    label_name: str
    used: int
    last_used: datetime | None
    active: int
    coverage_lost: Share
    twin: int | None
    twin_name: str
    together: Share
    lift: float | None
    proposal: str
    coverage_lost_so_far: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBudgetRow:
    """One number: its labels of the `allowed` 20, and what is left when all that can go are gone."""

    channel: str
    name: str
    team: int | None
    team_name: str
    label_count: int
    allowed: int
    used_labels: int
    unused_labels: int
    never_labels: int
    duplicate_labels: int
    can_go: int
    left_over: int
    coverage_lost: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamBudgetRow:
    """The numbers of one team (None: of none) together. `meanings` are canonical labels."""

    team: int | None
    name: str
    numbers: int
    label_count: int
    meanings: int
    can_go: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChoiceRow:
    """How many labels a CS chooses from on the numbers that are theirs, and how many of them they put on."""

    agent: int
    name: str
    numbers: int
    choices: int
    names: int
    chosen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPairRow:
    """Two labels of a number that are on some contacts together, at the end of the period."""

    pair: str
    channel: str
    channel_name: str
    first: int
    first_name: str
    second: int
    second_name: str
    both: int
    together: Share
    of_first: Share
    of_second: Share
    lift: float
    near_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """All rows of the report, and what stands beside them."""

    rows: list[LabelBudgetRow]
    numbers: list[NumberBudgetRow]
    teams: list[TeamBudgetRow]
    choices: list[LabelChoiceRow]
    pairs: list[LabelPairRow]


# -- Rows -------------------------------------------------------------------------------------------------------------


def budget(question: Question, *, channels: Iterable[Channel]) -> Budget:
    """The budget of each of `channels`, in their order."""
    listed = list(channels)
    labels = _labels(question.period, listed)
    use = _use(question, labels)
    sets = _label_sets(question, labels)
    numbers = [_NumberBudget.of(channel, labels.get(channel.pk, []), use, sets, question) for channel in listed]
    return Budget(
        rows=[row for number in numbers for row in number.rows],
        numbers=[number.row for number in numbers],
        teams=_teams([number.row for number in numbers], [row for number in numbers for row in number.rows]),
        choices=_choices(question, labels, use),
        pairs=sorted((pair for number in numbers for pair in number.pairs), key=_nearest),
    )


def _labels(period: Period, channels: Sequence[Channel]) -> dict[int, list[ChannelLabel]]:
    """The labels that each number had at the end of the period, WhatsApp's own lists aside.

    Those that a person said not to count take up their place in WhatsApp as well.
    """
    found = ChannelLabel.objects.filter(_living(period.end), channel__in=channels, first_seen_at__lt=period.end)
    grouped: dict[int, list[ChannelLabel]] = defaultdict(list)
    for row in found.select_related("label").order_by("name", "id"):
        grouped[row.channel_id].append(row)
    return grouped


def _living(end: datetime) -> Q:
    return (Q(hidden=False) | Q(ignored=True)) & (Q(deleted_at__isnull=True) | Q(deleted_at__gte=end))


@dataclass(frozen=True, slots=True)
class _LabelUse:
    """How a label was used: in the period by whom how often, when last, and whether ever."""

    by_agent: Mapping[int | None, int]
    last_at: datetime | None
    ever: bool

    @property
    def count(self) -> int:
        return sum(self.by_agent.values())


def _use(question: Question, labels: Mapping[int, Sequence[ChannelLabel]]) -> dict[int, _LabelUse]:
    ids = [label.pk for rows in labels.values() for label in rows]
    values = parameters(question) | {"ids": ids}
    by_agent: dict[int, Counter[int | None]] = defaultdict(Counter)
    for label, agent, count in fetch(_USED_BY, values):
        by_agent[label][agent] += count
    return {
        label: _LabelUse(by_agent[label], timezone.localtime(at) if at else None, ever)
        for label, at, ever in fetch(_LAST_USED, values)
    }


def _label_sets(question: Question, labels: Mapping[int, Sequence[ChannelLabel]]) -> dict[int, Counter[LabelSet]]:
    """Of each number, how many contacts have exactly which of its labels at the end of the period."""
    channel_of = {label.pk: channel for channel, rows in labels.items() for label in rows if not label.hidden}
    narrowed = "" if question.filters.channels is None else "AND a.channel_label_id = ANY(%(ids)s::bigint[])"
    statement = _SETS.format(open=_open(question), narrowed=narrowed)
    sets: dict[int, Counter[LabelSet]] = defaultdict(Counter)
    for ids, count in fetch(statement, parameters(question) | {"ids": list(channel_of)}):
        of_channel: dict[int, set[int]] = defaultdict(set)
        for label in map(int, ids.split(",")):
            if label in channel_of:
                of_channel[channel_of[label]].add(label)
        for channel, those in of_channel.items():
            sets[channel][frozenset(those)] += count
    return sets


@dataclass(frozen=True, slots=True)
class _NumberBudget:
    """What is known of one number."""

    row: NumberBudgetRow
    rows: list[LabelBudgetRow]
    pairs: list[LabelPairRow]

    @classmethod
    def of(
        cls,
        channel: Channel,
        labels: Sequence[ChannelLabel],
        use: Mapping[int, _LabelUse],
        sets: Mapping[int, Counter[LabelSet]],
        question: Question,
    ) -> _NumberBudget:
        of_number = sets.get(channel.pk, Counter())
        active = _active(of_number)
        pairs = list(_pairs(channel, labels, of_number, active))
        twins = _twins(pairs)
        rows = [
            _row(channel, label, use[label.pk], of_number, active[label.pk], twins.get(label.pk)) for label in labels
        ]
        rows = _proposed(rows, of_number, staying=_not_judged(labels, question.period), use=use)
        return cls(_number(channel, rows), rows, pairs)


def _not_judged(labels: Iterable[ChannelLabel], period: Period) -> set[int]:
    return {label.pk for label in labels if label.hidden or label.first_seen_at > period.end - KNOWN_FOR}


def _active(sets: Counter[LabelSet]) -> Counter[int]:
    """How many contacts have each label of a number."""
    active: Counter[int] = Counter()
    for those, count in sets.items():
        for label in those:
            active[label] += count
    return active


def _row(
    channel: Channel,
    label: ChannelLabel,
    use: _LabelUse,
    sets: Counter[LabelSet],
    active: int,
    pair: LabelPairRow | None,
) -> LabelBudgetRow:
    is_first = pair is not None and pair.first == label.pk
    return LabelBudgetRow(
        channel_label=label.pk,
        name=label.name,
        counted=not label.hidden,
        channel=channel.key,
        channel_name=channel.name,
        team=channel.team_id,
        label=label.label_id,
        label_name=str(label.label),
        used=use.count,
        last_used=use.last_at,
        active=active,
        coverage_lost=share(sets[frozenset({label.pk})], sets.total()),
        twin=None if pair is None else pair.second if is_first else pair.first,
        twin_name="" if pair is None else pair.second_name if is_first else pair.first_name,
        together=pair.together if pair is not None else share(0, 0),
        lift=pair.lift if pair is not None else None,
        proposal="",
        coverage_lost_so_far=share(0, 0),
    )


def _twins(pairs: Iterable[LabelPairRow]) -> dict[int, LabelPairRow]:
    """Of each label that has one, the pair with that which nearly always comes with it."""
    twins: dict[int, LabelPairRow] = {}
    for pair in pairs:
        for label in (pair.first, pair.second) if pair.near_duplicate else ():
            known = twins.get(label)
            if known is None or _togetherness(pair) > _togetherness(known):
                twins[label] = pair
    return twins


def _togetherness(pair: LabelPairRow) -> tuple[float, int]:
    return (pair.together.value or 0, pair.both)


def _pairs(
    channel: Channel, labels: Sequence[ChannelLabel], sets: Counter[LabelSet], single: Counter[int]
) -> Iterator[LabelPairRow]:
    """The pairs of a number that any contact has, those that are most together first. `single` is how many have one."""
    names = {label.pk: label.name for label in labels}
    both: Counter[tuple[int, int]] = Counter()
    for those, count in sets.items():
        for two in combinations(sorted(those), 2):
            both[two] += count
    found = [_pair(channel, names, two, count, single, sets.total()) for two, count in both.items()]
    yield from sorted(found, key=_nearest)


def _nearest(pair: LabelPairRow) -> tuple[Any, ...]:
    """Near-duplicates first, and of a pair that is together as often the one that is surer."""
    return (not pair.near_duplicate, -(pair.together.low or 0), -pair.both, pair.first, pair.second)


def _pair(
    channel: Channel, names: Mapping[int, str], two: tuple[int, int], both: int, single: Counter[int], labelled: int
) -> LabelPairRow:
    first, second = two
    together = share(both, single[first] + single[second] - both)
    return LabelPairRow(
        pair=f"{first}:{second}",
        channel=channel.key,
        channel_name=channel.name,
        first=first,
        first_name=names[first],
        second=second,
        second_name=names[second],
        both=both,
        together=together,
        of_first=share(both, single[first]),
        of_second=share(both, single[second]),
        lift=both * labelled / (single[first] * single[second]),
        near_duplicate=both >= FEWEST_TOGETHER and (together.value or 0) >= TOGETHER,
    )


# -- What can go ------------------------------------------------------------------------------------------------------


def _proposed(
    rows: Sequence[LabelBudgetRow], sets: Counter[LabelSet], *, staying: set[int], use: Mapping[int, _LabelUse]
) -> list[LabelBudgetRow]:
    """The rows with what can go first, the least loss before; then those that stay, the most used before.

    `staying` are labels that nobody is asked to drop.
    """
    why = {row.channel_label: _why(row, use[row.channel_label]) for row in rows if row.channel_label not in staying}
    going = [replace(row, proposal=reason) for row in rows if (reason := why.get(row.channel_label, ""))]
    gone = {row.channel_label for row in going}
    going += [replace(row, proposal=DUPLICATE) for row in _doubled(rows, gone | staying)]
    going.sort(key=lambda row: (row.coverage_lost.k, row.active, row.used, row.name.casefold(), row.channel_label))
    gone = {row.channel_label for row in going}
    kept = [row for row in rows if row.channel_label not in gone]
    kept.sort(key=lambda row: (-row.used, -row.active, row.name.casefold(), row.channel_label))
    return [*_with_losses(going, sets), *kept]


def _why(row: LabelBudgetRow, use: _LabelUse) -> str:
    if row.used:
        return ""
    return UNUSED if use.ever else NEVER


def _doubled(rows: Iterable[LabelBudgetRow], left_out: set[int]) -> Iterator[LabelBudgetRow]:
    """Of two near-duplicates of which none goes yet, the one that costs less; at equal cost the less used, the later.

    The other one of them stays, whatever it is a duplicate of besides.
    """
    by_id = {row.channel_label: row for row in rows}
    kept: set[int] = set()
    gone = set(left_out)
    for row in rows:
        twin = by_id.get(row.twin or 0)
        if twin is None or {row.channel_label, twin.channel_label} & (gone | kept):
            continue
        goes, stays = sorted((row, twin), key=lambda one: (one.coverage_lost.k, one.used, -one.channel_label))
        gone.add(goes.channel_label)
        kept.add(stays.channel_label)
        yield goes


def _with_losses(going: Sequence[LabelBudgetRow], sets: Counter[LabelSet]) -> Iterator[LabelBudgetRow]:
    """Each with what it costs to drop it with those before it: contacts all of whose labels are gone then."""
    place = {row.channel_label: number for number, row in enumerate(going)}
    lost_at: Counter[int] = Counter()  # by the last of somebody's labels to go
    for those, count in sets.items():
        if those <= place.keys():
            lost_at[max(place[label] for label in those)] += count
    lost = 0
    for number, row in enumerate(going):
        lost += lost_at[number]
        yield replace(row, coverage_lost_so_far=share(lost, sets.total()))


# -- Beside the rows --------------------------------------------------------------------------------------------------


def _number(channel: Channel, rows: Sequence[LabelBudgetRow]) -> NumberBudgetRow:
    going = [row for row in rows if row.proposal]
    labelled = rows[0].coverage_lost.n if rows else 0
    reasons = Counter(row.proposal for row in going)
    return NumberBudgetRow(
        channel=channel.key,
        name=channel.name,
        team=channel.team_id,
        team_name=channel.team.name if channel.team is not None else "",
        label_count=len(rows),
        allowed=LIMIT,
        used_labels=sum(row.used > 0 for row in rows),
        unused_labels=sum(row.counted and not row.used for row in rows),
        never_labels=reasons[NEVER],
        duplicate_labels=reasons[DUPLICATE],
        can_go=len(going),
        left_over=len(rows) - len(going),
        coverage_lost=going[-1].coverage_lost_so_far if going else share(0, labelled),
    )


def _teams(numbers: Sequence[NumberBudgetRow], rows: Sequence[LabelBudgetRow]) -> list[TeamBudgetRow]:
    """Teams by name, and last the numbers that are in none."""
    names = {number.team: number.team_name for number in numbers}
    found = [_team(team, name, numbers, rows) for team, name in names.items()]
    return sorted(found, key=lambda row: (row.team is None, row.name.casefold()))


def _team(
    team: int | None, name: str, numbers: Iterable[NumberBudgetRow], rows: Iterable[LabelBudgetRow]
) -> TeamBudgetRow:
    mine = [row for row in rows if row.team == team]
    return TeamBudgetRow(
        team=team,
        name=name,
        numbers=sum(number.team == team for number in numbers),
        label_count=len(mine),
        meanings=len({row.label for row in mine}),
        can_go=sum(bool(row.proposal) for row in mine),
    )


def _choices(
    question: Question, labels: Mapping[int, Sequence[ChannelLabel]], use: Mapping[int, _LabelUse]
) -> list[LabelChoiceRow]:
    """Who has most to choose from comes first."""
    at = min(question.period.end, question.now)
    held = ChannelOwnership.objects.filter(
        Q(since__isnull=True) | Q(since__lt=at), Q(until__isnull=True) | Q(until__gte=at), channel__in=list(labels)
    )
    numbers: dict[int, set[int]] = defaultdict(set)
    for agent, channel in held.values_list("agent_id", "channel_id"):
        numbers[agent].add(channel)
    names = dict(Agent.all_objects.filter(pk__in=numbers).values_list("id", "name"))
    found = [
        _choice(agent, names[agent], [label for channel in channels for label in labels[channel]], len(channels), use)
        for agent, channels in numbers.items()
    ]
    return sorted(found, key=lambda row: (-row.choices, row.name.casefold(), row.agent))


def _choice(
    agent: int, name: str, labels: Sequence[ChannelLabel], numbers: int, use: Mapping[int, _LabelUse]
) -> LabelChoiceRow:
    return LabelChoiceRow(
        agent=agent,
        name=name,
        numbers=numbers,
        choices=len(labels),
        names=len({normalize(label.name) for label in labels}),
        chosen=sum(agent in use[label.pk].by_agent for label in labels),
    )


# -- Facts ------------------------------------------------------------------------------------------------------------


def sources(question: Question) -> dict[str, Facts]:
    """The facts behind the counts: labels that were put on in the period, and those that are on at its end."""
    active = _ACTIVE.format(open=_open(question))
    alone = _ALONE.format(other=_open(question, "o"))
    return {
        "used": Facts(query=_USED, counts={"used": "true"}),
        "active": Facts(query=active, counts={"active": "true"}),
        "coverage_lost_k": Facts(query=f"{active} AND {alone}", counts={"coverage_lost_k": "true"}),
        "both": Facts(
            key=LABEL_PAIRS,
            query=_BOTH.format(open=_open(question), other=_open(question, "o")),
            counts={"both": "true"},
        ),
    }


def parameters(question: Question) -> dict[str, Any]:
    """The values that the queries of this module ask for."""
    channels = question.filters.channels
    return {
        "start": question.period.start,
        "end": question.period.end,
        "channels": None if channels is None else sorted(channels),
        "mistap": limits_now().mistap,
    }


# -- SQL --------------------------------------------------------------------------------------------------------------


def _open(question: Question, row: str = "a") -> str:
    """That an interval is open at the end of the period. What is open now is asked of the index of open ones alone."""
    if question.period.end > question.now:
        return f"{row}.removed_at IS NULL"
    return f"{row}.added_at < %(end)s AND ({row}.removed_at IS NULL OR {row}.removed_at >= %(end)s)"


_LASTED = "(a.removed_at IS NULL OR a.removed_at - a.added_at >= %(mistap)s)"
_BY_HAND = f"a.origin IN ('live', 'crm') AND {_LASTED}"
_IS_THERE = is_living("a.contact_id")
# The labels that a number has at the end of the period, in the conditions of facts.
_COUNTED = f"""
    JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden AND w.first_seen_at < %(end)s
     AND (w.deleted_at IS NULL OR w.deleted_at >= %(end)s)
    JOIN contacts_channel h ON h.id = w.channel_id AND h.gateway <> 'crm' AND h.deleted_at IS NULL
     AND (%(channels)s::bigint[] IS NULL OR h.id = ANY(%(channels)s::bigint[]))
    WHERE {_IS_THERE}
"""
_PUT_ON = f"a.added_at >= %(start)s AND a.added_at < %(end)s AND {_BY_HAND}"
_USED = f"""
    SELECT a.channel_label_id AS who, a.contact_id, a.label_id, a.added_at AS at
    FROM labels_labelassignment a {_COUNTED} AND {_PUT_ON}
"""  # noqa: S608
_USED_BY = f"""
    SELECT a.channel_label_id, a.added_by_id, count(*)::int FROM labels_labelassignment a
    JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
    WHERE {_PUT_ON} AND {_IS_THERE} AND (%(channels)s::bigint[] IS NULL OR a.channel_id = ANY(%(channels)s::bigint[]))
    GROUP BY 1, 2
"""  # noqa: S608
# Of each label the newest opening that counts, along the index of its events: most often the first that is looked at.
_LAST_USED = f"""
    SELECT w.id, last.at, last.at IS NOT NULL OR EXISTS (
               SELECT FROM labels_labelassignment a
               WHERE a.channel_label_id = w.id AND a.added_at < %(end)s AND {_LASTED} AND {_IS_THERE}) AS ever
    FROM labels_channellabel w
    LEFT JOIN LATERAL (
        SELECT a.added_at AS at FROM labels_labelevent e
        JOIN labels_labelassignment a ON a.added_event_id = e.id
        WHERE e.channel_label_id = w.id AND e.occurred_at < %(end)s AND {_BY_HAND} AND {_IS_THERE}
        ORDER BY e.occurred_at DESC LIMIT 1
    ) AS last ON true
    WHERE w.id = ANY(%(ids)s::bigint[])
"""  # noqa: S608
# Contacts in the order of the index of open intervals, so that nothing is sorted; and a text, because making a million
# arrays takes twice as long. The same labels in another order are another row here, and are added up afterwards.
_SETS = f"""
    SELECT labels, count(*)::int FROM (
        SELECT string_agg(a.channel_label_id::text, ',') AS labels
        FROM labels_labelassignment a
        WHERE {{open}} {{narrowed}} AND {_IS_THERE}
        GROUP BY a.contact_id
    ) AS of_contact GROUP BY labels
"""  # noqa: S608
_ACTIVE = f"""
    SELECT a.channel_label_id AS who, a.contact_id, a.label_id, a.added_at AS at
    FROM labels_labelassignment a {_COUNTED} AND {{open}}
"""  # noqa: S608
_ALONE = """
    NOT EXISTS (SELECT FROM labels_labelassignment o
                JOIN labels_channellabel ow ON ow.id = o.channel_label_id AND NOT ow.hidden
                 AND ow.first_seen_at < %(end)s AND (ow.deleted_at IS NULL OR ow.deleted_at >= %(end)s)
                WHERE o.contact_id = a.contact_id AND o.channel_label_id <> a.channel_label_id
                  AND ow.channel_id = w.channel_id AND {other})
"""
_BOTH = f"""
    SELECT {pair_of("a.channel_label_id", "o.channel_label_id")} AS who, a.contact_id, a.label_id,
           greatest(a.added_at, o.added_at) AS at
    FROM labels_labelassignment a
    JOIN labels_labelassignment o
      ON o.contact_id = a.contact_id AND o.channel_label_id > a.channel_label_id AND {{other}}
    JOIN labels_channellabel ow ON ow.id = o.channel_label_id AND NOT ow.hidden AND ow.first_seen_at < %(end)s
     AND (ow.deleted_at IS NULL OR ow.deleted_at >= %(end)s)
    {_COUNTED} AND w.channel_id = ow.channel_id AND {{open}}
"""  # noqa: S608
