"""Which campaign a message shows: the rules as values, and what each of them finds in a message.

Ids, refs and click ids are compared exactly with the ad of a message. What came without an ad speaks by its words:
a sequence of whole words, or anywhere in the text where the rule says so, or a pattern. Else its number speaks. Within
each of these the rules are asked by priority; among equal ones the more exact goes first, so that KAOS-2-BIRU is not
taken by a rule for KAOS.

The same code answers for a message that comes in, for the history that is looked through again, and for a message that
somebody pastes into the page of the rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from contacts.models import CampaignRule, Channel, Message
from contacts.rules import patterns
from labelcrm.lib.text import folded, legible, words_of

AD, REF, CLICK, KEYWORD, REGEX, CHANNEL, MANUAL = "ad", "ref", "click", "keyword", "regex", "channel", "manual"
OF_ADS = (AD, REF, CLICK)  # in the order in which they are asked
FROM_FIRST_MESSAGE = (KEYWORD, REGEX, CHANNEL)
TOLD_BY_AD = {AD: "source_id", REF: "ref", CLICK: "click_id"}  # where a message's ad holds them
LONGEST_EVIDENCE = 100


@dataclass(frozen=True)
class Rule:
    """A rule as a value: one that is kept, one that is not kept yet (`id` 0), or one of a job, as it was then."""

    id: int
    campaign_id: int
    kind: str
    pattern: str
    match: str
    channel_id: int | None
    priority: int
    since: date | None
    until: date | None

    @classmethod
    def of(cls, row: CampaignRule) -> Rule:
        return cls(
            id=row.pk or 0, campaign_id=row.campaign_id, kind=row.kind, pattern=row.pattern, match=row.match,
            channel_id=row.channel_id, priority=row.priority, since=row.since, until=row.until,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        days = {"since": self.since, "until": self.until}
        return asdict(self) | {name: day.isoformat() if day else None for name, day in days.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rule:
        days = {name: date.fromisoformat(values[name]) if values[name] else None for name in ("since", "until")}
        return cls(**(dict(values) | days))

    @cached_property
    def _moments(self) -> tuple[datetime | None, datetime | None]:
        return _midnight(self.since), _midnight(self.until + timedelta(days=1) if self.until else None)

    def in_window(self, at: datetime) -> bool:
        """Whether a moment lies in the days of the rule, both included."""
        start, end = self._moments
        return (start is None or start <= at) and (end is None or at < end)

    def is_for(self, message: Message) -> bool:
        """Whether the rule speaks of the number and the day of a message."""
        return self.channel_id in (None, message.channel_id) and self.in_window(message.at)

    @property
    def in_turn(self) -> tuple[int, bool, int]:
        """Sorts what is asked first to the front: by priority, then one number before all."""
        return self.priority, self.channel_id is None, self.id


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The campaign that a message shows (None: an ad that no campaign claims), how, and by what it is known.

    `rule` is None where no rule said so: the number's default campaign, and an ad that nobody claims.
    """

    campaign_id: int | None
    method: str
    evidence: dict[str, Any]
    rule: Rule | None = None

    @property
    def rule_id(self) -> int | None:
        return self.rule.id or None if self.rule else None


