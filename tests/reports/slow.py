"""The slow, obvious way to the figures of reports: from recorded events and messages, one thing at a time.

Spells come from tests.labels.oracle, which shares nothing with the code that is tested; owners are asked for every
single moment, and touches are read off the messages again. Rules are quoted from docs/metrics.md.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from django.conf import settings

from contacts.models import (
    Campaign,
    Channel,
    ChannelOwnership,
    Contact,
    Message,
)
from labels.models import ContradictionRule, Label, StaleFlag, StaleSnooze
from labels.rules.spells import IntervalRow
from tests.labels import oracle
from tests.reports.recorded import ZONE, came_by, cut_off, dated_meanings, intervals_of, limits, told_in, touches_in
from tests.reports.slow_contradictions import SlowFinding, findings

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)


@dataclass
class Slow:
    """All that was recorded, and the figures of one period."""

    start: datetime
    end: datetime
    now: datetime
    channels: set[int] | None = None
    labels: set[int] | None = None
    certain: bool = False
    agents: set[int] | None = None
    brought_by: set[int] | None = None

    def __post_init__(self) -> None:
        self.contacts = {c.pk: c for c in Contact.objects.all()}
        self.label = {label.pk: label for label in Label.all_objects.all()}
        self.pairs = [{rule.label_id, rule.other_id} for rule in ContradictionRule.objects.filter(kind="pair")]
        known = [m for m in Message.objects.all() if m.kind != "unknown"]
        self.messages = [m for m in known if m.contact_id in self.contacts]
        self.ownerships = list(ChannelOwnership.objects.all())
        self.channel = {c.pk: c for c in Channel.all_objects.all()}
        self.single = {c.pk for c in self.channel.values() if c.used_by_one}
        self.meanings = dated_meanings()
        self.intervals = list(intervals_of(self.contacts))
        everywhere = self._project(self.intervals)
        self.everywhere = everywhere[1]
        self.touches = touches_in(self.messages)
        self._keep_brought()
        self.intervals = [i for i in self.intervals if i.contact in self.contacts]
        self.here = [i for i in self.intervals if self.channels is None or i.channel in self.channels]
        spells, clean = everywhere if self.channels is None else self._project(self._with_crm(self.here))
        self.all_instants = [i for i in self.here if self._instant(i)]
        self.outcome = [s for s in clean if s.contact in self.contacts]
        self.spells = [s for s in spells if self.chosen(s)]
        self.clean = [s for s in clean if self.chosen(s)]
        self.clean_any = [s for s in clean if self.labels is None or s.label in self.labels]
        self.everywhere_of, self.outcome_of, self.clean_any_of = map(
            _by_contact, (self.everywhere, self.outcome, self.clean_any)
        )
        self.told = told_in(self.messages)
        self.cut_off = {channel: list(cut_off(channel)) for channel in self.channel}

    def _keep_brought(self) -> None:
        """ "a campaign chooses the contacts whom it touched first" """
        if self.brought_by is not None:
            self.contacts = {pk: c for pk, c in self.contacts.items() if self.first_campaign(pk) in self.brought_by}
            self.messages = [m for m in self.messages if m.contact_id in self.contacts]

    def over(self, start: datetime, end: datetime, now: datetime) -> Self:
        """The same records and filters over another period."""
        other = copy(self)
        other.start, other.end, other.now = start, end, now
        return other

    def alone(self, contact: int) -> Self:
        """What is recorded of one contact: what a figure counts of it."""
        other = copy(self)
        other.contacts = {pk: row for pk, row in self.contacts.items() if pk == contact}
        other.messages = [m for m in self.messages if m.contact_id == contact]
        for name in ("all_instants", "here", "spells", "clean", "clean_any", "everywhere", "outcome"):
            setattr(other, name, [s for s in getattr(self, name) if s.contact == contact])
        return other

    @property
    def instants(self) -> list[IntervalRow]:
        return [i for i in self.all_instants if self.within(i.added_at)]

    @property
    def hidden(self) -> int:
        """ "Deleted and erased contacts leave every figure"; who was merged into another is still there as that one"""
        return sum(c.deleted_at is not None and c.merged_into_id is None for c in Contact.all_objects.all())

    # -- Which spells ---

    def _project(self, intervals: list[IntervalRow]) -> tuple[list[Any], list[Any]]:
        spells, clean = [], []
        for mine in _by_contact(intervals).values():
            projection = oracle.project(mine, self.meanings, steps={}, limits=limits())
            spells += projection.spells
            clean += projection.clean_spells
        return spells, clean

    def _with_crm(self, here: list[IntervalRow]) -> list[IntervalRow]:
        """ "What exists in the CRM alone is seen with its contact": with whoever has other labels there."""
        contacts = {i.contact for i in here}
        crm = {pk for pk, channel in self.channel.items() if channel.gateway == "crm"}
        return here + [
            i for i in self.intervals if i.channel in crm - (self.channels or set()) and i.contact in contacts
        ]

    def chosen(self, spell: Any) -> bool:
        if self.labels is not None and spell.label not in self.labels:
            return False
        return self.chosen_by_opener(spell)

    def chosen_by_opener(self, spell: Any) -> bool:
        """ "agent and "certain only" choose spells after joining, by the opener"; a campaign, whom it touched first"""
        if self.agents is not None and spell.agent not in self.agents:
            return False
        if self.brought_by is not None and self.first_campaign(spell.contact) not in self.brought_by:
            return False
        return not self.certain or self._is_certain(spell.method, spell.channel)

    def first_campaign(self, contact: int) -> int | None:
        touch = self._touch(self.touches[contact], last=False)
        return touch.campaign if touch else None

    def joined(self, intervals: list[IntervalRow], meanings: Any = None) -> list[Any]:
        """The spells of these intervals, under the meanings that they are said to have."""
        return [
            spell
            for mine in _by_contact(intervals).values()
            for spell in oracle.project(mine, meanings or self.meanings, steps={}, limits=limits()).spells
        ]

    def _is_certain(self, method: str, channel: int) -> bool:
        return method == "crm_user" or (method == "channel_owner" and channel in self.single)

    def _instant(self, i: IntervalRow) -> bool:
        """ "Added and removed in the same second makes no spell, only a mistap" """
        if i.removed_at is None or f"{i.removed_at:%F %T}" != f"{i.added_at:%F %T}":
            return False
        live = {i.origin, i.removed_origin} <= {"live", "crm"} and i.removed_reason == "removed"
        same = (i.agent, None if i.agent else i.user) == (i.removed_by, None if i.removed_by else i.removed_by_user)
        label_ok = self.labels is None or self.meant(i) in self.labels
        return live and same and label_ok and self.chosen_by_opener(i)

    def meant(self, i: IntervalRow) -> int:
        """What the WhatsApp label meant when it was put on."""
        begun = [m.label for m in self.meanings[i.channel_label] if m.since is None or m.since <= i.added_at]
        return begun[-1] if begun else self.meanings[i.channel_label][0].label

    def within(self, at: datetime | None) -> bool:
        return at is not None and self.start <= at < self.end

    def row_of(self, label: int, *, alone: bool = False) -> int | None:
        """ "Unmapped labels have their own row" (None), unless one of them is asked for"""
        known = self.label[label]
        return None if not alone and not known.reviewed and known.category_id is None else label

    def unknown(self, channel: int | None, at: datetime, window: timedelta) -> bool:
        """ "A window that overlaps an unrepaired gap of its channel" """
        return any(start < at + window and end > at for start, end in self.cut_off.get(channel or 0, ()))

    # -- Label activity ---

    def activity(self, spells: Iterable[Any]) -> dict[str, int]:
        found = dict.fromkeys(("added", "mistaps", "found", "removed", "lost", "active_from", "active_to"), 0)
        for s in spells:
            if self.within(s.started_at):
                found["found" if s.found else "added"] += 1
                found["mistaps"] += s.mistap
            if self.within(s.ended_at):
                found["lost" if s.lost else "removed"] += 1
            found["active_from"] += active(s, self.start)
            found["active_to"] += active(s, self.end)
        found["net"] = found["added"] + found["found"] - found["removed"] - found["lost"]
        return found

    # -- CS quality ---

    def agent(self, agent: int | None) -> dict[str, Any]:
        found: dict[str, Any] = self.activity(s for s in self.spells if s.agent == agent)
        found["removed_by"] = sum(s.removed_by == agent and not s.lost and self.within(s.ended_at) for s in self.spells)
        found["instant_mistaps"] = sum(i.agent == agent for i in self.instants)
        taps = found["added"] + found["instant_mistaps"]
        found["mistap_rate"] = (found["mistaps"] + found["instant_mistaps"], taps)
        found |= self._arrived(agent) if agent is not None else {}
        found |= self._graded(agent)
        found["stale_open"] = sum(owner == agent for owner in self._stale_owners())
        found["contradictions"] = sum(owner == agent for owner in self.contradiction_owners())
        return found

    def _owned_by(self, agent: int, channel: int, at: datetime) -> bool:
        return (self.channels is None or channel in self.channels) and self.owner(channel, at) == agent

    def owner(self, channel: int, at: datetime) -> int | None:
        """ "one owner without hours; the one on shift"; who two could claim to be is nobody."""
        local = at.astimezone(ZONE)
        shift, always = set(), set()
        for row in self.ownerships:
            if row.channel_id != channel or (row.since and at < row.since) or (row.until and at >= row.until):
                continue
            if not row.weekdays and row.hour_from is None:
                always.add(row.agent_id)
            elif _on_shift(row, local):
                shift.add(row.agent_id)
        who = shift or always
        return who.pop() if len(who) == 1 else None

    def _firsts(self) -> dict[tuple[int, int], datetime]:
        """When each contact first wrote on each channel. "Who wrote there before the number was connected" did not
        arrive."""
        first: dict[tuple[int, int], tuple[datetime, bool]] = {}
        for m in (m for m in self.messages if not m.from_me):
            key = (m.contact_id, m.channel_id)
            first[key] = min((m.at, m.history), first.get(key, (m.at, m.history)))
        return {key: at for key, (at, is_history) in first.items() if not is_history}

    def arrivals(self, agent: int) -> dict[int, tuple[datetime, int]]:
        """When and on which channel of the agent each contact of the period first wrote."""
        where: dict[int, tuple[datetime, int]] = {}
        for (contact, channel), at in self._firsts().items():
            if self.within(at) and self._owned_by(agent, channel, at):
                where[contact] = min((at, channel), where.get(contact, (at, channel)))
        return where

    def _arrived(self, agent: int) -> dict[str, Any]:
        inbound = [m for m in self.messages if not m.from_me]
        live = [m for m in inbound if not m.history]
        received = {m.contact_id for m in live if self.within(m.at) and self._owned_by(agent, m.channel_id, m.at)}
        firsts = self._firsts()
        where = self.arrivals(agent)
        arrived = {contact: at for contact, (at, _) in where.items()}
        found: dict[str, Any] = {"received": len(received)}
        found["young_channel"] = any(
            self.channel[channel].connected_at > self.now - 30 * DAY
            for (contact, channel), at in firsts.items()
            if arrived.get(contact) == at and self._owned_by(agent, channel, at)
        )
        spells = self.everywhere_of
        already = {c for c, at in arrived.items() if any(active(s, at) for s in spells[c])}
        found["already_labelled"] = len(already)
        waits: dict[int, timedelta] = {}
        for contact, at in arrived.items():
            live = [s.started_at - at for s in spells[contact] if not s.found and s.started_at >= at]
            if live and contact not in already and min(live) < 7 * DAY:
                waits[contact] = min(live)
        for name, window in (("labelled_1h", HOUR), ("labelled_24h", DAY)):
            old = [c for c, at in arrived.items() if c not in already and at + window <= self.now]
            known = [c for c in old if not self.unknown(where[c][1], arrived[c], window)]
            found[name] = (sum(c in waits and waits[c] < window for c in known), len(known))
            found[f"{name}_unknown"] = len(old) - len(known)
        never = [c for c in arrived if c not in already and c not in waits]
        found["unlabelled"] = sum(arrived[c] + 7 * DAY <= self.now for c in never)
        found["unlabelled_so_far"] = sum(arrived[c] + 7 * DAY > self.now for c in never)
        seconds = sorted(wait.total_seconds() for wait in waits.values())
        found["first_labelled"] = len(seconds)
        found["first_label_median_s"] = statistics.median(seconds) if seconds else None
        found["first_label_p90_s"] = percentile(seconds, 0.9)
        return found

    def _graded(self, agent: int | None) -> dict[str, Any]:
        """ "of contacts the agent gave a grading label in the period" """
        given = [s for s in self.clean if s.agent == agent and not s.found and self.within(s.started_at)]
        given = [s for s in given if self._grading(s.label)]
        graded = {s.contact for s in given}
        high = _first_by_contact(s for s in given if self.label[s.label].high_quality)
        low = _first_by_contact(s for s in given if self.label[s.label].low_quality)
        found: dict[str, Any] = {"graded_high": (len(high), len(graded))}
        for name, firsts in (("came_true", high), ("cold_yet_bought", low)):
            k = n = immature = already = unknown = 0
            for contact, (t, channel) in firsts.items():
                won = [s for s in self.outcome_of[contact] if self.label[s.label].meaning == "won"]
                if any(active(s, t) for s in won):
                    already += 1
                elif t + 30 * DAY > self.now:
                    immature += 1
                elif self.unknown(channel, t, 30 * DAY):
                    unknown += 1
                else:
                    n += 1
                    k += any(t <= s.started_at < t + 30 * DAY for s in won)
            found |= {name: (k, n), f"{name}_immature": immature, f"{name}_already": already}
            found[f"{name}_unknown"] = unknown
        return found

    def _grading(self, label: int) -> bool:
        known = self.label[label]
        return known.high_quality or known.low_quality or known.meaning in ("hot", "cold", "grade")

    def _stale_owners(self) -> list[int | None]:
        """ "at the end of the period, by the owner of the contact's channel then" """
        found: list[int | None] = []
        moment = min(self.end, self.now) - timedelta(microseconds=1)
        for flag in StaleFlag.objects.all():
            opened = flag.flagged_at < self.end and (flag.closed_at is None or flag.closed_at >= self.end)
            if not opened or flag.contact_id not in self.contacts:
                continue
            if self.labels is not None and flag.label_id not in self.labels:
                continue
            spell = [
                s
                for s in self.everywhere_of[flag.contact_id]
                if (s.label, s.started_at) == (flag.label_id, flag.spell_started_at)
            ]
            channel = spell[0].channel if spell else None
            if self.channels is not None and channel not in self.channels:
                continue
            owner = self.owner(channel, moment) if channel else None
            found.append(owner or flag.owner_id)
        return found

    # -- Contradictions and stale ---

    def contradictions(self) -> list[SlowFinding]:
        return findings(self)

    def contradiction_owners(self) -> list[int | None]:
        """ "whoever owned, at that time, the number on which the oldest of its labels sits" """
        moment = min(self.end, self.now) - timedelta(microseconds=1)
        return [self.owner(f.channel, moment) if f.channel else None for f in findings(self)]

    def stale(self, at: datetime) -> set[tuple[int, int]]:
        """(contact, label) whose clock shows more than the label's limit: started by the clean spell, restarted by
        "still right", and by a message in where the label says so."""
        snoozes = list(StaleSnooze.objects.filter(at__lte=at))
        found = set()
        for s in self.everywhere:
            label = self.label[s.label]
            if s.ended_at is not None or label.stale_after_days is None or label.deleted_at is not None:
                continue
            clock = [s.started_at, *(z.at for z in snoozes if (z.contact_id, z.label_id) == (s.contact, s.label))]
            if label.stale_reset_by_inbound:
                clock += [m.at for m in self.messages if m.contact_id == s.contact and not m.from_me]
            if at - max(clock) > label.stale_after_days * DAY:
                found.add((s.contact, s.label))
        return found

    # -- Campaign quality ---

    def campaigns(self, *, last: bool, event: bool) -> dict[int | None, dict[str, Any]]:
        if event:
            return self._events(last=last)
        found: dict[int | None, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        for who, contact, at, channel in self._cohort(last=last):
            self._count(found[who], contact, at, unknown=self.unknown(channel, at, _window()))
        return found

    def curves(self, *, last: bool) -> dict[tuple[int | None, date], dict[str, Any]]:
        """ "one line per weekly cohort, d = 1..30 … only to the age of its youngest contact" """
        cohorts: dict[tuple[int | None, date], list[tuple[int, datetime, int | None]]] = defaultdict(list)
        for who, contact, at, channel in self._cohort(last=last):
            day = at.astimezone(ZONE).date()
            cohorts[who, day - timedelta(days=day.weekday())].append((contact, at, channel))
        return {key: self._curve(members) for key, members in cohorts.items()}

    def _curve(self, members: list[tuple[int, datetime, int | None]]) -> dict[str, Any]:
        days = [d for d in range(1, _window().days + 1) if all(at + d * DAY <= self.now for _, at, _ in members)]
        row: dict[str, Any] = {"n": len(members)}
        for name in ("high", "won"):
            holds = self._outcomes()[name]
            firsts: list[timedelta | None] = []
            for contact, at, channel in members:
                seen = min(_window(), self.now - at)
                such = [s for s in self.clean_any_of[contact] if holds(self.label[s.label])]
                if not any(active(s, at) for s in such) and not self.unknown(channel, at, seen):
                    firsts.append(min((s.started_at - at for s in such if s.started_at >= at), default=None))
            row[f"{name}_n"] = len(firsts)
            row[name] = [sum(wait is not None and wait < d * DAY for wait in firsts) for d in days]
        return row

    def _cohort(self, *, last: bool) -> Iterable[tuple[int | None, int, datetime, int | None]]:
        """Campaign, contact, time and channel of every touch that counts; "No campaign" is a row."""
        told = self.told
        for contact in self.contacts:
            touches = self.touches[contact]
            touch = self._touch(touches, last=last)
            known_on: set[int | None] = {channel for _, _, channel in told[contact]}
            if touch is not None and self.within(touch.at) and self._here({touch.channel} - {None} or known_on):
                yield touch.campaign, contact, touch.at, touch.channel or came_by(told[contact])
            elif not touches and told[contact]:
                at = min([at for at, inbound, _ in told[contact] if inbound] or [at for at, _, _ in told[contact]])
                if self.within(at) and self._here(known_on):
                    yield None, contact, at, came_by(told[contact])

    def _here(self, channels: set[int | None]) -> bool:
        return self.channels is None or bool(channels & self.channels)

    def _touch(self, touches: list[Any], *, last: bool) -> Any:
        if last:
            inside = [t for t in touches if self.within(t.at)]
            return inside[-1] if inside else None
        by_hand = [t for t in touches if t.by_hand]
        return (by_hand or touches or [None])[0]

    def _count(self, row: dict[str, Any], contact: int, at: datetime, *, unknown: bool) -> None:
        row["contacts"] += 1
        mature = at + _window() <= self.now
        row["immature"] += not mature
        row["unknown"] += mature and unknown
        mine = self.clean_any_of[contact]
        for name, holds in self._outcomes().items():
            such = [s for s in mine if holds(self.label[s.label])]
            if any(active(s, at) for s in such):
                row[f"{name}_already"] += 1
                continue
            hit = any(at <= s.started_at < at + _window() for s in such)
            row[f"{name}_count"] += hit
            row[f"{name}_all"] += 1
            row[f"{name}_unknown"] += mature and unknown
            row[f"{name}_n"] += mature and not unknown
            row[f"{name}_k"] += mature and not unknown and hit

    def _events(self, *, last: bool) -> dict[int | None, dict[str, Any]]:
        credited: dict[int | None, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for s in self.clean_any:
            if not self.within(s.started_at):
                continue
            who = self._credited(s, last=last)
            for name, holds in self._outcomes().items():
                if holds(self.label[s.label]):
                    credited[who][name].add(s.contact)
        return {who: {f"{name}_count": len(c) for name, c in row.items()} for who, row in credited.items()}

    def _credited(self, s: Any, *, last: bool) -> int | None:
        touches = self.touches[s.contact]
        if last:
            touches = [t for t in touches if s.started_at - 30 * DAY <= t.at <= s.started_at][-1:]
        touch = self._touch(touches, last=False) if touches else None
        return touch.campaign if touch else None

    def label_mix(self, *, last: bool, event: bool) -> dict[int | None, list[tuple[int | None, int]]]:
        """Of each campaign (label, contacts that got it), the most frequent first."""
        got: dict[tuple[int | None, int | None], set[int]] = defaultdict(set)
        if event:
            for s in self.clean_any:
                if self.within(s.started_at):
                    got[self._credited(s, last=last), self.row_of(s.label)].add(s.contact)
        else:
            for who, contact, at, _ in self._cohort(last=last):
                for s in self.clean_any_of[contact]:
                    if at <= s.started_at < at + _window():
                        got[who, self.row_of(s.label)].add(contact)
        mixes: dict[int | None, list[tuple[int | None, int]]] = defaultdict(list)
        for (who, label), contacts in sorted(got.items(), key=_most_frequent_first):
            mixes[who].append((label, len(contacts)))
        return mixes

    @staticmethod
    def _outcomes() -> dict[str, Any]:
        return {
            "labelled": lambda label: True,
            "high": lambda label: label.high_quality,
            "waiting": lambda label: label.meaning == "waiting",
            "won": lambda label: label.meaning == "won",
            "complaint": lambda label: label.meaning == "complaint",
        }

    def cost(self, campaign: Campaign) -> float | None:
        """ "spread evenly over its days": each day costs the same, a day that the period cuts its part of that."""
        rows = [(row.first_day, row.last_day, row.amount) for row in campaign.costs.all()]
        if rows:
            return sum(self._in_period(first, last, float(amount)) for first, last, amount in rows)
        touched = [local_day(t.at) for of in self.touches.values() for t in of if t.campaign == campaign.pk]
        first = campaign.starts_on or min(touched, default=None)
        last = campaign.ends_on or max(touched, default=None) or first
        if campaign.cost is None or first is None:
            return None
        return self._in_period(first, last, float(campaign.cost))

    def _in_period(self, first: date, last: date, amount: float) -> float:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        midnights = [datetime(d.year, d.month, d.day, tzinfo=ZONE) for d in days]
        parts = [(min(m + DAY, self.end) - max(m, self.start)) / DAY for m in midnights]
        return amount / len(days) * sum(part for part in parts if part > 0)


def _window() -> timedelta:
    """ "contacts whose 30 days (setting) are over" """
    return settings.CAMPAIGN_WINDOW_DAYS * DAY


def active(spell: Any, t: datetime) -> bool:
    """ "a spell that started before t and did not end before t" """
    return spell.started_at < t and (spell.ended_at is None or spell.ended_at >= t)


def _most_frequent_first(item: tuple[tuple[int | None, int | None], set[int]]) -> tuple[int, bool, int]:
    """At equal numbers the lower label id, "not mapped yet" last."""
    (_, label), contacts = item
    return -len(contacts), label is None, label or 0


def _first_by_contact(spells: Iterable[Any]) -> dict[int, tuple[datetime, int]]:
    """When the first began, and on which channel."""
    firsts: dict[int, tuple[datetime, int]] = {}
    for s in spells:
        began = (s.started_at, s.channel)
        firsts[s.contact] = min(began, firsts.get(s.contact, began))
    return firsts


def percentile(values: list[float], p: float) -> float | None:
    """Between the two values around the place p (n - 1)."""
    if not values:
        return None
    place = p * (len(values) - 1)
    low = values[int(place)]
    high = values[min(int(place) + 1, len(values) - 1)]
    return low + (high - low) * (place - int(place))


def local_day(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def _by_contact(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.contact].append(row)
    return found


def _on_shift(row: ChannelOwnership, local: datetime) -> bool:
    """A shift over midnight belongs to the day on which it begins."""
    for day in (local.date(), local.date() - DAY):
        start = datetime.combine(day, row.hour_from or datetime.min.time(), ZONE)
        end = datetime.combine(day, row.hour_to or datetime.min.time(), ZONE)
        if end < start or row.hour_from is None:
            end += DAY
        if (not row.weekdays or day.weekday() in row.weekdays) and start <= local < end:
            return True
    return False
