"""Label activity per label, category, number, team, CS or day (docs/metrics.md, "Label activity")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from contacts.models import Agent, Channel, Team
from reports.selectors import activity_days, activity_facts, facts, label_days, spells_by
from reports.selectors.facts import Facts
from reports.selectors.label_days import BY_LABEL, BY_SCOPE
from reports.selectors.questions import Question, of_kind, or_unmapped
from reports.selectors.row_keys import CODES, IDS, KeyType
from reports.selectors.spells_by import RowSpells


class By(StrEnum):
    """What the rows are of."""

    LABEL = "label"
    CATEGORY = "category"
    CHANNEL = "channel"
    TEAM = "team"
    AGENT = "agent"
    DAY = "day"


@dataclass(frozen=True, kw_only=True)
class ActivityFigures:
    """The figures of every row. Counts are spells except where the name says contacts."""

    added: int
    added_contacts: int
    mistaps: int
    instant_mistaps: int
    found: int
    removed: int
    lost: int
    net: int
    net_by_people: int
    active_from: int
    active_to: int


@dataclass(frozen=True, kw_only=True)
class LabelKey:
    """A canonical label and the code of its category. `label` is None for all that nobody has mapped yet."""

    label: int | None
    name: str
    category: str | None


@dataclass(frozen=True, kw_only=True)
class CategoryKey:
    """A category by its code; None for labels without one together, those not mapped yet among them."""

    category: str | None
    name: str


@dataclass(frozen=True, kw_only=True)
class ChannelKey:
    """A number by its key."""

    channel: str
    name: str


@dataclass(frozen=True, kw_only=True)
class TeamKey:
    """A team; None for numbers without one, and for labels that exist only here."""

    team: int | None
    name: str


@dataclass(frozen=True, kw_only=True)
class OpenerKey:
    """Who put the labels on; None for nobody known."""

    agent: int | None
    name: str


@dataclass(frozen=True, kw_only=True)
class DayKey:
    """A business day. A period that begins or ends within one has as much of it."""

    day: date
    name: str


@dataclass(frozen=True, kw_only=True)
class LabelRow(ActivityFigures, LabelKey):
    pass


@dataclass(frozen=True, kw_only=True)
class CategoryRow(ActivityFigures, CategoryKey):
    pass


@dataclass(frozen=True, kw_only=True)
class NumberRow(ActivityFigures, ChannelKey):
    pass


@dataclass(frozen=True, kw_only=True)
class TeamRow(ActivityFigures, TeamKey):
    pass


@dataclass(frozen=True, kw_only=True)
class OpenerRow(ActivityFigures, OpenerKey):
    pass


@dataclass(frozen=True, kw_only=True)
class DayRow(ActivityFigures, DayKey):
    pass


ROWS: Mapping[By, type[ActivityFigures]] = {
    By.LABEL: LabelRow,
    By.CATEGORY: CategoryRow,
    By.CHANNEL: NumberRow,
    By.TEAM: TeamRow,
    By.AGENT: OpenerRow,
    By.DAY: DayRow,
}


@dataclass(frozen=True)
class Listed:
    """Living numbers, teams and CS that the viewer sees: rows of them are there without figures too."""

    channels: Iterable[Channel] = ()
    teams: Iterable[Team] = ()
    agents: Iterable[Agent] = ()


def report(question: Question, *, by: By = By.LABEL, listed: Listed | None = None) -> list[Any]:
    """One row per label, category, number, team or CS there is, and per day of the period.

    In the order of categories and steps, or of names. What is archived has a row as long as it has figures; nobody,
    none and not mapped yet come last, when they have any.
    """
    return _ROWS[by](question, listed or Listed())


def sources(question: Question, *, by: By = By.LABEL) -> dict[str, Facts]:
    """The facts behind every count of the report, by count."""
    return {count: each for each in _kind(question, by).facts for count in each.counts}


def parameters(question: Question, *, by: By = By.LABEL) -> dict[str, Any]:
    """The values that the queries of `sources` ask for."""
    return question.spell_parameters | _kind(question, by).parameters


# -- Facts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """How the rows of one kind are counted: which facts there are, and what these ask for."""

    facts: list[Facts]
    parameters: dict[str, Any]
    started: Facts | None = None  # of the same spells, where the rest is read off the sums of days
    scopes: Mapping[Any, int] | None = None


def _kind(question: Question, by: By) -> _Kind:
    return _KINDS[by](question)


def _by_label(question: Question) -> _Kind:
    alone = question.filters.labels is not None
    spell, interval = ("s.label_id", "a.label_id") if alone else (or_unmapped("s"), or_unmapped("a"))
    scope = label_days.scope_of(question)
    return _Kind(
        [activity_facts.of_spells(question, spell), activity_facts.instant_mistaps(question, interval)],
        {},
        scopes=None if scope is None else {None: scope},
    )


def _by_category(question: Question) -> _Kind:
    return _of_rows(question, spells_by.of_categories(question), CODES, _CATEGORY)


_CATEGORY = """
    (SELECT c.code FROM labels_label l JOIN labels_category c ON c.id = l.category_id WHERE l.id = a.label_id)