class Sought:
    """A rule for words or a pattern, made ready to be looked for in many messages.

    A value of nothing but emoji or signs has no words, so it is looked for anywhere.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.text = folded(rule.pattern)
        self.whole = rule.match == CampaignRule.Match.WORDS
        self.words = words_of(self.text)
        self._sought = f" {' '.join(self.words)} " if self.whole and self.words else self.text
        # By priority; then whole words, words anywhere, patterns; more letters; one channel before all.
        rank = 2 if rule.kind == REGEX else 0 if self.whole and self.words else 1
        letters = (-len("".join(self.words)), -len(self.text)) if rule.kind == KEYWORD else (0, 0)
        self.order = (rule.priority, rank, *letters, rule.channel_id is None, rule.id)

    def find(self, text: MessageText) -> str | None:
        """The part of a message that shows it, as it was written; None when there is none."""
        if self.rule.kind == REGEX:
            found = patterns.find(self.rule.pattern, text.folded, whole_words=self.whole)
            return None if found is None else found[:LONGEST_EVIDENCE]
        if not self._sought:
            return None
        if not (self.whole and self.words):
            return self.text if self._sought in text.folded else None
        return text.as_written(self.words) if self._sought in text.words else None


class MessageText:
    """The text of a message in the forms that rules are compared with, each made once when it is first needed."""

    def __init__(self, text: str) -> None:
        self.raw = text

    @cached_property
    def folded(self) -> str:
        return folded(self.raw)

    @cached_property
    def words(self) -> str:
        """The words with a blank before, between and behind them."""
        return f" {' '.join(words_of(self.folded))} "

    def as_written(self, words: Collection[str]) -> str:
        """These words, which the text has, with the signs between them where that is easily found."""
        found = re.search(r"[\W_]+".join(map(re.escape, words)), legible(self.raw), re.IGNORECASE)
        return (found[0] if found else " ".join(words))[:LONGEST_EVIDENCE]


class Recognizer:
    """Rules, and the campaigns that numbers bring by default, ready to be asked about many messages."""

    def __init__(self, rules: Iterable[Rule], defaults: Mapping[int, int]) -> None:
        self.rules = sorted(rules, key=lambda rule: rule.in_turn)
        self.defaults = defaults
        words = [Sought(rule) for rule in self.rules if rule.kind in (KEYWORD, REGEX)]
        self._words = sorted(words, key=lambda sought: sought.order)
        self._numbers = [rule for rule in self.rules if rule.kind == CHANNEL]
        self._ads: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules:
            if rule.kind in OF_ADS:
                self._ads.setdefault((rule.kind, rule.pattern), []).append(rule)

    @classmethod
    def now(cls) -> Recognizer:
        """The active rules of living campaigns, as they are."""
        return cls(active_rules(), default_campaigns())

    def match(self, message: Message, *, is_first: bool) -> RuleMatch | None:
        """What a message shows. Words and numbers speak only in a contact's first message, and where no ad does."""
        if message.ad:
            return next(self.by_ad(message), None) or _unclaimed(message)
        if not is_first:
            return None
        return next(self.by_words(message), None) or next(self.by_number(message), None)

    def by_ad(self, message: Message) -> Iterator[RuleMatch]:
        """The rules that claim the ad by its id, then by its ref, then by its click id."""
        for kind, value in _told_by_ad(message).items():
            for rule in self._ads.get((kind, value), ()):
                if rule.is_for(message):
                    yield RuleMatch(rule.campaign_id, kind, {kind: value}, rule)

    def by_words(self, message: Message) -> Iterator[RuleMatch]:
        """The rules whose words or pattern the text has, the one that counts first."""
        text = MessageText(message.text)
        for sought in self._words:
            rule = sought.rule
            found = sought.find(text)
            if found is not None and rule.is_for(message):
                yield RuleMatch(rule.campaign_id, rule.kind, {rule.kind: rule.pattern, "text": found}, rule)

    def by_number(self, message: Message) -> Iterator[RuleMatch]:
        """The rules for the number that was written to, then its default campaign.

        What was said before the number was connected is known by neither, because they tell what the number is used
        for now; a rule with a first day says since when.
        """
        for rule in self._numbers:
            knows = rule.since or not message.history
            if knows and rule.channel_id == message.channel_id and rule.in_window(message.at):
                yield RuleMatch(rule.campaign_id, CHANNEL, {CHANNEL: rule.channel_id}, rule)
        campaign = self.defaults.get(message.channel_id)
        if campaign is not None and not message.history:
            yield RuleMatch(campaign, CHANNEL, {CHANNEL: message.channel_id})


def _told_by_ad(message: Message) -> dict[str, str]:
    ad = message.ad or {}
    return {kind: ad[field] for kind, field in TOLD_BY_AD.items() if ad.get(field)}


def _unclaimed(message: Message) -> RuleMatch:
    return RuleMatch(None, AD, dict(_told_by_ad(message)))


def active_rules() -> list[Rule]:
    """The rules that are asked now: the active ones of living campaigns."""
    rows = CampaignRule.objects.filter(active=True, campaign__deleted_at__isnull=True)
    return [Rule.of(row) for row in rows]


def default_campaigns() -> dict[int, int]:
    """The campaigns that numbers bring where nothing else speaks, by the number's id."""
    rows = Channel.all_objects.filter(default_campaign__isnull=False)
    return dict(rows.values_list("pk", "default_campaign_id"))
