"""Which label a conversation asks for, how sure that is and by which words. Pure: nothing is set by it.

What a message says counts for a label until somebody decides: a label that is on, or was put on or taken off since,
is not suggested for it, nor one that a stronger stage has passed. Whoever bought and now asks or orders again has
perhaps a new order: that is a hint and no label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from labels.rules.label_words import CERTAIN, LIKELY, LabelPhrases
from labels.rules.text_model import CERTAIN_FROM, LIKELY_FROM, TextWeights, terms_of
from labels.rules.urgency import WAITS_FOR_HELP

MOST_MESSAGES = 12  # the latest of a contact that are looked at
SET_LABEL, NEW_ORDER = "label", "new_order"
BY_WORDS, BY_MODEL = "words", "model"
WON, AFTER_BUYING = "won", frozenset({"after_sales", "loyal"})
HELP_FIRST = 100  # farther than any step


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedChatMessage:
    """A message of the chat that is looked at."""

    id: int
    at: datetime
    from_me: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPeriod:
    """That the contact had a label `[since, until)`; None: it is on."""

    label: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlace:
    """Where a label stands among the others; `value` as in `labels.rules.urgency`."""

    id: int
    meaning: str
    step: int | None
    value: int
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelHint:
    """`kind` SET_LABEL: the label is suggested; NEW_ORDER: the contact bought before and speaks of this label again.

    `quotes` are the words of the message behind it.
    """

    label: int
    kind: str
    sure: str
    by: str
    message: SuggestedChatMessage
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKnowledge:
    """What suggestions are made by: the labels by id, the words for them, and the models of some of them."""

    labels: Mapping[int, LabelPlace]
    phrases: LabelPhrases
    models: Mapping[int, TextWeights]


def suggest(
    messages: Sequence[SuggestedChatMessage],
    periods: Sequence[LabelPeriod],
    knowledge: LabelKnowledge,
    *,
    dismissed: Mapping[int, datetime] | None = None,
) -> LabelHint | None:
    """The best there is to suggest of a contact's latest messages, in any order; None for nothing.

    `dismissed`: by label, the time of the last message that somebody said it is not suggested by.
    """
    latest = sorted(messages, key=lambda message: (message.at, message.id))[-MOST_MESSAGES:]
    decided = _decided(periods, dismissed or {}, knowledge.labels)
    hints = [*_by_words(latest, knowledge), *_by_models(latest, knowledge, decided)]
    undecided = [hint for hint in hints if hint.label not in decided or hint.message.at > decided[hint.label]]
    placed = [_placed(hint, periods, knowledge) for hint in undecided]
    return max(filter(None, placed), key=lambda hint: _rank(hint, knowledge), default=None)


def _decided(
    periods: Sequence[LabelPeriod], dismissed: Mapping[int, datetime], labels: Mapping[int, LabelPlace]
) -> dict[int, datetime]:
    """By label, the time up to which messages were answered.

    It, or a stage as far or farther, came or went, or somebody dismissed it.
    """
    decided = dict(dismissed)
    for label in labels.values():
        times = [period.until or period.since for period in periods if _decides(labels.get(period.label), label)]
        if times:
            decided[label.id] = max(*times, decided.get(label.id, times[0]))
    return decided


def _decides(had: LabelPlace | None, label: LabelPlace) -> bool:
    if had is None or had.id == label.id:
        return had is not None
    if label.meaning in AFTER_BUYING and had.meaning == WON:
        return True  # what they wrote before they bought is about that order
    return had.step is not None and label.step is not None and had.step >= label.step


def _by_words(messages: Iterable[SuggestedChatMessage], knowledge: LabelKnowledge) -> Iterator[LabelHint]:
    """One for each label and strength in each message."""
    for message in messages:
        quotes: dict[tuple[int, str], list[str]] = {}
        for phrase, quote in knowledge.phrases.found(message.text, from_me=message.from_me):
            quotes.setdefault((phrase.label, phrase.sure), []).append(quote)
        for (label, sure), said in quotes.items():
            yield LabelHint(
                label=label, kind=SET_LABEL, sure=sure, by=BY_WORDS, message=message, quotes=tuple(dict.fromkeys(said))
            )


def _by_models(
    messages: Sequence[SuggestedChatMessage], knowledge: LabelKnowledge, decided: Mapping[int, datetime]
) -> Iterator[LabelHint]:
    """What models say of the customer's messages since the label was last decided about."""
    theirs = (
        [(message, terms_of(message.text)) for message in messages if not message.from_me] if knowledge.models else []
    )
    for label, weights in knowledge.models.items():
        since = decided.get(label)
        said = [(message, terms) for message, terms in theirs if since is None or message.at > since]
        hint = _by_model(label, weights, said)
        if hint is not None:
            yield hint