"""


def _by_channel(question: Question) -> _Kind:
    spells = spells_by.of_channel_groups(question, _groups(question, "key"), CODES)
    return _of_rows(question, spells, CODES, "(SELECT h.key FROM contacts_channel h WHERE h.id = a.channel_id)")


def _by_team(question: Question) -> _Kind:
    spells = spells_by.of_channel_groups(question, _groups(question, "team_id"), IDS)
    return _of_rows(question, spells, IDS, "(SELECT h.team_id FROM contacts_channel h WHERE h.id = a.channel_id)")


def _groups(question: Question, column: str) -> dict[Any, frozenset[int]]:
    """The channels that the filters leave, archived ones too, by one of their columns."""
    channels = Channel.all_objects.all()
    if question.filters.channels is not None:
        channels = channels.filter(pk__in=question.filters.channels)
    groups: dict[Any, frozenset[int]] = {}
    for row, channel in channels.order_by("id").values_list(column, "id"):
        groups[row] = groups.get(row, frozenset()) | {channel}
    return groups


def _by_agent(question: Question) -> _Kind:
    return _Kind(
        [
            activity_facts.of_spells(question, "s.agent_id"),
            activity_facts.instant_mistaps(question, "a.added_by_id"),
        ],
        {},
    )


def _of_rows(question: Question, spells: RowSpells, key: KeyType, interval: str) -> _Kind:
    """Rows whose spells are joined for themselves; `interval` says which row one in `a` is in."""
    return _Kind(
        [
            activity_facts.of_spells(question, "s.row", key=key, spells=spells.expressions),
            activity_facts.instant_mistaps(question, interval, key=key),
        ],
        spells.parameters,
        activity_facts.started(question, "s.row", key=key, spells=spells.expressions),
        spells.scopes or None,
    )


def _by_day(question: Question) -> _Kind:
    return _Kind(activity_days.facts_of(question), activity_days.parameters(question))


_KINDS: Mapping[By, Callable[[Question], _Kind]] = {
    By.LABEL: _by_label,
    By.CATEGORY: _by_category,
    By.CHANNEL: _by_channel,
    By.TEAM: _by_team,
    By.AGENT: _by_agent,
    By.DAY: _by_day,
}


# -- Counts -----------------------------------------------------------------------------------------------------------


def _counted(question: Question, by: By) -> dict[Any, dict[str, Any]]:
    """Every count of each row that has any."""
    kind = _kind(question, by)
    values = question.spell_parameters | kind.parameters
    found: dict[Any, dict[str, Any]] = {}
    activity, *others = kind.facts
    if by == By.CATEGORY and not question.filters.by_opener:
        _merge(found, _changed_categories(question, values))
    elif by == By.LABEL and kind.scopes is not None and label_days.are_enough(question):
        _merge(found, _summed_by_label(question, kind.scopes[None]))
    elif kind.started is not None and kind.scopes is not None and label_days.are_enough(question):
        _merge(found, _summed_by_scope(question, kind.scopes))
        others = [kind.started, *others]
    elif by == By.AGENT:
        _merge(found, activity_facts.counted_in_parts(question, "s.agent_id", values))
    else:
        others = [activity, *others]
    for each in others:
        _merge(found, facts.summarize(each, values))
    return {row: _complete(counts) for row, counts in found.items() if any(counts.values())}


def _changed_categories(question: Question, values: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    """What changed, of those for whom anything did, and what was active before: joining all of them costs far more."""
    spells = spells_by.of_categories(question, changed=True)
    each = activity_facts.of_spells(question, "s.row", key=CODES, spells=spells.expressions)
    found = facts.summarize(each, values)
    for counts in found.values():
        counts.pop("active_to")
        counts["active_from"] = 0
    _merge(found, {code: {"active_from": active} for code, active in spells_by.active_categories(question).items()})
    return found


def _merge(found: dict[Any, dict[str, Any]], more: Mapping[Any, Mapping[str, Any]]) -> None:
    for row, counts in more.items():
        found.setdefault(row, {}).update(counts)


def _summed_by_scope(question: Question, scopes: Mapping[Any, int]) -> dict[Any, dict[str, int]]:
    """What began, ended, and was active at the beginning, from the sums of days."""
    sums = label_days.changes(question, BY_SCOPE, scopes=scopes.values())
    return {row: sums[scope] for row, scope in scopes.items() if scope in sums}


def _summed_by_label(question: Question, scope: int) -> dict[Any, dict[str, Any]]:
    """The same, and how many contacts got each label, without a look at the spells of each.

    Unmapped labels are one row, in which a contact that got two of them is one: those are looked at.
    """
    sums, again = label_days.changes(question, BY_LABEL, scopes=[scope]), label_days.added_again(question)
    for label, counts in sums.items():
        counts["added_contacts"] = counts["added"] - again.get(label, 0)
    if question.filters.labels is not None:
        return sums
    unmapped = [sums.pop(label) for label in question.kinds["unmapped_labels"] if label in sums]
    found: dict[Any, dict[str, Any]] = {**sums}
    if unmapped:
        found[None] = {name: sum(counts[name] for counts in unmapped) for name in unmapped[0]}
        each = activity_facts.started(question, or_unmapped("s"), only=of_kind("unmapped", "s"))
        found[None] |= facts.summarize(each, question.spell_parameters).get(None, {"added_contacts": 0})
    return found


def _complete(counts: Mapping[str, Any]) -> dict[str, Any]:
    """With what is not there as 0, and what follows from the others."""
    found = activity_facts.NOTHING | {"instant_mistaps": 0} | dict(counts)
    found.pop("active_to_contacts")
    found["net"] = activity_facts.net(found)
    found["net_by_people"] = found["added"] - found["removed"]
    found["active_to"] = counts.get("active_to", found["active_from"] + found["net"])
    return found


# -- Rows -------------------------------------------------------------------------------------------------------------

_ZEROS = _complete({})


def _label_rows(question: Question, listed: Listed) -> list[LabelRow]:
    """Unmapped labels have one row together. Who asks for one of them gets it alone."""
    found = _counted(question, By.LABEL)
    chosen, unmapped = question.filters.labels, set(question.kinds["unmapped_labels"])
    shown = {label.pk for label in question.labels} - unmapped if chosen is None else chosen
    rows = [
        LabelRow(
            label=label.pk,
            name=str(label),
            category=label.category.code if label.category else None,
            **found.get(label.pk, _ZEROS),
        )
        for label in question.labels
        if label.pk in shown and (not label.is_archived or label.pk in found)
    ]
    return [*rows, LabelRow(label=None, name="", category=None, **found[None])] if None in found else rows


def _category_rows(question: Question, listed: Listed) -> list[CategoryRow]:
    found = _counted(question, By.CATEGORY)
    chosen = question.filters.labels
    used = {label.category_id for label in question.labels if chosen is None or label.pk in chosen}
    rows = [
        CategoryRow(category=category.code, name=str(category), **found.get(category.code, _ZEROS))
        for category in question.categories
        if chosen is None or category.pk in used
    ]
    return [*rows, CategoryRow(category=None, name="", **found[None])] if None in found else rows


def _channel_rows(question: Question, listed: Listed) -> list[NumberRow]:
    found = _counted(question, By.CHANNEL)
    chosen = question.filters.channels
    names = {each.key: each.name for each in listed.channels if chosen is None or each.pk in chosen}
    others = Channel.all_objects.filter(key__in=found.keys() - names.keys()).order_by("deleted_at")
    names = dict(others.values_list("key", "name")) | names
    rows = [NumberRow(channel=key, name=name, **found.get(key, _ZEROS)) for key, name in names.items()]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.channel))


def _team_rows(question: Question, listed: Listed) -> list[TeamRow]:
    found = _counted(question, By.TEAM)
    teams = _with_figures(listed.teams, Team, found)
    rows = [TeamRow(team=team.pk, name=str(team), **found.get(team.pk, _ZEROS)) for team in teams]
    return [*rows, TeamRow(team=None, name="", **found[None])] if None in found else rows


def _agent_rows(question: Question, listed: Listed) -> list[OpenerRow]:
    found = _counted(question, By.AGENT)
    agents = _with_figures(listed.agents, Agent, found)
    rows = [OpenerRow(agent=agent.pk, name=agent.name, **found.get(agent.pk, _ZEROS)) for agent in agents]
    return [*rows, OpenerRow(agent=None, name="", **found[None])] if None in found else rows


def _with_figures(listed: Iterable[Any], model: Any, found: Mapping[Any, Any]) -> list[Any]:
    """Those that are listed, and those that have figures, by name."""
    known = {each.pk: each for each in listed}
    others = model.all_objects.filter(pk__in=found.keys() - known.keys() - {None})
    return sorted([*known.values(), *others], key=lambda each: (each.name.casefold(), each.pk))


def _day_rows(question: Question, listed: Listed) -> list[DayRow]:
    """All days of the period; each begins with what the one before ended with."""
    found = activity_days.counted(question)
    rows, active = [], found.active_from
    for day in activity_days.days_of(question.period):
        counts = _complete(found.days.get(day, {}) | {"active_from": active})
        rows.append(DayRow(day=day, name=day.isoformat(), **counts))
        active = counts["active_to"]
    return rows


_ROWS: Mapping[By, Callable[[Question, Listed], list[Any]]] = {
    By.LABEL: _label_rows,
    By.CATEGORY: _category_rows,
    By.CHANNEL: _channel_rows,
    By.TEAM: _team_rows,
    By.AGENT: _agent_rows,
    By.DAY: _day_rows,
}
