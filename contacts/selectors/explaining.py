"""Why a first message belongs to a campaign, or nearly does: for who writes rules and wants to see what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from rapidfuzz.distance import Levenshtein

from contacts.models import CampaignRule, Message
from contacts.rules import patterns
from contacts.selectors.recognizing import (
    CHANNEL,
    KEYWORD,
    OF_ADS,
    REGEX,
    TOLD_BY_AD,
    MessageText,
    Recognizer,
    Rule,
    RuleMatch,
    Sought,
)

MOST_NEAR = 10
SHORTEST_TYPO = 5  # letters of a word that one other letter may hide in


class Lost(StrEnum):
    """Why a rule that would match does not count."""

    PRIORITY = "priority"  # another one is asked first
    EXACT = "exact"  # another one of the same priority is more exact
    AD = "ad"  # the message came by an ad, so words and numbers are not asked
    WORDS = "words"  # the words said more than the number does


class Near(StrEnum):
    """What is missing for a rule to match."""

    PART = "part"  # it stands inside a longer word
    APART = "apart"  # the same letters are written apart, or in one
    TYPO = "typo"  # one letter is another
    FIELD = "field"  # the ad tells it in another field
    CASE = "case"  # ids are compared exactly
    DAYS = "days"  # not in its days
    NUMBER = "number"  # only on another number
    OFF = "off"  # switched off
    ARCHIVED = "archived"  # its campaign is


@dataclass(frozen=True, slots=True)
class LostRule:
    rule: CampaignRule | None  # None: the number's default campaign
    campaign_id: int | None
    why: Lost


@dataclass(frozen=True, slots=True)
class NearRule:
    """A rule that does not match, and the part of the message that nearly does."""

    rule: CampaignRule
    why: Near
    part: str = ""


@dataclass(slots=True)
class Explanation:
    """What a message shows, by which rule, and what else was close. `fired` None: nothing recognises it."""

    fired: RuleMatch | None
    rule: CampaignRule | None
    lost: list[LostRule] = field(default_factory=list)
    near: list[NearRule] = field(default_factory=list)


def explain(message: Message, *, recognizer: Recognizer, rules: Sequence[CampaignRule]) -> Explanation:
    """What a contact's first message shows by all rules. Of what did not count only `rules` are named.

    `rules` are those that the reader sees, switched off ones and those of archived campaigns too.
    """
    known = {rule.pk: rule for rule in rules}
    fired = recognizer.match(message, is_first=True)
    found = Explanation(fired, known.get(fired.rule_id or 0) if fired else None)
    matches = list(chain(recognizer.by_ad(message), recognizer.by_words(message), recognizer.by_number(message)))
    for match in matches:
        hidden = match.rule is not None and match.rule.id not in known
        if not hidden and fired is not None and match != fired:
            found.lost.append(LostRule(known.get(match.rule_id or 0), match.campaign_id, _why_lost(match, fired)))
    matched = {match.rule_id for match in matches}
    text = MessageText(message.text)
    nearly = (_nearly(row, message, text) for row in rules if row.pk not in matched)
    found.near = [near for near in nearly if near is not None][:MOST_NEAR]
    return found


def _why_lost(match: RuleMatch, fired: RuleMatch) -> Lost:
    if fired.method in OF_ADS and match.method not in OF_ADS:
        return Lost.AD
    if fired.method != CHANNEL and match.method == CHANNEL:
        return Lost.WORDS
    if match.rule and fired.rule and match.rule.priority > fired.rule.priority:
        return Lost.PRIORITY
    return Lost.EXACT


def _nearly(row: CampaignRule, message: Message, text: MessageText) -> NearRule | None:
    rule = Rule.of(row)
    found = _found(rule, message, text)
    if found is not None:
        why = _why_not_asked(row, rule, message)
        return NearRule(row, why, found) if why else None
    if not row.active or row.campaign.is_archived or not rule.is_for(message):
        return None  # two reasons at once help nobody
    return next(_close(row, rule, message, text), None)


def _found(rule: Rule, message: Message, text: MessageText) -> str | None:
    """What the rule would find if it were asked."""
    if rule.kind in OF_ADS:
        value = str((message.ad or {}).get(TOLD_BY_AD[rule.kind], ""))
        return value if value and value == rule.pattern else None
    if rule.kind in (KEYWORD, REGEX):
        return Sought(rule).find(text)
    return "" if rule.channel_id == message.channel_id else None


def _why_not_asked(row: CampaignRule, rule: Rule, message: Message) -> Near | None:
    if row.campaign.is_archived:
        return Near.ARCHIVED
    if not row.active:
        return Near.OFF
    if rule.channel_id not in (None, message.channel_id):
        return Near.NUMBER
    return None if rule.in_window(message.at) else Near.DAYS


def _close(row: CampaignRule, rule: Rule, message: Message, text: MessageText) -> Iterator[NearRule]:
    """What is missing in the text or in the ad itself."""
    if rule.kind in OF_ADS:
        yield from _close_in_ad(row, message)
    elif rule.kind == REGEX:
        part = patterns.find(rule.pattern, text.folded, whole_words=False)
        if part is not None:
            yield NearRule(row, Near.PART, _whole(part, text) or part)
    elif rule.kind == KEYWORD:
        yield from _close_in_words(row, Sought(rule), text)


def _close_in_ad(row: CampaignRule, message: Message) -> Iterator[NearRule]:
    ad = message.ad or {}
    for kind, name in TOLD_BY_AD.items():
        value = str(ad.get(name, ""))
        if value == row.pattern:
            yield NearRule(row, Near.FIELD, kind)
        elif value and value.strip().casefold() == row.pattern.casefold():
            yield NearRule(row, Near.CASE, value)


def _close_in_words(row: CampaignRule, sought: Sought, text: MessageText) -> Iterator[NearRule]:
    if not sought.words:
        return
    if part := _whole(" ".join(sought.words), text):
        yield NearRule(row, Near.PART, text.as_written(part.split()))
    if part := _written_apart("".join(sought.words), text):
        yield NearRule(row, Near.APART, text.as_written(part.split()))
    word = sought.words[0]
    if len(sought.words) == 1 and len(word) >= SHORTEST_TYPO:
        for other in text.words.split():
            if Levenshtein.distance(word, other, score_cutoff=1) == 1 and _digits(word) == _digits(other):
                yield NearRule(row, Near.TYPO, text.as_written([other]))


def _whole(part: str, text: MessageText) -> str:
    """The words of a text that a part of one or more of them belongs to; "" when it is in none."""
    at = text.words.find(part)
    if at < 0:
        return ""
    begin, end = text.words.rfind(" ", 0, at) + 1, text.words.find(" ", at + len(part))
    return text.words[begin : end if end >= 0 else None]


def _written_apart(letters: str, text: MessageText) -> str:
    """The words that follow one another and have just these letters; "" when there are none."""
    words = text.words.split()
    for start in range(len(words)):
        joined = ""
        for end in range(start, len(words)):
            joined += words[end]
            if joined == letters:
                return " ".join(words[start : end + 1])
            if not letters.startswith(joined):
                break
    return ""


def _digits(word: str) -> str:
    """KAOS3 is no misspelt KAOS2, but another code."""
    return "".join(re.findall(r"\d", word))