def _by_model(
    label: int, weights: TextWeights, said: Sequence[tuple[SuggestedChatMessage, Mapping[str, str]]]
) -> LabelHint | None:
    """None below LIKELY_FROM. The message is the one that spoke most for the label."""
    probability = weights.probability({term for _message, terms in said for term in terms})
    if not said or probability < LIKELY_FROM:
        return None
    message, terms = max(said, key=lambda each: (sum(weights.terms.get(t, 0.0) for t in each[1]), each[0].at))
    quotes = tuple(dict.fromkeys(terms[term] for term in weights.telling(terms)))
    if not quotes:
        return None  # without a reason nothing is suggested
    sure = CERTAIN if probability >= CERTAIN_FROM else LIKELY
    return LabelHint(label=label, kind=SET_LABEL, sure=sure, by=BY_MODEL, message=message, quotes=quotes)


# -- What may be suggested of a contact -------------------------------------------------------------------------------


def _placed(hint: LabelHint, periods: Sequence[LabelPeriod], knowledge: LabelKnowledge) -> LabelHint | None:
    """The hint as it is for a contact with these labels; None where it is none."""
    label = knowledge.labels.get(hint.label)
    active = [knowledge.labels[each.label] for each in periods if each.until is None and each.label in knowledge.labels]
    if label is None or any(each.id == label.id for each in active):
        return None
    bought = _bought(periods, knowledge)
    if label.meaning in AFTER_BUYING and not bought:
        return None
    stage = max(
        (each for each in active if each.step is not None), key=lambda each: (each.step, each.value), default=None
    )
    if label.step is None or (stage is None and not bought):
        return hint
    won = max((each.step or 0 for each in knowledge.labels.values() if each.meaning == WON), default=0)
    if bought and label.step < won:
        return _new_order(hint, label, active)
    return None if stage is not None and _has_passed(stage, label) else hint


def _bought(periods: Iterable[LabelPeriod], knowledge: LabelKnowledge) -> bool:
    """Whether the contact ever was a buyer, also where the label has been taken off."""
    had = (knowledge.labels.get(period.label) for period in periods)
    return any(label is not None and label.meaning == WON for label in had)


def _has_passed(stage: LabelPlace, label: LabelPlace) -> bool:
    """Whether who is in `stage` is beyond `label`: of labels of one step the one of more value stays.

    Two of one exclusive group contradict each other: the newer word may be right.
    """
    assert stage.step is not None
    assert label.step is not None
    if stage.step != label.step:
        return stage.step > label.step
    return stage.value >= label.value and not (label.group and label.group == stage.group)


def _new_order(hint: LabelHint, label: LabelPlace, active: Sequence[LabelPlace]) -> LabelHint | None:
    """A customer who asks or orders again, by words: models learned from first orders.

    Who is on the way to pay has this order's label already, and "too dear" is none.
    """
    under_way = any(each.step is not None and each.meaning == "waiting" for each in active)
    if under_way or hint.by == BY_MODEL or label.meaning not in ("new", "hot", "waiting"):
        return None
    return LabelHint(
        label=hint.label, kind=NEW_ORDER, sure=LIKELY, by=hint.by, message=hint.message, quotes=hint.quotes
    )


def _rank(hint: LabelHint, knowledge: LabelKnowledge) -> tuple[bool, bool, int, datetime, int, bool]:
    """What is certain first, then who waits for help or is farthest on the way to buying, then what was said last."""
    label = knowledge.labels[hint.label]
    farthest = HELP_FIRST if label.meaning in WAITS_FOR_HELP else label.step or 0
    return (
        hint.kind == SET_LABEL,
        hint.sure == CERTAIN,
        farthest,
        hint.message.at,
        label.value,
        hint.by == BY_WORDS,
    )
