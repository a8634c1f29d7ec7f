"""The slow, obvious way to a segment: every contact, every condition, one after the other, in Python.

Labels come from recorded events by tests.reports.slow and tests.labels.oracle, which share nothing with the compiler.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from contacts.models import Agent, CampaignTouch, Channel, ChannelOwnership, Contact, ContactChannel
from labelcrm.core.viewer import Viewer
from labels.models import Label, StaleFlag
from labels.rules.spells import CleanSpellRow, IntervalRow, StayRow
from tests.labels import oracle
from tests.reports.recorded import dated_meanings, intervals_of, limits
from tests.reports.segments.numbers import is_behind, period_of
from tests.reports.slow import Slow

DAY = timedelta(hours=24)
PROSPECT = ("new", "cold", "hot", "grade", "waiting")


@dataclass
class People:
    """All that is recorded, as one viewer sees it at one moment."""

    viewer: Viewer
    now: datetime
    _spells: dict[Any, tuple[list[CleanSpellRow], list[StayRow]]] = field(default_factory=dict)

    _records: dict[Any, Slow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        living = Contact.all_objects.filter(deleted_at=None, merged_into=None)
        self.contacts: dict[int, Any] = {contact.pk: contact for contact in living}
        self.labels: dict[int, Any] = {label.pk: label for label in Label.all_objects.select_related("category")}
        self.steps = {pk: label.step for pk, label in self.labels.items() if label.step is not None}
        self.channels: dict[int, Any] = {channel.pk: channel for channel in Channel.all_objects.all()}
        self.crm = {pk for pk, channel in self.channels.items() if channel.gateway == "crm"}
        self.known: dict[int, set[int]] = defaultdict(set)
        for link in ContactChannel.objects.all():
            self.known[link.contact_id].add(link.channel_id)
        self.touches: dict[int, list[Any]] = defaultdict(list)
        for touch in CampaignTouch.objects.order_by("at", "id"):
            self.touches[touch.contact_id].append(touch)
        self.team_of = dict(Agent.all_objects.values_list("id", "team_id"))
        self.stale = set(StaleFlag.objects.filter(closed_at=None).values_list("contact_id", flat=True))
        self.meanings, self.limits = dated_meanings(), limits()
        self.history: dict[int, list[IntervalRow]] = defaultdict(list)
        for interval in intervals_of(self.contacts):
            self.history[interval.contact].append(interval)

    def meant(self, definition: dict[str, Any]) -> list[int]:
        """The ids of those whom the definition means, in order."""
        return [
            pk
            for pk in sorted(self.seen)
            if any(all(self.holds(condition, pk) for condition in group["all"]) for group in definition["any"])
        ]

    @cached_property
    def seen(self) -> set[int]:
        """ "A contact is visible through any of its channels, or by team of its CS" """
        viewer = self.viewer
        return {
            pk
            for pk, contact in self.contacts.items()
            if viewer.everything
            or self.known[pk] & viewer.channels
            or self.team_of.get(contact.assigned_to_id) in viewer.teams
            or (contact.assigned_to_id is not None and contact.assigned_to_id == viewer.agent)
        }

    def holds(self, condition: dict[str, Any], pk: int) -> bool:
        answer = getattr(self, f"_{condition['field']}")(condition, pk)
        return bool(answer) != condition.get("not", False)

    # -- What labels somebody had ---

    def clean(self, pk: int, keys: list[str] | None = None) -> list[CleanSpellRow]:
        return self._project(pk, self._channels(keys))[0]

    def _project(self, pk: int, channels: frozenset[int] | None) -> tuple[list[CleanSpellRow], list[StayRow]]:
        """ "channel and label choose intervals before joining"; what exists only here is seen with its contact"""
        if (pk, channels) not in self._spells:
            mine = self.history[pk]
            if channels is not None:
                here = channels | (self.crm if self.known[pk] & channels or _on(mine, channels) else set())
                mine = [interval for interval in mine if interval.channel in here]
            projection = oracle.project(mine, self.meanings, steps=self.steps, limits=self.limits)
            self._spells[pk, channels] = projection.clean_spells, projection.stays
        return self._spells[pk, channels]

    def _channels(self, keys: list[str] | None) -> frozenset[int] | None:
        seen = None if self.viewer.everything else self.viewer.channels
        if keys is None:
            return seen
        asked = frozenset(pk for pk, channel in self.channels.items() if channel.key in keys)
        return asked if seen is None else asked & seen

    # -- Conditions ---

    def _label(self, condition: dict[str, Any], pk: int) -> bool:
        labels = set(condition.get("labels", ()))
        categories = condition.get("categories", ())
        labels |= {each for each, label in self.labels.items() if label.category and label.category.code in categories}
        agents, op = condition.get("agents"), condition["op"]
        met = 0
        for spell in self.clean(pk, condition.get("channels")):
            who = spell.removed_by if op == "removed" else spell.agent
            met += spell.label in labels and (agents is None or who in agents) and self._met(op, condition, spell)
        return met >= condition.get("times", 1)

    def _met(self, op: str, condition: dict[str, Any], spell: CleanSpellRow) -> bool:
        if op == "ever":
            return True
        if op == "added":
            return not spell.found and self._within(condition, spell.started_at)
        if op == "removed":
            return not spell.lost and self._within(condition, spell.ended_at)
        old = op == "active" or spell.started_at <= self.now - condition["days"] * DAY
        return spell.ended_at is None and old

    def _within(self, condition: dict[str, Any], at: datetime | None) -> bool:
        start, end = (self._moment(condition.get(name)) for name in ("from", "to"))
        return at is not None and (start is None or at >= start) and (end is None or at < end)

    def _moment(self, given: Any) -> datetime | None:
        if given is None or isinstance(given, str):
            return None if given is None else datetime.fromisoformat(given)
        found: datetime = self.now - given["days_ago"] * DAY
        return found

    def _labelled(self, condition: dict[str, Any], pk: int) -> bool:
        return any(condition["op"] == "ever" or spell.ended_at is None for spell in self.clean(pk))

    def _stage(self, condition: dict[str, Any], pk: int) -> bool:
        stays = self._project(pk, self._channels(None))[1]
        now = [stay.label for stay in stays if stay.ended_at is None]
        return (now[0] if now else None) in condition["labels"]

    def _campaign(self, condition: dict[str, Any], pk: int) -> bool:
        if condition.keys() & {"from", "to"}:
            return self._came_then(condition, pk)
        wanted, told = condition["campaigns"], [touch.campaign_id for touch in self.touches[pk]]
        if condition["op"] == "first":
            return self.contacts[pk].campaign_id in wanted
        if condition["op"] == "last":
            return (told[-1] if told else None) in wanted
        known = {campaign for campaign in told if campaign is not None}
        return bool(known & set(wanted)) or (None in wanted and not known)

    def _came_then(self, condition: dict[str, Any], pk: int) -> bool:
        """The touch that is meant lies in the time; who came by none has the time of their first message."""
        touches, contact = self.touches[pk], self.contacts[pk]
        by_hand = [touch for touch in touches if touch.method == "manual"]
        meant = {"first": (by_hand or touches)[:1], "last": touches[-1:], "any": touches}[condition["op"]]
        wanted = set(condition["campaigns"]) - ({None} if condition["op"] == "any" else set())
        if any(touch.campaign_id in wanted and self._within(condition, touch.at) for touch in meant):
            return True
        by_none = not any(touch.campaign_id or condition["op"] != "any" for touch in touches)
        arrived = contact.first_inbound_at or contact.first_seen_at
        return None in condition["campaigns"] and by_none and self._within(condition, arrived)

    def _report(self, condition: dict[str, Any], pk: int) -> bool:
        """Seen by who reads reports, over the numbers and labels that the report is narrowed to."""
        start, end = period_of(condition, self._moment, self.now)
        if not self.viewer.may("reports.view_report") or start >= end or not self._knows_agent(condition):
            return False
        return is_behind(self._slow(condition).over(start, end, self.now).alone(pk), condition)

    def _slow(self, condition: dict[str, Any]) -> Slow:
        channels = self._channels([condition["channel"]] if "channel" in condition else None)
        if team := condition.get("team"):
            of_team = {pk for pk, channel in self.channels.items() if channel.team_id == team}
            channels = frozenset(of_team) if channels is None else channels & of_team
        filters = [condition.get(name) for name in ("label", "category", "certain", "agent", "campaign")]
        key = (channels, *filters)
        if key not in self._records:
            label, category, certain, agent, campaign = filters
            self._records[key] = Slow(
                self.now, self.now, self.now, channels=None if channels is None else set(channels),
                labels=self._labels_of(label, category), certain=bool(certain),
                agents=None if agent is None else {agent}, brought_by=None if campaign is None else {campaign},
            )  # fmt: skip
        return self._records[key]

    def _labels_of(self, label: int | None, category: str | None) -> set[int] | None:
        if label is None and category is None:
            return None
        of = {pk for pk, each in self.labels.items() if each.category and each.category.code == category}
        return ({label} if label is not None else of) & (of if category is not None else {label or 0})

    def _knows_agent(self, condition: dict[str, Any]) -> bool:
        """A filter by somebody whom the viewer does not see, and who held no number that they see, means nobody."""
        agent = condition.get("agent")
        if agent is None or self.viewer.everything or agent == self.viewer.agent:
            return True
        held = ChannelOwnership.objects.filter(agent=agent, channel__in=self.viewer.channels)
        return self.team_of[agent] in self.viewer.teams or held.exists()

    def _assigned(self, condition: dict[str, Any], pk: int) -> bool:
        return self.contacts[pk].assigned_to_id in condition["agents"]

    def _team(self, condition: dict[str, Any], pk: int) -> bool:
        return any(self.channels[channel].team_id in condition["teams"] for channel in self._known_to(pk))

    def _channel(self, condition: dict[str, Any], pk: int) -> bool:
        return any(self.channels[channel].key in condition["channels"] for channel in self._known_to(pk))

    def _known_to(self, pk: int) -> set[int]:
        return self.known[pk] if self.viewer.everything else self.known[pk] & self.viewer.channels

    def _name(self, condition: dict[str, Any], pk: int) -> bool:
        return _plain(condition["text"]) in _plain(self.contacts[pk].name)

    def _phone(self, condition: dict[str, Any], pk: int) -> bool:
        phone = self.contacts[pk].phone
        return not phone if condition["op"] == "empty" else phone.startswith(condition["text"])

    def _opted_out(self, condition: dict[str, Any], pk: int) -> bool:
        return (self.contacts[pk].opted_out_at is not None) == condition["value"]

    def _stale(self, condition: dict[str, Any], pk: int) -> bool:
        return (pk in self.stale) == condition["value"]

    def _contradictory(self, condition: dict[str, Any], pk: int) -> bool:
        on = [spell for spell in self.clean(pk) if spell.ended_at is None]
        groups = [self.labels[spell.label].exclusive_group for spell in on]
        meant = {self.labels[spell.label].meaning for spell in on}
        both = any(group and groups.count(group) > 1 for group in groups)
        older = any(
            self.labels[a.label].meaning in PROSPECT
            and self.labels[b.label].meaning == "won"
            and a.started_at < b.started_at
            for a in on
            for b in on
        )
        return (both or older or {"loyal", "new"} <= meant) == condition["value"]


def _time(column: str) -> Callable[[People, dict[str, Any], int], bool]:
    def holds(people: People, condition: dict[str, Any], pk: int) -> bool:
        at = getattr(people.contacts[pk], column)
        return at is None if condition["op"] == "empty" else people._within(condition, at)

    return holds


for _field in ("first_seen", "last_inbound", "last_outbound", "follow_up"):
    setattr(People, f"_{_field}", _time(f"{_field}_at"))


def _on(history: list[IntervalRow], channels: frozenset[int]) -> bool:
    return any(interval.channel in channels for interval in history)


def _plain(text: str) -> str:
    """ "case and accents ignored" """
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
